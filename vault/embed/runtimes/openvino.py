"""OpenVINO on the CPU: the model's graph compiled for this very processor, in bfloat16 where it has that, else in
float32, questions then with weights of eight bits where that is faster (see `narrow`).

Torch is not imported: a process that asks its first question in under a second owes it to that.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vault.embed.runtimes import converted, narrow
from vault.embed.runtimes.base import Progress, Vectors, batches, unit
from vault.errors import Damaged, Missing

Ids = NDArray[np.int64]

TOKENS = 2048
"""Tokens in one batch, padding included: what stays in the processor's cache."""
STEP = 8
"""Lengths of batches are multiples of this: OpenVINO spends some 8 ms on every shape that it has not met before."""
LENGTHS = (16, 32, 64)
"""Lengths for which questions have a graph of their own, compiled for that shape; a longer one is a batch of one."""
QUESTION_THREADS = 2
"""More gain little on 16 tokens and take the cores from the search that follows."""
SETTINGS = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
"""Pinned threads of two graphs, and of the search beside them, would sit on the same cores."""
SAME = 0.999
"""Cosine with torch's vectors that this machine must reach."""


def load(name: str, source: str, cache: Path) -> OpenVINOEncoder:
    """Load a model, converting it first if need be. Raises Missing when it cannot be had, Damaged when the vectors
    computed here are not torch's."""
    model = converted.obtain(_directory(source), cache)
    if narrow.pays(library().Core()):
        try:
            return _proven(name, model, narrowed=True)
        except (Missing, Damaged):
            pass  # this processor, or this model, does not take it
    return _proven(name, model, narrowed=False)


def _proven(name: str, model: converted.Converted, *, narrowed: bool) -> OpenVINOEncoder:
    try:
        encoder = OpenVINOEncoder(name, model, narrowed=narrowed)
        encoder.prove()
    except RuntimeError as error:  # its own: it compiles for this very processor, and may know no way to
        reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
        raise Missing(f"OpenVINO cannot run the model on this processor: {reason[:200]}") from None
    return encoder


def library() -> Any:
    """Return the openvino package. Its reports of usage to its maker are cut off: they cannot even be imported."""
    sys.modules.setdefault("openvino_telemetry", cast(Any, None))
    try:
        import openvino
    except ImportError:
        raise Missing("OpenVINO is not installed", hint='pip install "ownvault[cpu]"') from None
    return openvino


def _directory(source: str) -> Path:
    """Return where a model lies, given by path or by its name in the local cache."""
    if Path(source).is_dir():
        return Path(source)
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(source, local_files_only=True))
    except (ImportError, OSError, ValueError):
        raise Missing(f"no model {source!r} on this machine") from None


class OpenVINOEncoder:
    """Questions have compiled graphs of their own and so never wait for a batch of passages."""

    device = "cpu"
    notices = ()

    def __init__(self, name: str, model: converted.Converted, *, narrowed: bool = False) -> None:
        """`narrowed`: questions are embedded with weights of eight bits."""
        from tokenizers import Tokenizer

        self.name, self.dim = name, model.facts.dim
        self._facts, self._samples = model.facts, model.samples
        self._tokenizer = Tokenizer.from_file(str(model.directory / "tokenizer.json"))
        self._tokenizer.enable_truncation(model.facts.longest)
        package = library()
        core = package.Core()
        read = core.read_model(model.directory / "model.xml")

        def compiled(length: int) -> Any:
            graph, settings = read.clone(), dict(SETTINGS)
            if length:
                graph.reshape({port: package.PartialShape([1, length]) for port in graph.inputs})
                settings["INFERENCE_NUM_THREADS"] = QUESTION_THREADS
            if length and narrowed:
                narrow.narrow(graph, package)
                settings |= narrow.SETTINGS
            return core.compile_model(graph, "CPU", settings)

        with ThreadPoolExecutor() as pool:
            any_, *fixed = pool.map(compiled, (0, *LENGTHS))
        self.runtime = f"openvino {any_.get_property('INFERENCE_PRECISION_HINT').to_string()}"
        self.runtime += ", int8 for questions" if narrowed else ""
        self._batches = _Graph(any_)
        self._questions = {length: _Graph(one) for length, one in zip(LENGTHS, fixed, strict=True)}

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        vectors = np.empty((len(texts), self.dim), np.float32)
        found = self._tokenizer.encode_batch_fast([self._facts.passage + text for text in texts])
        ids = [one.ids for one in found]
        lengths = [_stepped(len(one)) for one in ids]
        for batch in batches(lengths, lambda: TOKENS):
            vectors[batch] = self._batches.run(*self._padded([ids[i] for i in batch], lengths[batch[0]]))
            if progress:
                progress(len(batch))
        return vectors

    def encode_query(self, text: str) -> Vectors:
        ids = self._tokenizer.encode(self._facts.question + text).ids
        fitting = next((length for length in LENGTHS if len(ids) <= length), None)
        graph = self._batches if fitting is None else self._questions[fitting]
        return cast(Vectors, graph.run(*self._padded([ids], fitting or _stepped(len(ids))))[0])

    def prove(self) -> None:
        """Raise Damaged unless the vectors of the samples are those that torch computed."""
        found = [self.encode_query(text) for text in converted.QUESTIONS] + [*self.encode(converted.PASSAGES)]
        least = min(float(a @ b) for a, b in zip(found, self._samples, strict=True))
        if not least >= SAME:  # also when it is not a number
            raise Damaged(f"OpenVINO's vectors differ from torch's on this machine (cosine {least:.3f})")

    def _padded(self, rows: Sequence[Sequence[int]], length: int) -> tuple[Ids, Ids]:
        ids = np.full((len(rows), length), self._facts.padding, np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return ids, mask


class _Graph:
    """A compiled graph with room for one run at a time."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._free = threading.Lock()

    def run(self, ids: Ids, mask: Ids) -> Vectors:
        with self._free:
            (found,) = self._request.infer([ids, mask], share_inputs=True).values()
        return unit(found)


def _stepped(length: int) -> int:
    return max(1, -(-length // STEP)) * STEP
