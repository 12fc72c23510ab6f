"""Two scores to one order. Every constant has its reason in docs/decisions/search-fusion.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vault.embed.lexical import Floats, Ints

Relevance = NDArray[np.float64]

DENSE = 0.55
"""Weight of meaning; the rest is the weight of words."""
DATED = 0.25
"""What a date within the time that was asked for adds at most: it lifts, it never shuts out."""


def fuse(dense: Floats, words: Floats, best_dense: float, best_words: float, dated: Floats | None = None) -> Relevance:
    """Return the relevance of chunks: both scores as shares of the best in scope, weighted, and `dated` (0 to 1).

    Only quotients and sums of single rows: no result depends on which rows stand beside a row in memory.
    """
    shares = _share(dense, best_dense), _share(words, best_words)
    relevance = DENSE * shares[0] + (1.0 - DENSE) * shares[1]
    return cast(Relevance, relevance if dated is None else relevance + DATED * dated.astype(np.float64))


def best(
    relevance: Relevance, dense: Floats, records: Callable[[Ints], Ints], ids: Callable[[Ints], Ints], limit: int
) -> Ints:
    """Return where the best chunk of each of the `limit` best records stands.

    `records` and `ids` give those of the chunks at some places: few of them are looked at. A tie goes to the higher
    cosine (below zero all are worth the same), then to the lower chunk id.
    """
    some = 4 * limit
    while True:
        bar = np.partition(relevance, -some)[-some] if some < len(relevance) else -np.inf
        rows = np.flatnonzero(relevance >= bar)
        rows = rows[np.lexsort((ids(rows), -dense[rows], -relevance[rows]))]
        _, first = np.unique(records(rows), return_index=True)
        if len(first) >= limit or some >= len(relevance):
            return rows[np.sort(first)[:limit]]
        some *= 4  # the best chunks belong to few records


def _share(scores: Floats, best: float) -> Any:
    return np.maximum(scores.astype(np.float64), 0.0) / best if best > 0.0 else np.zeros(len(scores))
