"""Data: what there is and how fresh it is, the owner's search, one record with all that is known of it, changing it.

What a record says is shown as text; as Markdown only where the owner asks for that (`prose`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import render_template, request

from vault import limits, sentences
from vault.api.console import charts, imports
from vault.api.console.ground import onward
from vault.api.console.prose import markdown, readable
from vault.errors import BadRequest, NotFound, VaultError
from vault.founding import now
from vault.library.highlights import marked
from vault.types import (
    Description,
    Filter,
    ForgetRequest,
    Hit,
    Holding,
    LabelRequest,
    Reach,
    RecordsRequest,
    SearchRequest,
    Sensitivity,
)

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

LISTED, HITS = 50, 30
"""Records on a page of a list, and of a search."""
LEVELS = tuple(level.name.lower() for level in Sensitivity)
STALE = timedelta(days=30)
"""After so long without an import a source is marked."""
_BLANK = re.compile(r"\s*\n\s*")
FILTERS = ("collection", "label", "person", "kind", "since", "until", "sensitivity")


def add(console: Console) -> None:
    """Add the pages of data."""
    data = Data(console)
    console.page("/data", data.overview)
    console.page("/data/search", data.search)
    console.page("/data/collections/<path:name>", data.listed)
    console.page("/data/records/<id>", data.record)
    console.form("/data/records/<id>", data.label)
    console.page("/data/records/<id>/forget", data.ask_forget)
    console.form("/data/records/<id>/forget", data.forget)
    console.form("/data/chosen", data.chosen)
    console.form("/data/label", data.label_many)
    console.form("/data/forget", data.forget_many)
    imports.add(console)
    words = {"ago": ago, "fresh": fresh}
    console.blueprint.record(lambda state: state.app.jinja_env.globals.update(words))


class Data:
    """The pages of data. Each is one or two methods of the vault, worded."""

    def __init__(self, console: Console) -> None:
        self._console, self._vault = console, console.vault

    # ------------------------------------------------------------ looking

    def overview(self, session: Session) -> Answer:
        found = self._vault.holdings(session.holder)
        return render_template(
            "console/data/overview.html", found=found, groups=_grouped(found.holdings), levels=LEVELS,
            written=charts.written(found.written), growth=charts.growth(found.arrived), filters=_said(),
            query="", names=_names(found.holdings),
        )  # fmt: skip

    def search(self, session: Session) -> Answer:
        query, said, status = request.args.get("q", "").strip(), _said(), 200
        hits: tuple[Hit, ...] = ()
        error: VaultError | None = None
        if query:
            try:
                asked = SearchRequest(query[: limits.QUERY], HITS, _filter(said))
                hits = self._vault.search(session.holder, asked).hits
            except VaultError as problem:
                error, status = problem, problem.status
        names = _names(self._vault.holdings(session.holder).holdings)
        return render_template(
            "console/data/search.html", query=query, filters=said, hits=[_shown(hit, query) for hit in hits],
            error=error, names=names, levels=LEVELS, here=_here(),
        ), status  # fmt: skip

    def listed(self, session: Session, name: str) -> Answer:
        before = request.args.get("before", "")
        if before and not (before.isascii() and before.isdecimal() and len(before) < 19):
            raise BadRequest("`before` is no place in this list")
        page = self._vault.records(session.holder, RecordsRequest(name, LISTED, int(before) if before else None))
        if not page.records and not before:
            raise NotFound("no such collection", hint="it may have been emptied")
        return render_template("console/data/listed.html", name=name, page=page, before=before, here=_here())

    def record(self, session: Session, id: str) -> Answer:
        return self._record(session, id)

    def _record(self, session: Session, id: str, error: VaultError | None = None) -> Answer:
        found = self._vault.describe(session.holder, id)
        as_markdown = _as_markdown(found)
        body = markdown(found.record.text) if as_markdown else readable(found.record.text)
        page = render_template(
            "console/data/record.html", found=found, body=body, as_markdown=as_markdown, error=error, levels=LEVELS,
            link=_link(found.record.url), origin=_origin(found), here=_here(),
        )  # fmt: skip
        return (page, error.status) if error else page

    # ------------------------------------------------------------ changing

    def label(self, session: Session, id: str) -> Answer:
        """One record's labels as the owner left the form: what is not in it any more is taken away."""
        known = self._vault.describe(session.holder, id).record
        wanted = _list(request.form.get("labels", ""))
        level = request.form.get("sensitivity", "")
        asked = LabelRequest(
            (id,), tuple(one for one in wanted if one not in known.labels),
            tuple(one for one in known.labels if one not in wanted),
            level if level != known.sensitivity.name.lower() else None,
        )  # fmt: skip
        if not (asked.add or asked.remove or asked.sensitivity):
            return self._console.go(session, f"/data/records/{id}", "Nothing was changed.")
        try:
            self._stepped(session, asked, (known.sensitivity,))
            self._vault.label(session.holder, asked)
        except VaultError as error:
            return self._record(session, id, error)
        return self._console.go(session, f"/data/records/{id}", "Changed. Every grant sees it so from now on.")

    def _stepped(self, session: Session, asked: LabelRequest, levels: Sequence[Sensitivity]) -> None:
        """Let nothing sensitive be shown to more clients by whoever only holds the browser: neither as something less
        sensitive, nor by a label, for grants look at these, too."""
        if asked.sensitivity is not None and asked.sensitivity not in LEVELS:
            raise BadRequest("the form names a sensitivity that there is not")
        wanted = Sensitivity.SECRET if asked.sensitivity is None else Sensitivity.parse(asked.sensitivity)
        relabelled = bool(asked.add or asked.remove)
        if any(level >= Sensitivity.SENSITIVE and (relabelled or wanted < level) for level in levels):
            self._console.prove(session)

    def ask_forget(self, session: Session, id: str) -> Answer:
        reach = self._vault.reach(session.holder, (id,))
        return self._asked_to_forget(reach, back=onward(request.args.get("next", "")))

    def _asked_to_forget(self, reach: Reach, back: str, error: VaultError | None = None) -> Answer:
        if not reach.records:
            raise NotFound("no such record", hint="it may be gone already")
        page = render_template("console/data/forget.html", reach=reach, back=back, effect=effect(reach), error=error)
        return (page, error.status) if error else page

    def forget(self, session: Session, id: str) -> Answer:
        return self._forget(session, (id,))

    def forget_many(self, session: Session) -> Answer:
        return self._forget(session, tuple(request.form.getlist("id")))

    def _forget(self, session: Session, ids: tuple[str, ...]) -> Answer:
        back = onward(request.form.get("next", ""))
        if request.form.get("sure") != "yes":
            unsure = BadRequest("nothing was forgotten", hint="tick the box to say that you mean it")
            return self._asked_to_forget(self._vault.reach(session.holder, ids), back, unsure)
        gone = self._vault.forget_many(session.holder, ForgetRequest(ids)).forgotten
        return self._console.go(session, "/data", f"Forgotten: {sentences.plural(len(gone), 'record')}.")

    def chosen(self, session: Session) -> Answer:
        """Some records of a list or a search, chosen to be labelled or forgotten together."""
        ids, back = tuple(request.form.getlist("id")), onward(request.form.get("next", ""))
        if not ids:
            raise BadRequest("no record was chosen", hint="go back and tick some")
        reach = self._vault.reach(session.holder, ids)
        if request.form.get("deed") == "forget":
            return self._asked_to_forget(reach, back)
        return self._asked_to_label(reach, back)

    def _asked_to_label(self, reach: Reach, back: str, error: VaultError | None = None) -> Answer:
        page = render_template(
            "console/data/label.html", reach=reach, back=back, levels=LEVELS, effect=effect(reach), error=error
        )
        return (page, error.status) if error else page

    def label_many(self, session: Session) -> Answer:
        form, ids = request.form, tuple(request.form.getlist("id"))
        asked = LabelRequest(
            ids, _list(form.get("add", "")), _list(form.get("remove", "")), form.get("sensitivity") or None
        )
        reach = self._vault.reach(session.holder, ids)
        try:
            self._stepped(session, asked, [one.sensitivity for one in reach.records])
            done = self._vault.label(session.holder, asked)
        except VaultError as error:
            return self._asked_to_label(reach, onward(form.get("next", "")), error)
        return self._console.go(session, "/data", f"Changed: {sentences.plural(len(done.changed), 'record')}.")


