"""The owner's passkeys, and their yes to the very words of an approval."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from vault.decision import Decision
from vault.granting import Granting
from vault.parts import Parts
from vault.permissions import approvals, passkeys
from vault.types import Action, ApproveRequest, Assent, Assertion, Connection, Holder, Passkey, Passkeys, Request

OFFER_LIFE = timedelta(minutes=5)
OFFERS = 8
"""Passkeys that are being made at once; the oldest offer goes first."""


class Assenting(Granting):
    """The methods of a vault by which the owner registers passkeys and signs approvals with them."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._offers: dict[bytes, datetime] = {}
        self._offering = Lock()

    def passkeys(self, holder: Holder) -> Passkeys:
        """Return the owner's passkeys."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                found = passkeys.kept(conn)
            decision.record(detail={"passkeys": len(found)})
            return Passkeys(found)

    def offer_passkey(self, holder: Holder) -> dict[str, Any]:
        """Return what a browser needs to make a passkey, within five minutes (WebAuthn's creation options, as JSON)."""
        with self._decide(holder, Action.KEYS) as decision:
            decision.whole()
            challenge = secrets.token_bytes(32)
            with self._offering:
                self._offers[challenge] = decision.now + OFFER_LIFE
                while len(self._offers) > OFFERS:
                    del self._offers[next(iter(self._offers))]
            with self._parts.db.read() as conn:
                found = passkeys.kept(conn)
            decision.record(detail={"offer": "passkey"})
            return passkeys.offer(challenge, found)

    def add_passkey(self, holder: Holder, name: str, said: Assertion) -> Passkeys:
        """Keep the passkey that a browser made for an offer of ours. BadRequest for anything else."""
        with self._decide(holder, Action.KEYS) as decision:
            decision.whole()
            made = passkeys.made(self._offered(said, decision.now), said, name, decision.now)

            def work(conn: Connection) -> tuple[Passkey, ...]:
                passkeys.add(conn, made)
                told = {"passkey": made.id, "name": made.name, "key": passkeys.base64url(made.key)}
                decision.append(conn, [], {"change": "add_passkey"} | told)
                return passkeys.kept(conn)

            return Passkeys(self._parts.db.write(work))

    def _offered(self, said: Assertion, now: datetime) -> bytes:
        """Take the offer that this answers; what answers none is given one that nothing answers."""
        challenge = passkeys.answered(said)
        with self._offering:
            expires = self._offers.pop(challenge, now)
        return challenge if expires > now else secrets.token_bytes(32)

    def remove_passkey(self, holder: Holder, id: str) -> Passkeys:
        """Forget a passkey: it signs nothing any more. NotFound if there is none."""
        with self._decide(holder, Action.KEYS) as decision:
            decision.whole()

            def work(conn: Connection) -> tuple[Passkey, ...]:
                gone = passkeys.remove(conn, id)
                decision.append(conn, [], {"change": "remove_passkey", "passkey": gone.id, "name": gone.name})
                return passkeys.kept(conn)

            return Passkeys(self._parts.db.write(work))

    def assent(self, holder: Holder, id: str, request: ApproveRequest) -> Assent:
        """Return what a passkey has to sign so that a request is approved in exactly this way."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                found, kept = approvals.get(conn, id), passkeys.kept(conn)
            words = passkeys.statement(self._parts.audience, found, request)
            decision.record(detail={"assent": id})
            challenge = passkeys.base64url(passkeys.challenge(words))
            return Assent(words, challenge, tuple(one.id for one in kept))

    def _signed(
        self, decision: Decision, conn: Connection, found: Request, request: ApproveRequest, said: Assertion | None
    ) -> dict[str, Any]:
        """Return what the audit entry keeps of a signed approval, nothing for one that was not signed. NotAllowed when
        the signature is not that of a passkey of the owner's under these very words."""
        if said is None:
            return {}
        words = passkeys.statement(self._parts.audience, found, request)
        signed = passkeys.check(passkeys.kept(conn), passkeys.challenge(words), said)
        passkeys.used(conn, signed, decision.now)
        return {"assent": passkeys.evidence(words, said)}
