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

    SLICE = 65_536
    """Chunks that `run` works out at a time: what is in hand for them stays in a core's own cache."""

    def __init__(self, context: Context, held: Sequence[tuple[Found, float]]) -> None:
        self._context = context
        self._held = held

    def scores(self) -> Floats:
        """Return the BM25 scores of all chunks."""
        runs = [self.run(start) for start in range(0, len(self._context), self.SLICE)]
        return np.concatenate(runs) if runs else np.empty(0, np.float32)

    def run(self, start: int) -> Floats:
        """Return the scores of `SLICE` chunks from `start` on, or as many as there are: the same bits as among all."""
        stop = min(start + self.SLICE, len(self._context))
        size, first = stop - start, start - REACH
        pulled, scores = self._context.pulled[start:stop], np.zeros(size, np.float32)
        table, part = np.zeros(size + 2 * REACH, np.uint16), np.empty(size, np.uint16)
        for (rows, counts), weight in self._held:
            some = slice(*rows.searchsorted((first, stop + REACH)))
            if some.start == some.stop:
                continue
            # NumPy is three times as fast when it has nothing to convert on the way
            table[np.subtract(rows[some], first, dtype=np.intp)] = counts[some].astype(np.uint16)
            felt = table[REACH : REACH + size] * np.uint16(WHOLE)
            for distance, link in enumerate(self._context.links, 1):
                for step, edge in ((distance, start), (-distance, start - distance)):
                    near = table[REACH + step : REACH + step + size]
                    felt += np.multiply(link[REACH + edge : REACH + edge + size], near, part)
            scores += saturate(felt.astype(np.float32), pulled, weight)
            table.fill(0)
        return scores
