"""Looking back: the audit log and its proofs, everything a client was ever given, and what the owner should know."""

from __future__ import annotations

from dataclasses import replace

from vault import limits
from vault.decision import expire
from vault.errors import BadRequest
from vault.parts import Room
from vault.permissions import approvals, audit, events, fsck, notices, scope, wordings
from vault.store import listing
from vault.types import (
    Action,
    AuditPage,
    AuditRequest,
    Connection,
    Happened,
    Holder,
    Notices,
    Position,
    Records,
    RecordsRequest,
    Replay,
    ReplayRequest,
    TreeReport,
)

LOOKS = 5
"""At a log that grows while it is verified."""


class History(Room):
    """The methods of a vault that show what happened. All are the owner's."""

    def audit(self, holder: Holder, request: AuditRequest) -> AuditPage:
        """Return a page of the audit log, newest first."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                page = audit.page(conn, request)
            decision.record()
            return page

    def watch(self, holder: Holder) -> Position:
        """Return where the log ends now: what `events` tells begins there. On the record."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            decision.record(detail={"watch": True})
            with self._parts.db.read() as conn:
                return events.position(conn)

    def events(self, holder: Holder, seen: Position) -> Happened:
        """Return what happened after a position; it holds no content, so that only a refusal is recorded.

        A position that the log never had, as after a restore, is where it ends now.
        """
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                return events.since(conn, seen, limits.EVENTS)

    @property
    def pulse(self) -> int:
        """A number that grows with everything that happens: as long as it stands still there are no new events."""
        return self._parts.db.head.counter

    def records(self, holder: Holder, request: RecordsRequest) -> Records:
        """Return a page of what a collection holds, without its text."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            if not 1 <= request.limit <= limits.PAGE:
                raise BadRequest(f"a page has 1 to {limits.PAGE} records")
            name = scope.name(request.collection)
            with self._parts.db.read() as conn:
                page = listing.listed(conn, replace(request, collection=name))
            decision.record(detail={"collection": name, "listed": len(page.records)})
            return page

    def replay(self, holder: Holder, request: ReplayRequest) -> Replay:
        """Return what a client was ever given, newest first, in the wording it got."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            client = scope.name(request.client)
            with self._parts.db.read() as conn:
                shown = wordings.replay(conn, client, request.limit, request.before)
            decision.record(detail={"replay": client})
            return shown

    def verify(self, holder: Holder) -> TreeReport:
        """Recompute the whole audit tree, compare it with the sealed head, and sign a checkpoint of it."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            decision.record()
            for _ in range(LOOKS):
                sealed = self._parts.db.head
                with self._parts.db.read() as conn:
                    report = fsck.verify(conn, sealed.audit_head, self._parts.signer)
                if report.ok or sealed == self._parts.db.head:  # else an entry came in between: look again
                    break
            return report

    def prove(self, holder: Holder, number: int) -> str:
        """Return a C2SP tlog-proof of one audit entry, which anybody can check with the public keys."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            decision.record(detail={"proof": number})
            with self._parts.db.read() as conn:
                return audit.prove(conn, number, self._parts.signer)

    def notices(self, holder: Holder) -> Notices:
        """Return what the owner should know and has not dismissed, newest first."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()

            def work(conn: Connection) -> None:
                expire(conn, decision.now)
                approvals.lapse(conn, decision.now)

            self._parts.db.write(work, urgent=True)
            with self._parts.db.read() as conn:
                listed = notices.listed(conn)
            decision.record(detail={"notices": len(listed)})
            return Notices(tuple(listed))

    def dismiss(self, holder: Holder, number: int) -> Notices:
        """Take one notice away and return the others. NotFound when there is none."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()

            def work(conn: Connection) -> Notices:
                notices.dismiss(conn, number)
                decision.append(conn, [], {"dismissed": number})
                return Notices(tuple(notices.listed(conn)))

            return self._parts.db.write(work, urgent=True)
