"""What OAuth clients do with an owner's yes: redeem it for tokens, then renew, narrow and give up these.

SPEC.md, "OAuth", has the rules; `permissions.refreshes` the families of refresh tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vault import limits
from vault.connecting import PLACES, Connecting, proven
from vault.decision import Decision
from vault.errors import BadRequest, FlowRefused, NotFound, Refused
from vault.granting import revoked
from vault.permissions import (
    approvals,
    authorizations,
    grants,
    notices,
    refreshes,
    registrations,
    scope,
    tokens,
)
from vault.registering import STRANGER
from vault.types import (
    AccessRequest,
    Action,
    Authorization,
    Connection,
    Flow,
    Grant,
    GrantView,
    Holder,
    Introspection,
    Limits,
    RedeemRequest,
    RefreshRequest,
    Sensitivity,
    Stage,
    Status,
    Tokens,
    Verdict,
)

_REFUSED = "this is good for nothing any more"
_RENEWED = (Status.ACTIVE, Status.PAUSED)
"""Of these grants tokens are renewed; a paused one's are not answered, but its client need not ask its owner anew."""


class Renewing(Connecting):
    """The methods of a vault that give, renew and end the tokens of OAuth clients."""

    # ------------------------------------------------------------ an answer for tokens

    def redeem(self, request: RedeemRequest) -> Tokens:
        """Give the tokens that a code stands for, once. Whatever is wrong about its use ends all that came of it."""
        with self._decide(STRANGER, "redeem") as decision:

            def work(conn: Connection) -> tuple[_Done, set[str]]:
                found = authorizations.of_code(conn, refreshes.digest(request.secret))
                if found is None:
                    raise FlowRefused(_REFUSED, "invalid_grant", reason="unknown_code")
                proven(request.holder)
                if wrong := _wrong_code(found, request, decision.now):
                    return self._burn(conn, decision, found, wrong)
                return self._redeemed(conn, decision, found, request.holder), set()

            return self._given(decision, self._ended(work))

    def redeem_device(self, request: RedeemRequest) -> Tokens:
        """Give a device its tokens, once its owner said yes. FlowRefused(authorization_pending) until then."""
        self._still_pending(request)
        with self._decide(STRANGER, "redeem") as decision:

            def work(conn: Connection) -> tuple[_Done, set[str]]:
                found = authorizations.of_secret(conn, refreshes.digest(request.secret))
                if found is None or found.flow is not Flow.DEVICE or found.client != request.client:
                    raise FlowRefused(_REFUSED, "invalid_grant", reason="unknown_device_code")
                proven(request.holder)
                if found.stage is Stage.REDEEMED:
                    return self._burn(conn, decision, found, "device_code_replayed")
                if found.stage is not Stage.WAITING or decision.now >= found.expires:
                    raise FlowRefused("its time is over", "expired_token")
                return self._redeemed(conn, decision, found, request.holder), set()

            return self._given(decision, self._ended(work))

    def _still_pending(self, request: RedeemRequest) -> None:
        """Raise FlowRefused while the owner has not decided. Not recorded: a device asks every few seconds."""
        now = self._parts.clock()
        with self._parts.db.read() as conn:
            found = authorizations.of_secret(conn, refreshes.digest(request.secret))
            if found is None or found.flow is not Flow.DEVICE or found.client != request.client:
                return
            asked = approvals.get(conn, found.id)
        if asked.verdict is Verdict.PENDING and now < asked.expires:
            hasty = self._pace.hasty(found.id, now)
            raise FlowRefused("the owner has not decided yet", "slow_down" if hasty else "authorization_pending")

    def _redeemed(self, conn: Connection, decision: Decision, found: Authorization, holder: str) -> _Done:
        """Make the family of an authorization whose owner said yes; the next stage of both is final."""
        asked = approvals.get(conn, found.id)
        decision.client = asked.client
        client = registrations.find(conn, found.client, decision.now)
        granted = self._granted(conn, found, asked, decision.now)
        if granted is None:
            authorizations.move(conn, found.id, Stage.OVER)
            error = "access_denied" if found.flow is Flow.DEVICE else "invalid_grant"
            return FlowRefused("the owner did not allow it", error, reason="not_granted")
        if (not holder and client.bound) or any(key and key != holder for key in (found.holder, granted.holder)):
            raise FlowRefused("this client's tokens need its key (DPoP)", "invalid_dpop_proof", reason="wrong_key")
        decision.grant_id = granted.id
        authorizations.move(conn, found.id, Stage.REDEEMED)
        approvals.collected(conn, found.id)
        token = refreshes.fresh(secrets.token_bytes(32))
        family = refreshes.Family(found.id, found.client, granted.id, found.issuer, found.resource, holder)
        refreshes.start(conn, family)
        refreshes.put(conn, token, family.id, decision.now)
        decision.append(conn, [], {"request": found.id, "family": family.id} | ({"key": holder} if holder else {}))
        return granted, holder, token

    def _burn(
        self, conn: Connection, decision: Decision, found: Authorization, reason: str
    ) -> tuple[_Done, set[str]]:  # fmt: skip
        """End an authorization whose secret somebody else must have, and all that came of it."""
        asked = approvals.get(conn, found.id)
        decision.client, decision.grant_id = asked.client, asked.granted
        notices.put(conn, decision.now, "replay", asked.client, asked.granted, {"what": reason})
        decision.deny(conn, reason, {"request": found.id})
        ended = self._drop(conn, found, decision.now, reason)
        return FlowRefused(_REFUSED, "invalid_grant", reason=reason), ended

    # ------------------------------------------------------------ renewing

    def refresh(self, request: RefreshRequest) -> Tokens:
        """Give the next pair of tokens. A refresh token that comes again ends its whole family and the grant, unless
        it comes at once and the pair it brought has not been used: then it brings the same again."""
        with self._decide(STRANGER, "refresh") as decision:

            def work(conn: Connection) -> tuple[_Done, set[str]]:
                token, now = refreshes.get(conn, request.token), decision.now
                family = None if token is None else refreshes.family(conn, token.family)
                if token is None or family is None or family.ended:
                    raise FlowRefused(_REFUSED, "invalid_grant", reason="unknown_refresh")
                grant = grants.get(conn, family.grant)
                decision.client, decision.grant_id = grant.client, grant.id
                _check_refresh(family, request)
                if grants.live(grant, now) not in _RENEWED:
                    refreshes.end(conn, family.id, now)
                    decision.deny(conn, f"grant_{grant.status}", {"family": family.id})
                    return FlowRefused(_REFUSED, "invalid_grant"), set()
                following = refreshes.successor(request.token, self._parts.rotation)
                if token.used is None:
                    self._rotate(conn, request.token, following, family.id, now)
                elif not refreshes.repeatable(conn, request.token, token.used, following, now):
                    found = authorizations.get(conn, family.id)
                    return self._reused(conn, decision, family, found)
                said: dict[str, Any] = {"family": family.id} | ({"again": True} if token.used else {})
                decision.append(conn, [], said)
                return (grant, family.holder, following), set()

            return self._given(decision, self._ended(work))

    def _rotate(self, conn: Connection, token: str, following: str, family: str, now: datetime) -> None:
        if refreshes.lately(conn, family, now) >= limits.REFRESHES:
            raise FlowRefused("too often", "temporarily_unavailable", reason="refreshed_too_often", hint="wait a while")
        refreshes.use(conn, token, now)
        refreshes.put(conn, following, family, now)

    def _reused(
        self, conn: Connection, decision: Decision, family: refreshes.Family, found: Authorization | None
    ) -> tuple[_Done, set[str]]:
        """End a family of which one token came twice: one of the two who had it was not its client."""
        if found is not None:
            return self._burn(conn, decision, found, "refresh_reused")
        notices.put(conn, decision.now, "replay", decision.client, family.grant, {"what": "refresh_reused"})
        decision.deny(conn, "refresh_reused", {"family": family.id})
        refreshes.end(conn, family.id, decision.now)  # the authorization is forgotten by now, the grant is not
        revoked(conn, family.grant)
        return FlowRefused(_REFUSED, "invalid_grant", reason="refresh_reused"), {family.grant}

    def _given(self, decision: Decision, done: _Done) -> Tokens:
        """Return the tokens of what was recorded. The access token is made only now: it is good for itself."""
        if isinstance(done, FlowRefused):
            raise done
        grant, holder, refresh = done
        bound = replace(grant, holder=holder or grant.holder)
        until = min(decision.now + timedelta(seconds=limits.ACCESS_SECONDS), grant.expires).replace(microsecond=0)
        access = self._mint(bound, until, decision.now)
        left = int((until - decision.now).total_seconds())
        return Tokens(access, left, self._view(grant, decision.now), refresh, bool(bound.holder))

    # ------------------------------------------------------------ narrowing

    def exchange(self, holder: Holder, request: AccessRequest) -> Tokens:
        """Give a narrower token for the one that is presented, for a helper of its holder; never a wider one."""
        with self._decide(holder, "exchange", request=request) as decision:
            proven(holder.proof)
            grant = decision.grant()
            verified = self._parts.ring.verify(holder.token, decision.now)
            if request.limits != Limits(request.limits.results):  # silence would give more than was asked
                raise FlowRefused("limits over time are the grant's, a token has none", "invalid_authorization_details")
            life = timedelta(seconds=min(limits.ACCESS_SECONDS, request.expires_in))
            until = min(decision.now + life, verified.expires).replace(microsecond=0)
            narrower = {**_narrower(request), "expires": until}
            try:
                tokens.fitting(holder.token, **narrower)
                token = tokens.attenuate(holder.token, self._parts.ring.root.keys[verified.kid], **narrower)
            except BadRequest as error:
                raise FlowRefused(error.message, "invalid_scope", hint=error.hint) from None
            left = self._parts.ring.verify(token, decision.now)
            decision.record(detail={"scope": scope.in_words(left.where), "actions": sorted(left.actions)})
            seconds = int((until - decision.now).total_seconds())
            shown = self._left(grant, left, decision.now)
            return Tokens(token, seconds, shown, bound=bool(verified.holder or grant.holder))

    # ------------------------------------------------------------ giving up

    def give_up(self, token: str, client: str) -> None:
        """End what a client does not need any more: of a refresh token the grant and all under it, of a capability
        token that one and those made of it. What is no token here, or another client's, is passed over (RFC 7009)."""
        with self._decide(STRANGER, "give_up") as decision:

            def work(conn: Connection) -> tuple[None, set[str]]:
                found = refreshes.get(conn, token)
                family = None if found is None else refreshes.family(conn, found.family)
                if family is not None:
                    if family.client != client:
                        raise FlowRefused("this token is another client's", "invalid_grant")
                    grant = revoked(conn, family.grant)
                    refreshes.end(conn, family.id, decision.now)
                    authorizations.move(conn, family.id, Stage.OVER)
                    said = {"change": "revoke", "family": family.id}
                else:
                    grant = self._give_up_access(conn, token, client, decision.now)
                    said = {"change": "revoke_token"}
                decision.client, decision.grant_id = grant.client, grant.id
                decision.append(conn, [], said)
                return None, {grant.id}

            self._ended(work, urgent=True)

    def _give_up_access(self, conn: Connection, token: str, client: str, now: datetime) -> Grant:
        try:
            verified = self._parts.ring.verify(token, now)
            grant = grants.get(conn, verified.grant)
        except (Refused, NotFound):
            raise FlowRefused("there is no such token", "invalid_grant", reason="unknown_token") from None
        family = refreshes.of_grant(conn, grant.id)
        if grant.id == grants.OWNER or (family is not None and family.client != client):
            raise FlowRefused("this token is another client's", "invalid_grant")
        grants.revoke_token(conn, verified.revocation_ids[-1], grant.id, now)
        return grant

    # ------------------------------------------------------------ looking into one

    def introspect(self, holder: Holder, token: str) -> Introspection:
        """Tell the owner what a token is good for now (RFC 7662); of a bad one only that it is."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                seen = self._introspected(conn, token, decision.now)
            decision.record(detail={"introspected": seen.grant.id if seen.grant else "", "active": seen.active})
            return seen

    def _introspected(self, conn: Connection, token: str, now: datetime) -> Introspection:
        found = refreshes.get(conn, token)
        family = None if found is None else refreshes.family(conn, found.family)
        if found is not None:
            if family is None or family.ended or found.used is not None:
                return Introspection(False)
            grant = grants.get(conn, family.grant)
            seen = Introspection(True, "refresh_token", family.client, grant.expires, family.holder)
            seen = replace(seen, audience=self._parts.audience, grant=self._view(grant, now))
            return seen if grants.live(grant, now) is Status.ACTIVE else Introspection(False)
        with suppress(Refused, NotFound):
            verified = self._parts.ring.verify(token, now)
            grant = grants.get(conn, verified.grant)
            ended = grants.token_revoked(conn, verified.revocation_ids)
            if verified.exact and not ended and grants.live(grant, now) is Status.ACTIVE:
                family = refreshes.of_grant(conn, grant.id)
                client, key = family.client if family else grant.client, verified.holder or grant.holder
                seen = Introspection(True, "access_token", client, verified.expires, key, verified.audience)
                return replace(seen, grant=self._left(grant, verified, now))
        return Introspection(False)

    def _left(self, grant: Grant, verified: tokens.Verified, now: datetime) -> GrantView:
        """Return what a token leaves of its grant, as its owner or holder may see it."""
        return replace(
            self._view(grant, now),
            actions=tuple(sorted(grant.actions & verified.actions)),
            scope=scope.in_words(grant.where & verified.where),
            detail=min(grant.detail, verified.detail),
        )


_Done = tuple[Grant, str, str] | FlowRefused
"""The grant, the key that its tokens need and the next refresh token; or why there is none."""


def _wrong_code(found: Authorization, request: RedeemRequest, now: datetime) -> str:
    """Return what is wrong about a code's use, nothing when all is right."""
    made = hashlib.sha256(request.verifier.encode("utf-8", "replace")).digest()
    challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
    wrong = {
        "code_replayed": found.stage is Stage.REDEEMED,
        "code_expired": found.stage is not Stage.ISSUED or not now < found.expires,
        "wrong_client": found.client != request.client,
        "wrong_redirect": found.redirect != request.redirect,
        "wrong_verifier": not hmac.compare_digest(challenge, found.challenge),
        "wrong_issuer": found.issuer != request.issuer,
        "wrong_resource": request.resource not in ("", found.resource),
        "wrong_key": bool(found.holder) and found.holder != request.holder,
    }
    return next((reason for reason, holds in wrong.items() if holds), "")


