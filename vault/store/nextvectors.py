"""Vectors by another model on their way in: made one by one beside those that answer, counted all at once.

`encoder` is the model whose vectors count, `encoder_next` the one whose vectors are in `next_vector`. As long as the
two differ, `chunk.vector` counts. Once they are the same, a row here counts before the chunk's own vector, until it has
been moved there; then `encoder_next` goes. Functions on a connection, inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from vault.store.records import set_setting, setting
from vault.types import Connection

COUNTS, COMING = "encoder", "encoder_next"


class Bare(NamedTuple):
    """A chunk without a vector by the next model: its id, its record, its place there and in the text."""

    id: int
    record: int
    ordinal: int
    start: int
    end: int


def made_by(conn: Connection) -> tuple[str | None, str | None]:
    """Return the model whose vectors count, and the one whose vectors are coming."""
    return setting(conn, COUNTS), setting(conn, COMING)


def begin(conn: Connection, model: str) -> None:
    """Note whose vectors are coming. There must be none of another model."""
    set_setting(conn, COMING, model)


def bare(conn: Connection, after: int, limit: int) -> list[Bare]:
    """Return chunks with a higher id than `after` that have no vector by the next model, lowest first."""
    query = (
        'SELECT id, record, ordinal, start, "end" FROM chunk WHERE id > ? '
        "AND NOT EXISTS (SELECT 1 FROM next_vector WHERE chunk = id) ORDER BY id LIMIT ?"
    )
    return [Bare(*row) for row in conn.execute(query, (after, limit))]


def lacking(conn: Connection) -> set[int]:
    """Return the records of which a chunk has no vector by the next model."""
    query = "SELECT DISTINCT record FROM chunk WHERE NOT EXISTS (SELECT 1 FROM next_vector WHERE chunk = id)"
    return {record for (record,) in conn.execute(query)}


def done(conn: Connection) -> int:
    """Return how many chunks have a vector by the next model."""
    return int(conn.execute("SELECT count(*) FROM next_vector").fetchone()[0])


def put(conn: Connection, vectors: Mapping[int, bytes]) -> None:
    """Store vectors by chunk; those of chunks that are gone are left out."""
    statement = "INSERT OR REPLACE INTO next_vector (chunk, vector) SELECT id, ? FROM chunk WHERE id = ?"
    conn.executemany(statement, ((vector, chunk) for chunk, vector in vectors.items()))


def switch(conn: Connection, after: int, model: str) -> bool:
    """Let the next model's vectors count from now on; False, and nothing done, when a chunk after `after` has none."""
    if bare(conn, after, 1):
        return False
    set_setting(conn, COUNTS, model)
    return True


def move(conn: Connection, limit: int) -> bool:
    """Move some vectors to their chunks. False when there were none left: then nothing is coming any more."""
    some = [chunk for (chunk,) in conn.execute("SELECT chunk FROM next_vector ORDER BY chunk LIMIT ?", (limit,))]
    if not some:
        conn.execute("DELETE FROM setting WHERE key = ?", (COMING,))
        return False
    first, last = some[0], some[-1]
    conn.execute(
        "UPDATE chunk SET vector = (SELECT vector FROM next_vector WHERE chunk = id) "
        "WHERE id BETWEEN ? AND ? AND EXISTS (SELECT 1 FROM next_vector WHERE chunk = id)",
        (first, last),
    )
    _remove(conn, some)
    return True


def discard(conn: Connection, limit: int) -> bool:
    """Drop some vectors that shall never count. False when there were none left: then nothing is coming any more."""
    some = [chunk for (chunk,) in conn.execute("SELECT chunk FROM next_vector ORDER BY chunk LIMIT ?", (limit,))]
    if some:
        _remove(conn, some)
    else:
        conn.execute("DELETE FROM setting WHERE key = ?", (COMING,))
    return bool(some)


def _remove(conn: Connection, chunks: Iterable[int]) -> None:
    conn.executemany("DELETE FROM next_vector WHERE chunk = ?", ((chunk,) for chunk in chunks))
