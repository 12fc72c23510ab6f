"""Exposure: which client ever got how much of what, and the records behind each number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import render_template, request

from vault import limits
from vault.errors import BadRequest
from vault.types import Axis, Cell, Column, Exposed, ExposedRequest, MatrixRequest, Row, Sensitivity

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

LISTED = 100
"""Records on a page."""
COLUMNS = 24
"""Collections of a matrix side by side, those of which most left; all of them where the owner asks for that."""
HEATS = (0.0, 0.02, 0.1, 0.25, 0.5, 0.8)
"""Shares of a column from which on a cell is a step warmer."""
FORGOTTEN = "forgotten since"


@dataclass(frozen=True, slots=True)
class Box:
    """One cell as it is shown: its number, its share of what the column holds, and how warm it is."""

    cell: Cell | None
    share: str
    heat: int
    query: str


@dataclass(frozen=True, slots=True)
class Line:
    row: Row
    boxes: tuple[Box, ...]


def add(console: Console) -> None:
    """Add the pages of exposure."""
    exposure = Exposure(console)
    console.page("/exposure", exposure.matrix)
    console.page("/exposure/records", exposure.records)


class Exposure:
    """The views of exposure."""

    def __init__(self, console: Console) -> None:
        self._vault = console.vault

    def matrix(self, session: Session) -> Answer:
        """Show clients by collections, or by levels of sensitivity."""
        by = _axis(request.args.get("by", ""))
        ended, wide = request.args.get("ended") != "hidden", request.args.get("columns") == "all"
        found = self._vault.matrix(session.holder, MatrixRequest(by))
        touched = [one for one in found.columns if one.exposed or by is Axis.SENSITIVITY]
        shown = touched if wide or len(touched) <= COLUMNS else _largest(touched)
        rows = [row for row in found.rows if ended or row.live]
        return render_template(
            "console/exposure/matrix.html", found=found, columns=shown, lines=[line(row, shown, by) for row in rows],
            untouched=[one for one in found.columns if not one.exposed], by=by, axes=Axis, ended=ended, wide=wide,
            folded=len(touched) - len(shown), over=sum(not row.live for row in found.rows), share=share,
            link=self._link, name=name, forgotten=FORGOTTEN,
        )  # fmt: skip

    @staticmethod
    def _link(**changes: str) -> str:
        """Return the address of the matrix as it is shown with something changed."""
        kept = {key: request.args[key] for key in ("by", "ended", "columns") if key in request.args}
        return "?" + urlencode({key: value for key, value in (kept | changes).items() if value})

    def records(self, session: Session) -> Answer:
        """Show the records that a client got, those of one cell, or who got a record."""
        asked = _asked(request.args)
        found = self._vault.exposed(session.holder, asked)
        level = asked.sensitivity
        return render_template(
            "console/exposure/records.html", asked=asked, found=found, more=_onward(found), level=level,
            title=_title(found, asked), entries=_entries(asked), forgotten=FORGOTTEN,
        )  # fmt: skip


def line(row: Row, columns: Sequence[Column], by: Axis) -> Line:
    """Return a client's row as it is shown, with a box for each column."""
    cells = {one.column: one for one in row.cells}
    return Line(row, tuple(_box(row.client, column, cells.get(column.name), by) for column in columns))


def _box(client: str, column: Column, cell: Cell | None, by: Axis) -> Box:
    if cell is None:
        return Box(None, "", 0, "")
    which = {"forgotten": "1"} if not column.name else {by.value: column.name}
    part = cell.records / column.held if column.held else 0.0
    query = "?" + urlencode({"client": client, **which})
    return Box(cell, share(cell.records, column.held), sum(part > least for least in HEATS), query)


def share(number: int, whole: int) -> str:
    """Return a share in whole per cent; never 0 for something, nor 100 for less than all."""
    if not whole:
        return ""
    if 0 < number < whole:
        percent = min(99, max(1, round(100 * number / whole)))
        return f"{'< ' if number * 100 < whole else ''}{percent} %"
    return f"{100 * number // whole} %"


def name(column: Column) -> str:
    return column.name or FORGOTTEN


def _largest(columns: Sequence[Column]) -> list[Column]:
    """Return the columns of which most left, in the order in which they stood."""
    most = {one.name for one in sorted(columns, key=lambda one: -one.exposed)[:COLUMNS]}
    return [one for one in columns if one.name in most or not one.name]


def _asked(said: Mapping[str, str]) -> ExposedRequest:
    client, record = said.get("client") or None, said.get("record") or None
    level = _level(said.get("sensitivity", ""))
    collection = "" if said.get("forgotten") else said.get("collection") or None
    return ExposedRequest(client, record, collection, level, LISTED, _before(said.get("before", "")))


def _axis(said: str) -> Axis:
    try:
        return Axis(said or Axis.COLLECTION)
    except ValueError:
        raise BadRequest("exposure is by collection or by sensitivity") from None


def _level(said: str) -> Sensitivity | None:
    try:
        return Sensitivity.parse(said) if said else None
    except ValueError:
        raise BadRequest("there is no such sensitivity") from None


def _before(said: str) -> tuple[int, str] | None:
    if not said:
        return None
    time, _, id = said.partition(".")
    if not time.isascii() or not time.removeprefix("-").isdecimal() or len(time) > 18:
        raise BadRequest("a page begins where an earlier one ended")
    return int(time), id[: limits.NAME]


def _onward(found: Exposed) -> str:
    if found.more is None:
        return ""
    kept = {key: value for key, value in request.args.items() if key != "before"}
    return "?" + urlencode({**kept, "before": f"{found.more[0]}.{found.more[1]}"})


def _entries(asked: ExposedRequest) -> str:
    """Return the query of the log's page for the entries behind these records."""
    said = {
        "client": asked.client, "record": asked.record, "collection": asked.collection,
        "sensitivity": asked.sensitivity.name.lower() if asked.sensitivity is not None else None,
    }  # fmt: skip
    return "?" + urlencode({"period": "all"} | {key: value for key, value in said.items() if value})


def _title(found: Exposed, asked: ExposedRequest) -> str:
    if asked.client is not None:
        return asked.client
    return next((one.title for one in found.records if one.title), "A record")
