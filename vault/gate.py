"""The way out. An answer is inside the gate from its audit entry until its response is closed.

Whoever ends a grant writes that down first and then waits until every answer that was recorded before is out; so
when `revoke` returns, nothing that the grant allowed is on its way any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Condition, Lock

DRAIN_SECONDS = 5.0
"""How long an answer may take to leave before its response is cut."""
CUT_SECONDS = 1.0
"""How long a cut response may take to end."""


class Departure:
    """One response on its way out, as the face that sends it sees it. Thread-safe.

    The face closes it after the last byte, or when the response ends in any other way. Once it is `cut` not one
    more byte may be sent.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: list[Callable[[], None]] = []
        self._on_cut: Callable[[], None] | None = None
        self._closed = False
        self.cut = False

    def hold(self, leave: Callable[[], None]) -> None:
        """Take over a way out of the gate: `leave` is called when the response is closed."""
        with self._lock:
            if not self._closed:
                self._held.append(leave)
                return
        leave()

    def on_cut(self, stop: Callable[[], None]) -> None:
        """Name what ends the response when it is cut; called from another thread, at most once."""
        with self._lock:
            self._on_cut = stop
            late = self.cut
        if late:
            stop()

    def sever(self) -> None:
        """Cut the response."""
        with self._lock:
            self.cut, stop = True, self._on_cut
        if stop:
            stop()

    def close(self) -> None:
        """Let go of everything held: the response is over."""
        with self._lock:
            self._closed, held = True, self._held
            self._held = []
        for leave in held:
            leave()


_departure: ContextVar[Departure | None] = ContextVar("departure", default=None)


@contextmanager
def departing(departure: Departure) -> Iterator[None]:
    """In this context answers stay inside the gate until `departure` is closed."""
    before = _departure.set(departure)
    try:
        yield
    finally:
        _departure.reset(before)


class Passage:
    """One answer inside the gate."""

    def __init__(self, gate: Gate, grant: str) -> None:
        self._gate, self.grant = gate, grant
        self.departure = _departure.get()

    def leave(self) -> None:
        """The answer is returned: out now, or when its response is closed."""
        if self.departure is None:
            self._gate.remove(self)
        else:
            self.departure.hold(self.abandon)

    def abandon(self) -> None:
        """Out at once: nothing was or will be released any more."""
        self._gate.remove(self)


class Gate:
    """Knows the answers that are between their audit entry and the end of their response. Thread-safe."""

    def __init__(self) -> None:
        self._inside: set[Passage] = set()
        self._changed = Condition()

    def enter(self, grant: str) -> Passage:
        passage = Passage(self, grant)
        with self._changed:
            self._inside.add(passage)
        return passage

    def remove(self, passage: Passage) -> None:
        with self._changed:
            self._inside.discard(passage)
            self._changed.notify_all()

    def drain(self, grants: Collection[str] | None = None) -> None:
        """Return when no answer of these grants (None: of any) that is inside now is inside any more.

        One that takes longer than DRAIN_SECONDS is cut. The response that is being made of this very call is not waited
        for: it leaves when this returns.
        """
        own = _departure.get()
        with self._changed:
            waiting = {
                one
                for one in self._inside
                if (grants is None or one.grant in grants) and (own is None or one.departure is not own)
            }
            if self._changed.wait_for(lambda: waiting.isdisjoint(self._inside), DRAIN_SECONDS):
                return
            slow = waiting & self._inside
        for passage in slow:
            if passage.departure is not None:
                passage.departure.sever()
        with self._changed:
            self._changed.wait_for(lambda: slow.isdisjoint(self._inside), CUT_SECONDS)
