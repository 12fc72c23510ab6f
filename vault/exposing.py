"""What clients were ever given, counted: the exposure matrix and the records behind its numbers."""

from __future__ import annotations

from vault.parts import Room
from vault.permissions import grants, matrix
from vault.types import (
    EVERYTHING,
    Action,
    Axis,
    By,
    Exposed,
    ExposedRequest,
    Holder,
    Matrix,
    MatrixRequest,
    Status,
)


class Exposing(Room):
    """The methods of a vault that count what left it. All are the owner's."""

    def matrix(self, holder: Holder, request: MatrixRequest) -> Matrix:
        """Return how many different records each client ever got, by collection or by sensitivity."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            by = By.COLLECTION if request.by is Axis.COLLECTION else By.SENSITIVITY
            held = self._parts.library.groups(EVERYTHING, by)
            with self._parts.db.read() as conn:
                standing = (one for one in grants.all(conn) if grants.live(one, decision.now) in _STANDING)
                shown = matrix.matrix(conn, request.by, held, frozenset(one.client for one in standing))
            decision.record(detail={"exposure": request.by.value})
            return shown

    def exposed(self, holder: Holder, request: ExposedRequest) -> Exposed:
        """Return a page of the records that a client ever got, or of the clients that ever got a record."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                shown = matrix.exposed(conn, request)
            about = {"client": request.client} if request.client else {"record": request.record}
            decision.record(detail={"exposed": len(shown.records), **about})
            return shown


_STANDING = (Status.ACTIVE, Status.PAUSED)
