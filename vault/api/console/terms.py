"""What a form says of a grant: which records, how much of them, how often and for how long. The rules are the vault's.

Names are offered in two ways. *Kept* ones (`offered`) are all chosen at first, and what is taken out is taken away; as
long as all of them stay nothing is said. Of *picked* ones none is chosen at first, and each one picked is said. Names
that are not offered can be written, one on a line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from werkzeug.datastructures import MultiDict

from vault.errors import BadRequest
from vault.types import Action, Approval, Detail, Filter, GrantRequest, Limits, NarrowRequest, Sensitivity

Form = MultiDict[str, str]
T = TypeVar("T")
DIMENSIONS = ("collections", "sources", "kinds", "labels", "without_labels", "people")
DAYS = {"1h": "one hour", "1d": "one day", "7d": "one week", "30d": "30 days", "90d": "90 days", "365d": "a year"}
_SECONDS = {"h": 3600, "d": 86_400}
MEGABYTE, MONTH = 10**6, 30 * 86_400
_TEXT = {Action.SEARCH, Action.READ}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a form says. None is what it does not say."""

    filter: Filter
    actions: tuple[Action, ...] | None
    detail: Detail | None
    limits: Limits
    seconds: int | None
    approval: Approval | None


def terms(form: Form) -> Terms:
    """Return what a form says. BadRequest, with the field's name, for what no form of ours says."""
    detail = _one(Detail.parse, form, "detail")
    return Terms(
        _filter(form), _actions(form, detail), detail, _limits(form), _seconds(form), _one(Approval, form, "approval")
    )


def granting(form: Form) -> GrantRequest:
    """Return the grant that a form asks for. Nothing named is nothing granted: `everything` must be said."""
    said = terms(form)
    if said.actions is None:
        raise BadRequest("nothing is allowed yet", hint="choose at least one thing that it may do")
    return GrantRequest(
        form.get("client", "").strip(), said.actions, said.filter, form.get("reach") == "everything",
        form.get("purpose", "").strip(), MONTH if said.seconds is None else said.seconds,
        Detail.FULL if said.detail is None else said.detail, said.limits, said.approval or Approval.NEVER,
        form.get("holder", "").strip(),
    )  # fmt: skip


def narrowing(form: Form) -> NarrowRequest:
    """Return what a form takes away from a grant."""
    said = terms(form)
    return NarrowRequest(said.filter, said.actions, said.detail, said.limits, said.seconds, said.approval)


# ---------------------------------------------------------------- each field


def _one(read: Callable[[str], T], form: Form, name: str) -> T | None:
    said = form.get(name, "").strip()
    try:
        return read(said) if said else None
    except (ValueError, OverflowError):
        raise BadRequest(f"{name.replace('_', ' ')}: {said[:40]!r} is not possible here") from None


def _filter(form: Form) -> Filter:
    everything = form.get("reach") == "everything"
    level = _one(Sensitivity.parse, form, "sensitivity")
    named: dict[str, Any] = {name: _names(form, name) for name in DIMENSIONS}
    if everything:
        named["collections"] = None
    named["without_labels"] = named["without_labels"] or ()
    return Filter(
        **named, since=_one(_day, form, "since"), until=_one(_day_after, form, "until"), last=_one(int, form, "last"),
        sensitivity=None if level is None else level.name.lower(), owner_written=bool(form.get("owner_written")),
    )  # fmt: skip


def _names(form: Form, dimension: str) -> tuple[str, ...] | None:
    offered = set(form.getlist(f"{dimension}_offered"))
    chosen = form.getlist(dimension) + form.get(f"{dimension}_more", "").splitlines()
    names = tuple(dict.fromkeys(one.strip() for one in chosen if one.strip()))
    if offered and set(names) >= offered:
        return None
    if offered and not names:
        raise BadRequest(f"that leaves no {dimension}", hint="keep at least one, or revoke the grant")
    return names or None


def _actions(form: Form, detail: Detail | None) -> tuple[Action, ...] | None:
    """Numbers alone can only be counted: the other actions go without saying so."""
    try:
        chosen = tuple(dict.fromkeys(map(Action, form.getlist("actions"))))
    except ValueError:
        raise BadRequest("the form names an action that there is not") from None
    offered = set(map(str, form.getlist("actions_offered")))
    if offered and not chosen:
        raise BadRequest("that leaves nothing that it may do", hint="keep at least one, or revoke the grant")
    if offered and {str(one) for one in chosen} >= offered:
        return None
    if detail is Detail.ANSWERS and not offered:
        chosen = tuple(one for one in chosen if one not in _TEXT) or (Action.COUNT,)
    return chosen or None


def _limits(form: Form) -> Limits:
    said: dict[str, Any] = {
        one.name: _one(int, form, one.name) for one in fields(Limits) if one.name != "bytes_per_day"
    }
    size = _one(float, form, "megabytes_per_day")
    try:
        return Limits(**said, bytes_per_day=None if size is None else max(1, round(size * MEGABYTE)))
    except (ValueError, OverflowError):
        raise BadRequest("megabytes per day: that is no number") from None


def _seconds(form: Form) -> int | None:
    """A number of days that is written goes before one that is chosen."""
    days = _one(int, form, "days")
    if days is not None:
        return days * 86_400
    said = form.get("expires", "")
    if not said:
        return None
    if said not in DAYS:
        raise BadRequest("the form names a time that there is not")
    return int(said[:-1]) * _SECONDS[said[-1]]


def _day(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), time(), UTC)


def _day_after(text: str) -> datetime:
    """The last day belongs to the window."""
    return _day(text) + timedelta(days=1)
