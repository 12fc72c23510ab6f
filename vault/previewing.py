"""What a grant shows: in numbers, and exactly what its holder would be answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vault import limits, release
from vault.finding import check, find, worded
from vault.holding import Ask, Leaving
from vault.parts import Room
from vault.permissions import budgets, grants, scope
from vault.types import (
    Action,
    Conditions,
    Detail,
    Exposure,
    Grant,
    GrantView,
    Hit,
    Holder,
    Preview,
    Record,
    SearchRequest,
    Simulation,
    Status,
)


class Previewing(Room):
    """The methods of a vault that show what a grant gives away. All are the owner's."""

    def expose(self, holder: Holder, id: str) -> Preview:
        """Return what a grant shows now, and how much of that came since it was made."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                grant = grants.get(conn, id)
            where = scope.resolve(grant.where, decision.now)
            added = self._parts.library.added(where, grant.created)
            decision.record(detail={"grant": id, "preview": True})
            return Preview(self._view(grant, decision.now), self._exposure(where), grant.records_then, added)

    def simulate(self, holder: Holder, id: str, request: SearchRequest) -> Simulation:
        """Return what the holder of a grant's first token would be answered now. It costs that client nothing."""
        with self._decide(holder, Action.GRANT, request.query) as decision:
            decision.whole()
            check(request)
            with self._parts.db.read() as conn:
                grant = grants.get(conn, id)
            granted, wanted = scope.resolve(grant.where, decision.now), scope.narrowing(request.filter)
            hidden = wanted.collections.only - self._parts.library.collections(granted)
            most = grant.limits.results or limits.HITS
            where = granted & scope.resolve(wanted, decision.now)
            candidates = find(self._parts.library, where, request, most, decision.client, decision.now)
            admitted = [one for one in candidates if scope.admits(grant.where, one.record, decision.now)]
            level = min(grant.detail, Detail.FULL if request.detail is None else request.detail)
            hits = worded(admitted, level, owner=False)
            hindrances = self._hindrances(grant, decision.now, [one.record for one in admitted], hits)
            hindrances += ("not_found",) if hidden else ()
            if {"not_allowed", "detail_answers", "not_found"} & set(hindrances):
                hits = ()
            receipt = decision.record(detail={"grant": id, "simulated": True})
            return Simulation(hits, hindrances, receipt)

    def _hindrances(
        self, grant: Grant, now: datetime, found: Sequence[Record], hits: Sequence[Hit]
    ) -> tuple[str, ...]:  # fmt: skip
        """Return what a grant's holder would meet instead of these hits, by stable codes."""
        leaving = Leaving(found, release.wordings(hits))
        ask = Ask(grant, Action.SEARCH, "", "", "", "", now)
        with self._parts.db.read() as conn:
            met = {
                f"grant_{grants.live(grant, now)}": grants.live(grant, now) is not Status.ACTIVE,
                "not_allowed": Action.SEARCH not in grant.actions,
                "detail_answers": grant.detail is Detail.ANSWERS,
                "limit_reached": bool(budgets.exceeded(conn, grant, now, leaving.charged, leaving.size)),
                "approval_required": ask.asks and not ask.stands(conn, found),
            }
        return tuple(name for name, holds in met.items() if holds)

    def _view(self, grant: Grant, now: datetime) -> GrantView:
        with self._parts.db.read() as conn:
            return grants.view(grant, now, budgets.usage(conn, grant.client, now, grant.fresh))

    def _exposure(self, where: Conditions) -> Exposure:
        return self._parts.library.exposure(where)
