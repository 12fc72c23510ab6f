"""sentence-transformers itself, on CUDA in half precision, on Apple's GPU, or on a CPU that has nothing faster."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from vault.embed import weights
from vault.embed.runtimes.base import Progress, Vectors, batches, unit
from vault.errors import BadRequest, Missing

TOKENS = {"cpu": 2048, "cuda": 65536, "mps": 16384}
"""Tokens in one batch, padding included: on a CPU what stays in its cache, on a GPU what keeps it busy."""
BYTES = 3
"""Of a text in UTF-8 for each of its tokens, at least, as a rule; a batch that was guessed too small is halved."""
CUDA_DRIVERS = {"Linux": "libcuda.so.1", "Windows": "nvcuda.dll"}


def choose(device: str) -> str:
    """Return the device to use for `auto`, or `device` itself. BadRequest when this machine has not got it."""
    if device == "cpu" or (device == "auto" and not _accelerated()):
        return "cpu"
    torch, _ = libraries()
    here = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if device == "auto":
        return next(name for name, present in here.items() if present())
    if not here[device]():
        raise BadRequest(f"this machine has no device {device!r}", hint="use device = 'auto'")
    return device


def possible(device: str) -> bool:
    """Return whether `device` may mean a GPU with a memory of its own, or one that was asked for by name. Does not
    import torch, which takes seconds."""
    return device != "cpu" and (device != "auto" or _driven())


def _accelerated() -> bool:
    """Return whether there may be a GPU, without the seconds that importing torch takes."""
    return _driven() or (platform.system() == "Darwin" and platform.machine() == "arm64")


def _driven() -> bool:
    """Return whether NVIDIA's driver is here."""
    try:
        ctypes.CDLL(CUDA_DRIVERS[platform.system()])
    except (OSError, KeyError):
        return False
    return True


def load(name: str, source: str, device: str, notices: Sequence[str] = ()) -> TorchEncoder:
    """Load a model from a directory, or by its name in the local cache. Raises Missing, BadRequest for pickles."""
    model = read(source, "cpu")
    encoder = TorchEncoder(name, model, notices)
    if device != "cpu":
        encoder.move(device)
    return encoder


def read(source: str, device: str) -> Any:
    """Return the SentenceTransformer, ready to compute. Raises Missing, BadRequest for pickles."""
    _, library = libraries()
    return trusted(library.SentenceTransformer, source, device)


def trusted(kind: Any, source: str, device: str, **more: Any) -> Any:
    """Return a model of one of sentence-transformers' kinds: safetensors only, never code that came with the model, no
    network unless the owner asked for it. Raises Missing, BadRequest for pickles."""
    offline = os.environ["HF_HUB_OFFLINE"].lower() in ("1", "on", "yes", "true")
    weights.refuse_pickles(Path(source))
    try:
        return kind(
            source, device=device, trust_remote_code=False, local_files_only=offline,
            model_kwargs={"use_safetensors": True}, **more,
        ).eval()  # fmt: skip
    except (OSError, ValueError) as error:
        raise Missing(
            f"no usable model {source!r}: {str(error).splitlines()[0][:200]}",
            hint="give the path of a sentence-transformers model with safetensors, or set HF_HUB_OFFLINE=0 once",
        ) from None


def libraries() -> tuple[Any, Any]:
    """Return torch and sentence_transformers. Raises Missing."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read once, when huggingface_hub is imported
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    try:
        import sentence_transformers
        import torch
        import transformers
    except ImportError as error:
        raise Missing(f"{error.name} is not installed", hint='pip install "ownvault[cpu]"') from None
    cast(Any, transformers.utils.logging).disable_progress_bar()
    return torch, sentence_transformers


class TorchEncoder:
    def __init__(self, name: str, model: Any, notices: Sequence[str]) -> None:
        self._model = model
        self._torch, _ = libraries()
        # One thread for every forward pass. OpenMP keeps a team of workers for each thread that ever computed, and
        # several teams fight for the same cores: an import from a pool of threads was a fifth slower.
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._notices = list(notices)
        self._tokens = TOKENS["cpu"]
        self.name = name
        self.dim = int(model.get_embedding_dimension())
        self.device = "cpu"

    @property
    def runtime(self) -> str:
        return f"torch {str(next(self._model.parameters()).dtype).removeprefix('torch.')}"

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(self._notices)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Fill each batch up to a number of tokens, longest texts first.

        sentence-transformers' own `encode` makes batches of 32 whatever their length; bench/retrieval.py compares the
        two. The forward pass stays the library's.
        """
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in batches(self._lengths(texts), lambda: self._tokens):
            vectors[batch] = self._forward("encode_document", [texts[i] for i in batch])
            if progress:
                progress(len(batch))
        return vectors

    def encode_query(self, text: str) -> Vectors:
        return cast(Vectors, self._forward("encode_query", [text])[0])

    def move(self, device: str) -> None:
        """Compute on `device` from now on; on the CPU, with a notice, when the model does not fit there."""
        self._thread.submit(self._move, device).result()

    def _move(self, device: str) -> None:
        try:
            self._model = self._model.half().to(device) if device == "cuda" else self._model.float().to(device)
        except self._torch.OutOfMemoryError:
            self._give_up()
        else:
            self.device, self._tokens = device, TOKENS[device]

    def _forward(self, method: str, texts: Sequence[str]) -> Vectors:
        return unit(self._thread.submit(self._fitting, method, list(texts)).result())

    def _fitting(self, method: str, texts: list[str]) -> Vectors:
        """Compute one batch; in halves when the GPU's memory runs out, on the CPU when not even one text fits."""
        try:
            encode = partial(getattr(self._model, method), show_progress_bar=False, normalize_embeddings=True)
            return cast(Vectors, encode(texts, batch_size=len(texts)))
        except self._torch.OutOfMemoryError:
            if self.device == "cpu":
                raise
        self._torch.cuda.empty_cache()  # here the failed batch is no longer held by its traceback
        if len(texts) == 1:
            self._give_up()
            return self._fitting(method, texts)
        half = len(texts) // 2
        self._tokens = max(1, self._tokens // 2)
        return np.concatenate([self._fitting(method, texts[:half]), self._fitting(method, texts[half:])])

    def _give_up(self) -> None:
        self._model = self._model.float().to("cpu")
        self._torch.cuda.empty_cache()
        self._notices.append("the GPU's memory ran out: the encoder went on on the CPU, more slowly")
        self.device, self._tokens = "cpu", TOKENS["cpu"]

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text, as the model will see it: counted on a CPU, where that takes 1 % of an
        encoding; guessed for a GPU, which would wait for it."""
        longest = self._model.max_seq_length or 512
        if not texts or self._model.tokenizer is None or self.device != "cpu":
            return [min(longest, 2 + len(text.encode("utf-8", "replace")) // BYTES) for text in texts]
        found = self._model.tokenizer(
            list(texts), truncation=True, max_length=longest, padding=False,
            return_attention_mask=False, return_token_type_ids=False,
        )  # fmt: skip
        return [max(1, len(ids)) for ids in found["input_ids"]]
