"""Who is signed in to the console: browsers that proved the passphrase, or came by a link of the owner's command.

Kept in memory alone: when the vault is locked, the process that knew them is gone. Thread-safe.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

from vault.types import Holder, OwnerToken

VIA = "console"
IDLE = timedelta(minutes=30)
"""A browser that asked nothing for so long is signed out; its owner's capability ends by itself within the hour."""
MOST, LINKS = 16, 8
"""Browsers signed in at once, and links that wait to be used; the oldest go first."""
LINK_LIFE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in. `page` is what its own pages say back with every form."""

    holder: Holder
    page: str
    expires: datetime


class Sessions:
    """The sessions and links of one unlocked vault. What a browser holds is kept here as its SHA-256 alone."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock, self._lock = clock, Lock()
        self._open: dict[bytes, tuple[Session, datetime]] = {}
        self._links: dict[bytes, tuple[OwnerToken, datetime]] = {}

    def open(self, token: OwnerToken) -> str:
        """Sign a browser in with the owner's capability; return what its cookie holds."""
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = Session(Holder(token.token, VIA), secrets.token_urlsafe(32), token.expires)
        with self._lock:
            self._open[_digest(cookie)] = session, now
            while len(self._open) > MOST:
                del self._open[min(self._open, key=lambda one: self._open[one][1])]
        return cookie

    def get(self, cookie: str) -> Session | None:
        """Return the session of a cookie; None for one that is none, or is over."""
        now, key = self._clock(), _digest(cookie)
        with self._lock:
            found = self._open.get(key)
            if found is None:
                return None
            session, used = found
            if now >= session.expires or not used <= now + IDLE or now >= used + IDLE:
                del self._open[key]
                return None
            self._open[key] = session, now
            return session

    def close(self, cookie: str) -> None:
        """Sign a browser out."""
        with self._lock:
            self._open.pop(_digest(cookie), None)

    def link(self, token: OwnerToken) -> tuple[str, datetime]:
        """Return a code that signs one browser in, once, and when it ends."""
        code, expires = secrets.token_urlsafe(32), self._clock() + LINK_LIFE
        with self._lock:
            self._links[_digest(code)] = token, expires
            while len(self._links) > LINKS:
                del self._links[next(iter(self._links))]
        return code, expires

    def enter(self, code: str) -> str | None:
        """Use a link up and return the cookie; None for a code that is none, was used, or is over."""
        with self._lock:
            token, expires = self._links.pop(_digest(code), (None, None))
        if token is None or expires is None or self._clock() >= expires:
            return None
        return self.open(token)


def same(one: str, other: str) -> bool:
    """Compare two secrets, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
