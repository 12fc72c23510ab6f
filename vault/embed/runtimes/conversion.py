"""The program that converts a model for OpenVINO: `python -m vault.embed.runtimes.conversion MODEL DIRECTORY`.

It runs in a process of its own (see `converted`), reads the weights with torch and sends nothing anywhere.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from vault.embed.runtimes import openvino, pytorch
from vault.embed.runtimes.base import unit
from vault.embed.runtimes.converted import PASSAGES, QUESTIONS, Facts, write_facts
from vault.errors import Missing, VaultError

DOCUMENT_PROMPTS = ("document", "passage", "corpus")
"""Names of the prompt before a passage, as sentence-transformers looks for them."""


def convert(source: str, directory: Path) -> None:
    """Write the model at `source` to `directory`. Missing when it is not one that OpenVINO can take over."""
    model = pytorch.read(source, "cpu")
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise Missing("the model has no fast tokenizer")
    runtime = openvino.library()
    runtime.save_model(_graph(runtime, model), directory / "model.xml", compress_to_fp16=False)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(directory / "tokenizer.json"))
    passage = next((model.prompts[name] for name in DOCUMENT_PROMPTS if name in model.prompts), "")
    facts = Facts(
        dim=int(model.get_embedding_dimension()), longest=int(model.max_seq_length or 512),
        padding=int(model.tokenizer.pad_token_id or 0), question=model.prompts.get("query", ""), passage=passage,
    )  # fmt: skip
    samples = [model.encode_query(list(QUESTIONS), show_progress_bar=False)]
    samples += [model.encode_document(list(PASSAGES), show_progress_bar=False)]
    np.save(directory / "samples.npy", unit(np.concatenate(samples)))
    write_facts(directory, facts)


def _graph(runtime: Any, model: Any) -> Any:
    """Trace tokens to vectors. Both dimensions stay open; the batch traced has padding, so that the mask counts."""
    import torch

    class Whole(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]

    ids = torch.full((2, 8), 5)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    open_ = runtime.PartialShape([-1, -1])
    return runtime.convert_model(Whole().eval(), example_input=(ids, mask), input=[open_, open_])


if __name__ == "__main__":
    try:
        convert(sys.argv[1], Path(sys.argv[2]))
    except VaultError as error:
        sys.exit(error.message)
