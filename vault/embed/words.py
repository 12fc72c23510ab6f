"""The words of one query in one scope: the BM25 scores of its chunks.

A chunk's words are its own and, at their share, those of its neighbours: BM25F (Robertson et al., 2004) with the
context as a field. In a conversation the answer seldom repeats the words of the question before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Codes
from vault.embed.lexical import Floats, saturate

SHARES = (2, 2, 1, 1)
"""Quarters that a chunk's words count for in its neighbours' context: half up to two steps away, then a quarter.
Whole numbers, so that no order of adding can show. The reason: docs/decisions/search-fusion.md."""
WHOLE = 4
REACH = len(SHARES)
SPARSE = 32
"""A term that this many times fewer chunks hold than there are is worked out from them, not chunk by chunk."""

Quarters = NDArray[np.uint16]
Found = tuple[Codes, NDArray[np.uint8]]
"""Chunks that hold a term, ascending, and how often each does."""


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a scope knows about its chunks before any query, without a word of any other chunk.

    `links[d-1][REACH + i]` is the share, in quarters, of chunk i in the context of chunk i+d, and the reverse; 0
    between strangers and around the edges. `pulled` is BM25's denominator beside the count.
    """

    links: tuple[Quarters, ...]
    pulled: Floats

    def __len__(self) -> int:
        return len(self.pulled)


class Words:
    """The terms that chunks in scope hold, each with its weight, in the order in which scores are added up."""

    SLICE = 262_144
    """Chunks that `run` works out at a time: what is in hand for them stays in a core's own cache, and a call costs
    little beside the work."""

    def __init__(self, context: Context, held: Sequence[tuple[Found, float]]) -> None:
        self._context = context
        self._held = held

    def scores(self) -> Floats:
        """Return the BM25 scores of all chunks."""
        runs = [self.run(start) for start in range(0, len(self._context), self.SLICE)]
        return np.concatenate(runs) if runs else np.empty(0, np.float32)

    def run(self, start: int) -> Floats:
        """Return the scores of `SLICE` chunks from `start` on, or as many as there are: the same bits as among all."""
        size = min(start + self.SLICE, len(self._context)) - start
        pulled, scores = self._context.pulled[start : start + size], np.zeros(size, np.float32)
        for (rows, counts), weight in self._held:
            some = slice(*rows.searchsorted((start - REACH, start + size + REACH)))
            few = (some.stop - some.start) * SPARSE < size
            felt = (self._spread if few else self._swept)(rows[some], counts[some].astype(np.uint16), start, size)
            if few:
                at = np.flatnonzero(felt != 0)  # of booleans it is ten times as fast
                scores[at] += saturate(felt[at].astype(np.float32), pulled[at], weight)
            else:
                scores += saturate(felt.astype(np.float32), pulled, weight)
        return scores

    def _spread(self, rows: Codes, counts: Quarters, start: int, size: int) -> Quarters:
        """Return how far a term is felt in the context of each chunk, in quarters: from those that hold it outwards."""
        felt = np.zeros(size + 4 * REACH, np.uint16)
        at = np.subtract(rows, start - 2 * REACH, dtype=np.intp)
        felt[at] += counts * np.uint16(WHOLE)
        for distance, link in enumerate(self._context.links, 1):
            for step, edge in ((distance, rows), (-distance, rows - distance)):
                felt[at + step] += link[REACH + edge] * counts
        return felt[2 * REACH : 2 * REACH + size]

    def _swept(self, rows: Codes, counts: Quarters, start: int, size: int) -> Quarters:
        """The same, chunk by chunk over all of them."""
        # NumPy is three times as fast when it has nothing to convert on the way
        table, part = np.zeros(size + 2 * REACH, np.uint16), np.empty(size, np.uint16)
        table[np.subtract(rows, start - REACH, dtype=np.intp)] = counts
        felt = table[REACH : REACH + size] * np.uint16(WHOLE)
        for distance, link in enumerate(self._context.links, 1):
            for step, edge in ((distance, start), (-distance, start - distance)):
                near = table[REACH + step : REACH + step + size]
                felt += np.multiply(link[REACH + edge : REACH + edge + size], near, part)
        return felt
