"""What every runtime offers, and how all of them fill their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Progress = Callable[[int], None]


class Encoder(Protocol):
    """Turns text into unit vectors. Thread-safe; a query never waits for the end of a long encoding."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def runtime(self) -> str:
        """What computes, for the owner to read: `openvino bfloat16`. Vectors of all runtimes may be mixed."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the owner should know about this encoder, in sentences; more may come while it runs."""

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Return float32 (n, dim), unit length, in the order of `texts`; `progress` is told how many got done."""

    def encode_query(self, text: str) -> Vectors:
        """Return float32 (dim,), unit length."""


def batches(lengths: Sequence[int], tokens: Callable[[], int]) -> Iterator[list[int]]:
    """Yield the places of texts, longest first, as many together as `tokens()` hold, padding included; at least one."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        size = max(1, tokens() // lengths[order[0]])
        yield order[:size]
        order = order[size:]


def unit(vectors: Vectors) -> Vectors:
    """Return rows of length one; a row of zeros stays."""
    exact = vectors.astype(np.float32, copy=False)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)
