"""New OAuth clients: what one asks for is put before the owner like every other request, and then it is answered.

SPEC.md, "OAuth". A wish is a request for access of somebody who has no grant yet; `permissions.authorizations` has the
way of its answer. Nobody here needs a capability, so nobody here is told anything but the fate of a wish of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from vault import limits
from vault.decision import Decision
from vault.errors import BadRequest, FlowRefused, NotFound
from vault.granting import revoked
from vault.legible import legible
from vault.meter import Guesses, Pace
from vault.parts import Parts
from vault.permissions import access, approvals, audit, authorizations, grants, notices, refreshes, registrations
from vault.registering import STRANGER, Registering
from vault.types import (
    UNPROVEN,
    Asked,
    Authorization,
    Connection,
    ConnectRequest,
    Consent,
    DeviceCode,
    Entry,
    Flow,
    Grant,
    Redirection,
    Registration,
    Request,
    Stage,
    Status,
    Verdict,
    Waiting,
)

T = TypeVar("T")
PLACES = ("", "/", "/mcp", "/v1")
"""What is protected at an issuer's address (RFC 8707): all are this vault."""
USER_CODE = "BCDFGHJKLMNPQRSTVWXZ"
"""Letters of user codes: no vowels, so no words (RFC 8628, section 6.1)."""
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_HANDLE = b"ownvault/v1/consent\x00"
_GONE = "this was answered already, or its time is over"


