"""OAuth as the vault sees it: clients, their way to a grant, and the tokens at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.types.approvals import AccessRequest, Asker
from vault.types.grants import GrantView


class Flow(StrEnum):
    """How an answer gets to a client: a code by way of the browser, or a device that asks until it is there."""

    CODE = "code"
    DEVICE = "device"


class Stage(StrEnum):
    """Where an authorization stands: `waiting` for the owner, its code `issued`, `redeemed` for tokens, or `over`."""

    WAITING = "waiting"
    ISSUED = "issued"
    REDEEMED = "redeemed"
    OVER = "over"


# ---------------------------------------------------------------- clients


@dataclass(frozen=True, slots=True)
class Registration:
    """An OAuth client. Of a `known` one the description came with the vault; another's name is its own claim.

    `bound`: its tokens must be bound to a key. `devices`: it may use the device flow. `expires`: when it is forgotten
    unless the owner grants it something.
    """

    id: str
    name: str
    redirects: tuple[str, ...]
    bound: bool = False
    devices: bool = False
    known: bool = False
    created: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """What a client says of itself when it registers (RFC 7591)."""

    name: str
    redirects: tuple[str, ...]
    bound: bool = False


@dataclass(frozen=True, slots=True)
class PairingRequest:
    """For how long new clients may register."""

    seconds: int = 300


@dataclass(frozen=True, slots=True)
class Pairing:
    """Until when new clients may register, None when they may not, and how many still. `clients`: who did."""

    until: datetime | None
    left: int
    clients: tuple[Registration, ...]


# ---------------------------------------------------------------- the way to a grant


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """What a client without a grant asks for, and where its answer goes. `holder`: the key its tokens shall need."""

    client: str
    issuer: str
    resource: str
    access: AccessRequest
    redirect: str = ""
    state: str = ""
    challenge: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Authorization:
    """A client on its way to a grant, as it is stored. `id` is the request that the owner is asked."""

    id: str
    flow: Flow
    client: str
    secret: bytes
    issuer: str
    resource: str
    redirect: str
    state: str
    challenge: str
    holder: str
    stage: Stage
    created: datetime
    expires: datetime
    code: bytes | None = None
    user_code: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wish that was put before the owner. `handle` is the secret part of the page's address that waits for it."""

    handle: str
    request: str


@dataclass(frozen=True, slots=True)
class Consent:
    """A wish as the page that waits shows it. Nothing in it is the owner's."""

    request: str
    asker: Asker
    decided: bool
    expires: datetime


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where the browser goes with the answer: `uri`, with `code` or `error` and the rest in its query."""

    uri: str
    issuer: str
    state: str
    code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What a device gets: a secret to ask with, and a code to show."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


# ---------------------------------------------------------------- tokens


@dataclass(frozen=True, slots=True)
class RedeemRequest:
    """A code, or a device's secret, for tokens. `holder` is the thumbprint of the key that was proved."""

    secret: str
    client: str
    issuer: str
    resource: str = ""
    redirect: str = ""
    verifier: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """A refresh token for a new pair."""

    token: str
    client: str
    issuer: str
    resource: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets. `expires_in` is in seconds, `bound` that the access token needs its key."""

    access_token: str
    expires_in: int
    grant: GrantView
    refresh_token: str = ""
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the owner is told of a token. `expires` and all after it is empty when it is not `active`."""

    active: bool
    kind: str = ""
    client: str = ""
    expires: datetime | None = None
    holder: str = ""
    audience: str = ""
    grant: GrantView | None = None
