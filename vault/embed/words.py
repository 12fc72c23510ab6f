"""The words of one query in one scope: BM25 scores of the chunks that matter, and a ceiling for all others.

A chunk's words are its own and, at their share, those of its neighbours: BM25F (Robertson et al., 2004) with the
context as a field. In a conversation the answer seldom repeats the words of the question before it. Which chunks are
worked out follows MaxScore (Turtle and Flood, 1995): rare terms first, common ones only where they can still decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Codes, Ints
from vault.embed.lexical import K1, Floats, saturate

SHARES = (2, 1)
"""Quarters that a chunk's words count for in its neighbours' context: half one step away, a quarter two steps away.
Whole numbers, so that no order of adding can show. The reason: docs/decisions/search-fusion.md."""
WHOLE = 4
REACH = len(SHARES)

FEW = 16
"""Up to so many times fewer chunks than a term has rows, the chunks are looked up in the rows."""
ENOUGH = 64
"""Terms are added until no more than one chunk in so many may have the best words."""
SLACK = 1.0001
"""Sums of single precision may be off by less than this."""

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
    least: float

    def __len__(self) -> int:
        return len(self.pulled)


class Words:
    """The terms that chunks in scope hold, each with its weight, in the order in which scores are added up."""

    def __init__(self, context: Context, held: Sequence[tuple[Found, float]]) -> None:
        self._context = context
        self._held = held

    def scores(self, chunks: Ints | None = None) -> Floats:
        """Return the BM25 scores of these chunks, None = of all: the same bits in whatever company."""
        size = len(self._context)
        count = size if chunks is None else len(chunks)
        pulled = self._context.pulled if chunks is None else self._context.pulled[chunks]
        scores = np.zeros(count, np.float32)
        own: list[tuple[int, np.uint16 | Quarters]] = [(0, np.uint16(WHOLE))]
        shares = own + self._shares(chunks)
        table = np.zeros(size + 2 * REACH, np.uint16)
        for (rows, counts), weight in self._held:
            felt = np.zeros(count, np.uint16)
            if count * FEW < len(rows) and chunks is not None:
                for step, share in shares:
                    felt += _looked_up(rows, counts, chunks + step) * share
            else:
                table[rows + REACH] = counts
                for step, share in shares:
                    felt += table[_at(chunks, step, size)] * share
                table[rows + REACH] = 0
            scores += saturate(felt.astype(np.float32), pulled, weight)
        return scores

    def ceilings(self) -> tuple[Floats, float]:
        """Return for every chunk what its score cannot exceed, and the highest score of all."""
        sums = np.zeros(len(self._context) + 2 * REACH, np.float32)
        inside = sums[REACH : len(sums) - REACH]
        limits = [self._limit(found, weight) for found, weight in self._held]
        rest, most = sum(limits), 0.0
        for term in sorted(range(len(limits)), key=lambda one: (len(self._held[one][0][0]), one)):
            self._raise(sums, *self._held[term])
            rest -= limits[term]
            most = max(most, float(self.scores(np.array([inside.argmax()]))[0]))
            bar = most / SLACK - rest
            if bar > 0.0 and np.count_nonzero(inside >= bar) * ENOUGH <= len(inside):
                break
        if limits:
            most = max(most, float(self.scores(np.flatnonzero(inside >= bar)).max()))
        inside += np.float32(max(rest, 0.0))
        inside *= np.float32(SLACK)
        return inside, most

    def _shares(self, chunks: Ints | None) -> list[tuple[int, np.uint16 | Quarters]]:
        """Return steps to neighbours, each with the share of the chunk that stands there."""
        size, steps = len(self._context), list[tuple[int, np.uint16 | Quarters]]()
        for distance, link in enumerate(self._context.links, 1):
            steps.append((distance, link[_at(chunks, 0, size)]))
            steps.append((-distance, link[_at(chunks, -distance, size)]))
        return steps

    def _limit(self, found: Found, weight: float) -> float:
        """Return what a term can be worth to a chunk at most."""
        felt = float(found[1].max()) * (WHOLE + 2 * sum(SHARES[: len(self._context.links)]))
        return SLACK * (K1 + 1.0) * weight * felt / (felt + self._context.least)

    def _raise(self, sums: Floats, found: Found, weight: float) -> None:
        """Add to each chunk no less than a term is worth to it: part by part, which together count for less."""
        rows, counts = found
        at = rows + REACH
        sums[at] += saturate(counts * np.float32(WHOLE), self._context.pulled[rows], weight)
        for distance, link in enumerate(self._context.links, 1):
            for edge, step in ((at, distance), (at - distance, -distance)):
                felt = link[edge]
                fits = np.flatnonzero(felt)
                to = at[fits] + step
                sums[to] += saturate(
                    (felt[fits] * counts[fits]).astype(np.float32), self._context.pulled[to - REACH], weight
                )


def _at(chunks: Ints | None, step: int, size: int) -> Ints | slice:
    """Return where the chunks `step` further on stand in a table with `REACH` empty places at either end."""
    return slice(REACH + step, REACH + step + size) if chunks is None else chunks + (REACH + step)


def _looked_up(rows: Codes, counts: NDArray[np.uint8], chunks: Ints) -> Quarters:
    wanted = chunks.astype(np.int32)
    at = np.minimum(rows.searchsorted(wanted), len(rows) - 1)
    return np.where(rows[at] == wanted, counts[at], np.uint8(0)).astype(np.uint16)
