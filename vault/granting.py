"""Granting and ending access: what a client may do, what that would show, and every way to take it back."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vault import limits
from vault.decision import Decision, expire
from vault.errors import BadRequest, Changed, NotFound
from vault.permissions import approvals, budgets, coming, grants, scope
from vault.permissions.narrowing import narrow
from vault.previewing import Previewing
from vault.types import (
    EVERYTHING,
    GRANTABLE,
    Access,
    Action,
    ClientView,
    Connection,
    Detail,
    Effect,
    Exposure,
    Grant,
    Granted,
    GrantRequest,
    GrantView,
    Holder,
    NarrowRequest,
    Revoked,
    RevokeRequest,
    Status,
)

ENDED = (Status.REVOKED, Status.EXPIRED)


class Granting(Previewing):
    """The methods of a vault that make, show, change and end grants. All are the owner's."""

    # ------------------------------------------------------------ making

    def grant(self, holder: Holder, request: GrantRequest) -> Granted:
        """Decide what a client may do, and mint its token, which is shown this once."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            made, sees = self._wanted(decision, request)
            return self._make(decision, made, sees)

    def preview(self, holder: Holder, request: GrantRequest) -> Exposure:
        """Return what a grant would show now, without making it."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            _, sees = self._wanted(decision, request)
            decision.record(detail={"preview": True})
            return sees

    def propose(self, holder: Holder, request: GrantRequest) -> Effect:
        """Return the grant that would be made and what it would show, without making it."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            made, sees = self._wanted(decision, request)
            decision.record(detail={"preview": True})
            view = self._view(replace(made, id=""), decision.now)
            return Effect(view, sees, 0, self._parts.library.count(EVERYTHING))

    def _wanted(self, decision: Decision, request: GrantRequest) -> tuple[Grant, Exposure]:
        """Return the grant that is asked for and what it shows; BadRequest when it grants nothing or too much."""
        if not request.actions or not set(request.actions) <= GRANTABLE:
            raise BadRequest(f"a grant needs actions out of: {', '.join(sorted(GRANTABLE))}")
        if request.detail is Detail.ANSWERS and {Action.SEARCH, Action.READ} & set(request.actions):
            raise BadRequest("with the detail `answers` no text is released", hint="grant the action count only")
        life = timedelta(seconds=min(request.expires_in, 10**9))
        if not timedelta(0) < life <= grants.LONGEST:
            raise BadRequest(f"a grant lasts at least a second and at most {limits.GRANT_DAYS} days")
        where = scope.from_filter(request.filter, all=request.all)
        held = self._parts.library.collections()
        if Action.ADD not in request.actions and (unknown := where.collections.only - held):
            raise NotFound(f"no collection {min(unknown)!r}", hint="see: ownvault collections")
        sees = self._exposure(scope.resolve(where, decision.now))
        made = Grant(
            new_grant_id(), scope.name(request.client), request.purpose, frozenset(request.actions), where,
            Status.ACTIVE, decision.now, decision.now + life, None, request.detail, request.limits, request.approval,
            request.holder, records_then=sees.records,
        )  # fmt: skip
        grants.check(made)
        return made, sees

    def _make(
        self, decision: Decision, made: Grant, sees: Exposure,
        also: Callable[[Connection], dict[str, Any] | None] = lambda _: None,
    ) -> Granted:  # fmt: skip
        """Mint the token and store the grant, with its audit entry and what else belongs to it in one transaction.

        What `also` returns, if anything, is told in the entry.
        """
        token = self._mint(made, made.expires, decision.now)

        def work(conn: Connection) -> None:
            grants.create(conn, made)
            more = also(conn) or {}
            said = more | {"grant": made.id, "client": made.client, "scope": scope.in_words(made.where)}
            decision.append(conn, [], said | {"detail": made.detail.name.lower(), "approval": str(made.approval)})

        self._parts.db.write(work)
        return Granted(self._view(made, decision.now), token, sees)

    # ------------------------------------------------------------ seeing

    def grants(self, holder: Holder) -> tuple[GrantView, ...]:
        """Return every grant the owner ever made, newest first."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            self._parts.db.write(lambda conn: expire(conn, decision.now), urgent=True)
            with self._parts.db.read() as conn:
                made = grants.all(conn)
            decision.record(detail={"grants": len(made)})
            return tuple(self._view(grant, decision.now) for grant in made)

    def see(self, holder: Holder, id: str) -> GrantView:
        """Return one grant. NotFound if there is none."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            self._parts.db.write(lambda conn: expire(conn, decision.now), urgent=True)
            with self._parts.db.read() as conn:
                found = grants.get(conn, id)
            decision.record(detail={"grant": id})
            return self._view(found, decision.now)

    def clients(self, holder: Holder) -> tuple[ClientView, ...]:
        """Return every client that was ever granted something, the one of the newest grant first, with its grants: how
        each came to be and what it shows now."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            self._parts.db.write(lambda conn: expire(conn, decision.now), urgent=True)
            with self._parts.db.read() as conn:
                made, ways = grants.all(conn), coming.ways(conn)
                waiting = Counter(one.grant for one in approvals.listed(conn))
                kinds = {(grant.client, grant.fresh) for grant in made}  # most grants of a client share what is used
                used = {kind: budgets.usage(conn, kind[0], decision.now, kind[1]) for kind in kinds}
            found: dict[str, list[Access]] = {}
            for grant in made:
                view = grants.view(grant, decision.now, used[grant.client, grant.fresh])
                over = view.status in ENDED
                shown = 0 if over else self._parts.library.count(scope.resolve(grant.where, decision.now))
                one = Access(view, ways.get(grant.id, ""), shown, waiting[grant.id])
                found.setdefault(grant.client, []).append(one)
            decision.record(detail={"clients": len(found)})
            return tuple(ClientView(client, tuple(held)) for client, held in found.items())

    # ------------------------------------------------------------ changing

    # `match` is the tag of the grant that the owner looked at; Changed when it is another by now.

    def narrow(self, holder: Holder, id: str, request: NarrowRequest, match: str | None = None) -> GrantView:
        """Take something away from a grant, for all its tokens at once. What is left out of the request stays."""
        return self._change(
            holder, Action.GRANT, id, "narrow", lambda conn, now: self._narrow(conn, now, id, request), match
        )

    def _narrow(self, conn: Connection, now: datetime, id: str, request: NarrowRequest) -> Grant:
        return grants.update(conn, narrow(grants.get(conn, id), request, now))

    def pause(self, holder: Holder, id: str, match: str | None = None) -> GrantView:
        """Let a grant answer nothing until it is resumed."""
        return self._change(holder, Action.REVOKE, id, "pause", lambda conn, _: grants.pause(conn, id, "owner"), match)

    def resume(self, holder: Holder, id: str, match: str | None = None) -> GrantView:
        """Let a paused grant answer again; what its client used before does not count any more."""
        return self._change(holder, Action.GRANT, id, "resume", lambda conn, now: grants.resume(conn, id, now), match)

    def _change(
        self, holder: Holder, action: Action, id: str, change: str, work: Callable[[Connection, datetime], Grant],
        match: str | None = None,
    ) -> GrantView:  # fmt: skip
        with self._decide(holder, action) as decision:
            decision.whole()

            def changing(conn: Connection) -> Grant:
                if match is not None and grants.tag(grants.get(conn, id), decision.now) != match:
                    raise Changed("the grant has changed meanwhile")
                changed = work(conn, decision.now)
                decision.append(conn, [], {"grant": id, "client": changed.client, "change": change})
                return changed

            changed = self._parts.db.write(changing, urgent=action is Action.REVOKE)
            self._settle({id})
            return self._view(changed, decision.now)

    # ------------------------------------------------------------ ending

    def revoke(self, holder: Holder, id: str, match: str | None = None) -> GrantView:
        """End a grant and all tokens under it. When this returns, none of them is answered any more."""
        return self._change(holder, Action.REVOKE, id, "revoke", lambda conn, _: revoked(conn, id), match)

    def revoke_many(self, holder: Holder, request: RevokeRequest) -> Revoked:
        """End every live grant of a client, or everybody's: the kill switch. NotFound when there is none."""
        if request.all == (request.client is not None):
            raise BadRequest("name a client, or say all")
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()
            client = "" if request.client is None else scope.name(request.client)

            def work(conn: Connection) -> tuple[Grant, ...]:
                live = [g for g in grants.all(conn) if g.status not in ENDED]
                chosen = [g.id for g in live if request.all or g.client == client]
                if not chosen and not request.all:
                    raise NotFound(f"{client} has no live grant", hint="see: ownvault grants --all")
                ended = tuple(revoked(conn, id) for id in chosen)
                decision.append(conn, [], {"revoked": chosen, "client": client or "everybody"})
                return ended

            ended = self._parts.db.write(work, urgent=True)
            self._settle({grant.id for grant in ended})
            return Revoked(tuple(self._view(grant, decision.now) for grant in ended))

    def revoke_token(self, holder: Holder, token: str) -> GrantView:
        """End one token and all that were narrowed from it; its parent and its grant live on. Refused for a bad one."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()
            found = self._parts.ring.verify(token, decision.now)

            def work(conn: Connection) -> Grant:
                grant = grants.get(conn, found.grant)
                if grant.id == grants.OWNER and not found.attenuated:
                    raise BadRequest("the owner's own tokens end by themselves, within the hour")
                grants.revoke_token(conn, found.revocation_ids[-1], grant.id, decision.now)
                decision.append(conn, [], {"grant": grant.id, "client": grant.client, "change": "revoke_token"})
                return grant

            grant = self._parts.db.write(work, urgent=True)
            self._settle({grant.id})
            return self._view(grant, decision.now)


def revoked(conn: Connection, id: str) -> Grant:
    """End a grant within a transaction, and with it what it asks for."""
    approvals.end(conn, id)
    return grants.set_status(conn, id, Status.REVOKED)


def new_grant_id() -> str:
    """Return a grant id: "g" and 64 random bits in hex."""
    return f"g{secrets.token_hex(8)}"
