"""Lists of records without their text."""

from __future__ import annotations

from vault.types import (
    Connection,
    Provenance,
    RecordLine,
    Records,
    RecordsRequest,
    Sensitivity,
    from_micros,
)

_PAGE = (
    "SELECT n, id, title, collection, source, kind, created, imported, sensitivity, provenance, length(text)"
    " FROM record WHERE collection = ? AND n < ? ORDER BY n DESC LIMIT ?"
)


def listed(conn: Connection, request: RecordsRequest) -> Records:
    """Return a page of a collection's records, the latest imported first."""
    before = 2**63 - 1 if request.before is None else request.before
    rows = conn.execute(_PAGE, (request.collection, before, request.limit + 1)).fetchall()
    shown = tuple(
        RecordLine(id, title, collection, source, kind, None if created is None else from_micros(created),
                   from_micros(imported), Sensitivity(level), Provenance(provenance), size)
        for _, id, title, collection, source, kind, created, imported, level, provenance, size in rows[: request.limit]
    )  # fmt: skip
    return Records(shown, int(rows[request.limit - 1][0]) if len(rows) > request.limit else None)
