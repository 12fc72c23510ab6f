"""Audit entries as files: a line of JSON for each, or a row of a table.

A table is opened by a spreadsheet, which takes a cell that begins like a formula for one: such cells get an apostrophe
(OWASP, "CSV Injection"), and characters that hide or turn words around are left out. The lines of JSON are exact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from enum import StrEnum

from vault.api import wire
from vault.legible import legible
from vault.types import AuditEntry

COLUMNS = (
    "number", "time", "client", "action", "via", "outcome", "decision", "reason", "grant", "query", "records", "leaf",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How formulas begin; the last four are the wide forms of the first."""
_MARK = "\ufeff"
"""By which spreadsheets know UTF-8."""


class Form(StrEnum):
    """What a file of entries looks like."""

    JSONL = "jsonl"
    CSV = "csv"


def lines(entries: Iterable[AuditEntry], form: Form) -> Iterator[str]:
    """Yield the file piece by piece, so that it is never whole in memory."""
    return _json(entries) if form is Form.JSONL else _table(entries)


def _json(entries: Iterable[AuditEntry]) -> Iterator[str]:
    for one in entries:
        yield wire.dump(one).decode() + "\n"


def _table(entries: Iterable[AuditEntry]) -> Iterator[str]:
    yield _MARK + _row(COLUMNS)
    for one in entries:
        said = one.entry
        yield _row((
            str(one.number), wire.plain(said.time), said.client, said.action, said.via, one.outcome or "erased",
            said.decision, said.reason, said.grant, said.query, " ".join(said.records), one.leaf,
        ))  # fmt: skip


def _row(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(text: str) -> str:
    shown = legible(text)
    return f"'{shown}" if shown.lstrip(" ").startswith(_FORMULA) else shown
