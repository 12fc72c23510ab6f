"""What the parts of the vault say to each other: frozen data, no I/O, no policy.

Field names are the wire names: REST, MCP and `--json` print these classes as they stand.
All times are timezone-aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from vault.errors import BadRequest


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


GRANTABLE = frozenset({Action.SEARCH, Action.READ, Action.COUNT, Action.ADD})


class Sensitivity(IntEnum):
    """How private a record is; raised automatically, lowered only by the owner."""

    PUBLIC = 0
    PERSONAL = 1
    SENSITIVE = 2
    SECRET = 3

    @classmethod
    def parse(cls, name: str) -> Sensitivity:
        """Return the level called `name`, in any letter case; ValueError if there is none."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"unknown sensitivity {name!r}") from None


class Provenance(StrEnum):
    """Who wrote the words. Third-party text is never an instruction."""

    OWNER = "owner"
    THIRD_PARTY = "third_party"


class Status(StrEnum):
    """Where a grant stands. Only an active grant answers."""

    ACTIVE = "active"
    PAUSED = "paused"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Connection(Protocol):
    """The part of a DB-API connection that storage code may use."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Any: ...
    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Any: ...


# ---------------------------------------------------------------- records


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as its importer or author hands it over, before the vault takes it in.

    `origin` names it within its source: the same origin again is the same record.
    `thread` ties records of one conversation together, `position` orders them in it.
    """

    origin: str
    text: str
    title: str = ""
    kind: str = "note"
    created: datetime | None = None
    updated: datetime | None = None
    people: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    language: str = ""
    provenance: Provenance = Provenance.OWNER
    url: str = ""
    thread: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One thing the owner keeps, as stored. `date` is when it was written, if known."""

    id: str
    collection: str
    source: str
    origin: str
    kind: str
    title: str
    text: str
    date: datetime | None
    updated: datetime | None
    imported: datetime
    people: tuple[str, ...]
    labels: tuple[str, ...]
    sensitivity: Sensitivity
    language: str
    provenance: Provenance
    url: str
    thread: str
    position: int
    version: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a record's text, the unit of search.

    `text` is what a hit shows: `record.text[start:end]`. `header` is context (title, people,
    date) that is embedded and indexed with it but never shown.
    """

    ordinal: int
    start: int
    end: int
    text: str
    header: str


# ---------------------------------------------------------------- scope


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


@dataclass(frozen=True, slots=True)
class Holder:
    """Whoever presents a capability token, and the interface it came in by."""

    token: str
    via: str = "local"


# ---------------------------------------------------------------- requests


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


@dataclass(frozen=True, slots=True)
class SearchRequest:
    query: str
    limit: int = 10
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    id: str


@dataclass(frozen=True, slots=True)
class CountRequest:
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class AddRequest:
    """Drafts for one collection. `source` is the owner's to name; a client's is `client:NAME:COLLECTION`."""

    collection: str
    drafts: tuple[Draft, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """What the owner wants to grant. Nothing named means nothing granted; `all` must be said."""

    client: str
    actions: tuple[Action, ...] = (Action.SEARCH, Action.READ, Action.COUNT)
    filter: Filter = field(default_factory=Filter)
    all: bool = False
    purpose: str = ""
    expires_in: int = 30 * 86400


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """A page of the audit log, newest first. `before` is an entry number."""

    limit: int = 50
    before: int | None = None
    client: str | None = None


# ---------------------------------------------------------------- answers


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the answer was recorded before it was released: entry number, leaf hash (hex)."""

    entry: int
    leaf: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One record that answers a query, best first. `score` is the cosine similarity of its best chunk."""

    id: str
    title: str
    text: str
    score: float
    collection: str
    source: str
    kind: str
    date: datetime | None
    people: tuple[str, ...]
    labels: tuple[str, ...]
    origin: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Answer:
    hits: tuple[Hit, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as a holder may see it."""

    id: str
    title: str
    text: str
    collection: str
    source: str
    kind: str
    date: datetime | None
    people: tuple[str, ...]
    labels: tuple[str, ...]
    origin: str
    provenance: Provenance
    url: str


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    record: RecordView
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CountAnswer:
    count: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one draft: added, unchanged, changed or failed (with the reason)."""

    origin: str
    outcome: str
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddAnswer:
    outcomes: tuple[Outcome, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Grant:
    """The owner's stored decision: the authority that every token of it is measured against."""

    id: str
    client: str
    purpose: str
    actions: frozenset[Action]
    where: Conditions
    status: Status
    created: datetime
    expires: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a grant would show now, in numbers of records."""

    records: int
    collections: dict[str, int]


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant as its owner sees it. `scope` is the conditions in words the owner wrote."""

    id: str
    client: str
    purpose: str
    actions: tuple[Action, ...]
    scope: dict[str, Any]
    status: Status
    created: datetime
    expires: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Granted:
    """The one time the token is shown."""

    grant: GrantView
    token: str
    sees: Exposure


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit entry: who asked what, when, by which interface, and what was decided.

    `decision` is `allow` or `deny`; `reason` is a stable code for the owner, never told the client.
    `query` and `records` stay in the encrypted store; the tree holds a salted commitment only.
    """

    time: datetime
    client: str
    grant: str
    action: str
    via: str
    decision: str
    reason: str
    query: str = ""
    records: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry with its place in the tree."""

    number: int
    leaf: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class AuditPage:
    entries: tuple[AuditEntry, ...]
    size: int


@dataclass(frozen=True, slots=True)
class TreeReport:
    """The outcome of recomputing the audit tree. `problems` is empty when it holds."""

    size: int
    root: str
    ok: bool
    problems: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class OwnerToken:
    """The owner's own short-lived capability, given for the passphrase."""

    token: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class CollectionView:
    name: str
    records: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """How the vault is. `state` is `absent`, `locked` or `unlocked`; counts only when unlocked."""

    state: str
    directory: str
    address: str | None = None
    pid: int | None = None
    records: int | None = None
    chunks: int | None = None
    collections: tuple[CollectionView, ...] = ()
    encoder: str | None = None
    device: str | None = None
    grants: int | None = None
    audit_entries: int | None = None
    notices: tuple[str, ...] = ()


# ---------------------------------------------------------------- times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; a time without a zone is taken as UTC. BadRequest outside the years 1 to 9999."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise BadRequest("a time is outside the years 1 to 9999") from None


def micros(moment: datetime) -> int:
    """Return `moment` as it is stored and indexed: whole microseconds since 1970 in UTC."""
    return (utc(moment) - EPOCH) // _MICROSECOND


def from_micros(stored: int) -> datetime:
    """Return the time that `micros` made a number of. OverflowError for one that it cannot have made."""
    return EPOCH + stored * _MICROSECOND
