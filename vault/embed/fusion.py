"""Two scores and a thread to one order. Every constant has its reason in docs/decisions/search-fusion.md."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vault.embed.lexical import Floats, Ints

DENSE = 0.6
"""Weight of meaning against words."""
LENT = 0.25
"""Share of its score that a chunk lends to each neighbour in its thread."""


def fuse(dense: NDArray[np.float32], words: Floats, before: Ints, after: Ints) -> Floats:
    """Return the relevance of each chunk in scope. Only sums, products and quotients of single rows, and the
    extremes over the scope: no result depends on how rows are laid out in memory."""
    own = DENSE * _stretch(dense.astype(np.float64)) + (1.0 - DENSE) * _stretch(words)
    return cast(Floats, own + LENT * (_lent(own, before) + _lent(own, after)))


def best(relevance: Floats, starts: Ints, ids: Ints, limit: int) -> list[int]:
    """Return the best row of each of the `limit` best records; a tie goes to the lower chunk id."""
    tops = np.maximum.reduceat(relevance, starts)
    bar = np.partition(tops, len(tops) - limit)[len(tops) - limit] if limit < len(tops) else tops.min()
    rows = np.flatnonzero(relevance >= bar)
    rows = rows[np.lexsort((ids[rows], -relevance[rows]))]
    records = np.searchsorted(starts, rows, "right")
    _, first = np.unique(records, return_index=True)
    return cast(list[int], rows[np.sort(first)][:limit].tolist())


def _stretch(scores: Floats) -> Any:
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def _lent(scores: Floats, neighbour: Ints) -> Any:
    return np.where(neighbour >= 0, scores[neighbour], 0.0)
