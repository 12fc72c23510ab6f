"""What an unlocked vault consists of, shared by the classes that `service.Vault` is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from vault.decision import Decision, Desk
from vault.errors import BadRequest
from vault.founding import Clock
from vault.library import Library
from vault.permissions import tokens
from vault.permissions.checkpoint import Signer
from vault.store import keys, records
from vault.store.database import Database
from vault.types import Action, Connection, Grant, Holder

KEYS = "token_keys"
MOST_KEYS = 2
"""Root keys that are live at once: the one that signs, and the one before it."""


class Ring:
    """The root keys of tokens: one signs, the one before it may still verify. Thread-safe.

    Their seeds are derived from one secret and a number; the numbers that are live are a setting in the store.
    """

    def __init__(self, secret: bytearray, audience: str, live: list[int]) -> None:
        self._secret, self._audience = secret, audience
        self._lock = Lock()
        self.turn(live)

    @staticmethod
    def live(conn: Connection) -> list[int]:
        """Return the numbers of the live keys, the newest last."""
        stored = records.setting(conn, KEYS)
        return json.loads(stored) if stored else [1]

    @staticmethod
    def store(conn: Connection, live: list[int]) -> None:
        records.set_setting(conn, KEYS, json.dumps(live))

    def turn(self, live: list[int]) -> None:
        """Make these the live keys; tokens of others are refused from now on."""
        seeds = {number: keys.derive(self._secret, f"ownvault/v1/token-root/{number}") for number in live}
        with self._lock:
            self.root = tokens.Root.from_seeds(seeds)
            self._verify = tokens.Verifier(self.root.keys, self._audience)

    def verify(self, token: str, now: datetime) -> tokens.Verified:
        return self._verify(token, now)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the methods of a vault work with."""

    db: Database
    library: Library
    desk: Desk
    ring: Ring
    signer: Signer
    audience: str
    clock: Clock


class Room:
    """The base of the classes that a vault is made of: each a group of its methods, all over the same parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _decide(self, holder: Holder, action: Action | str, query: str = "", request: Any = None) -> Decision:
        return Decision(self._parts.desk, holder, action, query, request)

    def _mint(self, grant: Grant, expires: datetime, now: datetime) -> str:
        return tokens.mint(self._parts.ring.root, grant, self._parts.audience, expires, now)


def seconds_from(now: datetime, seconds: int, most: int) -> datetime:
    """Return the time so many seconds from `now`; BadRequest for none or for more than `most`."""
    from datetime import timedelta

    if not 1 <= seconds <= most:
        raise BadRequest(f"a length of time has at least a second and at most {most // 86400} days")
    return now + timedelta(seconds=seconds)
