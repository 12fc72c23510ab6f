"""What a grant allows, as a sentence. One place says it, so that it reads the same before granting and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from vault import limits
from vault.legible import legible
from vault.types import Action, Approval, Detail, Exposure, GrantView, Limits, Sensitivity, Usage

_DETAILS = {
    Detail.FULL: "whole records",
    Detail.SNIPPET: f"passages of at most {limits.SNIPPET} characters",
    Detail.REDACTED: f"passages of at most {limits.SNIPPET} characters, identifiers masked",
    Detail.ANSWERS: "numbers and dates, no text",
}
_CEILINGS = {
    Sensitivity.PUBLIC: "only what is public",
    Sensitivity.PERSONAL: "nothing sensitive or secret",
    Sensitivity.SENSITIVE: "also what is sensitive, nothing secret",
    Sensitivity.SECRET: "also what is sensitive or secret",
}
_APPROVALS = {
    Approval.NEVER: "",
    Approval.FIRST: "you are asked at first use",
    Approval.SENSITIVE: "you are asked before anything sensitive leaves",
    Approval.EACH: "you are asked each time",
}
PAUSES = {
    "owner": "paused by you",
    "queries_per_hour": "paused: its questions of the hour are used up",
    "records_per_day": "paused: its records of the day are used up",
    "bytes_per_day": "paused: its text of the day is used up",
}
"""Why a grant is paused."""
WAYS = {
    "cli": "made by a command of yours",
    "console": "made here, in the console",
    "rest": "made over REST, by a program with your own token",
    "oauth": "it asked by OAuth, and you agreed",
    "asked": "it asked for it, and you agreed",
    "provider": "made for a language model that answers for you",
    "": "the log does not say any more",
}
"""How a grant came to be."""
BROAD_SHARE, BROAD_RECORDS, LONG_DAYS = 0.5, 100, 90
"""From which on a grant is called broad: its share of the vault, if that is so many records; and called long."""
_SPECIAL = (",", ";", "“", "”", '"', " and ", " or ")


def allowed(view: GrantView, may: str = "may") -> str:
    """Return what the grant allows: `claude may search in notes; whole records; …; until 22 December 2026`."""
    return _sentence(
        f"{one_line(view.client)} {may} {_deed(view.actions, view.scope)}",
        *_terms(view.actions, view.scope, view.detail, view.limits),
        _APPROVALS[view.approval], f"until {end(view)}",
    )  # fmt: skip


def wanted(client: str, terms: Mapping[str, Any]) -> str:
    """Return what a client asks to be granted, from the terms of its request."""
    actions, scope = [Action(one) for one in terms["actions"]], terms["scope"]
    asked = Limits(**terms.get("limits", {}))
    return _sentence(
        f"{one_line(client)} asks to {_deed(actions, scope)}",
        *_terms(actions, scope, Detail.parse(terms["detail"]), asked),
        f"for {length(timedelta(seconds=int(terms['expires_in'])))}",
    )


def cautions(view: GrantView, sees: Exposure, of: int) -> list[str]:
    """Return what an owner should think of twice before they grant this: how broad, how sensitive, how long it is."""
    reads = {Action.SEARCH, Action.READ} & set(view.actions)
    above = {name: n for name, n in sees.sensitivity.items() if Sensitivity.parse(name) > Sensitivity.PERSONAL}
    ceiling = Sensitivity.parse(view.scope["sensitivity"])
    whole, broad = view.scope["collections"] == "*", sees.records >= max(BROAD_RECORDS, BROAD_SHARE * of)
    days = (view.expires - view.created).days
    private, many = sum(above.values()), listed(f"{n:,} {name}" for name, n in above.items())
    said = {
        "No record meets all of these conditions: it sees nothing now.": not sees.records
        and view.actions != (Action.ADD,),
        "It sees every collection, those that come later too.": whole,
        f"It sees {sees.records:,} of the {of:,} records in your vault.": broad,
        f"Among them {'is' if private == 1 else 'are'} {many} record{'' if private == 1 else 's'}.": bool(above),
        "It may see sensitive records as soon as there are any.": ceiling > Sensitivity.PERSONAL and not above,
        "You are not asked before anything sensitive leaves.": (
            ceiling > Sensitivity.PERSONAL and bool(reads) and view.approval is Approval.NEVER
        ),
        "Nothing limits how much of it leaves in a day.": (
            bool(reads) and broad and view.limits.records_per_day is None and view.limits.bytes_per_day is None
        ),
        f"It lasts {plural(days, 'day')}.": days > LONG_DAYS,
    }
    return [words for words, holds in said.items() if holds]


def paused(view: GrantView) -> str:
    """Return why a grant is paused."""
    return PAUSES.get(view.paused_for, "paused")


def detail(level: Detail) -> str:
    """Return how much of a record a detail shows: `whole records`, `passages of at most 700 characters`."""
    return _DETAILS[level]


def conditions(scope: Mapping[str, Any]) -> str:
    """Return which records a scope holds: `in notes, labelled work, from 1 January 2026 on`."""
    return ", ".join(filter(None, (
        _within(scope["collections"]),
        _alternatives("from", scope.get("sources")),
        _alternatives("of kind", scope.get("kinds")),
        _alternatives("labelled", scope.get("labels")),
        _alternatives("not labelled", scope.get("without_labels")),
        _alternatives("with", scope.get("people")),
        _window(scope.get("since"), scope.get("until")),
        f"of the last {scope['last']} days" if scope.get("last") else "",
        "written by you" if scope.get("owner_written") else "",
    )))  # fmt: skip


def used(limited: Limits, usage: Usage) -> str:
    """Return what a client used lately, beside its limits: `3 of 20 questions this hour, 12 of 50 records today`."""
    said = [
        _part(usage.queries, limited.queries_per_hour, "question", "this hour"),
        _part(usage.records, limited.records_per_day, "record", "today"),
    ]
    if usage.bytes or limited.bytes_per_day:
        most = f" of {size(limited.bytes_per_day)}" if limited.bytes_per_day else ""
        said.append(f"{size(usage.bytes)}{most} of text today")
    return ", ".join(said)


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    *most, end = tuple(words) or ("nothing",)
    return f"{', '.join(most)} {last} {end}" if most else end


def end(view: GrantView) -> str:
    """Return when the grant ends, in the reader's zone; for one of hours with the time of day."""
    local = view.expires.astimezone()
    return f"{_day(local)}, {local:%H:%M}" if view.expires - view.created < timedelta(days=2) else _day(local)


