"""What waits for the owner's decision: answers held back, and access asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vault.types.grants import UNLIMITED, Exposure, Granted, Limits
from vault.types.messages import Hit, Receipt
from vault.types.records import Sensitivity
from vault.types.scope import Action, Detail, Filter


class Asked(StrEnum):
    """What a request is for: one answer that is ready and held back, or a new grant."""

    ANSWER = "answer"
    ACCESS = "access"


class Verdict(StrEnum):
    """Where a request stands. `approved` waits to be used once, `standing` holds until its time is over."""

    PENDING = "pending"
    APPROVED = "approved"
    STANDING = "standing"
    USED = "used"
    DENIED = "denied"
    LAPSED = "lapsed"


class Lasting(StrEnum):
    """How long an approval holds: for one answer, for a time, or as long as the grant."""

    ONCE = "once"
    WHILE = "while"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What a client asks to be granted. The owner may give less, or nothing. `purpose` is the client's claim."""

    purpose: str
    actions: tuple[Action, ...] = (Action.SEARCH, Action.READ, Action.COUNT)
    filter: Filter = field(default_factory=Filter)
    detail: Detail = Detail.FULL
    limits: Limits = UNLIMITED
    expires_in: int = 30 * 86400


@dataclass(frozen=True, slots=True)
class Request:
    """A stored request. `terms` is the canonical JSON of what was asked; equal ones of one grant have the same `key`.
    `grant` is empty when a new client asks that has none yet.

    `records` are what the answer would release, as `ID:VERSION`. `scope` is the canonical scope it was approved for,
    empty for as asked. `until`: how long a standing approval holds, or a denial is remembered. `granted` is the grant
    made of an access request.
    """

    id: str
    asked: Asked
    grant: str
    client: str
    key: str
    action: str
    query: str
    purpose: str
    terms: str
    records: tuple[str, ...]
    created: datetime
    expires: datetime
    verdict: Verdict
    decided: datetime | None = None
    scope: str = ""
    until: datetime | None = None
    granted: str = ""


@dataclass(frozen=True, slots=True)
class ApproveRequest:
    """How the owner approves: `lasting`, `seconds` when that is `while`, and narrower than asked by what is named.

    `all`: the whole vault, to a new client that named no part of it.
    """

    lasting: Lasting = Lasting.ONCE
    seconds: int | None = None
    filter: Filter = field(default_factory=Filter)
    actions: tuple[Action, ...] | None = None
    detail: Detail | None = None
    limits: Limits = UNLIMITED
    expires_in: int | None = None
    all: bool = False


@dataclass(frozen=True, slots=True)
class AddTerms:
    """What is kept of a request to add: where to, how many records, some of their titles, and a digest of it all."""

    collection: str
    records: int
    titles: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Line:
    """A record as the owner sees it in a request: enough to decide by. `had` is when it last left for this client."""

    id: str
    title: str
    collection: str
    date: datetime | None
    sensitivity: Sensitivity
    had: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks without a grant yet. `redirect` is where the answer is sent, `here` that it is a program on this very
    machine, any of which may say so; `user_code` is what a device shows."""

    id: str
    name: str
    known: bool
    redirect: str
    here: bool
    user_code: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as its owner sees it: who asks what for, and which records would leave, or what access would show."""

    id: str
    asked: Asked
    client: str
    grant: str
    purpose: str
    action: str
    query: str
    terms: dict[str, Any]
    records: tuple[Line, ...]
    verdict: Verdict
    created: datetime
    expires: datetime
    decided: datetime | None
    until: datetime | None
    granted: str
    sees: Exposure | None = None
    asker: Asker | None = None


@dataclass(frozen=True, slots=True)
class RequestState:
    """A request as its client sees it: where it stands, and nothing of the owner's."""

    id: str
    verdict: Verdict
    expires: datetime


@dataclass(frozen=True, slots=True)
class Approved:
    """The request as it now stands; for access the new grant, whose token the owner sees this once."""

    request: RequestView
    granted: Granted | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """The token of an access request that was approved, given once to the client that asked."""

    grant: str
    token: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a grant's holder would be answered now. `hindrances` say what it would meet instead, by stable codes."""

    hits: tuple[Hit, ...]
    hindrances: tuple[str, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Withheld:
    """A record that answers as well and that a grant does not show. `because` are the conditions of the grant that it
    does not meet, as a scope calls them; `dates` stands for every window."""

    record: Line
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What a grant's holder would be answered beside what its owner would be: `waits` are those of the hits that would
    not leave without the owner's approval, by id; `withheld` what of the owner's own answer the grant does not show."""

    hits: tuple[Hit, ...]
    hindrances: tuple[str, ...]
    waits: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    receipt: Receipt
