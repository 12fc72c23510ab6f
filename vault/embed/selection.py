"""A scope applied to one generation: its rows, its statistics, its neighbours, and nothing of any other row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Ints, Tables
from vault.embed.lexical import Floats, bm25, idf
from vault.embed.segments import Generation, Segment
from vault.types import Conditions

SHARES = (0.5, 0.25)
"""What the words of a chunk count for in its neighbours' context: half one step away, a quarter two steps away.
Powers of two, so that sums of them are exact and no order of adding can show. 
The reason: docs/decisions/search-fusion.md."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The chunks in scope, numbered 0 upwards in reading order: by thread, position, record, place in the text.

    Outside any thread a record is a thread of its own. `order` maps these numbers to the order of the segments' rows,
    `places[s]` rows of segment s to these numbers (-1 outside the scope); `starts` is each record's first chunk.
    `links[d-1][i]` is the share of chunk i in the context of chunk i+d, and the reverse; 0 across threads.
    """

    parts: tuple[tuple[Segment, Ints], ...]
    places: tuple[NDArray[np.int32], ...]
    order: Ints
    ids: Ints
    numbers: Ints
    starts: Ints
    links: tuple[Floats, ...]
    own_lengths: Ints
    count: int

    @classmethod
    def of(cls, generation: Generation, where: Conditions, tables: Tables) -> Selection:
        parts: list[tuple[Segment, Ints]] = []
        count = 0
        for segment, alive in zip(generation.segments, generation.alive, strict=True):
            mask = segment.columns.mask(where, tables) & alive
            count += int(mask.sum())
            parts.append((segment, np.flatnonzero(mask[segment.records])))
        records = [segment.records[rows] for segment, rows in parts]
        numbers, threads, positions = (
            _flat([getattr(segment.columns, name)[at] for (segment, _), at in zip(parts, records, strict=True)])
            for name in ("numbers", "threads", "positions")
        )
        order = _reading_order(threads, positions, numbers)
        numbers, threads = numbers[order], threads[order]
        return cls(
            parts=tuple(parts),
            places=_places(parts, order),
            order=order,
            ids=_flat([segment.ids[rows] for segment, rows in parts])[order],
            numbers=numbers,
            starts=np.flatnonzero(np.diff(numbers, prepend=-1)),
            links=tuple(_link(threads, numbers, d, share) for d, share in enumerate(SHARES, 1)),
            own_lengths=_flat([segment.postings.lengths[rows] for segment, rows in parts])[order],
            count=count,
        )

    def lexical(self, terms: Sequence[int]) -> Floats:
        """Return the BM25 score of every chunk for the terms, added up in the order given.

        A chunk's words are its own and, at their share, those of its neighbours: BM25F (Robertson et al., 2004) with
        the context as a field. In a conversation the answer seldom repeats the words of the question before it.
        """
        scores = np.zeros(len(self.ids))
        for term in terms:
            rows, counts = self._postings(term)
            if len(rows):
                near, felt = self._spread(rows, counts)
                weight = idf(len(self.ids), len(rows))
                scores[near] += weight * bm25(felt, self._lengths[near], self._mean)
        return scores

    def _spread(self, rows: Ints, counts: Ints) -> tuple[Ints, Floats]:
        """Return the rows that hold a term or stand near one that does, and how much of it they have."""
        near = rows
        for distance, link in enumerate(self.links, 1):
            if len(link):
                down = rows[rows < len(link)]
                up = rows[rows >= distance] - distance
                near = np.concatenate([near, down[link[down] > 0] + distance, up[link[up] > 0]])
        if len(near) == len(rows):
            return rows, counts.astype(np.float64)
        felt = np.zeros(len(self.ids))
        felt[rows] = counts
        near = np.flatnonzero(np.bincount(near, minlength=1)) if len(near) > len(self.ids) // 16 else np.unique(near)
        return near, self._in_context(felt, near)

    def _in_context(self, values: Floats, at: Ints) -> Floats:
        total = values[at]
        for distance, link in enumerate(self.links, 1):
            if len(link):
                after, before = np.minimum(at, len(link) - 1), np.maximum(at - distance, 0)
                total += np.where(at < len(link), link[after] * values[after + distance], 0.0)
                total += np.where(at >= distance, link[np.minimum(before, len(link) - 1)] * values[before], 0.0)
        return total

    @cached_property
    def _lengths(self) -> Floats:
        return self._in_context(self.own_lengths.astype(np.float64), np.arange(len(self.ids)))

    @cached_property
    def _mean(self) -> float:
        return max(1.0, float(self._lengths.sum()) / max(1, len(self.ids)))

    def _postings(self, term: int) -> tuple[Ints, Ints]:
        found, counted = [], []
        for (segment, _), place in zip(self.parts, self.places, strict=True):
            rows, counts = segment.postings.of(term)
            at = place[rows]
            found.append(at[at >= 0])
            counted.append(counts[at >= 0])
        return _flat(found), _flat(counted)


def _flat(arrays: Sequence[NDArray[np.integer]]) -> Ints:
    return np.concatenate(arrays, dtype=np.int64) if arrays else np.empty(0, np.int64)


def _reading_order(threads: Ints, positions: Ints, numbers: Ints) -> Ints:
    """Rows outside any thread come first, as they stand: a record's chunks are adjacent and in order already."""
    alone, threaded = np.flatnonzero(threads < 0), np.flatnonzero(threads >= 0)
    by = (threaded, numbers[threaded], positions[threaded], threads[threaded])
    return np.concatenate([alone, threaded[np.lexsort(by)]])


def _places(parts: Sequence[tuple[Segment, Ints]], order: Ints) -> tuple[NDArray[np.int32], ...]:
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    places, at = [], 0
    for segment, rows in parts:
        place = np.full(len(segment.ids), -1, np.int32)
        place[rows] = number[at : at + len(rows)]
        places.append(place)
        at += len(rows)
    return tuple(places)


def _link(threads: Ints, numbers: Ints, distance: int, share: float) -> Floats:
    same = (threads[distance:] == threads[:-distance]) & (threads[distance:] >= 0)
    same |= numbers[distance:] == numbers[:-distance]
    return np.where(same, share, 0.0)