def length(time: timedelta) -> str:
    """Return a length of time in its largest whole unit: `30 days`, `12 hours`."""
    seconds = int(time.total_seconds())
    for name, unit in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= unit and seconds % unit == 0:
            return plural(seconds // unit, name)
    return plural(seconds, "second")


def size(number: int) -> str:
    """Return a number of bytes as it was written: `5 MB`, `1.2 kB`."""
    for name, unit in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return plural(number, "byte")


def plural(number: int, noun: str) -> str:
    """Return `1 record`, `2,000 records`, `2 entries`, `2 days`."""
    many = noun[:-1] + "ies" if noun.endswith("y") and not noun.endswith("ay") else noun + "s"
    return f"{number:,} {noun if number == 1 else many}"


def one_line(text: str) -> str:
    """Return a text from data on one line, without characters that hide words."""
    return " ".join(legible(text).split())


# ---------------------------------------------------------------- the parts of the sentence


def _sentence(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _deed(actions: Sequence[Action], scope: Mapping[str, Any]) -> str:
    order = [action for action in Action if action in actions]
    deed = f"{listed(order)} {conditions(scope)}"
    return deed.replace("add in ", "add to ", 1) if order == [Action.ADD] else deed


def _terms(actions: Sequence[Action], scope: Mapping[str, Any], detail: Detail, limited: Limits) -> list[str]:
    shows = {Action.SEARCH, Action.READ} & set(actions)
    sees = shows or Action.COUNT in actions
    return [
        _DETAILS[detail if shows else Detail.ANSWERS] if sees else "",
        _CEILINGS[Sensitivity.parse(scope["sensitivity"])] if sees else "",
        f"{plural(limited.results, 'record')} an answer" if limited.results else "",
        f"{plural(limited.queries_per_hour, 'question')} an hour" if limited.queries_per_hour else "",
        f"{plural(limited.records_per_day, 'record')} a day" if limited.records_per_day else "",
        f"{size(limited.bytes_per_day)} of text a day" if limited.bytes_per_day else "",
    ]


def _part(number: int, most: int | None, noun: str, when: str) -> str:
    return f"{number:,} of {plural(most, noun)} {when}" if most else f"{plural(number, noun)} {when}"


def _within(collections: str | list[str]) -> str:
    if collections == "*":
        return "in the whole vault"
    return f"in {listed(map(_name, collections))}" if collections else "in no collection"


def _alternatives(words: str, names: list[Any] | None) -> str:
    """One list is a choice; of several lists the record must meet each."""
    if not names:
        return ""
    each = names if isinstance(names[0], list) else [names]
    return " and ".join(f"{words} {listed(map(_name, some), 'or')}" for some in each)


def _name(name: str) -> str:
    shown = one_line(name)
    return f"“{shown}”" if any(mark in shown for mark in _SPECIAL) else shown


def _window(since: str | None, until: str | None) -> str:
    """`until` is the first instant outside: as a date it is told by the day before."""
    start = datetime.fromisoformat(since) if since else None
    last = datetime.fromisoformat(until) - timedelta(microseconds=1) if until else None
    if start and last:
        return f"from {_instant(start, 0)} to {_instant(last, 1)}"
    return f"from {_instant(start, 0)} on" if start else f"up to {_instant(last, 1)}" if last else ""


def _instant(at: datetime, after: int) -> str:
    edge = at + timedelta(microseconds=after)
    return _day(at) if (edge.hour, edge.minute, edge.second) == (0, 0, 0) else f"{_day(edge)}, {edge:%H:%M} UTC"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B} {at.year}"
