"""Filling an index when a vault is unlocked: from its snapshot, or from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vault.library.chunks import entries, spelled
from vault.library.snapshots import Snapshots, Unusable
from vault.store import records
from vault.store.database import Database
from vault.types import Connection

if TYPE_CHECKING:
    from vault.embed.search import Entry, Index

AT_ONCE = 25_000
"""Records that are read again at a time."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An index with everything that the store holds. `unsaved` records are in no snapshot; `torn`: of one that there
    is, files were missing or had to go; `odd`: there should have been a better one."""

    index: Index
    told: str
    unsaved: int = 0
    torn: bool = False
    odd: bool = False


def filled(
    db: Database, snapshots: Snapshots, new: Callable[[], Index], made_by: str, tell: Callable[[str], None]
) -> Loaded:
    """Return an index filled from the snapshot that counts, or from the database. `new` makes an empty one; `tell`
    hears when it takes long."""
    index = new()
    with db.read() as conn:
        try:
            return _restored(conn, snapshots, index, made_by)
        except Unusable as reason:
            index.close()
            index, why = new(), reason
        tell(f"being rebuilt from the database: {why}")
        index.learn(records.lexicon(conn))
        take(index, entries(conn))
        return Loaded(index, f"rebuilt from the database: {why}", index.size, torn=True, odd=why.odd)


def take(index: Index, some: Iterable[Entry]) -> None:
    """Take in entries, not all of them in memory at once: one part is taken in while the next is read."""
    with ThreadPoolExecutor(1, "filling") as pool:
        under_way = pool.submit(index.add, ())
        for part in _parts(some):
            under_way.result()
            under_way = pool.submit(index.add, part)
        under_way.result()


def _parts(some: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield as many entries together as make one full segment, so that none is merged."""
    from vault.embed.segments import LARGEST

    part: list[Entry] = []
    size = 0
    for entry in some:
        if part and size + len(entry.pieces) > LARGEST:
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry.pieces)
    yield part


def _restored(conn: Connection, snapshots: Snapshots, index: Index, made_by: str) -> Loaded:
    saved = snapshots.load(conn, index, made_by)
    torn = saved.broken
    for batch in _batches(sorted(saved.again)):
        some = list(entries(conn, batch))
        index.learn(spelled(conn, some))
        index.add(some)
        there = {entry.record for entry in some}
        torn |= snapshots.forget(n for n in batch if n not in there)  # a crash came between forgetting and this
    if _held(index) != saved.counts:
        raise Unusable("the snapshot did not agree with the database")
    told = "opened from its snapshot"
    if saved.broken:
        told += f", {len(saved.again):,} records rebuilt from the database: parts of it were missing or damaged"
    return Loaded(index, told, len(saved.again), torn, saved.broken)


def _batches(numbers: list[int]) -> Iterator[list[int]]:
    return (numbers[i : i + AT_ONCE] for i in range(0, len(numbers), AT_ONCE))


def _held(index: Index) -> tuple[int, int]:
    """Return how many records and chunks an index holds."""
    generation, *_ = index.state
    living = list(zip(generation.segments, generation.alive, strict=True))
    chunks = sum(int(alive[segment.records].sum()) for segment, alive in living)
    return sum(int(alive.sum()) for _, alive in living), chunks
