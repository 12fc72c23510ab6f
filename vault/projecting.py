"""The map of the vault: every record as a point near those that are about the same, and what a grant sees of it."""

from __future__ import annotations

from collections.abc import Sequence

from vault.errors import BadRequest, Changed
from vault.parts import Room
from vault.permissions import grants, scope
from vault.store import listing
from vault.types import Action, Atlas, Holder, Shade, Spot, Spots

SPOTS = 400
"""Points that are named at once."""


class Projecting(Room):
    """The methods of a vault that draw its map. All are the owner's."""

    @property
    def mapped(self) -> bool:
        """Whether the map is drawn already, so that `atlas` answers at once."""
        return self._parts.library.mapped

    @property
    def mapping(self) -> bool:
        """Whether the map is being drawn: who asks for it now waits."""
        return self._parts.library.mapping

    def atlas(self, holder: Holder) -> Atlas:
        """Return the map of all records. Drawn when it is first asked for, and after changes."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            found = self._parts.library.atlas()
            decision.record(detail={"map": found.size})
            return found

    def spots(self, holder: Holder, tag: str, points: Sequence[int]) -> Spots:
        """Return which records some points of a map are. Changed when the map is another by now."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            if not 1 <= len(points) <= SPOTS:
                raise BadRequest(f"ask for 1 to {SPOTS} points")
            numbers = self._parts.library.points(tag, points)
            if not numbers:
                raise Changed("the map was drawn anew", hint="load it again")
            with self._parts.db.read() as conn:
                lines = listing.by_number(conn, numbers.values())
            decision.record(detail={"spots": len(lines)})
            return Spots(tuple(Spot(point, lines[n]) for point, n in numbers.items() if n in lines))

    def shade(self, holder: Holder, grant: str) -> Shade:
        """Return which points of the map a grant can see now."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                where = scope.resolve(grants.get(conn, grant).where, decision.now)
            found = self._parts.library.shade(where)
            decision.record(detail={"grant": grant, "shade": found.points})
            return found
