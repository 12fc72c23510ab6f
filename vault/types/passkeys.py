"""Passkeys: how the owner says yes with a device, to the very words of an approval."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey that the owner registered. `id` is WebAuthn's credential id (base64url), `key` its public key."""

    id: str
    name: str
    created: datetime
    used: datetime | None = None
    count: int = 0
    key: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Passkeys:
    passkeys: tuple[Passkey, ...]


@dataclass(frozen=True, slots=True)
class Assent:
    """What a passkey is asked to sign: the SHA-256 (base64url) of the statement, by one of these passkeys."""

    statement: str
    challenge: str
    passkeys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a browser returned for it (WebAuthn's AuthenticationResponseJSON), and the exact origin of our pages."""

    response: dict[str, Any]
    origin: str
