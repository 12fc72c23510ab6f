"""A scope applied to one generation: its rows, its statistics, its neighbours, and nothing of any other row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Ints, Tables
from vault.embed.lexical import Floats, bm25, idf
from vault.embed.segments import Generation, Segment
from vault.types import Conditions


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The chunks in scope, numbered 0 upwards in the order they were taken in.

    `places[s]` maps rows of segment s to these numbers, -1 outside the scope. `starts` is each record's first chunk.
    `before` and `after` are the neighbouring chunks in the same thread, -1 where there is none.
    """

    parts: tuple[tuple[Segment, Ints], ...]
    places: tuple[NDArray[np.int32], ...]
    ids: Ints
    starts: Ints
    numbers: Ints
    lengths: Ints
    before: Ints
    after: Ints
    count: int

    @classmethod
    def of(cls, generation: Generation, where: Conditions, tables: Tables) -> Selection:
        parts: list[tuple[Segment, Ints]] = []
        places, masks, at = [], [], 0
        for segment, alive in zip(generation.segments, generation.alive, strict=True):
            mask = segment.columns.mask(where, tables) & alive
            inside = mask[segment.records]
            rows = np.flatnonzero(inside)
            parts.append((segment, rows))
            place = np.full(len(inside), -1, np.int32)
            place[rows] = np.arange(at, at + len(rows), dtype=np.int32)
            places.append(place)
            masks.append(mask)
            at += len(rows)
        numbers = _flat([segment.columns.numbers[segment.records[rows]] for segment, rows in parts])
        starts = np.flatnonzero(np.diff(numbers, prepend=-1) != 0)
        before, after = _neighbours(parts, numbers)
        return cls(
            parts=tuple(parts),
            places=tuple(places),
            ids=_flat([segment.ids[rows] for segment, rows in parts]),
            starts=starts,
            numbers=numbers,
            lengths=_flat([segment.postings.lengths[rows] for segment, rows in parts]),
            before=before,
            after=after,
            count=int(sum(mask.sum() for mask in masks)),
        )

    def lexical(self, terms: Sequence[int]) -> Floats:
        """Return the BM25 score of every chunk for the terms, added up in the order given."""
        scores = np.zeros(len(self.ids))
        if not len(self.ids):
            return scores
        mean = max(1.0, int(self.lengths.sum()) / len(self.ids))
        for term in terms:
            rows, counts = self._postings(term)
            if len(rows):
                scores[rows] += idf(len(self.ids), len(rows)) * bm25(counts, self.lengths[rows], mean)
        return scores

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


def _neighbours(parts: Sequence[tuple[Segment, Ints]], numbers: Ints) -> tuple[Ints, Ints]:
    """Return the chunk before and after each one in its thread, by position, then record, then place in the text."""
    of = [segment.records[rows] for segment, rows in parts]
    threads = _flat([segment.columns.threads[records] for (segment, _), records in zip(parts, of, strict=True)])
    positions = _flat([segment.columns.positions[records] for (segment, _), records in zip(parts, of, strict=True)])
    before = np.full(len(numbers), -1, np.int64)
    after = before.copy()
    threaded = np.flatnonzero(threads >= 0)
    order = threaded[np.lexsort((threaded, numbers[threaded], positions[threaded], threads[threaded]))]
    same = threads[order[1:]] == threads[order[:-1]]
    before[order[1:][same]] = order[:-1][same]
    after[order[:-1][same]] = order[1:][same]
    return before, after