class Connecting(Registering):
    """The methods of a vault by which clients without a grant come to one."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._pace = Pace(limits.DEVICE_PAUSE)
        self._guesses = Guesses(limits.GUESSES, seconds=60)

    # ------------------------------------------------------------ asking

    def connect(self, request: ConnectRequest) -> Waiting:
        """Put before the owner what a client in a browser asks for. The same once more is the same wish."""
        handle = self._handle(request)

        def known(conn: Connection) -> Waiting | None:
            found = authorizations.of_secret(conn, refreshes.digest(handle))
            if found is not None and found.stage is not Stage.WAITING:
                raise FlowRefused(_GONE, hint="start again where you came from")
            return None if found is None else Waiting(handle, found.id)

        with self._parts.db.read() as conn:
            if again := known(conn):
                return again
        with self._decide(STRANGER, "connect") as decision:
            return Waiting(handle, self._ask(decision, request, Flow.CODE, handle).id)

    def connect_device(self, request: ConnectRequest) -> DeviceCode:
        """Put before the owner what a device asks for that has no browser."""
        secret = secrets.token_urlsafe(32)
        code = "".join(secrets.choice(USER_CODE) for _ in range(8))
        with self._decide(STRANGER, "connect") as decision:
            self._ask(decision, request, Flow.DEVICE, secret, f"{code[:4]}-{code[4:]}")
            return DeviceCode(secret, f"{code[:4]}-{code[4:]}", limits.CONSENT_SECONDS, limits.DEVICE_PAUSE)

    def _ask(
        self, decision: Decision, request: ConnectRequest, flow: Flow, secret: str, user_code: str = ""
    ) -> Authorization:
        """Store the wish and the way of its answer, on the record. FlowRefused for what is no wish, or too many."""
        now, terms = decision.now, _terms(request)
        until = now + timedelta(seconds=limits.CONSENT_SECONDS)
        id = f"q{secrets.token_hex(8)}"

        def work(conn: Connection) -> Authorization:
            self._tidy(conn, now)
            client = registrations.find(conn, request.client, now)
            decision.client = client.name
            _check(request, client, flow)
            wanted = Authorization(
                id, flow, client.id, refreshes.digest(secret), request.issuer, request.resource, request.redirect,
                request.state, request.challenge, request.holder, Stage.WAITING, now, until, user_code=user_code,
            )  # fmt: skip
            authorizations.begin(conn, wanted, client)
            registrations.hold(conn, client.id, until + timedelta(seconds=limits.FETCH_SECONDS + limits.CODE_SECONDS))
            asked = Request(
                id, Asked.ACCESS, "", client.name, refreshes.digest(secret).hex(), "connect", "",
                legible(request.access.purpose), terms, (), now, until, Verdict.PENDING,
            )  # fmt: skip
            approvals.ask(conn, asked)
            notices.put(conn, now, "access", client.name, "", {"request": id})
            said = {"request": id, "flow": str(flow), "id": client.id, "terms": json.loads(terms)}
            decision.append(conn, [], said | ({"redirect": request.redirect} if request.redirect else {}))
            return wanted

        return self._parts.db.write(work)

    def _handle(self, request: ConnectRequest) -> str:
        """Return the secret part of the waiting page's address: the same for the same wish, so a reload asks once."""
        said = [request.client, request.issuer, request.resource, request.redirect, request.state, request.challenge,
                request.holder, request.access.purpose, _terms(request)]  # fmt: skip
        text = json.dumps(said, ensure_ascii=True).encode()
        made = hmac.new(self._parts.rotation, _HANDLE + text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    # ------------------------------------------------------------ waiting

    def consent(self, handle: str) -> Consent:
        """Return what the page of this handle shows. FlowRefused for one that is none, or was answered already."""
        now = self._parts.clock()
        with self._parts.db.read() as conn:
            found, asked = _waiting(conn, refreshes.digest(handle))
            return _consent(found, asked, now)

    def consent_of_device(self, user_code: str) -> Consent:
        """Return the wish of the device that shows this code. FlowRefused for a wrong one; too many of these, too."""
        now = self._parts.clock()
        if self._guesses.spent(now):
            raise FlowRefused("too many wrong codes", "temporarily_unavailable", hint="wait a minute")
        letters = "".join(c for c in user_code.upper() if c in USER_CODE)
        with self._parts.db.read() as conn:
            found = authorizations.of_user_code(conn, f"{letters[:4]}-{letters[4:]}", now)
            if found is not None:
                return _consent(found, approvals.get(conn, found.id), now)
        self._guesses.wrong(now)
        raise FlowRefused("no device shows this code now", "invalid_grant")

    def answer(self, handle: str) -> Redirection | None:
        """Return where the browser goes with the owner's answer, once; None as long as there is none."""
        if not self.consent(handle).decided:
            return None
        code = secrets.token_urlsafe(32)
        with self._decide(STRANGER, "answer") as decision:

            def work(conn: Connection) -> Redirection:
                found, asked = _waiting(conn, refreshes.digest(handle))
                decision.client = asked.client
                back = Redirection(found.redirect, found.issuer, found.state)
                said: dict[str, object] = {"request": found.id, "redirect": found.redirect}
                if found.flow is not Flow.CODE:
                    raise FlowRefused(_GONE)
                if granted := self._granted(conn, found, asked, decision.now):
                    decision.grant_id = granted.id
                    authorizations.issue(conn, found, refreshes.digest(code), decision.now)
                    decision.append(conn, [], said)
                    return replace(back, code=code)
                authorizations.move(conn, found.id, Stage.OVER)
                decision.deny(conn, "owner_denied" if asked.verdict is Verdict.DENIED else "lapsed", said)
                return replace(back, error="access_denied")

            return self._parts.db.write(work)

    # ------------------------------------------------------------ common to all flows

    def _granted(self, conn: Connection, found: Authorization, asked: Request, now: datetime) -> Grant | None:
        """Return the live grant that the owner made of a wish, None for every other answer."""
        if asked.verdict is not Verdict.APPROVED or not asked.granted or now >= found.expires:
            return None
        grant = grants.get(conn, asked.granted)
        return grant if grants.live(grant, now) is Status.ACTIVE else None

    def _drop(self, conn: Connection, found: Authorization, now: datetime, reason: str) -> set[str]:
        """End an authorization and all that it made, on the record; return the grants whose answers must be out."""
        asked = approvals.get(conn, found.id)
        authorizations.move(conn, found.id, Stage.OVER)
        approvals.forgo(conn, found.id)
        refreshes.end(conn, found.id, now)
        if not asked.granted or grants.get(conn, asked.granted).status is Status.REVOKED:
            return set()
        revoked(conn, asked.granted)
        _note(conn, now, asked.client, asked.granted, {"change": "revoke", "because": reason, "request": found.id})
        return {asked.granted}

    def _tidy(self, conn: Connection, now: datetime) -> None:
        """End what nobody decided or fetched in time. A grant that its client never came for is revoked."""
        approvals.lapse(conn, now)
        registrations.prune(conn, now)
        for found in authorizations.overdue(conn, now):
            self._drop(conn, found, now, "not_fetched")

    def _ended(self, work: Callable[[Connection], tuple[T, set[str]]], urgent: bool = False) -> T:
        """Write, and return only when no answer of a grant that this ended is on its way any more."""
        done, ended = self._parts.db.write(work, urgent=urgent)
        if ended:
            self._settle(ended)
        return done


def _waiting(conn: Connection, secret: bytes) -> tuple[Authorization, Request]:
    found = authorizations.of_secret(conn, secret)
    if found is None or found.stage is not Stage.WAITING:
        raise FlowRefused(_GONE, "invalid_grant", hint="start again where you came from")
    try:
        return found, approvals.get(conn, found.id)
    except NotFound:  # forgotten after months
        raise FlowRefused(_GONE, "invalid_grant") from None


def _consent(found: Authorization, asked: Request, now: datetime) -> Consent:
    decided = asked.verdict is not Verdict.PENDING or asked.expires <= now
    return Consent(found.id, authorizations.asker(found, asked.client), decided, found.expires)


def _terms(request: ConnectRequest) -> str:
    """Return what is asked as it is stored. FlowRefused for what could never be granted."""
    try:
        return access.write(request.access, access.check(request.access, new=True))
    except BadRequest as error:
        raise FlowRefused(error.message, "invalid_authorization_details", hint=error.hint) from None


def _check(request: ConnectRequest, client: Registration, flow: Flow) -> None:
    """Raise FlowRefused for a request that this client may not make; where its answer would go is looked at first."""
    if flow is Flow.CODE and not registrations.sends_to(client, request.redirect):
        raise FlowRefused("redirect_uri: not an address of this client", reason="redirect_uri")
    if flow is Flow.CODE and not _DIGEST.fullmatch(request.challenge):
        raise FlowRefused("code_challenge: a SHA-256 in base64url is needed (S256)", reason="challenge")
    proven(request.holder)
    if request.holder and not _DIGEST.fullmatch(request.holder):
        raise FlowRefused("dpop_jkt: a SHA-256 in base64url is needed", reason="holder")
    if flow is Flow.DEVICE and not client.devices:
        raise FlowRefused("this client has a browser to come with", "unauthorized_client")
    if request.resource not in {request.issuer + place for place in PLACES}:
        raise FlowRefused("resource: this vault is at another address", "invalid_target")
    if len(request.state) > limits.STATE:
        raise FlowRefused(f"state: is longer than {limits.STATE}")


def proven(holder: str) -> None:
    """Raise FlowRefused for whoever comes with a proof (DPoP) that does not hold, even where none is needed."""
    if holder == UNPROVEN:
        raise FlowRefused("the proof (DPoP) does not hold", "invalid_dpop_proof", reason="wrong_proof")


def _note(conn: Connection, now: datetime, client: str, grant: str, detail: dict[str, Any]) -> None:
    """Record what the vault itself does to an OAuth client's grant."""
    entry = Entry(now, client, grant, "revoke", STRANGER.via, "allow", "granted", "", (), detail)
    audit.append(conn, entry, secrets.token_bytes(32))
