"""What happened: audit entries, what was released, notices, and the state of the vault."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vault.types.ending import Ending
from vault.types.records import Sensitivity


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """A page of the audit log, newest first. `before` is an entry number.

    Every other field leaves entries out: those of other clients, with none of these outcomes, with other actions,
    outside a time (`until` is not in it), that touched no record of a collection or level, or not this record, or
    whose query does not hold the text, in any letter case.
    """

    limit: int = 50
    before: int | None = None
    client: str | None = None
    outcome: tuple[Ending, ...] = ()
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    collection: str | None = None
    sensitivity: Sensitivity | None = None
    record: str | None = None
    text: str | None = None


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
    """An entry with its place in the tree, and what became of the request; None for an entry that was erased."""

    number: int
    leaf: str
    entry: Entry
    outcome: Ending | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`size` is that of the whole log. `more` is where the next page begins (its `before`), None at the end.

    A page may be short, or empty, and not the last: so far was looked for entries that are asked for.
    """

    entries: tuple[AuditEntry, ...]
    size: int
    more: int | None = None


@dataclass(frozen=True, slots=True)
class TreeReport:
    """The outcome of recomputing the audit tree. `problems` is empty when it holds."""

    size: int
    root: str
    ok: bool
    problems: tuple[str, ...]
    checkpoint: str


# ---------------------------------------------------------------- replay


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """A page of what a client was ever given, newest first. `before` is an entry number."""

    client: str
    limit: int = 50
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A record in the very words in which it left. `digest` is the SHA-256 (hex) that the audit entry names.

    `text` is empty and `erased` true when the record was forgotten since: then its wording is, too.
    """

    record: str
    title: str
    text: str
    digest: str
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """One answer that left: the audit entry, what was asked, and every record in the wording it got."""

    number: int
    time: datetime
    grant: str
    action: str
    via: str
    query: str
    wordings: tuple[Wording, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """`records` and `bytes` are all that this client was ever given, each record once."""

    client: str
    releases: tuple[Release, ...]
    records: int
    bytes: int


# ---------------------------------------------------------------- notices


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the owner should know: `kind` is a stable code, `detail` its numbers and names."""

    number: int
    time: datetime
    kind: str
    client: str
    grant: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notices:
    notices: tuple[Notice, ...]


# ---------------------------------------------------------------- the vault


@dataclass(frozen=True, slots=True)
class OwnerToken:
    """The owner's own short-lived capability, given for the passphrase."""

    token: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """An address that signs one browser in to the console, once, until then."""

    url: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class CollectionView:
    name: str
    records: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Reembedding:
    """Another encoder's vectors on their way: `done` of `total` chunks. The old ones answer meanwhile."""

    encoder: str
    done: int
    total: int


class Look(StrEnum):
    """How something stands: in order, worth a look, or wrong."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: how it stands, in words, and what to do."""

    name: str
    look: Look
    says: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """How the vault is. `state` is `absent`, `locked` or `unlocked`; counts only when unlocked.

    `encoder` is the model whose vectors answer, `index` where the index came from, once it is loaded.
    """

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
    requests: int | None = None
    audit_entries: int | None = None
    notices: tuple[str, ...] = ()
    index: str | None = None
    reembedding: Reembedding | None = None
