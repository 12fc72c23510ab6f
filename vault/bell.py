"""Wakes who waits for the owner's decision on a request. Knows ids only: what was decided is learnt by asking again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

REMEMBERED = 1000
"""Decided requests that are remembered, for those who begin to wait a moment too late."""


class Bell:
    """Rings for one request at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listening: dict[str, list[Callable[[], None]]] = {}
        self._rung: OrderedDict[str, None] = OrderedDict()

    def listen(self, request: str, call: Callable[[], None]) -> Callable[[], None]:
        """Have `call` called once when the bell rings for this request, at once if it has; from whichever thread rings.

        Returns what ends the listening. An id that nobody ever asked for never rings.
        """
        with self._lock:
            late = request in self._rung
            if not late:
                self._listening.setdefault(request, []).append(call)
        if late:
            call()
        return lambda: self._leave(request, call)

    def ring(self, request: str) -> None:
        """Wake everybody who waits for this request."""
        with self._lock:
            self._rung[request] = None
            if len(self._rung) > REMEMBERED:
                self._rung.popitem(last=False)
            waiting = self._listening.pop(request, [])
        for call in waiting:
            call()

    def _leave(self, request: str, call: Callable[[], None]) -> None:
        with self._lock:
            left = [one for one in self._listening.get(request, ()) if one is not call]
            if left:
                self._listening[request] = left
            else:
                self._listening.pop(request, None)