# ---------------------------------------------------------------- words


def effect(reach: Reach) -> str:
    """Return who can see some records and who did: `2 grants can see it now: claude, cursor. 1 client was given it.`"""
    it = "it" if len(reach.records) == 1 else "some of them"
    seeing = sorted({sentences.one_line(view.client) for view in reach.grants})
    can = f"{sentences.plural(len(reach.grants), 'grant')} can see {it} now: {sentences.listed(seeing)}."
    had = [sentences.one_line(one.client) for one in reach.sightings]
    was = f" {sentences.listed(had)} {'was' if len(had) == 1 else 'were'} given {it} before." if had else ""
    return (can if seeing else f"No grant can see {it} now.") + (was or " No client was ever given it.")


def ago(moment: datetime | date) -> str:
    """Return how long ago something was, in days: `today`, `3 days ago`."""
    then = moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment
    days = (now().date() - then).days
    return "today" if days <= 0 else "yesterday" if days == 1 else f"{days:,} days ago"


def fresh(moment: datetime) -> bool:
    """Say whether an import is recent."""
    return now() - moment < STALE


def _shown(hit: Hit, query: str) -> dict[str, object]:
    title, passage = sentences.one_line(hit.title), _BLANK.sub("\n", readable(hit.text).strip())
    return {"hit": hit, "title": list(marked(title, query)), "text": list(marked(passage, query))}


