"""Scope: which records. Names, conditions from what a person says, the per-record gate, canonical JSON.

`admits` is the second, independent evaluation of `Conditions`; the first is the index's row mask.
The JSON form is SPEC.md, "Scope".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import rfc8785

from vault import limits
from vault.errors import BadRequest
from vault.permissions import times
from vault.permissions.names import label, name
from vault.types import EVERY, Conditions, Filter, Names, Provenance, Record, Sensitivity, utc

__all__ = ["admits", "from_filter", "from_json", "in_words", "label", "name", "narrowing", "resolve", "to_json"]

_VERSION = 1


# ---------------------------------------------------------------- from what a person says


def from_filter(filter: Filter, *, all: bool) -> Conditions:
    """Return a grant's conditions. Something must be named, or `all` said; the ceiling is personal unless said.

    Collections, sources, kinds, labels and people name something; a window or a ceiling alone does not.
    Raises BadRequest for nothing named, an empty list, `all` beside collections, or a bad name, level or window.
    """
    dimensions = (filter.collections, filter.sources, filter.kinds, filter.labels, filter.people)
    if any(d is not None and not d for d in dimensions):
        raise BadRequest("an empty list grants nothing", hint="leave it out, or name something")
    if all and filter.collections is not None:
        raise BadRequest("both everything and single collections are named", hint="say --all or --collection, not both")
    if not all and not any(dimensions):
        raise BadRequest("nothing is named, so nothing is granted", hint="name --collection NAME, or say --all")
    where = narrowing(filter)
    return where if filter.sensitivity is not None else replace(where, ceiling=Sensitivity.PERSONAL)


def narrowing(filter: Filter) -> Conditions:
    """Return a request's own conditions: what is left out is not narrowed, an empty list matches nothing.

    Raises BadRequest for a bad name, level or window.
    """
    return Conditions(
        collections=_names(filter.collections, "collections"),
        sources=_names(filter.sources, "sources"),
        kinds=_names(filter.kinds, "kinds"),
        labels=_alternatives(filter.labels, "labels"),
        without_labels=frozenset(map(label, _listed(filter.without_labels, "without_labels"))),
        people=_alternatives(filter.people, "people"),
        **_window(filter.since, filter.until, filter.last),
        ceiling=_ceiling(filter.sensitivity),
        owner_written=filter.owner_written,
    )


def _listed(values: Iterable[str], dimension: str) -> Iterable[str]:
    if isinstance(values, str):
        raise BadRequest(f"{dimension} is a list of names, not one name")
    return values


def _names(values: Iterable[str] | None, dimension: str) -> Names:
    return EVERY if values is None else Names(frozenset(map(name, _listed(values, dimension))))


def _alternatives(values: Iterable[str] | None, dimension: str) -> tuple[frozenset[str], ...]:
    return () if values is None else (frozenset(map(label, _listed(values, dimension))),)


def _window(since: datetime | None, until: datetime | None, last: int | None) -> dict[str, Any]:
    since = None if since is None else utc(since)
    until = None if until is None else utc(until)
    if since is not None and until is not None and since >= until:
        raise BadRequest("the window ends before it starts")
    if last is not None and (isinstance(last, bool) or not 1 <= last <= limits.WINDOW_DAYS):
        raise BadRequest(f"`last` is a number of days from 1 to {limits.WINDOW_DAYS}")
    return {"since": since, "until": until, "last": last}


def _ceiling(level: str | None) -> Sensitivity:
    if level is None:
        return Sensitivity.SECRET
    try:
        return Sensitivity.parse(level)
    except ValueError:
        raise BadRequest(f"{level!r} is no sensitivity", hint="one of: public, personal, sensitive, secret") from None


# ---------------------------------------------------------------- evaluation


def resolve(where: Conditions, now: datetime) -> Conditions:
    """Return `where` with its rolling window turned into `since`, seen from `now`."""
    if where.last is None:
        return where
    start = now - timedelta(days=where.last)
    return replace(where, since=start if where.since is None else max(where.since, start), last=None)


def admits(where: Conditions, record: Record, now: datetime) -> bool:
    """Say whether every condition holds for this one record at `now`."""
    return (
        record.collection in where.collections
        and record.source in where.sources
        and record.kind in where.kinds
        and all(not chosen.isdisjoint(record.labels) for chosen in where.labels)
        and where.without_labels.isdisjoint(record.labels)
        and all(not chosen.isdisjoint(record.people) for chosen in where.people)
        and _in_window(where, record.date, now)
        and record.sensitivity <= where.ceiling
        and (record.provenance is Provenance.OWNER or not where.owner_written)
    )


def _in_window(where: Conditions, date: datetime | None, now: datetime) -> bool:
    if where.since is None and where.until is None and where.last is None:
        return True
    if date is None:
        return False
    if where.last is not None and date < now - timedelta(days=where.last):
        return False
    return (where.since is None or date >= where.since) and (where.until is None or date < where.until)


# ---------------------------------------------------------------- text forms


def to_json(where: Conditions) -> str:
    """Return the canonical JSON (RFC 8785) of SPEC.md; equal conditions give equal text."""
    body = {
        "v": _VERSION,
        "collections": _names_json(where.collections),
        "sources": _names_json(where.sources),
        "kinds": _names_json(where.kinds),
        "labels": [sorted(chosen) for chosen in sorted(set(where.labels), key=sorted)],
        "without_labels": sorted(where.without_labels),
        "people": [sorted(chosen) for chosen in sorted(set(where.people), key=sorted)],
        "since": _time_json(where.since),
        "until": _time_json(where.until),
        "last": where.last,
        "ceiling": where.ceiling.name.lower(),
        "owner_written": where.owner_written,
    }
    return rfc8785.dumps(body).decode()


def from_json(text: str) -> Conditions:
    """Read what `to_json` wrote, and nothing else: an unknown key, version or another spelling is BadRequest."""
    try:
        body = json.loads(text)
        where = Conditions(
            collections=_names_read(body["collections"]),
            sources=_names_read(body["sources"]),
            kinds=_names_read(body["kinds"]),
            labels=tuple(map(_set_read, body["labels"])),
            without_labels=_set_read(body["without_labels"]),
            people=tuple(map(_set_read, body["people"])),
            since=_time_read(body["since"]),
            until=_time_read(body["until"]),
            last=_days_read(body["last"]),
            ceiling=Sensitivity.parse(body["ceiling"]),
            owner_written=bool(body["owner_written"]),
        )
        # Spelled again and compared: every unknown key, wrong type, duplicate or disorder shows here.
        same = to_json(where) == text
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRequest(f"this is no scope of version {_VERSION}: {type(error).__name__}") from None
    if not same:
        raise BadRequest(f"this is no canonical scope of version {_VERSION}")
    return where


def in_words(where: Conditions) -> dict[str, Any]:
    """Return the conditions in the owner's words: `collections` and `sensitivity` always, others if narrowed.

    Plain JSON data; `"*"` stands for every collection. Of several label or people conditions each is a list.
    """
    words: dict[str, Any] = {"collections": _names_json(where.collections), "sensitivity": where.ceiling.name.lower()}
    if not where.sources.every:
        words["sources"] = sorted(where.sources.only)
    if not where.kinds.every:
        words["kinds"] = sorted(where.kinds.only)
    for dimension, conditions in (("labels", where.labels), ("people", where.people)):
        if conditions:
            words[dimension] = sorted(conditions[0]) if len(conditions) == 1 else [sorted(c) for c in conditions]
    if where.without_labels:
        words["without_labels"] = sorted(where.without_labels)
    for dimension, moment in (("since", where.since), ("until", where.until)):
        if moment is not None:
            words[dimension] = _time_json(moment)
    if where.last is not None:
        words["last"] = where.last
    if where.owner_written:
        words["owner_written"] = True
    return words


def _names_json(names: Names) -> list[str] | str:
    return "*" if names.every else sorted(names.only)


def _names_read(value: list[str] | str) -> Names:
    return EVERY if value == "*" else Names(_set_read(value))


def _set_read(value: list[str] | str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError
    return frozenset(value)


def _days_read(value: int | None) -> int | None:
    if value is not None and (type(value) is not int or not 1 <= value <= limits.WINDOW_DAYS):
        raise TypeError
    return value


def _time_json(moment: datetime | None) -> str | None:
    return None if moment is None else times.spell(moment)


def _time_read(value: str | None) -> datetime | None:
    return None if value is None else times.read(value)
