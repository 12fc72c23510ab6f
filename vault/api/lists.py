"""Lists over REST, in pages: what is asked, and what a page holds."""

from __future__ import annotations

from dataclasses import dataclass

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
    """A page of the audit log, newest first: from a cursor on, or before the entry of a number."""

    limit: int = 50
    before: int | None = None
    client: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntries:
    """`size` is that of the whole log; `next` is the cursor of the page after this one, null for none."""

    entries: tuple[types.AuditEntry, ...]
    size: int
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
