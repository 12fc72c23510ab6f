"""Caveats: the canonical checks that a holder may add, written and read. SPEC.md, "Caveats", lists them.

Each narrows one dimension. Reading them back gives `Conditions` that the index can filter by; a check that is not
canonical is still enforced by Biscuit, it only cannot be pushed down to the index.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from vault import limits
from vault.errors import BadRequest
from vault.permissions import scope
from vault.permissions.facts import Predicate
from vault.permissions.vetting import MAX_CHECKS, MAX_SET, Check, Query, Vetted
from vault.types import EPOCH, EVERYTHING, Action, Conditions, Detail, Names, Provenance, Sensitivity, utc

_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

# A caveat about records must let the question "which collections?" through, which is asked before there is a
# record: that is what `stage("request")` is for. The gate asks again with stage("record") and the record's facts.
SOURCES: Mapping[str, str] = {
    "actions": "check if request_op($x), {v}.contains($x)",
    "collections": "check if request_collection($x), {v}.contains($x)",
    "expires": "check if time($x), $x < {v}",
    "sources": 'check all record_source($x), {v}.contains($x) or stage("request")',
    "kinds": 'check all record_kind($x), {v}.contains($x) or stage("request")',
    "labels": 'check if record_label($x), {v}.contains($x) or stage("request")',
    "without_labels": "reject if record_label($x), {v}.contains($x)",
    "people": 'check if record_person($x), {v}.contains($x) or stage("request")',
    "since": 'check all record_date($x), $x >= {v} or stage("request")',
    "until": 'check all record_date($x), $x < {v} or stage("request")',
    "last": 'check all record_age($x), $x <= {v} or stage("request")',
    "sensitivity": 'check all record_sensitivity($x), $x <= {v} or stage("request")',
    "owner_written": 'check all record_provenance($x), {v}.contains($x) or stage("request")',
    "detail": "check if request_detail($x), $x <= {v}",
    "results": "check if request_results($x), $x <= {v}",
}
_SHAPES = {  # (kind, fact, operation, asks about a record) -> (dimension, type of value)
    ("if", "request_op", "contains", False): ("actions", "str"),
    ("if", "request_collection", "contains", False): ("collections", "str"),
    ("if", "time", "<", False): ("expires", "date"),
    ("all", "record_source", "contains", True): ("sources", "str"),
    ("all", "record_kind", "contains", True): ("kinds", "str"),
    ("if", "record_label", "contains", True): ("labels", "str"),
    ("reject", "record_label", "contains", False): ("without_labels", "str"),
    ("if", "record_person", "contains", True): ("people", "str"),
    ("all", "record_date", ">=", True): ("since", "date"),
    ("all", "record_date", "<", True): ("until", "date"),
    ("all", "record_age", "<=", True): ("last", "int"),
    ("all", "record_sensitivity", "<=", True): ("sensitivity", "int"),
    ("all", "record_provenance", "contains", True): ("owner_written", "str"),
    ("if", "request_detail", "<=", False): ("detail", "int"),
    ("if", "request_results", "<=", False): ("results", "int"),
}
_RANGES: Mapping[str, Container[int]] = {  # what N may be
    "last": range(1, limits.WINDOW_DAYS + 1),
    "sensitivity": frozenset(Sensitivity),
    "detail": frozenset(Detail),
    "results": range(1, 2**63),
}
_STAGE = Query((Predicate("stage", (("str", "request"),)),), ())


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the first block allows and the canonical caveats leave of it. `exact` says that there are no others.

    `expires` is in seconds since 1970.
    """

    where: Conditions
    actions: frozenset[Action]
    detail: Detail
    results: int | None
    expires: int
    exact: bool


def write(
    *,
    actions: Iterable[Action] | None = None,
    collections: Iterable[str] | None = None,
    expires: datetime | None = None,
    sources: Iterable[str] | None = None,
    kinds: Iterable[str] | None = None,
    labels: Iterable[str] | None = None,
    without_labels: Iterable[str] | None = None,
    people: Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    last: int | None = None,
    sensitivity: Sensitivity | None = None,
    owner_written: bool = False,
    detail: Detail | None = None,
    results: int | None = None,
) -> tuple[tuple[str, Any], ...]:
    """Return (Datalog source with parameter v, value of v) for each dimension that is narrowed.

    `last` is in days. Times are rounded to whole seconds towards the narrower side. BadRequest for a bad or empty
    value, or for none.
    """
    values: dict[str, Any] = {
        "actions": _set(actions, _action),
        "collections": _set(collections, scope.name),
        "expires": _whole(expires),
        "sources": _set(sources, scope.name),
        "kinds": _set(kinds, scope.name),
        "labels": _set(labels, scope.label),
        "without_labels": _set(without_labels, scope.label),
        "people": _set(people, scope.label),
        "since": _whole(since, up=True),
        "until": _whole(until),
        "last": _number(last, "last"),
        "sensitivity": _number(sensitivity, "sensitivity"),
        "owner_written": {Provenance.OWNER.value} if owner_written else None,
        "detail": _number(detail, "detail"),
        "results": _number(results, "results"),
    }
    said = tuple((SOURCES[dimension], value) for dimension, value in values.items() if value is not None)
    if not said:
        raise BadRequest("nothing to narrow was named")
    assert len(said) <= MAX_CHECKS
    return said