def _check_refresh(family: refreshes.Family, request: RefreshRequest) -> None:
    """Raise FlowRefused for a refresh token that somebody else presents, or without its key. It stays good: whoever
    has stolen it cannot use it, and shall not be able to end it."""
    if family.client != request.client or family.issuer != request.issuer:
        raise FlowRefused(_REFUSED, "invalid_grant", reason="wrong_client")
    proven(request.holder)
    if family.holder != request.holder and family.holder:
        raise FlowRefused(_REFUSED, "invalid_grant", reason="wrong_key")
    if request.resource and request.resource not in {family.issuer + place for place in PLACES}:
        raise FlowRefused("resource: this vault is at another address", "invalid_target")


def _narrower(request: AccessRequest) -> dict[str, Any]:
    """Return the dimensions of an attenuation that are asked for."""
    where = request.filter
    return {
        "actions": request.actions or None, "collections": where.collections, "sources": where.sources,
        "kinds": where.kinds, "labels": where.labels, "without_labels": where.without_labels or None,
        "people": where.people, "since": where.since, "until": where.until, "last": where.last,
        "sensitivity": Sensitivity.parse(where.sensitivity) if where.sensitivity else None,
        "owner_written": where.owner_written, "detail": request.detail, "results": request.limits.results,
    }  # fmt: skip
