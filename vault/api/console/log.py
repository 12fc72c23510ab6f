"""The log: what was asked over time, each entry with all that belongs to it, the proof that it holds, its export."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from flask import Response, render_template, request
from werkzeug.datastructures import MultiDict

from vault import limits
from vault.api.console.inquiry import UNKNOWN, Inquiry, clock
from vault.api.export import Form, lines
from vault.errors import BadRequest, NotFound, VaultError
from vault.types import Ending, EntryView, Period, Sensitivity, Slot, Timeline

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

LISTED = 50
"""Entries on a page."""
BANDS = 7
"""Clients that a chart tells apart; the others are one."""
WORDING, QUERY = 4_000, 120
"""Characters of a released text on the page of its entry, and of a query in the list."""
PROBLEMS = 100
"""Problems of a log that does not hold that are shown; the command line has all."""
KINDS = {Form.JSONL: "application/jsonl", Form.CSV: "text/csv"}
OTHERS = "others"
PERIODS = {
    Period.DAY: "Day", Period.WEEK: "Week", Period.MONTH: "Month", Period.YEAR: "Year", Period.ALL: "All",
}  # fmt: skip
INKS = {
    Ending.RELEASED: 1, Ending.REDACTED: 3, Ending.ANSWERED: 8, Ending.DENIED: 2, Ending.ERROR: 7, Ending.OWNER: 5,
}  # fmt: skip
"""Which of the series' colours each outcome has."""
MEANINGS = {
    Ending.RELEASED: "text of records left", Ending.REDACTED: "text left, identifiers masked",
    Ending.ANSWERED: "no text left: a number, nothing found, or something came in",
    Ending.DENIED: "refused, or held back for you", Ending.ERROR: "the vault could not answer, or it made no sense",
    Ending.OWNER: "what you did yourself",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Band:
    """One colour of the chart: whose or which entries, how many in each slot, and in all."""

    name: str
    ink: int
    numbers: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.numbers)


def add(console: Console) -> None:
    """Add the pages of the log."""
    log = Log(console)
    console.page("/log", log.listed)
    console.page("/log/<int:number>", log.entry)
    console.page("/log/<int:number>/proof", log.proof)
    console.form("/log/verify", log.verify)
    console.form("/log/export", log.export)


class Log:
    """The views of the log."""

    def __init__(self, console: Console) -> None:
        self._vault = console.vault

    def listed(self, session: Session) -> Answer:
        """Show the log over time and the entries that are asked for, newest first."""
        try:
            asked = Inquiry.read(request.args)
            before = _number(request.args.get("before"))
            told = self._vault.timeline(session.holder, asked.chart())
            page = self._vault.audit(session.holder, asked.entries(told, LISTED, before))
        except BadRequest as error:
            return self._unasked(session, error), error.status
        return render_template(
            "console/log/list.html", asked=asked, told=told, page=page, before=before, more=_onward(asked, page.more),
            bands=bands(told, asked.stack), **self._choices(session, told),
        )  # fmt: skip

    def _unasked(self, session: Session, error: VaultError) -> str:
        """Show the log's form anew, for what cannot be asked so."""
        asked = Inquiry.read(MultiDict[str, str]())
        told = self._vault.timeline(session.holder, asked.chart())
        return render_template(
            "console/log/list.html", asked=asked, told=told, page=None, error=error, bands=bands(told, asked.stack),
            **self._choices(session, told),
        )  # fmt: skip

    def _choices(self, session: Session, told: Timeline) -> Mapping[str, Any]:
        held = self._vault.status(session.holder).collections
        return {
            "clients": [(name or UNKNOWN, name or "unknown") for name in told.clients], "endings": Ending,
            "collections": [one.name for one in held], "levels": [one.name.lower() for one in Sensitivity],
            "periods": PERIODS, **WORDS,
        }  # fmt: skip

    def entry(self, session: Session, number: int) -> Answer:
        """Show one entry: what was asked, what left in which words, why, and where it stands in the tree."""
        view = self._vault.entry(session.holder, number)
        return render_template("console/log/entry.html", view=view, facts=facts(view), most=WORDING, **WORDS)

    def proof(self, session: Session, number: int) -> Answer:
        """Give the proof that an entry is in the log, as a file."""
        if number > limits.POSITION:
            raise NotFound(f"there is no audit entry {number}")
        return _file(self._vault.prove(session.holder, number), f"entry-{number}.tlog-proof", "text/plain")

    def verify(self, session: Session) -> Answer:
        """Compute the whole tree anew and say what was found."""
        begun = monotonic()
        report = self._vault.verify(session.holder)
        return render_template(
            "console/log/verified.html", report=report, seconds=monotonic() - begun, most=PROBLEMS, **WORDS
        )

    def export(self, session: Session) -> Answer:
        """Give the entries that are asked for as a file."""
        try:
            form = Form(request.form.get("form", ""))
        except ValueError:
            raise BadRequest("the log is exported as jsonl or csv") from None
        asked = Inquiry.read(request.form)
        told = self._vault.timeline(session.holder, asked.chart())
        entries = self._vault.entries(session.holder, asked.entries(told))
        return _file(lines(entries, form), f"ownvault-log.{form.value}", KINDS[form])


