"""Narrowing: what taking something away leaves of a grant, and why something cannot be taken away. Pure.

Each dimension is intersected on its own, so the order of several requests does not matter and none can widen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from vault.errors import BadRequest
from vault.permissions import budgets, scope
from vault.types import (
    Action,
    Approval,
    Conditions,
    Detail,
    Filter,
    Grant,
    Names,
    NarrowRequest,
)

STRICTNESS = (Approval.NEVER, Approval.SENSITIVE, Approval.FIRST, Approval.EACH)
"""How often the owner is asked, from never to always."""
TOLD = 12
"""Names that an error lists."""
_TEXT = frozenset({Action.SEARCH, Action.READ})


def narrow(grant: Grant, request: NarrowRequest, now: datetime) -> Grant:
    """Return the grant with everything taken away that `request` names; what it leaves out stays.

    BadRequest when that takes nothing away, or leaves nothing in some dimension; it says which, and what is there.
    """
    detail = grant.detail if request.detail is None else min(grant.detail, request.detail)
    narrower = replace(
        grant,
        where=_where(grant.where, request.filter, now),
        actions=_actions(grant, request.actions, detail),
        detail=detail,
        limits=grant.limits & budgets.checked(request.limits),
        expires=_expires(grant, request.expires_in, now),
        approval=grant.approval if request.approval is None else max(grant.approval, request.approval, key=_strict),
    )
    if narrower == grant:
        already = "; ".join(_already(grant, request))
        raise BadRequest(
            f"that takes nothing away from grant {grant.id}" + (f": it already has {already}" if already else ""),
            hint="name something narrower, such as --collection NAME, --detail snippet or --per-day 50",
        )
    return narrower


def within(narrower: Grant, grant: Grant) -> bool:
    """Say whether `narrower` allows nothing that `grant` does not."""
    return (
        narrower.where & grant.where == narrower.where
        and narrower.actions <= grant.actions
        and narrower.detail <= grant.detail
        and narrower.limits & grant.limits == narrower.limits
        and narrower.expires <= grant.expires
        and _strict(narrower.approval) >= _strict(grant.approval)
    )


def _strict(approval: Approval) -> int:
    return STRICTNESS.index(approval)


# ---------------------------------------------------------------- each dimension


def _where(where: Conditions, filter: Filter, now: datetime) -> Conditions:
    """Intersect the conditions; BadRequest when a dimension that `filter` names holds for no record any more."""
    asked = scope.narrowing(filter)
    left = where & asked
    for dimension in ("collections", "sources", "kinds"):
        _names_left(dimension, getattr(where, dimension), getattr(asked, dimension))
    for dimension, alternatives in (("labels", filter.labels), ("people", filter.people)):
        if alternatives is not None and not alternatives:
            raise BadRequest(f"an empty list of {dimension} leaves nothing", hint="leave it out, or name something")
    if filter.labels is not None or filter.without_labels:
        _labels_left(left)
    if (filter.since, filter.until, filter.last) != (None, None, None):
        _window_left(where, left, now)
    return where if _telling(left) == _telling(where) else left


def _names_left(dimension: str, had: Names, asked: Names) -> None:
    if asked.every or not had.only.isdisjoint(asked.only):
        return
    if not asked.only:
        raise BadRequest(f"an empty list of {dimension} leaves nothing", hint="leave it out, or name something")
    if not had.every:
        _not_among(f"the grant covers {dimension}", asked.only, had.only)


def _not_among(beginning: str, asked: Collection[str], had: Collection[str]) -> None:
    near = [close for name in sorted(asked) for close in get_close_matches(name, sorted(had), n=1)]
    verb = "is" if len(asked) == 1 else "are"
    raise BadRequest(
        f"{beginning} {_listed(had)}; {_listed(asked)} {verb} not among them",
        hint=f"did you mean {_listed(dict.fromkeys(near))}?" if near else "name some of those",
    )


def _labels_left(left: Conditions) -> None:
    for chosen in left.labels:
        if chosen <= left.without_labels:
            raise BadRequest(f"the labels {_listed(chosen)} would be both asked for and left out, which leaves nothing")


def _window_left(where: Conditions, left: Conditions, now: datetime) -> None:
    seen = scope.resolve(left, now)
    if seen.since is None or seen.until is None or seen.since < seen.until:
        return
    had = scope.resolve(where, now)
    ends = [f"{word} {_moment(end)}" for word, end in (("from", had.since), ("until", had.until)) if end is not None]
    raise BadRequest(
        f"the grant covers the time {' '.join(ends)}; the window asked for is outside it", hint="name a time within it"
    )


def _telling(where: Conditions) -> Conditions:
    """Return the conditions without those alternatives that a stricter one of them implies."""
    return replace(where, labels=_strictest(where.labels), people=_strictest(where.people))


def _strictest(conditions: tuple[frozenset[str], ...]) -> tuple[frozenset[str], ...]:
    return tuple(one for one in conditions if not any(other < one for other in conditions))


def _actions(grant: Grant, asked: Collection[Action] | None, detail: Detail) -> frozenset[Action]:
    if asked is not None and not asked:
        raise BadRequest("an empty list of actions leaves nothing", hint="leave it out, or name something")
    left = grant.actions if asked is None else grant.actions & set(asked)
    if not left:
        _not_among("the grant allows the actions", set(asked or ()), grant.actions)
    if detail is Detail.ANSWERS:
        left -= _TEXT
    if not left:
        raise BadRequest("the detail `answers` leaves only count and add, and the grant allows neither",
                         hint=f"revoke it instead: ownvault revoke {grant.id}")  # fmt: skip
    return left


def _expires(grant: Grant, seconds: int | None, now: datetime) -> datetime:
    if seconds is None:
        return grant.expires
    if seconds < 1:
        raise BadRequest("a grant lasts at least a second", hint=f"to end it now: ownvault revoke {grant.id}")
    return min(grant.expires, now + timedelta(seconds=min(seconds, 10**9)))


# ---------------------------------------------------------------- words


def _already(grant: Grant, request: NarrowRequest) -> Iterator[str]:
    """Say of everything that `request` names how narrow the grant is in it."""
    words, nothing = scope.in_words(grant.where), Filter()
    for field in fields(request.filter):
        if getattr(request.filter, field.name) != getattr(nothing, field.name) and field.name in words:
            yield f"{field.name} {_said(words[field.name])}"
    if request.actions is not None:
        yield f"actions {_listed(grant.actions)}"
    if request.detail is not None:
        yield f"detail {grant.detail.name.lower()}"
    for field in fields(request.limits):
        if getattr(request.limits, field.name) is not None:
            yield f"{field.name} {getattr(grant.limits, field.name)}"
    if request.expires_in is not None:
        yield f"end {_moment(grant.expires)}"
    if request.approval is not None:
        yield f"approval {grant.approval}"


def _said(value: object) -> str:
    if isinstance(value, list):
        return _listed([one if isinstance(one, str) else " or ".join(one) for one in value])
    return "yes" if value is True else str(value)


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - TOLD
    return ", ".join(ordered[:TOLD]) + (f" and {more} more" if more > 0 else "")


def _moment(moment: datetime) -> str:
    return f"{moment.isoformat(' ', 'minutes')[:16]} UTC"