def _as_markdown(found: Description) -> bool:
    """Markdown notes are read as what they are, everything else as text, unless the owner says otherwise."""
    return request.args.get("as", "markdown" if found.record.source.startswith("markdown:") else "") == "markdown"


def _grouped(holdings: Sequence[Holding]) -> dict[str, list[Holding]]:
    groups: dict[str, list[Holding]] = {}
    for one in holdings:
        groups.setdefault(one.collection, []).append(one)
    return groups


def _names(holdings: Sequence[Holding]) -> list[str]:
    return list(_grouped(holdings))


def _said() -> dict[str, str]:
    return {name: request.args.get(name, "").strip() for name in FILTERS}


def _filter(said: dict[str, str]) -> Filter:
    """Return the narrowing that the form says; BadRequest for a day that is none."""
    one = {name: (value,) if value else None for name, value in said.items()}
    return Filter(
        collections=one["collection"], labels=one["label"], people=one["person"], kinds=one["kind"],
        since=_day(said["since"]), until=_day(said["until"], timedelta(days=1)),
        sensitivity=said["sensitivity"] or None,
    )  # fmt: skip


def _day(text: str, after: timedelta = timedelta()) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + after if text else None
    except (ValueError, OverflowError):
        raise BadRequest(f"{text!r} is no day", hint="like 2026-03-01") from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in text.split("\n") if one.strip()))


def _link(url: str) -> str:
    """Return an address that may be a link: of the web, and nothing hidden in it."""
    plain = url.isascii() and url.isprintable() and " " not in url
    return url if plain and url.startswith(("https://", "http://")) else ""


def _origin(found: Description) -> str:
    return sentences.one_line(found.record.origin)


def _here() -> str:
    return f"{request.path}?{urlencode(request.args)}" if request.args else request.path
