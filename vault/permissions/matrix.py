"""Who was ever given what, counted: clients by collections or levels, and the records behind each number.

The numbers stand in the table `exposed`, which triggers keep: SPEC.md, "Exposure".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from vault import limits
from vault.errors import BadRequest
from vault.permissions import logbook
from vault.types import (
    Axis,
    Cell,
    Column,
    Connection,
    Exposed,
    ExposedRecord,
    ExposedRequest,
    Matrix,
    Row,
    Sensitivity,
    from_micros,
)

ANYBODY = ""
GONE = ""
"""The column of what was forgotten since."""


class _Count(NamedTuple):
    records: int = 0
    last: int = 0

    def and_(self, records: int, last: int) -> _Count:
        return _Count(self.records + records, max(self.last, last))


def matrix(conn: Connection, by: Axis, held: Mapping[str, int], live: frozenset[str]) -> Matrix:
    """Return what each client ever got, by column. `held` tells how many records each column holds now."""
    counts: dict[str, dict[str, _Count]] = defaultdict(lambda: defaultdict(_Count))
    for client, collection, level, records, last in conn.execute(
        "SELECT client, collection, sensitivity, records, last FROM exposed WHERE records > 0"
    ).fetchall():
        column = GONE if level < 0 else collection if by is Axis.COLLECTION else Sensitivity(level).name.lower()
        counts[client][column] = counts[client][column].and_(records, last)
    anybody = counts.pop(ANYBODY, {})
    columns = tuple(
        Column(name, held.get(name, 0), anybody.get(name, _Count()).records, _when(anybody.get(name)))
        for name in _names(by, held, anybody)
    )
    rows = (_row(client, client in live, cells, columns) for client, cells in counts.items())
    exposed = sum(one.records for name, one in anybody.items() if name != GONE)
    return Matrix(by, columns, tuple(sorted(rows, key=_rank)), sum(held.values()), exposed)


def exposed(conn: Connection, request: ExposedRequest) -> Exposed:
    """Return a page of what a client got, or of who got a record, latest first. BadRequest unless one is named."""
    if not 1 <= request.limit <= limits.PAGE:
        raise BadRequest(f"a page has 1 to {limits.PAGE} records")
    if (request.client is None) == (request.record is None):
        raise BadRequest("name a client or a record", hint="one of them")
    conditions, said = _conditions(request)
    key = "released.record" if request.record is None else "released.client"
    if request.before is not None:
        conditions.append(f"(released.last, {key}) < (?, ?)")
        said += request.before
    rows = conn.execute(
        "SELECT released.record, released.client, record.title, record.collection, record.sensitivity, released.first,"  # noqa: S608 - our own conditions
        " released.last, released.times FROM released LEFT JOIN record ON record.id = released.record"
        f" WHERE {' AND '.join(conditions)} ORDER BY released.last DESC, {key} DESC LIMIT ?",
        (*said, request.limit + 1),
    ).fetchall()
    shown = tuple(_record(*row) for row in rows[: request.limit])
    if len(rows) <= request.limit:
        return Exposed(shown, None)
    final = rows[request.limit - 1]
    return Exposed(shown, (final[6], final[0] if request.record is None else final[1]))


def _conditions(request: ExposedRequest) -> tuple[list[str], list[Any]]:
    conditions, said = [], list[Any]()
    for condition, value in (
        ("released.client = ?", None if request.client is None else logbook.name(request.client)),
        ("released.record = ?", request.record),
        ("record.collection = ?", logbook.name(request.collection) if request.collection else None),
        ("record.sensitivity = ?", request.sensitivity),
    ):
        if value is not None:
            conditions.append(condition)
            said.append(value)
    if request.collection == GONE:
        conditions.append("record.id IS NULL")
    return conditions, said


def _record(
    id: str, client: str, title: str | None, collection: str | None, level: int | None,
    first: int, last: int, times: int,
) -> ExposedRecord:  # fmt: skip
    return ExposedRecord(
        id, client, title or "", collection or "", None if level is None else Sensitivity(level), from_micros(first),
        from_micros(last), times, collection is None,
    )  # fmt: skip


def _names(by: Axis, held: Mapping[str, int], anybody: Mapping[str, _Count]) -> list[str]:
    """Return the columns: levels in their order, collections by name, and last what is forgotten, if there is any."""
    known = {*held, *anybody} - {GONE}
    order = [one.name.lower() for one in Sensitivity] if by is Axis.SENSITIVITY else sorted(known, key=str.casefold)
    return order + ([GONE] if GONE in anybody else [])


def _row(client: str, live: bool, cells: Mapping[str, _Count], columns: tuple[Column, ...]) -> Row:
    shown = tuple(
        Cell(one.name, cells[one.name].records, from_micros(cells[one.name].last))
        for one in columns
        if one.name in cells
    )
    total = _Count(sum(one.records for one in cells.values()), max(one.last for one in cells.values()))
    return Row(client, live, total.records, from_micros(total.last), shown)


def _rank(row: Row) -> tuple[bool, int, str]:
    return (not row.live, -row.records, row.client)


def _when(count: _Count | None) -> datetime | None:
    return from_micros(count.last) if count else None
