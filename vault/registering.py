"""OAuth clients that register themselves, which they may only while the owner lets them."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from vault import limits
from vault.errors import FlowRefused
from vault.permissions import notices, pairing, registrations
from vault.requesting import Requesting
from vault.types import (
    Action,
    Connection,
    Holder,
    Pairing,
    PairingRequest,
    RegisterRequest,
    Registration,
)

STRANGER = Holder("", "oauth")
"""Who comes to the OAuth endpoints: whoever it is has no capability yet."""
KNOCKS = timedelta(hours=1)
"""The owner is told of clients that may not register, at most once in so long."""


class Registering(Requesting):
    """The methods of a vault that let OAuth clients in, one window at a time."""

    # ------------------------------------------------------------ the client's

    def register(self, request: RegisterRequest) -> Registration:
        """Take a new client in while the pairing window is open. It may do nothing yet, and is forgotten if unused."""
        with self._decide(STRANGER, "register", request.name[: limits.NAME]) as decision:
            now = decision.now
            id = f"c{secrets.token_hex(12)}"
            wanted = registrations.checked(request, id, now, now + timedelta(seconds=limits.UNUSED_SECONDS))

            def work(conn: Connection) -> Registration | FlowRefused:
                registrations.prune(conn, now)
                if not pairing.admit(conn, now):
                    if not notices.lately(conn, "knock", "", now - KNOCKS):
                        notices.put(conn, now, "knock", "", "", {"name": wanted.name})
                    return _closed()
                registrations.add(conn, wanted)
                decision.client = wanted.name
                decision.append(conn, [], {"registered": id, "redirects": list(wanted.redirects)})
                return wanted

            with self._parts.db.read() as conn:
                if pairing.shut(conn) and notices.lately(conn, "knock", "", now - KNOCKS):
                    raise _closed()  # the owner was told, and nothing need be written
            done = self._parts.db.write(work)
            if isinstance(done, FlowRefused):
                raise done
            return done

    def client(self, id: str) -> Registration:
        """Return the client of this id. FlowRefused for one that is not known here. Needs no right, tells no secret."""
        with self._parts.db.read() as conn:
            return registrations.find(conn, id, self._parts.clock())

    def sends_to(self, id: str, redirect: str) -> bool:
        """Say whether this client may have its answer sent there."""
        return registrations.sends_to(self.client(id), redirect)

    # ------------------------------------------------------------ the owner's

    def open_pairing(self, holder: Holder, request: PairingRequest) -> Pairing:
        """Let new clients register for a while. The window closes by itself."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()

            def work(conn: Connection) -> Pairing:
                until = pairing.open_(conn, request.seconds, decision.now)
                decision.append(conn, [], {"pairing": "open", "until": until.isoformat()})
                return _pairing(conn, decision.now)

            return self._parts.db.write(work)

    def close_pairing(self, holder: Holder) -> Pairing:
        """Let nobody register any more."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()

            def work(conn: Connection) -> Pairing:
                pairing.close(conn)
                decision.append(conn, [], {"pairing": "closed"})
                return _pairing(conn, decision.now)

            return self._parts.db.write(work, urgent=True)

    def pairing(self, holder: Holder) -> Pairing:
        """Say whether new clients may register now, and who did."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                seen = _pairing(conn, decision.now)
            decision.record(detail={"clients": len(seen.clients)})
            return seen


def _closed() -> FlowRefused:
    return FlowRefused("no new client may register now", "access_denied", reason="pairing_closed",
                       hint="the owner can let it: ownvault pairing open")  # fmt: skip


def _pairing(conn: Connection, now: datetime) -> Pairing:
    until, left = pairing.state(conn, now)
    there = tuple(one for one in registrations.listed(conn) if one.expires is None or one.expires > now)
    return Pairing(until, left, there)
