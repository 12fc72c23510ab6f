"""Two scores to one order. Every constant has its reason in docs/decisions/search-fusion.md."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vault.embed.lexical import Floats, Ints

DENSE = 0.55
"""Weight of meaning; the rest is the weight of words."""


def fuse(dense: NDArray[np.float32], words: Floats) -> Floats:
    """Return the relevance of each chunk in scope, in 0..1: both scores as shares of the best one, weighted.

    Only quotients and sums of single rows, and the maximum over the scope: no result depends on which rows stand
    beside a row in memory.
    """
    return cast(Floats, DENSE * _share(dense.astype(np.float64)) + (1.0 - DENSE) * _share(words))


def best(relevance: Floats, starts: Ints, ids: Ints, limit: int) -> list[int]:
    """Return the best row of each of the `limit` best records; a tie goes to the lower chunk id."""
    tops = np.maximum.reduceat(relevance, starts)
    bar = np.partition(tops, len(tops) - limit)[len(tops) - limit] if limit < len(tops) else tops.min()
    rows = np.flatnonzero(relevance >= bar)
    rows = rows[np.lexsort((ids[rows], -relevance[rows]))]
    records = np.searchsorted(starts, rows, "right")
    _, first = np.unique(records, return_index=True)
    return cast(list[int], rows[np.sort(first)][:limit].tolist())


def _share(scores: Floats) -> Any:
    best = scores.max()
    return np.maximum(scores, 0.0) / best if best > 0.0 else np.zeros_like(scores)