def read(vetted: Vetted) -> Narrowed:
    """Return what the canonical caveats of a token leave of its first block."""
    facts = vetted.facts
    left = Narrowed(facts.where, facts.actions, facts.detail, facts.results, vetted.expires, exact=True)
    for check in (check for block in vetted.blocks for check in block):
        caveat = recognise(check)
        left = replace(left, exact=False) if caveat is None else _narrowed(left, *caveat)
    return left


def _narrowed(left: Narrowed, dimension: str, value: Any) -> Narrowed:
    match dimension:
        case "actions":
            return replace(left, actions=frozenset(action for action in left.actions if action in value))
        case "expires":
            return replace(left, expires=min(left.expires, value))
        case "detail":
            return replace(left, detail=min(left.detail, Detail(value)))
        case "results":
            return replace(left, results=value if left.results is None else min(left.results, value))
    return replace(left, where=left.where & _conditions(dimension, value))


def recognise(check: Check) -> tuple[str, Any] | None:
    """Return (dimension, value) of a canonical caveat, None for any other check. Dates are in seconds since 1970."""
    about_record = len(check.queries) == 2 and check.queries[1] == _STAGE
    if len(check.queries) != 1 + about_record:
        return None
    value: Any
    match check.queries[0]:
        case (((fact, (("var", x),)),), ((("set", members), ("var", y), ("op", "contains" as operation)),)) if x == y:
            of, value = {kind for kind, _ in members}, frozenset(member for _, member in members)
        case (((fact, (("var", x),)),), ((("var", y), (kind, value), ("op", operation)),)) if x == y:
            of = {kind}
        case _:
            return None
    dimension, type_of_value = _SHAPES.get((check.kind, fact, operation, about_record), ("", ""))
    if not dimension or of != {type_of_value}:
        return None
    if dimension == "owner_written" and value != frozenset({Provenance.OWNER.value}):
        return None
    if dimension in _RANGES and value not in _RANGES[dimension]:
        return None
    return dimension, value


def _conditions(dimension: str, value: Any) -> Conditions:
    narrowed: dict[str, Any] = {dimension: value}
    if dimension in {"collections", "sources", "kinds"}:
        narrowed = {dimension: Names(value)}
    elif dimension in {"labels", "people"}:
        narrowed = {dimension: (value,)}
    elif dimension == "sensitivity":
        narrowed = {"ceiling": Sensitivity(value)}
    elif dimension == "owner_written":
        narrowed = {"owner_written": True}
    elif dimension in {"since", "until"}:
        # Biscuit has no dates before 1970, so a window of a token never reaches there, even if only its end is said.
        narrowed = {"since": EPOCH, dimension: moment(value)}
    return replace(EVERYTHING, **narrowed)


def moment(seconds: int) -> datetime:
    """Return the time that many seconds after 1970, at most the last that a datetime can hold."""
    return _LAST if seconds >= _LAST.timestamp() else EPOCH + timedelta(seconds=seconds)


def _set(values: Iterable[str] | None, check: Any) -> set[str] | None:
    if values is None:
        return None
    if isinstance(values, str):
        raise BadRequest("a list of names is wanted, not one name")
    chosen = {check(value) for value in values}
    if not 1 <= len(chosen) <= MAX_SET:
        raise BadRequest(f"a caveat names 1 to {MAX_SET} of a kind", hint="nothing would be left; revoke instead")
    return chosen


def _number(value: int | None, dimension: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value not in _RANGES[dimension]:
        raise BadRequest(f"{value!r} is no value for `{dimension}`")
    return int(value)


def _action(value: str) -> str:
    try:
        return Action(value).value
    except ValueError:
        raise BadRequest(f"{value!r} is no action") from None


def _whole(moment: datetime | None, up: bool = False) -> datetime | None:
    if moment is None:
        return None
    try:
        moment = utc(moment)
        whole = moment.replace(microsecond=0)
        if up and whole != moment:
            whole += timedelta(seconds=1)
    except OverflowError:
        raise BadRequest("a time is outside the years 1 to 9999") from None
    if whole < EPOCH:
        raise BadRequest("a token knows no time before 1970")
    return whole
