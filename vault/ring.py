"""The root keys of capability tokens in an open vault."""

from __future__ import annotations

import json
from datetime import datetime
from threading import Lock

from vault.permissions import tokens
from vault.store import keys, records
from vault.types import Connection

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
        self.turning = Lock()
        self.turn(live)

    @staticmethod
    def live(conn: Connection) -> list[int]:
        """Return the numbers of the live keys, the newest last."""
        stored = records.setting(conn, KEYS)
        return json.loads(stored) if stored else [1]

    @staticmethod
    def holds(conn: Connection, number: int) -> bool:
        """Say whether the key of this number is live."""
        return number in Ring.live(conn)

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
