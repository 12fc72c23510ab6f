"""Sealed snapshots of the index, so that a vault answers soon after it was unlocked. Only ever a cache (store/SPEC.md).

One file holds names, words and the list of segments; each segment has a file of its own, written once. The database
names the one list that counts, in the transaction that a crash leaves done or not done; files that it does not lead to
mean nothing and are swept away. So an older snapshot, however authentic, is never looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from vault.errors import Damaged, Locked, StorageFailed
from vault.store import changes
from vault.store.database import Database
from vault.store.sealed import Files
from vault.types import Connection

if TYPE_CHECKING:
    from vault.embed.search import Index
    from vault.embed.segments import Segment
    from vault.embed.snapshot import Bundle

READERS = 4
"""Segments that are unsealed at the same time."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A segment's file: its name, and the numbers of the records it was written with."""

    name: str
    numbers: Any


@dataclass(frozen=True, slots=True)
class Saved:
    """What a snapshot leaves to be done: the records to be read from the database, changed since or in segments whose
    files are `broken`, missing or damaged; and how many records and chunks the database holds in all."""

    again: set[int]
    counts: tuple[int, int]
    broken: bool


class Unusable(Exception):
    """There is no snapshot, or none that fits; the text says why. `odd`: there should have been one."""

    def __init__(self, why: str, *, odd: bool = True) -> None:
        super().__init__(why)
        self.odd = odd


