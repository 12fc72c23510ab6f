"""Lists of records without their text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vault.types import (
    Connection,
    Provenance,
    Record,
    RecordLine,
    Records,
    RecordsRequest,
    Sensitivity,
    from_micros,
)

_LINE = "n, id, title, collection, source, kind, created, imported, sensitivity, provenance, length(text)"
_PAGE = f"SELECT {_LINE} FROM record WHERE collection = ? AND n < ? ORDER BY n DESC LIMIT ?"  # noqa: S608 - our own
NEIGHBOURS = 5
"""Records of a thread that are told before one, and after it."""


def listed(conn: Connection, request: RecordsRequest) -> Records:
    """Return a page of a collection's records, the latest imported first."""
    before = 2**63 - 1 if request.before is None else request.before
    rows = conn.execute(_PAGE, (request.collection, before, request.limit + 1)).fetchall()
    shown = tuple(map(_line, rows[: request.limit]))
    return Records(shown, int(rows[request.limit - 1][0]) if len(rows) > request.limit else None)


def by_number(conn: Connection, numbers: Iterable[int]) -> dict[int, RecordLine]:
    """Return the records with these numbers; those that are gone are left out."""
    query = f"SELECT {_LINE} FROM record WHERE n = ?"  # noqa: S608 - our own column names
    rows = (conn.execute(query, (n,)).fetchone() for n in numbers)
    return {row[0]: _line(row) for row in rows if row is not None}


def by_id(conn: Connection, ids: Iterable[str]) -> list[RecordLine]:
    """Return the records with these ids, each once, in their order; those that are gone are left out."""
    query = f"SELECT {_LINE} FROM record WHERE id = ?"  # noqa: S608 - our own column names
    rows = (conn.execute(query, (id,)).fetchone() for id in dict.fromkeys(ids) if id.isascii())
    return [_line(row) for row in rows if row is not None]


def thread(conn: Connection, record: Record) -> tuple[tuple[RecordLine, ...], tuple[RecordLine, ...]]:
    """Return what stands before a record in its thread, nearest last, and after it, nearest first."""
    if not record.thread:
        return (), ()
    here = (record.source, record.thread, record.position, record.id)
    base = f"SELECT {_LINE} FROM record WHERE source = ? AND thread = ? AND "  # noqa: S608 - our own column names
    at = "(SELECT n FROM record WHERE id = ?)"
    before = conn.execute(f"{base} (position, n) < (?, {at}) ORDER BY position DESC, n DESC LIMIT {NEIGHBOURS}", here)
    after = conn.execute(f"{base} (position, n) > (?, {at}) ORDER BY position, n LIMIT {NEIGHBOURS}", here)
    return tuple(map(_line, before.fetchall()[::-1])), tuple(map(_line, after.fetchall()))


def chunks(conn: Connection, id: str) -> int:
    """Return into how many chunks a record is cut."""
    query = "SELECT count(*) FROM chunk WHERE record = (SELECT n FROM record WHERE id = ?)"
    return int(conn.execute(query, (id,)).fetchone()[0])


def _line(row: Sequence[Any]) -> RecordLine:
    _, id, title, collection, source, kind, created, imported, level, provenance, size = row
    return RecordLine(
        id, title, collection, source, kind, None if created is None else from_micros(created),
        from_micros(imported), Sensitivity(level), Provenance(provenance), size,
    )  # fmt: skip
