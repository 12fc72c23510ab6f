"""Attributes of records as columns, and the row mask of a scope: the first of the two gates.

Names become small numbers (one table for each dimension, append-only), so that a condition over 100,000
records is a table look-up. What a mask lets through equals what `permissions.scope.admits` lets through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vault.errors import BadRequest
from vault.types import Conditions, Names, Provenance, Sensitivity, utc

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

UNDATED = np.iinfo(np.int64).min
FEW = 8
"""So many names of a condition are compared with one by one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk as stored: its id, its vector (float32, little endian) and its terms (`lexical.encode_terms`)."""

    id: int
    vector: bytes
    terms: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as the index takes it in: its number, every attribute a scope may name, its chunks in text order."""

    record: int
    collection: str
    source: str
    kind: str
    people: tuple[str, ...]
    labels: tuple[str, ...]
    date: datetime | None
    sensitivity: Sensitivity
    provenance: Provenance
    thread: str
    position: int
    pieces: tuple[Piece, ...]


class Numbering:
    """Names to small numbers, 0 upwards. Only grows; reading needs no lock while one thread adds."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def add(self, name: str) -> int:
        return self._of.setdefault(name, len(self._of))

    def all(self) -> list[str]:
        """Return every name, by its number."""
        return list(self._of)

    def names(self, codes: Iterable[int]) -> list[str]:
        """Return the names behind these numbers, one for each."""
        known = list(self._of)
        return [known[code] for code in codes]

    def among(self, codes: Codes, names: Iterable[str]) -> Mask:
        """Return for each code whether its name is among `names`. A few comparisons beat a look-up in a table."""
        wanted = [self._of[name] for name in names if name in self._of]
        if len(wanted) <= FEW:
            found = np.zeros(len(codes), bool)
            for code in wanted:
                found |= codes == code
            return found
        table = np.zeros(len(self._of), bool)  # made last: its size covers whatever was found
        table[wanted] = True
        return np.asarray(table[codes])


class Tables:
    """The numbering of each dimension, shared by all segments of an index."""

    def __init__(self) -> None:
        self.collections = Numbering()
        self.sources = Numbering()
        self.kinds = Numbering()
        self.people = Numbering()
        self.labels = Numbering()
        self.threads = Numbering()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A set of names for each row: name `codes[i]` belongs to row `rows[i]`; rows ascending."""

    rows: Codes
    codes: Codes

    @classmethod
    def of(cls, sets: Sequence[Sequence[str]], numbering: Numbering) -> Pairs:
        rows = np.repeat(np.arange(len(sets), dtype=np.int32), [len(names) for names in sets])
        return cls(rows, np.array([numbering.add(name) for names in sets for name in names], np.int32))

    def any(self, names: Iterable[str], numbering: Numbering, size: int) -> Mask:
        """Return which of `size` rows have at least one of the names."""
        found = np.zeros(size, bool)
        found[self.rows[numbering.among(self.codes, names)]] = True
        return found

    def take(self, keep: Mask, offset: int) -> Pairs:
        """Return the pairs of the kept rows, renumbered from `offset`."""
        kept = keep[self.rows]
        place = (np.cumsum(keep) - 1 + offset).astype(np.int32)
        return Pairs(place[self.rows[kept]], self.codes[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One value for each record of a segment, never changed once built. `threads` is -1 outside any thread."""

    numbers: Ints
    collections: Codes
    sources: Codes
    kinds: Codes
    dates: Ints
    sensitivities: NDArray[np.int8]
    owner: Mask
    threads: Codes
    positions: Ints
    people: Pairs
    labels: Pairs

    @classmethod
    def build(cls, entries: Sequence[Entry], tables: Tables) -> Columns:
        return cls(
            numbers=_array(np.int64, (e.record for e in entries)),
            collections=_array(np.int32, (tables.collections.add(e.collection) for e in entries)),
            sources=_array(np.int32, (tables.sources.add(e.source) for e in entries)),
            kinds=_array(np.int32, (tables.kinds.add(e.kind) for e in entries)),
            dates=_array(np.int64, (microseconds(e.date) for e in entries)),
            sensitivities=_array(np.int8, (int(e.sensitivity) for e in entries)),
            owner=_array(np.bool_, (e.provenance == Provenance.OWNER for e in entries)),
            # The same thread id in two sources means two threads.
            threads=_array(
                np.int32, (tables.threads.add(f"{e.source}\0{e.thread}") if e.thread else -1 for e in entries)
            ),
            positions=_array(np.int64, (e.position for e in entries)),
            people=Pairs.of([e.people for e in entries], tables.people),
            labels=Pairs.of([e.labels for e in entries], tables.labels),
        )

    @classmethod
    def merge(cls, parts: Sequence[tuple[Columns, Mask]]) -> Columns:
        """Return the kept records of several parts, one after the other."""
        ends = np.cumsum([0, *(int(keep.sum()) for _, keep in parts)])

        def flat(name: str) -> Any:
            return np.concatenate([getattr(part, name)[keep] for part, keep in parts])

        def pairs(name: str) -> Pairs:
            taken = [getattr(part, name).take(keep, end) for (part, keep), end in zip(parts, ends, strict=False)]
            return Pairs(np.concatenate([p.rows for p in taken]), np.concatenate([p.codes for p in taken]))

        return cls(
            **{f.name: flat(f.name) for f in fields(cls) if f.name not in ("people", "labels")},
            people=pairs("people"),
            labels=pairs("labels"),
        )

    def mask(self, where: Conditions, tables: Tables) -> Mask:
        """Return which records are inside the conditions. A rolling window must have been resolved: BadRequest."""
        if where.last is not None:
            raise BadRequest("a rolling window must be resolved before it is searched")
        size = len(self.numbers)
        found = np.ones(size, bool)
        for names, numbering, column in (
            (where.collections, tables.collections, self.collections),
            (where.sources, tables.sources, self.sources),
            (where.kinds, tables.kinds, self.kinds),
        ):
            found &= _within(names, numbering, column)
        for one in where.labels:
            found &= self.labels.any(one, tables.labels, size)
        for one in where.people:
            found &= self.people.any(one, tables.people, size)
        if where.without_labels:
            found &= ~self.labels.any(where.without_labels, tables.labels, size)
        if where.since is not None:
            found &= (self.dates >= microseconds(where.since)) & (self.dates != UNDATED)
        if where.until is not None:
            found &= (self.dates < microseconds(where.until)) & (self.dates != UNDATED)
        found &= self.sensitivities <= int(where.ceiling)
        return found & self.owner if where.owner_written else found


def microseconds(moment: datetime | None) -> int:
    """Return whole microseconds since 1970 in UTC, or UNDATED."""
    return (utc(moment) - _EPOCH) // timedelta(microseconds=1) if moment else int(UNDATED)


def _array(dtype: Any, values: Iterable[Any]) -> Any:
    return np.fromiter(values, dtype)


def _within(names: Names, numbering: Numbering, column: Codes) -> Any:
    return True if names.every else numbering.among(column, names.only)
