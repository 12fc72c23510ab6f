"""Grants: the owner's stored decisions, and how the owner makes and sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vault.types.scope import Action, Conditions, Detail, Filter


class Status(StrEnum):
    """Where a grant stands. Only an active grant answers."""

    ACTIVE = "active"
    PAUSED = "paused"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Approval(StrEnum):
    """When the owner is asked: never, once at first use, for records that are sensitive or above, for each request."""

    NEVER = "never"
    FIRST = "first"
    SENSITIVE = "sensitive"
    EACH = "each"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a grant gives, None for as much as is asked. `results` are the records of one answer.

    The others are counted over all that the client used, whatever grants and tokens it came by.
    """

    results: int | None = None
    queries_per_hour: int | None = None
    records_per_day: int | None = None
    bytes_per_day: int | None = None

    def __and__(self, other: Limits) -> Limits:
        """Return the smaller of each."""
        return Limits(
            _least(self.results, other.results),
            _least(self.queries_per_hour, other.queries_per_hour),
            _least(self.records_per_day, other.records_per_day),
            _least(self.bytes_per_day, other.bytes_per_day),
        )


UNLIMITED = Limits()


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a client used: requests answered in the last hour; in the last day records, each once, and bytes."""

    queries: int = 0
    records: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """The owner's stored decision: the authority that every token of it is measured against.

    `holder` is the thumbprint of the key that its bearer must prove, empty for none. `paused_for` says why it is
    paused. Usage before `fresh` does not count. `records_then` is how many records it saw when it was made.
    `version` grows with every change of what it allows.
    """

    id: str
    client: str
    purpose: str
    actions: frozenset[Action]
    where: Conditions
    status: Status
    created: datetime
    expires: datetime
    last_used: datetime | None
    detail: Detail = Detail.FULL
    limits: Limits = UNLIMITED
    approval: Approval = Approval.NEVER
    holder: str = ""
    paused_for: str = ""
    fresh: datetime | None = None
    records_then: int = 0
    version: int = 1


# ---------------------------------------------------------------- the owner's requests


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """What the owner wants to grant. Nothing named means nothing granted; `all` must be said."""

    client: str
    actions: tuple[Action, ...] = (Action.SEARCH, Action.READ, Action.COUNT)
    filter: Filter = field(default_factory=Filter)
    all: bool = False
    purpose: str = ""
    expires_in: int = 30 * 86400
    detail: Detail = Detail.FULL
    limits: Limits = UNLIMITED
    approval: Approval = Approval.NEVER
    holder: str = ""


@dataclass(frozen=True, slots=True)
class NarrowRequest:
    """What to take away from a grant; what is left out stays. Nothing here can widen it."""

    filter: Filter = field(default_factory=Filter)
    actions: tuple[Action, ...] | None = None
    detail: Detail | None = None
    limits: Limits = UNLIMITED
    expires_in: int | None = None
    approval: Approval | None = None


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """Which grants to end at once: all of a client's, or with `all` everybody's. One of the two must be said."""

    client: str | None = None
    all: bool = False


# ---------------------------------------------------------------- what the owner sees


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a scope shows now, in numbers of records; `people` the most frequent, `titles` of the latest records."""

    records: int
    collections: dict[str, int]
    months: dict[str, int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    sensitivity: dict[str, int] = field(default_factory=dict)
    titles: tuple[str, ...] = ()
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant as its owner sees it. `scope` is the conditions in words the owner wrote.

    `tag` is another with every change of what it allows and of whether it answers.
    """

    id: str
    client: str
    purpose: str
    actions: tuple[Action, ...]
    scope: dict[str, Any]
    status: Status
    created: datetime
    expires: datetime
    last_used: datetime | None
    detail: Detail
    limits: Limits
    approval: Approval
    holder: str
    paused_for: str
    used: Usage
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """The one time the token is shown."""

    grant: GrantView
    token: str
    sees: Exposure


@dataclass(frozen=True, slots=True)
class Preview:
    """What a grant shows now; how many records it saw when it was made, and how many of today's came since."""

    grant: GrantView
    sees: Exposure
    then: int
    added: int


@dataclass(frozen=True, slots=True)
class Effect:
    """A grant as it would be after a change, or a new one, and what it would show. `before` is how many records it
    shows now, none for a new one, `of` how many the vault holds."""

    grant: GrantView
    sees: Exposure
    before: int
    of: int


@dataclass(frozen=True, slots=True)
class Choices:
    """The names that occur in what a grant shows now, each with its number of records, of very many the most
    frequent: what narrowing it can choose among."""

    collections: dict[str, int]
    sources: dict[str, int]
    kinds: dict[str, int]
    labels: dict[str, int]
    people: dict[str, int]
    sensitivity: dict[str, int]


@dataclass(frozen=True, slots=True)
class Access:
    """One grant of a client. `records` is how many it shows now, none once it has ended; `waiting` how many of its
    requests wait for the owner.

    `came` is how it came to be: `oauth`, `asked` (by a client that had another grant), `provider` (a language model),
    or the interface by which the owner made it; empty when the log does not say any more.
    """

    grant: GrantView
    came: str
    records: int
    waiting: int


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client and all grants that it ever had, newest first."""

    client: str
    grants: tuple[Access, ...]


@dataclass(frozen=True, slots=True)
class Revoked:
    grants: tuple[GrantView, ...]
