"""Weights of eight bits for questions, on processors that have no bfloat16 but multiply small integers fast (VNNI).

Only questions: stored vectors keep their full precision, so a vault may move to another machine, and nothing was lost
on the retrieval benchmark, where passages of eight bits did lose.
Every weight matrix becomes integers and one scale for each of its outputs. OpenVINO rounds what comes in to eight bits
as well, in groups of `GROUP` with a scale each, found anew for every text: nothing is calibrated, and a text's vector
depends on no other text. Figures: docs/decisions/encoder.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

GROUP = 32
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP}
STEPS = 127
FLAGS = {"avx512_vnni", "avx_vnni"}
PROCESSOR = Path("/proc/cpuinfo")


def pays(core: Any) -> bool:
    """Return whether this processor gains by it: not if it has bfloat16, which is as fast and nearer."""
    return "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") and possible()


def possible() -> bool:
    """Return whether this processor multiplies small integers fast. Where that cannot be told, no."""
    try:
        lines = PROCESSOR.read_text("ascii", "replace").splitlines()
    except OSError:
        return False
    return any(line.startswith("flags") and not FLAGS.isdisjoint(line.split()) for line in lines)


def narrow(graph: Any, package: Any) -> int:
    """Replace the weights of a graph's matrix products; return how many."""
    make = package.opset13
    found = 0
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        weights = node.input_value(1).get_node()
        if weights.get_type_name() != "Constant" or len(weights.get_output_shape(0)) != 2:
            continue
        values = weights.data.astype(np.float32)
        over = 1 if node.get_attributes()["transpose_b"] else 0
        scales = np.maximum(np.abs(values).max(axis=over, keepdims=True) / STEPS, np.finfo(np.float32).tiny)
        small = make.convert(make.constant(np.rint(values / scales).astype(np.int8)), "f32")
        node.input(1).replace_source_output(make.multiply(small, make.constant(scales)).output(0))
        found += 1
    return found
