"""Wakes who waits for the owner's decision on a request, or whose grant was changed or ended meanwhile.

Knows ids only: what was decided is learnt by asking again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from threading import Lock

REMEMBERED = 1000
"""Decided requests that are remembered, for those who begin to wait a moment too late."""


class Bell:
    """Rings for one request at a time. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listening: dict[str, list[Callable[[], None]]] = {}
        self._grants: dict[str, str] = {}
        self._rung: OrderedDict[str, None] = OrderedDict()

    def listen(self, request: str, grant: str, call: Callable[[], None], share: int) -> Callable[[], None]:
        """Have `call` called once when the bell rings for this request, or for the grant that it was asked under; at
        once if it has, or if `share` wait under this grant already. From whichever thread rings.

        Returns what ends the listening.
        """
        with self._lock:
            waiting = sum(len(calls) for one, calls in self._listening.items() if self._grants[one] == grant)
            late = request in self._rung or waiting >= share
            if not late:
                self._listening.setdefault(request, []).append(call)
                self._grants[request] = grant
        if late:
            call()
        return lambda: self._leave(request, call)

    def ring(self, request: str) -> None:
        """Wake everybody who waits for this request."""
        with self._lock:
            self._rung[request] = None
            if len(self._rung) > REMEMBERED:
                self._rung.popitem(last=False)
            waiting = self._forget(request)
        for call in waiting:
            call()

    def ring_under(self, grants: Collection[str] | None) -> None:
        """Wake everybody who waits under these grants; None: under any."""
        with self._lock:
            found = [one for one, grant in self._grants.items() if grants is None or grant in grants]
            waiting = [call for one in found for call in self._forget(one)]
        for call in waiting:
            call()

    def _forget(self, request: str) -> list[Callable[[], None]]:
        self._grants.pop(request, None)
        return self._listening.pop(request, [])

    def _leave(self, request: str, call: Callable[[], None]) -> None:
        with self._lock:
            left = [one for one in self._listening.get(request, ()) if one is not call]
            if left:
                self._listening[request] = left
            else:
                self._forget(request)