def bands(told: Timeline, stack: str) -> list[Band]:
    """Return the colours of the chart: outcomes in their order, or clients, those with most entries first."""
    each = [_counted(slot, stack) for slot in told.slots]
    total: Counter[str] = sum(each, Counter[str]())
    if stack == "outcome":
        return [Band(one.value, INKS[one], tuple(c[one.value] for c in each)) for one in Ending if total[one.value]]
    largest = [name for name, _ in total.most_common(BANDS if len(total) > BANDS + 1 else BANDS + 1)]
    found = [Band(name or "unknown", ink, tuple(c[name] for c in each)) for ink, name in enumerate(largest, 1)]
    rest = tuple(sum(number for name, number in c.items() if name not in largest) for c in each)
    return [*found, Band(OTHERS, 8, rest)] if any(rest) else found


def _counted(slot: Slot, stack: str) -> Counter[str]:
    counted = Counter[str]()
    for share in slot.shares:
        counted[share.client if stack == "client" else share.outcome.value] += share.entries
    return counted


def facts(view: EntryView) -> list[tuple[str, str]]:
    """Return what else an entry says, beside what its page tells in words."""
    said = {name: value for name, value in view.entry.entry.detail.items() if name not in ("wording", "shown")}
    return [(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) for name, value in
            said.items()]  # fmt: skip


def span(slot: Slot) -> str:
    """Return when a slot was: its hours, its day, or its first day and its last."""
    start, end = slot.start.astimezone(), slot.end.astimezone()
    hours = (slot.end - slot.start).total_seconds() / 3600
    if hours < 20:
        return f"{start:%a} {start.day} {start:%b}, {start:%H:%M} to {end:%H:%M}"
    if hours < 26:
        return f"{start:%a} {start.day} {start:%b %Y}"
    if hours < 24 * 8:
        return f"week of {start.day} {start:%b %Y}"
    return f"{start:%Y}" if hours > 24 * 32 else f"{start:%b %Y}"


def _onward(asked: Inquiry, more: int | None) -> str:
    if more is None:
        return ""
    query = asked.query()
    return f"{query}{'&' if len(query) > 1 else ''}before={more}"


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise BadRequest("a page begins before the number of an entry")
    return int(text)


def _file(content: Any, name: str, kind: str) -> Response:
    """Return what a browser saves; it is shown nowhere."""
    told = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, headers=told, mimetype=kind)


def exact(moment: datetime) -> str:
    """Return a time to the second, with its zone."""
    local = moment.astimezone()
    return f"{local.day} {local:%B %Y, %H:%M:%S} {local:%Z}"


WORDS: Mapping[str, Any] = {
    "meanings": MEANINGS, "inks": INKS, "span": span, "exact": exact, "clock": clock, "listed": LISTED,
    "excerpt": QUERY,
}  # fmt: skip
"""What the templates of the log say."""
