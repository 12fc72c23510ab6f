"""What a stranger's refusals may cost."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from threading import Lock

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
