"""Which records changed since the index was last saved, and which sealed snapshot of it counts (SPEC.md).

Triggers of the schema write down what changed or went, in the transaction that did it, and new records have higher
numbers than all before: no way of changing a record is missed.
"""

from __future__ import annotations

from typing import NamedTuple

from vault.types import Connection

TRIMMED = 20_000
"""Changes forgotten in one transaction: other writes wait behind it."""


class Mark(NamedTuple):
    """A moment in the life of the records: the last row of `change`, and the newest record. Both only grow."""

    upto: int
    newest: int


class Named(NamedTuple):
    """The snapshot that counts: its file, and the moment up to which everything is in it."""

    name: str
    mark: Mark


def last(conn: Connection) -> Mark:
    """Return the present moment."""
    rows = dict(conn.execute("SELECT name, seq FROM sqlite_sequence WHERE name IN ('change', 'record')"))
    return Mark(rows.get("change", 0), rows.get("record", 0))


def since(conn: Connection, mark: Mark) -> set[int]:
    """Return the records that came, changed or went after that moment."""
    query = "SELECT record FROM change WHERE n > ? UNION SELECT n FROM record WHERE n > ?"
    return {record for (record,) in conn.execute(query, mark)}


def named(conn: Connection) -> Named | None:
    """Return the snapshot that counts, None when there is none."""
    row = conn.execute("SELECT name, upto, newest FROM snapshot").fetchone()
    return Named(row[0], Mark(*row[1:])) if row else None


def name(conn: Connection, snapshot: Named) -> None:
    """Let this snapshot count from now on, and no other."""
    statement = "INSERT OR REPLACE INTO snapshot (one, name, upto, newest) VALUES (1, ?, ?, ?)"
    conn.execute(statement, (snapshot.name, *snapshot.mark))


def unname(conn: Connection) -> None:
    """Let no snapshot count."""
    conn.execute("DELETE FROM snapshot")


def trim(conn: Connection) -> bool:
    """Drop some of the changes that the snapshot holds; return whether there are more of them."""
    gone = conn.execute(
        "DELETE FROM change WHERE n IN (SELECT n FROM change WHERE n <= (SELECT upto FROM snapshot) LIMIT ?)",
        (TRIMMED,),
    )
    return int(gone.rowcount) == TRIMMED


def counts(conn: Connection) -> tuple[int, int]:
    """Return how many records and how many chunks there are."""
    query = "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM chunk)"
    records, chunks = conn.execute(query).fetchone()
    return int(records), int(chunks)
