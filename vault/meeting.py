"""Pairings under way, and extensions that tried without one: in memory, so that strangers can fill nothing."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hmac import compare_digest
from threading import Lock

from vault import limits
from vault.errors import NotFound, PairingOver, Throttled
from vault.types import Right, Shown, Stranger


@dataclass(frozen=True, slots=True)
class Meeting:
    """One pairing: what the browser said, what the vault added, and how it stands.

    `words` come with the browser's nonce. `browser` is the id of what the owner made of it; `over` when he said no.
    """

    id: str
    name: str
    origin: str
    key: str
    asks: tuple[Right, ...]
    commit: bytes
    nonce: bytes
    created: datetime
    expires: datetime
    words: tuple[str, ...] = ()
    browser: str = ""


class Meetings:
    """The pairings under way: few, short, one of an origin. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[str, Meeting] = {}

    def start(
        self, name: str, origin: str, key: str, asks: tuple[Right, ...], commit: bytes, now: datetime
    ) -> Meeting:  # fmt: skip
        """Begin one; an earlier one of the same origin ends. Throttled when too many are open."""
        with self._lock:
            self._prune(now)
            for one in [m for m in self._open.values() if m.origin == origin and not m.browser]:
                del self._open[one.id]
            if len(self._open) >= limits.PAIRINGS:
                raise Throttled("too many browsers want to be paired", seconds=limits.PAIR_SECONDS,
                                hint="approve or deny those that wait: ownvault extension pair")  # fmt: skip
            until = now + timedelta(seconds=limits.PAIR_SECONDS)
            made = Meeting(
                f"p{secrets.token_hex(8)}", name, origin, key, asks, commit, secrets.token_bytes(32), now, until
            )
            self._open[made.id] = made
            return made

    def of(self, id: str, shown: Shown, now: datetime) -> Meeting:
        """Return a browser's own pairing. PairingOver for every other."""
        with self._lock:
            self._prune(now)
            found = self._open.get(id)
        if found is None or not (compare_digest(found.key, shown.key) and found.origin == shown.origin):
            raise PairingOver("there is no such pairing", reason="no_pairing")
        return found

    def waiting(self, now: datetime) -> tuple[Meeting, ...]:
        """Return those that wait for the owner, oldest first."""
        with self._lock:
            self._prune(now)
            return tuple(one for one in self._open.values() if not one.browser)

    def get(self, id: str, now: datetime) -> Meeting:
        """Return one that waits for the owner. NotFound if there is none."""
        for one in self.waiting(now):
            if one.id == id:
                return one
        raise NotFound(f"no browser waits under {id!r}", hint="see: ownvault extension pair")

    def reveal(self, id: str, words: tuple[str, ...]) -> None:
        """Keep the words of a pairing; those that it has stay. PairingOver when it is over."""
        with self._lock:
            found = self._open.get(id)
            if found is None or found.words:
                self._open.pop(id, None)
                raise PairingOver("this pairing has shown its words already", reason="revealed_twice")
            self._open[id] = replace(found, words=words)

    def settle(self, id: str, make: Callable[[], str], now: datetime) -> None:
        """Let the owner's yes become a browser: `make` returns its id. Nobody else settles the same. NotFound.

        From then on the browser has as long again to come for its tokens.
        """
        with self._lock:
            found = self._open.get(id)
            if found is None or found.browser:
                raise NotFound(f"no browser waits under {id!r}", hint="see: ownvault extension pair")
            until = now + timedelta(seconds=limits.PAIR_SECONDS)
            self._open[id] = replace(found, browser=make(), expires=until)

    def end(self, id: str) -> None:
        """End one; one that is over stays so."""
        with self._lock:
            self._open.pop(id, None)

    def _prune(self, now: datetime) -> None:
        """End those whose time is over; a clock that went back before their beginning ends them, too."""
        for one in [m for m in self._open.values() if not m.created <= now < m.expires]:
            del self._open[one.id]


class Strangers:
    """Who tried to reach the vault as an extension and is not paired: a few, counted. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: OrderedDict[str, Stranger] = OrderedDict()
        self._told: list[datetime] = []

    def note(self, origin: str, now: datetime) -> bool:
        """Count one attempt; say whether the owner should be told of this origin now."""
        with self._lock:
            found = self._seen.pop(origin, None)
            self._seen[origin] = (
                replace(found, times=found.times + 1, last=now) if found else Stranger(origin, 1, now, now)
            )
            while len(self._seen) > limits.STRANGERS:
                self._seen.popitem(last=False)
            self._told = [time for time in self._told if time > now - timedelta(days=1)]
            if found is not None or len(self._told) >= limits.STRANGER_NOTICES:
                return False
            self._told.append(now)
            return True

    def listed(self) -> tuple[Stranger, ...]:
        """Return who tried, the last first."""
        with self._lock:
            return tuple(reversed(self._seen.values()))
