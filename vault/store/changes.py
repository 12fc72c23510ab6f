"""Which records changed since the index was last saved, and which sealed snapshot of it counts (SPEC.md).

Triggers of the schema write the changes, in the transaction that makes them: no way of changing a record is missed.
"""

from __future__ import annotations

from typing import NamedTuple

from vault.types import Connection

TRIMMED = 20_000
"""Changes forgotten in one transaction: other writes wait behind it."""


class Named(NamedTuple):
    """The snapshot that counts: its file, and the last change that is in it."""

    name: str
    upto: int


def last(conn: Connection) -> int:
    """Return the number of the newest change; 0 before the first."""
    row = conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'change'").fetchone()
    return int(row[0]) if row else 0


def since(conn: Connection, number: int) -> set[int]:
    """Return the records that came, changed or went after that change."""
    return {record for (record,) in conn.execute("SELECT DISTINCT record FROM change WHERE n > ?", (number,))}


def named(conn: Connection) -> Named | None:
    """Return the snapshot that counts, None when there is none."""
    row = conn.execute("SELECT name, upto FROM snapshot").fetchone()
    return Named(*row) if row else None


def name(conn: Connection, snapshot: Named) -> None:
    """Let this snapshot count from now on, and no other."""
    conn.execute("INSERT OR REPLACE INTO snapshot (one, name, upto) VALUES (1, ?, ?)", snapshot)


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
