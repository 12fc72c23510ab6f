"""How often a passphrase may be tried through the server: one derivation at a time, and a growing pause after failures.

There are two counts. Whoever can read the vault's directory (the owner's programs; they could try the keyslots
themselves) knows the server's knock and is counted apart, so no stranger who only reaches the port can throttle
the owner. Both counts are kept in that directory: starting the server anew forgives nothing. The pause is bounded:
nobody can lock the owner out for good.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vault.errors import BadRequest, Throttled, WrongPassphrase

FILES = {False: "attempts.json", True: "attempts-owner.json"}
"""Where failures are counted: of strangers, and of those who knew the knock."""
KNOCK = "Ownvault-Knock"
"""The header that tells the knock: a random word, new with each server, that stands in the vault's directory."""
FREE = 3
"""Failures before the first pause."""
LONGEST = 60.0
"""Seconds of the longest pause."""
BESIDES = "commands then open the vault themselves"
MAX_SECRET = 60 * 1024
"""Bytes of an unlock request's body; with its frame it fits into an empty pipe, so handing it on cannot block."""


class Attempts:
    """The attempts on one vault. `clock` gives seconds since the epoch. Without a knock everybody is a stranger."""

    def __init__(self, directory: Path, knock: str = "", clock: Callable[[], float] = time.time) -> None:
        self._knock = knock.encode()
        self._counts = {known: _Count(directory / name, clock) for known, name in FILES.items()}

    def knows(self, knock: str) -> bool:
        """Return whether this is the knock of this server."""
        return bool(self._knock) and hmac.compare_digest(knock.encode("utf-8", "replace"), self._knock)

    def browser(self) -> str:
        """Return the word that a browser keeps which the owner signed in once: strangers' failures do not pause it."""
        return hmac.digest(self._knock, b"ownvault/v1/console-knock", "sha256").hex() if self._knock else ""

    def knows_browser(self, word: str) -> bool:
        """Return whether this is the word of a browser that was signed in before."""
        return bool(self._knock) and hmac.compare_digest(word.encode("utf-8", "replace"), self.browser().encode())

    @contextmanager
    def attempt(self, known: bool) -> Iterator[None]:
        """Guard one attempt, told by its outcome: WrongPassphrase out of the block counts as a failure.

        Raises Throttled during a pause and while another attempt of the same kind is under way.
        """
        lock = self._counts[known].lock
        if not lock.acquire(blocking=False):
            raise Throttled("an attempt is under way", seconds=1)
        try:
            self.check(known)
            yield
            self.succeeded(known)
        except WrongPassphrase:
            self.failed(known)
            raise
        finally:
            lock.release()

    def check(self, known: bool) -> None:
        """Raise Throttled while the pause after the last failure lasts."""
        rest = self._counts[known].rest()
        if rest:
            hint = f"try again in {int(rest) + 1} seconds, or stop the server: {BESIDES}"
            raise Throttled("too many wrong passphrases", hint=hint, seconds=rest)

    def failed(self, known: bool) -> None:
        self._counts[known].add()

    def succeeded(self, known: bool) -> None:
        self._counts[known].clear()


class _Count:
    """Failures in a row, and when the last one was, in a file."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock, self.lock = path, clock, threading.Lock()

    def rest(self) -> float:
        """Return the seconds that the pause still lasts; a clock that was set back does not prolong it."""
        failures, last = self._read()
        rest = last + pause(failures) - self._clock()
        return rest if 0 < rest <= LONGEST else 0.0

    def add(self) -> None:
        failures, _ = self._read()
        making = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk must not keep the owner out
            descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump({"failures": failures + 1, "last": self._clock()}, file)
            making.replace(self._path)

    def clear(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _read(self) -> tuple[int, float]:
        try:
            if not self._path.is_file():
                return 0, 0.0
            said = json.loads(self._path.read_bytes()[:256])
            return max(0, int(said["failures"])), float(said["last"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return 0, 0.0


def pause(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: none, then 1, 2, 4 ... up to a minute."""
    return 0.0 if failures < FREE else min(LONGEST, 2.0 ** min(failures - FREE, 16))


def secret(body: bytes | bytearray) -> bytearray:
    """Return the passphrase of an unlock request's body. Raises BadRequest."""
    try:
        said = json.loads(body) if len(body) <= MAX_SECRET else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or set(said) != {"passphrase"} or not isinstance(said["passphrase"], str):
        raise BadRequest('the body must be {"passphrase": "…"}')
    try:
        return bytearray(said["passphrase"].encode())
    except UnicodeEncodeError:
        raise BadRequest("the passphrase is not text") from None