class Snapshots:
    """The snapshots of one vault's index. Thread-safe; one is written at a time."""

    def __init__(self, db: Database, files: Files) -> None:
        self._db, self._files = db, files
        self._writing = threading.Lock()
        self._door = threading.Lock()  # over the three below
        self._held: WeakKeyDictionary[Segment, Held] = WeakKeyDictionary()
        self._there: set[Held] = set()  # every file of a segment, also of one that has been merged with others since
        self._forgotten: set[int] = set()
        self._ended = threading.Event()

    # ------------------------------------------------------------ reading

    def load(self, conn: Connection, index: Index, made_by: str) -> Saved:
        """Fill an empty index from the snapshot that counts. Unusable when nothing of it is of use."""
        from vault.embed import snapshot

        named = changes.named(conn)
        if named is None:
            self._files.sweep([])
            raise Unusable("there was no snapshot", odd=False)
        listed = self._bundle(named.name)
        head, arrays = listed.head, listed.arrays
        self._files.sweep([named.name, *head["segments"]])  # what a crash left may hold what is forgotten later
        if head["probe"] != snapshot.probe(index.rotation):
            raise Unusable("the snapshot was made by another version")
        if head["made_by"] != made_by or head["mark"] != list(named.mark):
            raise Unusable("the snapshot belongs to other vectors")
        stale = changes.since(conn, named.mark)
        again = set(stale)
        found: list[tuple[Segment, Any]] = []
        with ThreadPoolExecutor(READERS, "unsealing") as pool:
            reading = [pool.submit(self._segment, index, name, arrays[f"numbers.{i}"])
                       for i, name in enumerate(head["segments"])]  # fmt: skip
            counts = changes.counts(conn)
            tables, words = snapshot.numbered(arrays), snapshot.spelled(arrays)
            for i, one in enumerate(reading):
                numbers, alive = arrays[f"numbers.{i}"], arrays[f"alive.{i}"]
                if segment := one.result():
                    found.append((segment, alive & ~_among(numbers, stale)))
                else:
                    again.update(numbers[alive].tolist())
        index.begin(tables, words, found)
        return Saved(again, counts, len(found) < len(reading))

    def _segment(self, index: Index, name: str, numbers: Any) -> Segment | None:
        """Return a segment, None when its file is not there or not what the vault wrote."""
        import numpy as np

        from vault.embed import snapshot

        if not name:  # a record in it was forgotten while it was being written
            return None
        try:
            segment = snapshot.unpacked(self._bundle(name), index.rotation)
        except Unusable:
            return None
        if not np.array_equal(segment.columns.numbers, numbers):
            return None
        with self._door:
            self._held[segment] = held = Held(name, numbers)
            self._there.add(held)
        return segment

    def _bundle(self, name: str) -> Bundle:
        from vault.embed.snapshot import Bundle

        try:
            with self._files.read(name) as source:
                return Bundle.read(source)
        except FileNotFoundError:
            raise Unusable("the snapshot was missing") from None
        except (Damaged, StorageFailed, ValueError, KeyError, TypeError) as error:
            layout = isinstance(error, Damaged) and error.reason == "layout"
            said = "the snapshot was made by another version" if layout else "the snapshot was damaged"
            raise Unusable(said) from None

    # ------------------------------------------------------------ writing

    def write(self, index: Index, made_by: str, mark: changes.Mark) -> None:
        """Take the index down, which holds every change up to `mark`, and let that count. Raises VaultError.

        Segments that have their file keep it. 1. new files, flushed; 2. the list, flushed; 3. the database names it;
        4. what it does not lead to is removed. A crash before 3 leaves the snapshot before, after it the new one.
        """
        from vault.embed import snapshot

        with self._writing:
            if self._ended.is_set():
                return
            generation, tables, lexicon = index.state
            segments, head, arrays = [], [], dict[str, Any]()
            for i, (segment, alive) in enumerate(zip(generation.segments, generation.alive, strict=True)):
                held, written = self._kept(segment, alive)
                segments.append(written)
                head.append(held.name)
                arrays[f"numbers.{i}"] = held.numbers
                arrays[f"alive.{i}"] = snapshot.alive_among(held.numbers, segment, alive)
            arrays |= {**snapshot.names(tables, segments), **snapshot.words(lexicon, segments)}
            probe = snapshot.probe(index.rotation)
            told = {"made_by": made_by, "mark": list(mark), "probe": probe, "segments": head}
            name = self._files.write((whole := snapshot.Bundle(told, arrays)).pieces(), whole.size)
            try:
                self._db.write(lambda conn: changes.name(conn, changes.Named(name, mark)))
            except BaseException:
                self._files.drop(name)
                raise
            with self._door:
                self._there = {held for held in self._there if held.name in head}
            self._files.sweep([name, *head])
            while self._db.write(changes.trim, patient=True):
                pass

    def _kept(self, segment: Segment, alive: Any) -> tuple[Held, Segment]:
        """Return the file of a segment, written now if it has none, and what is in it: then only what is alive."""
        from vault.embed import snapshot
        from vault.embed.segments import Segment

        with self._door:
            if held := self._held.get(segment):
                return held, segment
        part = segment if alive.all() else Segment.merge([(segment, alive)])
        if self._ended.is_set():
            raise Locked("the vault is being locked")
        bundle = snapshot.packed(part)
        held = Held(self._files.write(bundle.pieces(), bundle.size), part.columns.numbers)
        with self._door:
            if _among(held.numbers, self._forgotten).any():  # since the segment was looked at
                self._files.drop(held.name)
                return Held("", held.numbers), part
            self._held[segment] = held
            self._there.add(held)
        return held, part

    def unwritten(self, index: Index) -> int:
        """Return how many chunks of the index have no file."""
        generation, *_ = index.state
        with self._door:
            return sum(len(one.ids) for one in generation.segments if one not in self._held)

    def forget(self, numbers: Iterable[int]) -> bool:
        """Remove the files that hold records which are forgotten; tell whether there were any. When this returns, the
        snapshot does not hold them."""
        gone = set(numbers)
        with self._door:
            self._forgotten |= gone
            hit = {held for held in self._there if _among(held.numbers, gone).any()}
            self._there -= hit
            for segment in [segment for segment, held in self._held.items() if held in hit]:
                del self._held[segment]
            for held in hit:
                self._files.drop(held.name)
        return bool(hit)

    def discard(self) -> None:
        """Remove the snapshot that there is. Raises VaultError."""
        with self._writing:
            self._db.write(changes.unname)
            self._files.sweep([])

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let none be written inside the block."""
        with self._writing:
            yield

    def close(self) -> None:
        """Break off what is being written, and let the key go."""
        self._ended.set()
        with self._writing:
            self._files.close()


def _among(numbers: Any, wanted: set[int]) -> Any:
    import numpy as np

    return np.isin(numbers, np.fromiter(wanted, np.int64, len(wanted)))
