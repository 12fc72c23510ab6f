"""The owner looks at what is there: in numbers, one record with all that is known of it, and who can see what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from vault import limits
from vault.errors import BadRequest, NotFound
from vault.holding import Leaving
from vault.parts import Room
from vault.permissions import budgets, grants, scope, sightings
from vault.store import changes, holdings, listing
from vault.store.changes import Mark
from vault.types import (
    Action,
    Connection,
    Description,
    GrantView,
    Holder,
    Holdings,
    Reach,
    Record,
    Status,
)

SEEING = frozenset({Action.SEARCH, Action.READ, Action.COUNT})
"""What lets a grant learn anything of a record."""


class Browsing(Room):
    """The methods of a vault that show its data. All are the owner's."""

    _counted: tuple[Mark, Holdings] | None = None
    """What was counted last, and the moment of the records that it is right for."""

    def holdings(self, holder: Holder) -> Holdings:
        """Return what each source put into each collection, how much and when."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                mark, known = changes.last(conn), self._counted
                found = known[1] if known and known[0] == mark else holdings.holdings(conn)
            self._counted = mark, found
            decision.record(detail={"holdings": len(found.holdings)})
            return found

    def describe(self, holder: Holder, id: str) -> Description:
        """Return all that is known of a record: itself, its neighbours, who can see it and who did. NotFound."""
        with self._decide(holder, Action.READ) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                record = self._parts.library.record(id) if id.isascii() else None
                if record is None:
                    raise NotFound("no such record", reason="absent")
                before, after = listing.thread(conn, record)
                reach = self._reach(conn, [record], decision.now)
                chunks = listing.chunks(conn, id)
            return Description(record, chunks, before, after, reach, decision.record(Leaving([record])))

    def reach(self, holder: Holder, ids: Sequence[str]) -> Reach:
        """Return who can see any of these records now, and who was ever given one. Those that are gone are left out."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            some = chosen(ids)
            found = [record for id in some if (record := self._parts.library.record(id))]
            with self._parts.db.read() as conn:
                reach = self._reach(conn, found, decision.now)
            decision.record(detail={"reach": len(found)})
            return reach

    def _reach(self, conn: Connection, found: Sequence[Record], now: datetime) -> Reach:
        return Reach(
            tuple(listing.by_id(conn, [one.id for one in found])),
            self._seeing(conn, found, now),
            sightings.of(conn, [one.id for one in found]),
        )

    def _seeing(self, conn: Connection, found: Sequence[Record], now: datetime) -> tuple[GrantView, ...]:
        """Return the live grants whose scope has one of these records."""
        return tuple(
            grants.view(one, now, budgets.usage(conn, one.client, now, one.fresh))
            for one in grants.all(conn)
            if grants.live(one, now) in (Status.ACTIVE, Status.PAUSED)
            and SEEING & one.actions
            and any(scope.admits(one.where, record, now) for record in found)
        )


def chosen(ids: Sequence[str]) -> tuple[str, ...]:
    """Return ids that a person chose, each once. BadRequest for none or too many."""
    some = tuple(dict.fromkeys(id for id in ids if id.isascii()))
    if not 1 <= len(some) <= limits.PAGE:
        raise BadRequest(f"choose 1 to {limits.PAGE} records")
    return some
