"""Segments: records and their chunks in arrays that never change once built.

An index is a row of segments. Adding builds a small one; small ones are merged into bigger ones, dead rows
dropped on the way (the log-structured merge of O'Neil et al., 1996). Readers keep whichever they started with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Columns, Entry, Ints, Mask, Tables
from vault.embed.lexical import Postings
from vault.errors import Damaged


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Chunks in rows; `records[i]` is the place of chunk i's record in `columns`; a record's chunks are adjacent."""

    columns: Columns
    ids: Ints
    records: Ints
    vectors: NDArray[np.float32]
    postings: Postings

    @classmethod
    def build(cls, entries: Sequence[Entry], dim: int, tables: Tables) -> Segment:
        """Raises Damaged when a vector is not `dim` float32 long."""
        pieces = [piece for entry in entries for piece in entry.pieces]
        if any(len(piece.vector) != 4 * dim for piece in pieces):
            raise Damaged(
                f"a stored vector has not {dim} dimensions", hint="the encoder changed: embed the vault again"
            )
        return cls(
            columns=Columns.build(entries, tables),
            ids=np.fromiter((piece.id for piece in pieces), np.int64),
            records=np.repeat(np.arange(len(entries)), [len(entry.pieces) for entry in entries]),
            vectors=np.frombuffer(b"".join(p.vector for p in pieces), "<f4").reshape(-1, dim).astype(np.float32),
            postings=Postings.build([piece.terms for piece in pieces]),
        )

    @classmethod
    def merge(cls, parts: Sequence[tuple[Segment, Mask]]) -> Segment:
        """Return one segment with the living records of all parts, in the same order."""
        rows = [alive[segment.records] for segment, alive in parts]
        places, size = [], 0
        for (segment, alive), keep in zip(parts, rows, strict=True):
            places.append((np.cumsum(alive) - 1 + size)[segment.records[keep]])
            size += int(alive.sum())
        return cls(
            columns=Columns.merge([(segment.columns, alive) for segment, alive in parts]),
            ids=np.concatenate([segment.ids[keep] for (segment, _), keep in zip(parts, rows, strict=True)]),
            records=np.concatenate(places),
            vectors=np.concatenate([segment.vectors[keep] for (segment, _), keep in zip(parts, rows, strict=True)]),
            postings=Postings.merge([(s.postings, keep) for (s, _), keep in zip(parts, rows, strict=True)]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """What one search sees: segments, and which of their records are alive."""

    number: int
    segments: tuple[Segment, ...]
    alive: tuple[Mask, ...]

    def without(self, numbers: Sequence[int]) -> tuple[Mask, ...]:
        """Return what stays alive when these records go."""
        gone = np.array(sorted(set(numbers)), np.int64)
        masks = []
        for segment, alive in zip(self.segments, self.alive, strict=True):
            hit = np.isin(segment.columns.numbers, gone)
            masks.append(alive & ~hit if hit.any() else alive)
        return tuple(masks)

    def next(self, alive: tuple[Mask, ...], fresh: Segment | None = None) -> Generation:
        """Return the next generation, compacted: no segment is mostly dead, none is followed by one half its size."""
        parts = list(zip(self.segments, alive, strict=True))
        parts = [_compact(segment, living) for segment, living in parts if living.any()]
        if fresh is not None and len(fresh.columns.numbers):
            parts.append((fresh, np.ones(len(fresh.columns.numbers), bool)))
        while len(parts) > 1 and len(parts[-2][0].ids) < 2 * len(parts[-1][0].ids):
            merged = Segment.merge(parts[-2:])
            parts[-2:] = [(merged, np.ones(len(merged.columns.numbers), bool))]
        return Generation(self.number + 1, tuple(s for s, _ in parts), tuple(a for _, a in parts))


def _compact(segment: Segment, alive: Mask) -> tuple[Segment, Mask]:
    """Drop the dead rows once they are a quarter of the segment."""
    if 4 * int(alive.sum()) > 3 * len(alive):
        return segment, alive
    merged = Segment.merge([(segment, alive)])
    return merged, np.ones(len(merged.columns.numbers), bool)
