"""Lists over REST, in pages: what is asked, and what a page holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault import types


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page of a list. `cursor` is the `next` of the page before it."""

    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Grants:
    """`next` is the cursor of the page after this one, null for none."""

    grants: tuple[types.GrantView, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Clients:
    """`next` is the cursor of the page after this one, null for none."""

    clients: tuple[types.ClientView, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Requests:
    """`next` is the cursor of the page after this one, null for none."""

    requests: tuple[types.RequestView, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RequestsRequest:
    """Which requests to list: those that wait, or with `all` every one. `cursor` is an earlier page's `next`."""

    all: bool = False
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """A page of the audit log, newest first: from a cursor on, or before the entry of a number.

    Everything else leaves entries out. `outcome` is one or several of released, redacted, answered, denied, error and
    owner, with commas between; `collection`, `sensitivity` and `record` are of a record that an entry names; `text`
    stands in its query, in any letter case.
    """

    limit: int = 50
    before: int | None = None
    client: str | None = None
    outcome: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    collection: str | None = None
    sensitivity: types.Sensitivity | None = None
    record: str | None = None
    text: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntries:
    """`size` is that of the whole log; `next` is the cursor of the page after this one, null for none, and `more` the
    number before which that begins. A page may be short, or empty, and not the last."""

    entries: tuple[types.AuditEntry, ...]
    size: int
    more: int | None
    next: str | None


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """How many entries there were, and when. `outcome` is one or several, with commas between."""

    period: types.Period = types.Period.WEEK
    client: str | None = None
    outcome: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class ExposedQuery:
    """A page of the records that a client ever got, latest first, or of the clients that ever got a record.

    `collection` and `sensitivity` leave others out; `forgotten` leaves out all that there still are.
    """

    client: str | None = None
    record: str | None = None
    collection: str | None = None
    sensitivity: types.Sensitivity | None = None
    forgotten: bool = False
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ExposedRecords:
    """`next` is the cursor of the page after this one, null for none."""

    records: tuple[types.ExposedRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class ReplayQuery:
    """A page of what a client was ever given, newest first: from a cursor on, or before the entry of a number."""

    client: str
    limit: int = 50
    before: int | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Releases:
    """`records` and `bytes` are all that the client was ever given; `next` is the cursor of the page after this one."""

    client: str
    releases: tuple[types.Release, ...]
    records: int
    bytes: int
    next: str | None


@dataclass(frozen=True, slots=True)
class RecordsQuery:
    """A page of what a collection holds, newest import first. `cursor` is the `next` of the page before it."""

    collection: str
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RecordLines:
    """`next` is the cursor of the page after this one, null for none."""

    records: tuple[types.RecordLine, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class NoticesPage:
    """`next` is the cursor of the page after this one, null for none."""

    notices: tuple[types.Notice, ...]
    next: str | None
