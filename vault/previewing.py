"""What a grant shows: in numbers, and exactly what its holder would be answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from vault import limits, release
from vault.decision import Decision
from vault.errors import BadRequest
from vault.finding import check, find, worded
from vault.holding import Ask, Leaving
from vault.legible import legible
from vault.parts import Room
from vault.permissions import approvals, budgets, grants, narrowing, scope
from vault.types import (
    EVERYTHING,
    Action,
    By,
    Choices,
    Conditions,
    Contrast,
    Detail,
    Effect,
    Exposure,
    Grant,
    GrantView,
    Hit,
    Holder,
    Line,
    NarrowRequest,
    Preview,
    Record,
    SearchRequest,
    Simulation,
    Status,
    Withheld,
)

_DIMENSIONS = {
    **{name: (name,) for name in ("collections", "sources", "kinds", "labels", "without_labels", "people")},
    "dates": ("since", "until", "last"), "sensitivity": ("ceiling",), "owner_written": ("owner_written",),
}  # fmt: skip
"""What conditions are called in words, and the fields of `Conditions` that they are."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the holder of a grant would be answered, and the records that it is made of."""

    grant: Grant
    records: Sequence[Record]
    hits: tuple[Hit, ...]
    hindrances: tuple[str, ...]


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

    def foresee(self, holder: Holder, id: str, request: NarrowRequest) -> Effect:
        """Return what narrowing would make of a grant, without doing it. Raises what `narrow` does."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                grant = grants.get(conn, id)
            if grants.live(grant, decision.now) in (Status.REVOKED, Status.EXPIRED):
                raise BadRequest(f"grant {id} has ended, which is final", hint="make a new grant")
            narrower = narrowing.narrow(grant, request, decision.now)
            sees = self._exposure(scope.resolve(narrower.where, decision.now))
            before = self._parts.library.count(scope.resolve(grant.where, decision.now))
            decision.record(detail={"grant": id, "preview": True})
            view = self._view(narrower, decision.now)
            return Effect(view, sees, before, self._parts.library.count(EVERYTHING))

    def choices(self, holder: Holder, id: str) -> Choices:
        """Return the names that occur in what a grant shows now; in the whole vault for the owner's own grant."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                where = scope.resolve(grants.get(conn, id).where, decision.now)
            decision.record(detail={"grant": id, "preview": True})
            kinds = (By.COLLECTION, By.SOURCE, By.KIND, By.LABEL, By.PERSON, By.SENSITIVITY)
            return Choices(*(self._parts.library.groups(where, by) for by in kinds))

    def simulate(self, holder: Holder, id: str, request: SearchRequest) -> Simulation:
        """Return what the holder of a grant's first token would be answered now. It costs that client nothing."""
        with self._decide(holder, Action.GRANT, request.query) as decision:
            seen = self._simulated(decision, id, request)
            receipt = decision.record(detail={"grant": id, "simulated": True})
            return Simulation(seen.hits, seen.hindrances, receipt)

    def contrast(self, holder: Holder, id: str, request: SearchRequest) -> Contrast:
        """Return that beside what the owner would be answered: what waits for approval, what is kept back and why."""
        with self._decide(holder, Action.GRANT, request.query) as decision:
            seen, now = self._simulated(decision, id, request), decision.now
            whole = scope.resolve(scope.narrowing(request.filter), now)
            best = find(self._parts.library, whole, request, limits.HITS, decision.client, now)
            with self._parts.db.read() as conn:
                standing = approvals.standing(conn, id, Action.SEARCH, now)
            waits = tuple(
                one.id for one in seen.records
                if approvals.needs(seen.grant, one) and not any(scope.admits(where, one, now) for where in standing)
            )  # fmt: skip
            withheld = tuple(
                _withheld(one.record, because) for one in best if (because := _because(seen.grant, one.record, now))
            )
            receipt = decision.record(detail={"grant": id, "simulated": True})
            return Contrast(seen.hits, seen.hindrances, waits if seen.hits else (), withheld, receipt)

    def _simulated(self, decision: Decision, id: str, request: SearchRequest) -> _Seen:
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
        records = [one.record for one in admitted]
        hindrances = self._hindrances(grant, decision.now, records, hits)
        hindrances += ("not_found",) if hidden else ()
        if {"not_allowed", "detail_answers", "not_found"} & set(hindrances):
            hits = ()
        return _Seen(grant, records, hits, hindrances)

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


def _because(grant: Grant, record: Record, now: datetime) -> tuple[str, ...]:
    """Return the conditions of a grant that a record does not meet, each looked at alone."""
    alone = {
        name: replace(EVERYTHING, **{field: getattr(grant.where, field) for field in fields})
        for name, fields in _DIMENSIONS.items()
    }
    return tuple(name for name, where in alone.items() if not scope.admits(where, record, now))


def _withheld(record: Record, because: tuple[str, ...]) -> Withheld:
    title = legible(record.title)
    return Withheld(Line(record.id, title, record.collection, record.date, record.sensitivity), because)
