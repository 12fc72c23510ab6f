"""What a stranger's refusals may cost, and how often anybody may ask."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

_ROUNDING = 1e-6
REFUSALS_PER_MINUTE = 600
"""Refusals without a valid token that get an audit entry of their own; more are counted in the next one."""


class Meter:
    """Bounds what a stranger's refusals cost: so many entries a minute, the rest only counted."""

    def __init__(self, per_minute: int = REFUSALS_PER_MINUTE) -> None:
        self._per_minute, self._lock = per_minute, Lock()
        self._minute, self._used, self._over = 0, 0, Counter[str]()

    def admit(self, now: datetime) -> int | None:
        """Return how many went unrecorded since the last entry, or None when this one does too."""
        with self._lock:
            minute = int(now.timestamp()) // 60
            if minute != self._minute:
                self._minute, self._used = minute, 0
            self._used += 1
            if self._used > self._per_minute:
                self._over["n"] += 1
                return None
            return self._over.pop("n", 0)


class Pace:
    """How often each of a few may ask: sooner than its pause is hasty, and makes the pause longer. Thread-safe."""

    def __init__(self, pause: float, most: int = 256) -> None:
        self._pause, self._most, self._lock = pause, most, Lock()
        self._asked: OrderedDict[str, tuple[datetime, float]] = OrderedDict()

    def hasty(self, id: str, now: datetime) -> bool:
        """Note that `id` asks at `now` and say whether that is too soon. A second is forgiven: clocks differ."""
        with self._lock:
            last, pause = self._asked.pop(id, (None, self._pause))
            soon = last is not None and 0 <= (now - last).total_seconds() < pause - 1
            self._asked[id] = (now, pause + self._pause if soon else pause)
            if len(self._asked) > self._most:
                self._asked.popitem(last=False)
            return soon


class Guesses:
    """How many wrong guesses everybody together has: so many in a window of time. Thread-safe."""

    def __init__(self, most: int, seconds: int) -> None:
        self._most, self._seconds, self._lock = most, seconds, Lock()
        self._window, self._wrong = 0, 0

    def spent(self, now: datetime) -> bool:
        """Say whether there have been too many."""
        with self._lock:
            self._turn(now)
            return self._wrong >= self._most

    def wrong(self, now: datetime) -> None:
        """Note a wrong one."""
        with self._lock:
            self._turn(now)
            self._wrong += 1

    def _turn(self, now: datetime) -> None:
        window = int(now.timestamp()) // self._seconds
        if window != self._window:
            self._window, self._wrong = window, 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to somebody: so many requests at once, all of them again in `reset` seconds.

    `wait` is 0, or the seconds until the next request is answered.
    """

    left: int
    reset: int
    wait: float = 0.0


class Rates:
    """How fast each client may ask: `rate` a second in the long run, `burst` at once (GCRA). Thread-safe.

    `clock` gives seconds and never goes back. Who did not ask for a while has the whole burst again.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic, most: int = 1024
    ) -> None:  # fmt: skip
        self._rate, self._burst, self._clock, self._most, self._lock = rate, burst, clock, most, Lock()
        self._until: OrderedDict[str, float] = OrderedDict()

    def ask(self, id: str) -> Allowance:
        """Count a request of `id` and say what is left; one that has to wait is not counted."""
        whole, each = self._burst / self._rate, 1 / self._rate
        with self._lock:
            now = self._clock()
            until = max(self._until.pop(id, now), now)
            wait = until + each - now - whole
            if wait <= _ROUNDING:
                until, wait = until + each, 0.0
            self._until[id] = until
            while len(self._until) > self._most:
                self._until.popitem(last=False)
        left = math.floor((whole - (until - now)) * self._rate + _ROUNDING)
        return Allowance(max(0, left), math.ceil(until - now), wait)


class Once:
    """What is under way now, each thing once at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: set[tuple[str, str]] = set()

    @contextmanager
    def alone(self, grant: str, key: str) -> Iterator[bool]:
        """Yield whether this was not under way; it is, as long as the context lasts."""
        what = (grant, key)
        with self._lock:
            free = what not in self._under_way
            self._under_way.add(what)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._under_way.discard(what)
