"""Looking through the log: entries over time, all of those that are asked for, and one with all that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime

from vault import limits
from vault.errors import NotFound
from vault.parts import Room
from vault.permissions import audit, budgets, grants, logbook, wordings
from vault.permissions.timeline import timeline
from vault.types import (
    Action,
    AuditEntry,
    AuditRequest,
    Connection,
    EntryRecord,
    EntryView,
    GrantView,
    Holder,
    Timeline,
    TimelineRequest,
)

NEIGHBOURS = 3
"""Entries that are shown before and after one."""


class Looking(Room):
    """The methods of a vault by which its owner looks through the log. All are the owner's."""

    def entries(self, holder: Holder, request: AuditRequest) -> Iterator[AuditEntry]:
        """Yield every entry that is asked for, newest first, as the log stands now: an export, told by one entry.

        `limit` and `before` of the request mean nothing here. Recorded before the first is told.
        """
        asked = replace(request, limit=limits.PAGE, before=None)
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            logbook.check(asked)
            with self._parts.db.read() as conn:
                end = audit.size(conn)
            decision.record(detail={"exported": end} | _said(asked))
        return self._entries(asked, end)

    def _entries(self, asked: AuditRequest, before: int | None) -> Iterator[AuditEntry]:
        while before:
            with self._parts.db.read() as conn:
                page = audit.page(conn, replace(asked, before=before))
            yield from page.entries
            before = page.more

    def entry(self, holder: Holder, number: int) -> EntryView:
        """Return one entry with its records in the words in which they left, its grant and its neighbours.

        NotFound when there is none of this number.
        """
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                found = logbook.one(conn, number)
                earlier, later = logbook.around(conn, number, NEIGHBOURS)
                previous, next = logbook.beside(conn, number, found.entry.client)
                records = named(conn, found)
                size = audit.size(conn)
                grant = self._grant(conn, found.entry.grant, decision.now)
            decision.record(detail={"entry": number})
            return EntryView(found, records, grant, tuple(earlier), tuple(later), previous, next, size)

    def _grant(self, conn: Connection, id: str, now: datetime) -> GrantView | None:
        try:
            found = grants.get(conn, id)
        except NotFound:
            return None
        own = found.id == grants.OWNER
        return None if own else grants.view(found, now, budgets.usage(conn, found.client, now, found.fresh))

    def timeline(self, holder: Holder, request: TimelineRequest) -> Timeline:
        """Return how many entries there were over a period, by client and outcome, in this machine's time zone."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                told = timeline(conn, request, decision.now, None)
            decision.record(detail={"timeline": request.period.value})
            return told


def named(conn: Connection, found: AuditEntry) -> tuple[EntryRecord, ...]:
    """Return the records that an entry names, in its order: as they are now, and in the words in which they left."""
    left = {one.record: one for one in wordings.left(conn, found.number, found.entry)}
    known = logbook.records(conn, found.entry.records)
    shown = []
    for id in dict.fromkeys(found.entry.records):
        title, collection, level = known.get(id, ("", None, None))
        shown.append(EntryRecord(id, title, collection, level, left.get(id)))
    return tuple(shown)


def _said(asked: AuditRequest) -> dict[str, object]:
    """Return the conditions of a request, for the record."""
    told = {field.name: getattr(asked, field.name) for field in fields(asked) if field.name not in ("limit", "before")}
    return {name: str(value) for name, value in told.items() if value not in (None, ())}
