"""Segments: records and their chunks in arrays that never change once built.

An index is a row of segments. Adding builds a small one; small ones are merged into bigger ones, dead rows
dropped on the way (the log-structured merge of O'Neil et al., 1996), up to a size that is merged in a moment.
Readers keep whichever they started with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Codes, Columns, Entry, Ints, Mask, Piece, Tables
from vault.embed.lexical import Postings
from vault.embed.rotation import Rotation
from vault.embed.vectors import Vectors
from vault.errors import Damaged

LARGEST = 100_000
"""Chunks of a segment, unless one record has more. Also the piece of work of one thread."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Chunks in rows, in reading order: by thread, position, record, place in the text.

    `records[i]` is the place of chunk i's record in `columns`. Chunks of one group are neighbours: `groups[i]` is
    the number of the thread, or, outside any thread, a negative number of the record's own.
    """

    columns: Columns
    ids: Ints
    records: Codes
    groups: Codes
    vectors: Vectors
    postings: Postings

    @classmethod
    def build(cls, entries: Sequence[Entry], rotation: Rotation, tables: Tables) -> Segment:
        """Raises Damaged when a vector has another dimension than the rotation."""
        columns = Columns.build(entries, tables)
        records = np.repeat(np.arange(len(entries), dtype=np.int32), [len(entry.pieces) for entry in entries])
        order = _reading_order(columns, records)
        pieces: list[Piece] = [piece for entry in entries for piece in entry.pieces]
        pieces = [pieces[i] for i in order]
        if any(len(piece.vector) != 4 * rotation.dim for piece in pieces):
            raise Damaged(
                f"a stored vector has not {rotation.dim} dimensions", hint="the encoder changed: embed the vault again"
            )
        vectors = np.frombuffer(b"".join(p.vector for p in pieces), "<f4").reshape(-1, rotation.dim)
        return cls(
            columns=columns,
            ids=np.fromiter((piece.id for piece in pieces), np.int64),
            records=records[order],
            groups=_groups(columns, records[order]),
            vectors=Vectors.build(vectors.astype(np.float32), rotation),
            postings=Postings.build([piece.terms for piece in pieces]),
        )

    @classmethod
    def merge(cls, parts: Sequence[tuple[Segment, Mask]]) -> Segment:
        """Return one segment with the living records of all parts."""
        columns = Columns.merge([(segment.columns, alive) for segment, alive in parts])
        places, size = [], 0
        for segment, alive in parts:
            place = np.where(alive, np.cumsum(alive) - 1 + size, -1)
            places.append(place[segment.records])
            size += int(alive.sum())
        records = np.concatenate(places)
        rows = np.flatnonzero(records >= 0)
        rows = rows[_reading_order(columns, records[rows])]
        return cls(
            columns=columns,
            ids=np.concatenate([segment.ids for segment, _ in parts])[rows],
            records=records[rows].astype(np.int32),
            groups=_groups(columns, records[rows]),
            vectors=Vectors.take([segment.vectors for segment, _ in parts], rows),
            postings=Postings.take([segment.postings for segment, _ in parts], rows),
        )

    @cached_property
    def threads(self) -> NDArray[np.int32]:
        """The threads that have a chunk here."""
        return np.unique(self.groups[self.groups >= 0])


@dataclass(frozen=True, eq=False)
class Generation:
    """What one search sees: segments, and which of their records are alive."""

    number: int
    segments: tuple[Segment, ...]
    alive: tuple[Mask, ...]

    @cached_property
    def split(self) -> Mask | None:
        """A table of threads: which of them have chunks in more than one segment. None if there is none."""
        threads = [segment.threads for segment in self.segments if len(segment.threads)]
        counts = np.bincount(np.concatenate(threads)) if threads else np.empty(0, np.int64)
        return counts > 1 if (counts > 1).any() else None

    def without(self, numbers: Sequence[int]) -> tuple[Mask, ...]:
        """Return what stays alive when these records go."""
        gone = np.array(sorted(set(numbers)), np.int64)
        masks = []
        for segment, alive in zip(self.segments, self.alive, strict=True):
            hit = np.isin(segment.columns.numbers, gone)
            masks.append(alive & ~hit if hit.any() else alive)
        return tuple(masks)

    def next(self, alive: tuple[Mask, ...], fresh: Sequence[Segment] = ()) -> Generation:
        """Return the next generation, compacted: no segment is mostly dead, none is followed by one half its size
        as long as both together are no larger than `LARGEST`."""
        parts = list(zip(self.segments, alive, strict=True))
        parts = [_compact(segment, living) for segment, living in parts if living.any()]
        for segment in fresh:
            parts.append((segment, np.ones(len(segment.columns.numbers), bool)))
            while len(parts) > 1 and _belong(*(len(part.ids) for part, _ in parts[-2:])):
                merged = Segment.merge(parts[-2:])
                parts[-2:] = [(merged, np.ones(len(merged.columns.numbers), bool))]
        return Generation(self.number + 1, tuple(s for s, _ in parts), tuple(a for _, a in parts))


def batches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yield the entries in runs of at most `LARGEST` chunks."""
    start = size = 0
    for end, entry in enumerate(entries):
        if size and size + len(entry.pieces) > LARGEST:
            yield entries[start:end]
            start, size = end, 0
        size += len(entry.pieces)
    if size:
        yield entries[start:]


def _belong(before: int, after: int) -> bool:
    return before < 2 * after and before + after <= LARGEST


def _compact(segment: Segment, alive: Mask) -> tuple[Segment, Mask]:
    """Drop the dead rows once they are a quarter of the segment."""
    if 4 * int(alive.sum()) > 3 * len(alive):
        return segment, alive
    merged = Segment.merge([(segment, alive)])
    return merged, np.ones(len(merged.columns.numbers), bool)


def _reading_order(columns: Columns, records: NDArray[np.integer]) -> Ints:
    """Chunks outside any thread come first, as they stand: a record's are adjacent and in order already."""
    threads = columns.threads[records]
    alone, threaded = np.flatnonzero(threads < 0), np.flatnonzero(threads >= 0)
    at = records[threaded]
    by = (columns.numbers[at], columns.positions[at], threads[threaded])
    return np.concatenate([alone, threaded[np.lexsort(by)]])


def _groups(columns: Columns, records: NDArray[np.integer]) -> Codes:
    threads = columns.threads[records]
    return np.where(threads < 0, -1 - records, threads).astype(np.int32)
