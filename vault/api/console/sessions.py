"""Who is signed in to the console: browsers that proved the passphrase, or came by a link of the owner's command.

A browser that is signed in holds two secrets, and needs both: a cookie, which no script reads, and the *place* in the
path of its pages, which no cookie jar knows. Browsers send a cookie to every port of a host; whoever has another server
under our name does not know the place, and so is not even sent the cookie, which is for that place alone.

Kept in memory: when the vault is locked, the process that knew them is gone. Thread-safe.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
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
    """A browser that is signed in. `page` is what its pages say back with every form; `place` stands in its path."""

    holder: Holder
    page: str
    place: str
    expires: datetime


@dataclass(slots=True)
class _Open:
    session: Session
    used: datetime
    link: bytes = b""
    notice: str = ""


class Sessions:
    """The sessions and links of one unlocked vault. What a browser's cookie holds is kept here as its SHA-256 alone."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock, self._lock = clock, Lock()
        self._open: dict[bytes, _Open] = {}
        self._links: dict[bytes, tuple[OwnerToken, datetime]] = {}

    def open(self, token: OwnerToken, link: bytes = b"") -> tuple[str, Session]:
        """Sign a browser in with the owner's capability; return what its cookie holds, and the session."""
        cookie, now = secrets.token_urlsafe(32), self._clock()
        session = Session(Holder(token.token, VIA), secrets.token_urlsafe(32), secrets.token_urlsafe(32), token.expires)
        with self._lock:
            self._open[_digest(cookie)] = _Open(session, now, link)
            while len(self._open) > MOST:
                del self._open[min(self._open, key=lambda one: self._open[one].used)]
        return cookie, session

    def get(self, cookie: str, place: str, quiet: bool = False) -> Session | None:
        """Return the session of a cookie at a place; None when they are not of one session, or it is over.

        What is asked for `quiet` is no use of it, so that a page which is merely open does not prolong it.
        """
        now, key = self._clock(), _digest(cookie)
        with self._lock:
            found = self._open.get(key)
            if found is None:
                return None
            if now >= found.session.expires or not found.used <= now + IDLE or now >= found.used + IDLE:
                del self._open[key]
                return None
            if not same(place, found.session.place):
                return None
            found.used = found.used if quiet else now
            return found.session

    def find(self, cookies: Iterable[str], place: str, quiet: bool = False) -> tuple[str, Session] | None:
        """Return the first of these cookies that is of a session at this place: another server may have set more."""
        found = ((one, self.get(one, place, quiet)) for one in cookies)
        return next(((one, session) for one, session in found if session), None)

    def close(self, cookie: str) -> None:
        """Sign a browser out."""
        with self._lock:
            self._open.pop(_digest(cookie), None)

    def notify(self, session: Session, notice: str) -> None:
        """Keep a sentence for the page that this browser is shown next."""
        with self._lock:
            for one in self._open.values():
                if one.session is session:
                    one.notice = notice

    def notice(self, session: Session) -> str:
        """Return the sentence that is kept, once."""
        with self._lock:
            for one in self._open.values():
                if one.session is session:
                    said, one.notice = one.notice, ""
                    return said
        return ""

    # ------------------------------------------------------------ links

    def link(self, token: OwnerToken) -> tuple[str, datetime]:
        """Return a code that signs one browser in, once, and when it ends."""
        code, expires = secrets.token_urlsafe(32), self._clock() + LINK_LIFE
        with self._lock:
            self._links[_digest(code)] = token, expires
            while len(self._links) > LINKS:
                del self._links[next(iter(self._links))]
        return code, expires

    def enter(self, code: str) -> tuple[str, Session] | None:
        """Use a link up and return the cookie and the session; None for a code that is none, was used, or is over.

        Who comes second with a code signs out who came first: one of the two saw a link that was not meant for it.
        """
        key = _digest(code)
        with self._lock:
            token, expires = self._links.pop(key, (None, None))
            if token is None:
                for cookie in [one for one, found in self._open.items() if found.link == key]:
                    del self._open[cookie]
        if token is None or expires is None or self._clock() >= expires:
            return None
        return self.open(token, key)


def same(one: str, other: str) -> bool:
    """Compare two secrets, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
