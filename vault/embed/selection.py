"""A scope applied to one generation: its rows, its statistics, its neighbours, and nothing of any other row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Ints, Tables
from vault.embed.lexical import Floats, idf, pull, saturated
from vault.embed.segments import Generation, Segment
from vault.types import Conditions

SHARES = (0.5, 0.25)
"""What the words of a chunk count for in its neighbours' context: half one step away, a quarter two steps away.
Powers of two, so that sums of them are exact and no order of adding can show.
The reason: docs/decisions/search-fusion.md."""

COMMON = 16
"""A term in more than one of so many rows is worked out for all rows at once."""


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
    collections: frozenset[int]

    @classmethod
    def of(cls, generation: Generation, where: Conditions, tables: Tables) -> Selection:
        parts: list[tuple[Segment, Ints]] = []
        count, collections = 0, set[int]()
        for segment, alive in zip(generation.segments, generation.alive, strict=True):
            mask = segment.columns.mask(where, tables) & alive
            count += int(mask.sum())
            collections.update(np.unique(segment.columns.collections[mask]).tolist())
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
            links=_links(threads, numbers),
            own_lengths=_flat([segment.postings.lengths[rows] for segment, rows in parts])[order],
            count=count,
            collections=frozenset(collections),
        )

    def lexical(self, terms: Sequence[int]) -> Floats:
        """Return the BM25 score of every chunk for the terms, added up in the order given.

        A chunk's words are its own and, at their share, those of its neighbours: BM25F (Robertson et al., 2004) with
        the context as a field. In a conversation the answer seldom repeats the words of the question before it.
        """
        scores = np.zeros(len(self.ids))
        for term in terms:
            rows, counts = self._postings(term)
            weight = idf(len(self.ids), len(rows))
            if len(rows) * COMMON > len(self.ids) and self.links:
                felt = np.zeros(len(self.ids))
                felt[rows] = counts
                scores += saturated(self._in_context(felt), self._pull) * weight
            elif len(rows):
                near, near_counts = self._spread(rows, counts)
                scores[near] += saturated(near_counts, self._pull[near]) * weight
        return scores

    def _in_context(self, values: Floats) -> Floats:
        """Return each chunk's value with its neighbours' shares of theirs."""
        total = values.copy()
        for distance, link in enumerate(self.links, 1):
            total[distance:] += link * values[:-distance]
            total[:-distance] += link * values[distance:]
        return total

    def _spread(self, rows: Ints, counts: Ints) -> tuple[Ints, Floats]:
        """The same for a term that few rows hold: the rows that feel it, ascending, and how much."""
        near, felt = [rows], [counts.astype(np.float64)]
        for distance, link in enumerate(self.links, 1):
            for to, edge in ((rows + distance, rows), (rows - distance, rows - distance)):
                linked = (edge >= 0) & (edge < len(link))
                linked[linked] = link[edge[linked]] > 0.0
                near.append(to[linked])
                felt.append(link[edge[linked]] * counts[linked])
        found, place = np.unique(np.concatenate(near), return_inverse=True)
        total = np.bincount(place, weights=np.concatenate(felt), minlength=len(found))
        return found, total.astype(np.float64)

    @cached_property
    def _pull(self) -> Floats:
        """BM25's denominator beside the count: how much a chunk's length, against the mean, holds its counts down."""
        lengths = self._in_context(self.own_lengths.astype(np.float64))
        return pull(lengths, max(1.0, float(lengths.sum()) / max(1, len(lengths))))

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


def _links(threads: Ints, numbers: Ints) -> tuple[Floats, ...]:
    """Return none at all where no chunk has a neighbour."""
    links = []
    for distance, share in enumerate(SHARES, 1):
        same = (threads[distance:] == threads[:-distance]) & (threads[distance:] >= 0)
        same |= numbers[distance:] == numbers[:-distance]
        if not same.any():
            break
        links.append(np.where(same, share, 0.0))
    return tuple(links)
