"""What clients ask the owner for, and what the owner says: approvals of single answers, and new access."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vault import limits
from vault.assenting import Assenting
from vault.decision import Decision
from vault.errors import BadRequest, NotFound
from vault.granting import new_grant_id
from vault.legible import legible
from vault.permissions import access, approvals, authorizations, budgets, grants, notices, registrations, scope
from vault.types import (
    UNLIMITED,
    AccessRequest,
    Action,
    Approved,
    ApproveRequest,
    Asked,
    Assertion,
    Collected,
    Conditions,
    Connection,
    Detail,
    Filter,
    Grant,
    Holder,
    Lasting,
    Line,
    Request,
    RequestState,
    RequestView,
    Status,
    Verdict,
)

WAITS = 8
"""Calls that wait at once under one grant; one more is answered at once."""
PURPOSES = 200
"""Characters of a client's claim that the audit entry keeps."""


class Requesting(Assenting):
    """The methods of a vault by which clients ask and the owner decides. Silence denies."""

    # ------------------------------------------------------------ the client's

    def request_access(self, holder: Holder, request: AccessRequest) -> RequestState:
        """Put a wish for access before the owner. The same wish again is the same request, not another prompt."""
        with self._decide(holder, "request_access", request.purpose[:PURPOSES], request) as decision:
            grant = decision.asker()
            if decision.owner:
                raise BadRequest("the owner has nothing to ask for")
            wanted = access.write(request, access.check(request))
            key = approvals.key(grant.id, "request_access", wanted, " ".join(legible(request.purpose).split()))

            def work(conn: Connection) -> Request:
                found = approvals.find(conn, grant.id, key, decision.now)
                if found is not None:
                    decision.append(conn, [], {"request": found.id})
                    return found
                asked = Request(
                    f"q{secrets.token_hex(8)}", Asked.ACCESS, grant.id, grant.client, key, "request_access", "",
                    legible(request.purpose), wanted, (), decision.now,
                    decision.now + timedelta(seconds=limits.PENDING_SECONDS), Verdict.PENDING,
                )  # fmt: skip
                stored = approvals.ask(conn, asked)
                notices.put(conn, decision.now, "access", grant.client, grant.id, {"request": stored.id})
                decision.append(conn, [], {"request": stored.id, "terms": json.loads(wanted)})
                return stored

            return _state(self._parts.db.write(work))

    def request_state(self, holder: Holder, id: str) -> RequestState:
        """Return where a request of this very grant stands. Any other is NotFound."""
        with self._decide(holder, "request_state") as decision:
            found = self._own(decision.asker(), id, decision.now)
            self._parts.db.write(lambda conn: decision.append(conn, [], {"request": id}))
            return _state(found)

    def collect(self, holder: Holder, id: str) -> Collected:
        """Give the client that asked for access the token of what was granted: once. NotFound otherwise."""
        with self._decide(holder, "collect") as decision:
            found = self._own(decision.asker(), id, decision.now)

            def work(conn: Connection) -> Grant:
                if not found.granted or not approvals.collected(conn, id):
                    raise NotFound("no such request", reason="nothing_to_collect")
                granted = grants.get(conn, found.granted)
                if grants.live(granted, decision.now) is not Status.ACTIVE:
                    raise NotFound("no such request", reason=f"grant_{granted.status}")
                decision.append(conn, [], {"request": id, "grant": granted.id})
                return granted

            granted = self._parts.db.write(work)
            return Collected(granted.id, self._mint(granted, granted.expires, decision.now), granted.expires)

    def when_decided(self, id: str, call: Callable[[], None]) -> Callable[[], None]:
        """Have `call` called once, from any thread, when the owner decides on a request or changes or ends its grant;
        at once where nothing waits, or too much under one grant. Return what ends that.

        Needs no right and tells nothing: what was decided is learnt by asking again, with one.
        """
        with self._parts.db.read() as conn:
            asked = approvals.waiting(conn, id)
        if asked is None:
            call()
            return lambda: None
        leave = self._parts.bell.listen(id, asked.grant, call, WAITS)
        with self._parts.db.read() as conn:  # again: what was written before we listened rang for nobody
            if approvals.waiting(conn, id) is None:
                call()
        return leave

    def _own(self, grant: Grant, id: str, now: datetime) -> Request:
        """Return the grant's own request; whether another's exists cannot be told."""
        self._parts.db.write(lambda conn: approvals.lapse(conn, now))
        try:
            with self._parts.db.read() as conn:
                found = approvals.get(conn, id)
        except NotFound:
            raise NotFound("no such request", reason="absent") from None
        if found.grant != grant.id:
            raise NotFound("no such request", reason="out_of_scope")
        return found

    # ------------------------------------------------------------ the owner's

    def requests(self, holder: Holder, all: bool = False) -> tuple[RequestView, ...]:
        """Return the requests that wait, newest first, each with what it would release; with `all` the decided ones."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            self._parts.db.write(lambda conn: approvals.lapse(conn, decision.now), urgent=True)
            with self._parts.db.read() as conn:
                listed = approvals.listed(conn, all=all)
            decision.record(detail={"requests": len(listed)})
            return tuple(self._shown(one, decision.now) for one in listed)

    def approve(self, holder: Holder, id: str, request: ApproveRequest) -> Approved:
        """Let a held answer go, or make the grant that was asked for; narrower than asked by what `request` names."""
        return self._approve(holder, id, request, None)

    def approve_signed(self, holder: Holder, id: str, request: ApproveRequest, assertion: Assertion) -> Approved:
        """Do the same when a passkey of the owner's has signed exactly this (`assent`); the audit entry keeps that.

        NotAllowed when none has. WebAuthn needs a page, so that this is the console's alone.
        """
        return self._approve(holder, id, request, assertion)

    def _approve(
        self, holder: Holder, id: str, request: ApproveRequest, assertion: Assertion | None
    ) -> Approved:  # fmt: skip
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                found = approvals.get(conn, id)
            if found.asked is Asked.ACCESS:
                return self._approve_access(decision, found, request, assertion)
            if (request.actions, request.detail, request.expires_in, request.limits) != (None, None, None, UNLIMITED):
                raise BadRequest("an answer is approved as it is, for fewer records at most", hint="narrow the grant")
            if request.filter != Filter() and not found.records:
                raise BadRequest("this answer is a number, it cannot be approved in part", hint="narrow the grant")
            narrower = "" if request.filter == Filter() else scope.to_json(scope.narrowing(request.filter))

            def work(conn: Connection) -> Request:
                until = _until(grants.get(conn, found.grant), request, decision.now)
                signed = self._signed(decision, conn, found, request, assertion)
                said = approvals.approve(conn, id, request.lasting, narrower, until, decision.now)
                told = {"approved": id, "client": said.client, "lasting": str(request.lasting)}
                decision.append(conn, [], told | signed)
                return said

            said = self._parts.db.write(work)
            self._parts.bell.ring(id)
            return Approved(self._shown(said, decision.now))

    def _approve_access(
        self, decision: Decision, found: Request, request: ApproveRequest, assertion: Assertion | None
    ) -> Approved:  # fmt: skip
        if request.lasting is not Lasting.ONCE or request.seconds is not None:
            raise BadRequest("access is granted for a time", hint="say --expires 7d")
        actions, detail, asked, where, seconds = access.read(found.terms)
        where = where & scope.narrowing(request.filter)
        actions = actions if request.actions is None else actions & set(request.actions)
        level = min(detail, detail if request.detail is None else request.detail)
        if level is Detail.ANSWERS:
            actions -= {Action.SEARCH, Action.READ}
        if not actions:
            raise BadRequest("that leaves no action", hint="deny it instead: ownvault deny ID")
        if not found.grant and not request.all and not _names(where):
            raise BadRequest("nothing is named, so nothing is granted", hint="name --collection NAME, or say --all")
        life = timedelta(seconds=min(seconds, request.expires_in or seconds))
        sees = self._exposure(scope.resolve(where, decision.now))
        with self._parts.db.read() as conn:
            way = authorizations.get(conn, found.id)
            held = grants.get(conn, found.grant) if found.grant else None
        made = Grant(
            new_grant_id(), found.client, found.purpose, actions, where, Status.ACTIVE, decision.now,
            decision.now + life, None, level, asked & request.limits, holder=way.holder if way else "",
            records_then=sees.records,
        )  # fmt: skip
        if held is not None:  # what was asked through it is bound to the same key, and as closely watched
            made = replace(made, limits=made.limits & held.limits, approval=held.approval, holder=held.holder)

        def also(conn: Connection) -> dict[str, Any]:
            signed = self._signed(decision, conn, found, request, assertion)
            approvals.approve(conn, found.id, Lasting.ONCE, "", made.expires, decision.now)
            approvals.grant_made(conn, found.id, made.id)
            if way is not None:
                registrations.keep(conn, way.client)
                authorizations.prolong(conn, found.id, decision.now + timedelta(seconds=limits.FETCH_SECONDS))
            return signed

        granted = self._make(decision, made, sees, also)
        if way is not None:  # its client gets tokens of its own, short-lived ones
            granted = replace(granted, token="")
        self._parts.bell.ring(found.id)
        with self._parts.db.read() as conn:
            return Approved(self._shown(approvals.get(conn, found.id), decision.now), granted)

    def deny(self, holder: Holder, id: str) -> RequestView:
        """Refuse a request. Its client is told no, and the same is not asked again for a day."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()

            def work(conn: Connection) -> Request:
                said = approvals.deny(conn, id, decision.now)
                decision.append(conn, [], {"denied": id, "client": said.client})
                return said

            said = self._parts.db.write(work, urgent=True)
            self._parts.bell.ring(id)
            return self._shown(said, decision.now)

    def _shown(self, request: Request, now: datetime) -> RequestView:
        wished = request.asked is Asked.ACCESS
        kept = [self._parts.library.record(one.partition(":")[0]) for one in request.records]
        sees = self._exposure(scope.resolve(access.read(request.terms)[3], now)) if wished else None
        with self._parts.db.read() as conn:
            way = authorizations.get(conn, request.id) if wished else None
            lines = tuple(
                Line(one.id, legible(one.title), one.collection, one.date, one.sensitivity,
                     budgets.had(conn, request.client, one.id))
                for one in kept if one is not None
            )  # fmt: skip
        said = access.in_words(request.terms) if wished else json.loads(request.terms)
        return RequestView(
            request.id, request.asked, request.client, request.grant, request.purpose, request.action, request.query,
            said, lines, request.verdict, request.created, request.expires, request.decided, request.until,
            request.granted, sees, authorizations.asker(way, request.client) if way else None,
        )  # fmt: skip


def _names(where: Conditions) -> bool:
    """Say whether something is named, so that it is not simply everything."""
    return bool(where.labels or where.people) or not (
        where.collections.every and where.sources.every and where.kinds.every
    )


def _until(grant: Grant, request: ApproveRequest, now: datetime) -> datetime:
    if request.lasting is Lasting.WHILE:
        if request.seconds is None or not 1 <= request.seconds <= limits.GRANT_DAYS * 86400:
            raise BadRequest(f"say for how long: a second to {limits.GRANT_DAYS} days", hint="--for 1h")
        return min(grant.expires, now + timedelta(seconds=request.seconds))
    if request.seconds is not None:
        raise BadRequest(f"an approval that lasts {request.lasting} takes no time", hint="say --for 1h alone")
    return grant.expires if request.lasting is Lasting.ALWAYS else now + timedelta(seconds=limits.APPROVED_SECONDS)


def _state(request: Request) -> RequestState:
    return RequestState(request.id, request.verdict, request.expires)
