"""What the first block of a token says: the whole scope as plain facts, written and read. SPEC.md, "Facts".

One spelling only: what was read is written again and compared, so an unknown fact, a wrong type, a second order or a
fact that narrows nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vault import limits
from vault.errors import BadRequest
from vault.types import EVERY, Action, Conditions, Detail, Names, Sensitivity, from_micros, micros

EVERY_COLLECTION = "*"
"""Stands in a token for every collection, and in a request for the vault as a whole."""
_STRING, _NUMBER, _TRUTH, _GROUPED = ("str",), ("int",), ("bool",), ("int", "str")
_TERMS = {
    "grant": _STRING, "client": _STRING, "audience": _STRING, "op": _STRING, "collection": _STRING, "source": _STRING,
    "kind": _STRING, "label": _GROUPED, "without_label": _STRING, "person": _GROUPED, "since": _NUMBER,
    "until": _NUMBER, "last": _NUMBER, "ceiling": _NUMBER, "owner_written": _TRUTH, "detail": _NUMBER,
    "results": _NUMBER, "holder": _STRING,
}  # fmt: skip
"""The facts there are, with the types of their terms."""


class Predicate(NamedTuple):
    """A fact, or a question about one. A term is (type, value)."""

    name: str
    terms: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the first block says: for whom, and what it allows at most."""

    grant: str
    client: str
    audience: str
    actions: frozenset[Action]
    where: Conditions
    detail: Detail
    results: int | None
    holder: str


def write(facts: Facts) -> list[Predicate]:
    """Return the facts in their one order. BadRequest for a scope that holds for nothing."""
    where = facts.where
    if not facts.actions or _empty(where) or (facts.results is not None and facts.results < 1):
        raise BadRequest("nothing is named, so nothing is granted")
    said: list[tuple[Any, ...]] = [
        ("grant", facts.grant),
        ("client", facts.client),
        ("audience", facts.audience),
        *(("op", action.value) for action in sorted(facts.actions)),
        *_each("collection", [EVERY_COLLECTION] if where.collections.every else where.collections.only),
        *_each("source", where.sources.only),
        *_each("kind", where.kinds.only),
        *_groups("label", where.labels),
        *_each("without_label", where.without_labels),
        *_groups("person", where.people),
        *_maybe("since", None if where.since is None else micros(where.since)),
        *_maybe("until", None if where.until is None else micros(where.until)),
        *_maybe("last", where.last),
        *_maybe("ceiling", None if where.ceiling is Sensitivity.SECRET else int(where.ceiling)),
        *_maybe("owner_written", where.owner_written or None),
        ("detail", int(facts.detail)),
        *_maybe("results", facts.results),
        *_maybe("holder", facts.holder or None),
    ]
    return [Predicate(name, tuple(zip(_TERMS[name], values, strict=True))) for name, *values in said]


def read(said: Sequence[Predicate]) -> Facts:
    """Return what these facts say; ValueError unless `write` says the very same."""
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TERMS}
    try:
        for name, terms in said:
            found[name].append(tuple(value for _, value in terms))
        facts = _facts(found)
        same = write(facts) == list(said)
    except (ArithmeticError, BadRequest, LookupError, TypeError, ValueError):
        raise ValueError("these are no facts of a first block") from None
    if not same:  # every wrong type, duplicate and disorder shows here
        raise ValueError("these facts are spelt in another way")
    return facts


def _facts(found: dict[str, list[tuple[Any, ...]]]) -> Facts:
    def one(name: str) -> Any:
        return found[name][0][0] if found[name] else None

    def names(name: str) -> frozenset[str]:
        return frozenset(value for (value,) in found[name])

    def groups(name: str) -> tuple[frozenset[str], ...]:
        chosen: dict[int, set[str]] = {}
        for group, value in found[name]:
            chosen.setdefault(group, set()).add(value)
        return tuple(map(frozenset, chosen.values()))

    collections, sources, kinds = names("collection"), names("source"), names("kind")
    since, until, last, ceiling = one("since"), one("until"), one("last"), one("ceiling")
    if last is not None and not 1 <= last <= limits.WINDOW_DAYS:
        raise ValueError(last)
    where = Conditions(
        collections=EVERY if collections == {EVERY_COLLECTION} else Names(collections),
        sources=Names(sources) if sources else EVERY,
        kinds=Names(kinds) if kinds else EVERY,
        labels=groups("label"),
        without_labels=names("without_label"),
        people=groups("person"),
        since=None if since is None else from_micros(since),
        until=None if until is None else from_micros(until),
        last=last,
        ceiling=Sensitivity.SECRET if ceiling is None else Sensitivity(ceiling),
        owner_written=one("owner_written") is not None,
    )
    actions, detail = frozenset(map(Action, names("op"))), Detail(one("detail"))
    if EVERY_COLLECTION in where.collections.only:
        raise ValueError("every collection, and others")
    return Facts(
        one("grant"), one("client"), one("audience"), actions, where, detail, one("results"), one("holder") or ""
    )  # fmt: skip


def _empty(where: Conditions) -> bool:
    """Whether a dimension is narrowed to nothing: it would have no fact, and so look as if it were not narrowed."""
    names, alternatives = (where.collections, where.sources, where.kinds), (*where.labels, *where.people)
    return any(not one.every and not one.only for one in names) or not all(alternatives)


def _each(name: str, values: Iterable[str]) -> list[tuple[Any, ...]]:
    return [(name, value) for value in sorted(values)]


def _groups(name: str, alternatives: Iterable[frozenset[str]]) -> list[tuple[Any, ...]]:
    chosen = sorted(map(sorted, set(alternatives)))
    return [(name, group, value) for group, values in enumerate(chosen) for value in values]


def _maybe(name: str, value: Any) -> list[tuple[Any, ...]]:
    return [] if value is None else [(name, value)]
