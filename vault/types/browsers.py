"""Paired browsers: what their extension asks and is answered, and what the owner sees. plugins/browser/SPEC.md"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vault.types.approvals import Lasting, Line, Verdict
from vault.types.grants import Approval, Exposure, GrantView
from vault.types.messages import Hit, Receipt
from vault.types.scope import Detail, Filter


class Right(StrEnum):
    """What a browser may do: save, search (and insert what it found), decide on requests."""

    CAPTURE = "capture"
    SEARCH = "search"
    DECIDE = "decide"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a call of an extension shows: its token, the thumbprint of the key it proved ('' for none), its origin."""

    token: str
    key: str
    origin: str


@dataclass(frozen=True, slots=True)
class Browser:
    """A paired browser as stored. `adds` and `finds` are the ids of its grants, empty for none.

    `quiet`: it is not told who will see what it saves. `fetched`: it came for its tokens.
    """

    id: str
    name: str
    client: str
    origin: str
    key: str
    adds: str
    finds: str
    decides: bool
    quiet: bool
    created: datetime
    ended: datetime | None = None
    fetched: bool = False


# ---------------------------------------------------------------- pairing


@dataclass(frozen=True, slots=True)
class PairStart:
    """What an extension begins with. `commit` is of its nonce."""

    name: str
    commit: str
    asks: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class PairStarted:
    pairing: str
    nonce: str
    server_key: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class PairReveal:
    pairing: str
    nonce: str


@dataclass(frozen=True, slots=True)
class PairRevealed:
    expires_in: int


@dataclass(frozen=True, slots=True)
class PairToken:
    """One of the two: the pairing that was approved, or the refresh token."""

    pairing: str | None = None
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True)
class BrowserName:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class BrowserTokens:
    """What a browser calls with. `refresh_token` is given once."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    browser: BrowserName
    rights: tuple[Right, ...]
    server_key: str
    token_type: str = "DPoP"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Hello:
    """Who answers here, signed over the nonce of who asks."""

    server_key: str
    nonce: str
    address: str
    time: int
    version: str
    state: str
    signature: str


# ---------------------------------------------------------------- saving


class Captured(StrEnum):
    """What was saved."""

    PAGE = "page"
    SELECTION = "selection"
    LINK = "link"
    FILE = "file"
    CONVERSATION = "conversation"


class Speaker(StrEnum):
    """Whose turn it is."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class SentFile:
    """The bytes of a file, in base64."""

    type: str
    data: str


@dataclass(frozen=True, slots=True)
class SaidTurn:
    """One turn of a conversation; `time` is ISO 8601, or empty where the page does not tell."""

    role: Speaker
    text: str
    time: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation as an adapter read it off a page. `id` is the site's own, or empty."""

    adapter: str
    turns: tuple[SaidTurn, ...]
    version: int = 1
    id: str = ""


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Something of the web that the owner wants to keep. `key` is its own: the same again is answered as before."""

    key: str
    kind: Captured
    url: str
    captured: datetime
    collection: str
    title: str = ""
    text: str = ""
    labels: tuple[str, ...] = ()
    highlights: tuple[str, ...] = ()
    language: str = ""
    author: str = ""
    published: str = ""
    file: SentFile | None = None
    conversation: Dialogue | None = None


@dataclass(frozen=True, slots=True)
class CaptureAnswer:
    """What became of it. `seen_by` are the clients whose grants show it now, None where browsers are not told;
    `dropped` counts the vault's own insertions that were left out."""

    record: str
    outcome: str
    seen_by: tuple[str, ...] | None
    dropped: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CaptureCollections:
    collections: tuple[str, ...]
    default: str


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapter packs, as the vault's package has them; `digest` is another with every change."""

    format: str
    digest: str
    packs: tuple[dict[str, Any], ...]


# ---------------------------------------------------------------- inserting


@dataclass(frozen=True, slots=True)
class InsertRequest:
    """Release to a site what the owner chose among the hits of a search."""

    site: str
    query: str
    records: tuple[str, ...]
    limit: int = 10
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class Insertion:
    """What was released to a site; `release` stands in the marks around it."""

    release: str
    site: str
    hits: tuple[Hit, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """A site, by its origin."""

    site: str


@dataclass(frozen=True, slots=True)
class SiteClient:
    """A client that is a site's assistant: by insertion (`insert`), or by a grant of its own (`grant`)."""

    client: str
    way: str
    live: bool


@dataclass(frozen=True, slots=True)
class SeenRecord:
    id: str
    title: str
    collection: str
    date: datetime | None
    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class SeenBySite:
    """What a site's assistant has had: what this browser may see of it, and how many `others`."""

    site: str
    blocked: bool
    clients: tuple[SiteClient, ...]
    records: tuple[SeenRecord, ...]
    others: int


@dataclass(frozen=True, slots=True)
class SiteRevoked:
    site: str
    blocked: bool
    revoked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A site to which a browser inserts: its client, the grant cut out for it, and whether nothing more goes there."""

    origin: str
    client: str
    grant: str
    blocked: bool


# ---------------------------------------------------------------- deciding


@dataclass(frozen=True, slots=True)
class Ballot:
    """A request as a browser shows it. Of what is not `decidable` there, `query` and `records` are empty."""

    id: str
    client: str
    purpose: str
    action: str
    query: str
    count: int
    records: tuple[Line, ...]
    created: datetime
    expires: datetime
    decidable: bool
    place: str


@dataclass(frozen=True, slots=True)
class Ballots:
    requests: tuple[Ballot, ...]


class Said(StrEnum):
    """How the owner decided in a browser."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class DecideRequest:
    request: str
    verdict: Said
    lasting: Lasting = Lasting.ONCE
    seconds: int | None = None
    filter: Filter = field(default_factory=Filter)


@dataclass(frozen=True, slots=True)
class Decided:
    request: str
    verdict: Verdict


# ---------------------------------------------------------------- what the owner sees


@dataclass(frozen=True, slots=True)
class PairingView:
    """A pairing that waits for the owner: the words to compare. None of them before the browser has shown its nonce."""

    id: str
    name: str
    origin: str
    asks: tuple[Right, ...]
    words: tuple[str, ...]
    expires: datetime


@dataclass(frozen=True, slots=True)
class PairApproval:
    """What the owner gives a browser. Nothing named, nothing given: to search, `search` or `all` must be said."""

    name: str | None = None
    collections: tuple[str, ...] = ()
    search: Filter | None = None
    all: bool = False
    detail: Detail = Detail.FULL
    approval: Approval = Approval.NEVER
    decide: bool = False
    quiet: bool = False
    expires_in: int = 365 * 86400


@dataclass(frozen=True, slots=True)
class BrowserView:
    """A paired browser as its owner sees it. `fetched`: it came for its tokens."""

    id: str
    name: str
    client: str
    origin: str
    key: str
    rights: tuple[Right, ...]
    quiet: bool
    fetched: bool
    created: datetime
    ended: datetime | None
    last_used: datetime | None
    grants: tuple[GrantView, ...]
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Stranger:
    """An extension that is not paired and tried to reach the vault, since it was unlocked."""

    origin: str
    times: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Browsers:
    """What waits to be paired, what is, and who else tried."""

    waiting: tuple[PairingView, ...]
    browsers: tuple[BrowserView, ...]
    strangers: tuple[Stranger, ...]


@dataclass(frozen=True, slots=True)
class Paired:
    """The browser that was let in, and what it can search, None when it cannot."""

    browser: BrowserView
    sees: Exposure | None
