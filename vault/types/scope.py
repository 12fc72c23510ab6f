"""What a capability allows: actions, conditions, detail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from vault.types.records import Sensitivity


class Action(StrEnum):
    """What a holder may do. The first four can be granted; the rest belong to the owner."""

    SEARCH = "search"
    READ = "read"
    COUNT = "count"
    ADD = "add"
    IMPORT = "import"
    FORGET = "forget"
    GRANT = "grant"
    REVOKE = "revoke"
    AUDIT = "audit"
    KEYS = "keys"


class Detail(IntEnum):
    """How much of a record is released: numbers and dates only; a passage with identifiers masked; a passage; all."""

    ANSWERS = 0
    REDACTED = 1
    SNIPPET = 2
    FULL = 3

    @classmethod
    def parse(cls, name: str) -> Detail:
        """Return the level called `name`, in any letter case; ValueError if there is none."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"unknown detail {name!r}") from None


GRANTABLE = frozenset({Action.SEARCH, Action.READ, Action.COUNT, Action.ADD})


@dataclass(frozen=True, slots=True)
class Names:
    """A set of names, or every name. The empty set means none, never all."""

    only: frozenset[str] = frozenset()
    every: bool = False

    @classmethod
    def of(cls, *names: str) -> Names:
        return cls(frozenset(names))

    def __contains__(self, name: str) -> bool:
        return self.every or name in self.only

    def __and__(self, other: Names) -> Names:
        if self.every:
            return other
        return self if other.every else Names(self.only & other.only)


EVERY = Names(every=True)


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which records: every dimension must hold. There is no default: nothing means no.

    `labels` and `people` are conjunctions of alternatives: the record needs at least one name
    out of each set. `since` is inclusive, `until` exclusive; a record without a date is in no
    window. `last` is a rolling window in days, turned into `since` when it is used.
    """

    collections: Names
    sources: Names
    kinds: Names
    labels: tuple[frozenset[str], ...]
    without_labels: frozenset[str]
    people: tuple[frozenset[str], ...]
    since: datetime | None
    until: datetime | None
    last: int | None
    ceiling: Sensitivity
    owner_written: bool

    def __and__(self, other: Conditions) -> Conditions:
        """Return the conditions under which both hold. Commutative, associative, idempotent."""
        return Conditions(
            collections=self.collections & other.collections,
            sources=self.sources & other.sources,
            kinds=self.kinds & other.kinds,
            labels=_both(self.labels, other.labels),
            without_labels=self.without_labels | other.without_labels,
            people=_both(self.people, other.people),
            since=_outer(max, self.since, other.since),
            until=_outer(min, self.until, other.until),
            last=_outer(min, self.last, other.last),
            ceiling=min(self.ceiling, other.ceiling),
            owner_written=self.owner_written or other.owner_written,
        )

    def narrow(self, **changes: Any) -> Conditions:
        """Return these conditions with some dimensions narrowed; the others stay."""
        return self & replace(EVERYTHING, **changes)


def _both(a: tuple[frozenset[str], ...], b: tuple[frozenset[str], ...]) -> tuple[frozenset[str], ...]:
    return tuple(sorted({*a, *b}, key=sorted))


def _outer(pick: Any, a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else pick(a, b)


EVERYTHING = Conditions(
    collections=EVERY, sources=EVERY, kinds=EVERY, labels=(), without_labels=frozenset(), people=(),
    since=None, until=None, last=None, ceiling=Sensitivity.SECRET, owner_written=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """What one verified capability allows for one request. Only verification makes one."""

    grant: str
    client: str
    actions: frozenset[Action]
    where: Conditions
    detail: Detail
    results: int


UNPROVEN = "-"
"""Stands for the thumbprint of a key that was claimed and not proved: with it no token is good."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever presents a capability token, the interface it came in by, and the thumbprint of the key it proved."""

    token: str
    via: str = "local"
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A request's own narrowing; what is left out is not narrowed."""

    collections: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    without_labels: tuple[str, ...] = ()
    people: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    last: int | None = None
    sensitivity: str | None = None
    owner_written: bool = False
