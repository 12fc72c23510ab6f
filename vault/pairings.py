"""Browsers: pairing, tokens, and what the owner sees and ends. plugins/browser/SPEC.md.

A browser's tokens are good at the extension's own place alone. There they stand for ordinary grants, bound to the
browser's key; every call is then answered like any other holder's.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hmac import compare_digest

from vault import __version__, limits
from vault.decision import Decision
from vault.errors import BadRequest, NotAllowed, PairingOver, PairingPending, Refused, Throttled
from vault.granting import Granting, revoked
from vault.legible import legible
from vault.meeting import Meeting, Meetings, Strangers
from vault.parts import Parts
from vault.permissions import browsers, grants, notices, scope, transcripts
from vault.permissions.transcripts import decoded, encoded
from vault.types import (
    UNPROVEN,
    Browser,
    BrowserName,
    BrowserTokens,
    Connection,
    Hello,
    Holder,
    PairReveal,
    PairRevealed,
    PairStart,
    PairStarted,
    PairToken,
    Right,
    Shown,
)

VIA = "extension"
BORNE = timedelta(minutes=2)
"""How long a capability lasts that stands for a browser's token in one call."""
COLLECTION = "web"
"""Where a browser saves if its owner names nothing."""


class Pairings(Granting):
    """The methods of a vault by which browsers come in, and the owner lets them go."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._meetings, self._strangers = Meetings(), Strangers()

    # ------------------------------------------------------------ the browser's

    def hello(self, nonce: str, address: str) -> Hello:
        """Show who this is: signed for this nonce, at this address, now."""
        asked = decoded(nonce, 16, 64)
        seconds = int(self._parts.clock().timestamp())
        signature = self._parts.greeter.sign(transcripts.greeting(address, asked, seconds))
        return Hello(self._server_key, nonce, address, seconds, __version__, "unlocked", encoded(signature))

    def pair_start(self, request: PairStart, shown: Shown) -> PairStarted:
        """Put a browser before the owner. Nothing is stored: Throttled when too many wait."""
        _proven(shown)
        name = named(request.name)
        if len(set(request.asks)) != len(request.asks):
            raise BadRequest("asks: a right is named twice")
        commit = decoded(request.commit, 32)
        asks = tuple(sorted(request.asks))
        made = self._meetings.start(name, shown.origin, shown.key, asks, commit, self._parts.clock())
        return PairStarted(made.id, encoded(made.nonce), self._server_key, limits.PAIR_SECONDS)

    def pair_reveal(self, request: PairReveal, shown: Shown, address: str) -> PairRevealed:
        """Take the nonce that the browser had committed to: from here on the owner sees the words."""
        _proven(shown)
        now = self._parts.clock()
        found = self._meetings.of(request.pairing, shown, now)
        theirs = decoded(request.nonce, 32)
        if not compare_digest(transcripts.commitment(theirs), found.commit):
            self._meetings.end(found.id)
            raise PairingOver("this is not what was committed to", reason="wrong_nonce")
        said = transcripts.words(
            found.key, self._parts.greeter.public_key().public_bytes_raw(), theirs, found.nonce, found.origin, address,
            found.name, ",".join(found.asks),
        )  # fmt: skip
        self._meetings.reveal(found.id, said)
        return PairRevealed(max(1, int((found.expires - now).total_seconds())))

    def pair_cancel(self, pairing: str, shown: Shown) -> None:
        """End a browser's own pairing."""
        _proven(shown)
        found = self._meetings.of(pairing, shown, self._parts.clock())
        if found.browser:
            raise PairingOver("the owner has decided", reason="pairing_decided")
        self._meetings.end(found.id)

    def pair_token(self, request: PairToken, shown: Shown) -> BrowserTokens:
        """Give a browser its tokens, once its owner said yes; or the next access token for its refresh token."""
        _proven(shown)
        if (request.pairing is None) == (request.refresh_token is None):
            raise BadRequest("pairing or refresh_token: one of the two")
        if request.refresh_token is not None:
            return self._renew(request.refresh_token, shown)
        assert request.pairing is not None
        found = self._meetings.of(request.pairing, shown, self._parts.clock())
        if not found.browser:
            raise PairingPending("the owner has not decided yet")
        return self._fetch(found, browsers.REFRESH + secrets.token_hex(32))

    def _fetch(self, found: Meeting, refresh: str) -> BrowserTokens:
        with self._decide(Holder("", VIA), "pair") as decision:

            def work(conn: Connection) -> BrowserTokens:
                browser = browsers.get(conn, found.browser)
                decision.client = browser.client
                browsers.fetch(conn, browser.id, refresh)
                decision.append(conn, [], {"browser": browser.id, "key": browser.key})
                return self._tokens(conn, browser, refresh, decision.now)

            given = self._parts.db.write(work)
            self._meetings.end(found.id)
            return given

    def _renew(self, token: str, shown: Shown) -> BrowserTokens:
        with self._decide(Holder("", VIA), "refresh") as decision:

            def work(conn: Connection) -> BrowserTokens:
                browser = browsers.of_refresh(conn, token)
                if browser is None or not _same(browser, shown):
                    raise Refused(
                        "the token is not accepted", reason="unknown_refresh" if browser is None else "wrong_key"
                    )
                decision.client = browser.client
                if browser.ended is not None:
                    raise PairingOver("the owner unpaired this browser", reason="browser_ended")
                decision.append(conn, [], {"browser": browser.id})
                return self._tokens(conn, browser, None, decision.now)

            return self._parts.db.write(work)

    def _tokens(self, conn: Connection, browser: Browser, refresh: str | None, now: datetime) -> BrowserTokens:
        access = browsers.ACCESS + secrets.token_hex(32)
        browsers.put_token(conn, browser.id, access, now + timedelta(seconds=limits.ACCESS_SECONDS), now)
        named = BrowserName(browser.id, browser.name)
        return BrowserTokens(access, refresh, limits.ACCESS_SECONDS, named, rights(browser), self._server_key)

    def bear(self, shown: Shown, right: Right, action: str) -> Holder:
        """Return the holder of the grant that a browser's token stands for. Refused, NotAllowed, Throttled."""
        return self._bear(self._browser(shown, action), right)

    def _bear(self, browser: Browser, right: Right) -> Holder:
        grant = browser.adds if right is Right.CAPTURE else browser.finds
        if not grant:
            raise NotAllowed(f"this browser was not given the right to {right}", hint="pair it again, or ask its owner")
        return self._borne(browser, grant)

    def leave(self, shown: Shown) -> None:
        """Unpair the browser that asks for it: its tokens and grants end at once."""
        browser = self._browser(shown, "unpair")
        with self._decide(Holder("", VIA), "unpair") as decision:
            decision.client = browser.client
            self._unpair(decision, browser)

    def _browser(self, shown: Shown, action: str) -> Browser:
        """Return the browser whose token, key and origin these are. Refused, on the record, for everybody else."""
        with self._decide(Holder("", VIA), action) as decision:
            with self._parts.db.read() as conn:
                found = browsers.of_token(conn, shown.token, decision.now)
            if found is None or not _same(found, shown):
                self.stranger(shown.origin)
                reason = "unknown_token" if found is None else "wrong_holder"
                raise Refused("the token is not accepted", hint="pair this browser again", reason=reason)
            left = self._parts.rates.ask(found.client)
            if left.wait:
                raise Throttled("too many requests", reason="rate", seconds=left.wait)
            return found

    def _borne(self, browser: Browser, grant: str) -> Holder:
        now = self._parts.clock()
        with self._parts.db.read() as conn:
            found = grants.get(conn, grant)
        if found.expires <= now + timedelta(seconds=1):
            with self._decide(Holder("", VIA), "bear") as decision:
                decision.client, decision.grant_id = browser.client, grant
                raise Refused("the token is not accepted", reason="grant_expired")
        until = min(now + BORNE, found.expires)
        return Holder(self._mint(found, until.replace(microsecond=0), now), VIA, browser.key)

    def stranger(self, origin: str) -> None:
        """Count an attempt of an extension that is not paired. Of a new one the owner is told, a few times a day."""
        now = self._parts.clock()
        with self._parts.db.read() as conn:
            if browsers.known(conn, origin):
                return
        if self._strangers.note(origin, now):
            self._parts.db.write(lambda conn: notices.put(conn, now, "extension", origin, "", {"origin": origin}))

    @property
    def _server_key(self) -> str:
        return encoded(self._parts.greeter.public_key().public_bytes_raw())

    def _unpair(self, decision: Decision, browser: Browser) -> None:
        def work(conn: Connection) -> set[str]:
            cut = [site.grant for site in browsers.sites(conn, browser.id)]
            ended = {id for id in (browser.adds, browser.finds, *cut) if id}
            for grant in ended:
                revoked(conn, grant)
            browsers.end(conn, browser.id, decision.now)
            decision.append(conn, [], {"browser": browser.id, "client": browser.client, "change": "unpair"})
            return ended

        self._settle(self._parts.db.write(work, urgent=True))


def rights(browser: Browser) -> tuple[Right, ...]:
    has: dict[Right, object] = {
        Right.CAPTURE: browser.adds, Right.SEARCH: browser.finds, Right.DECIDE: browser.decides,
    }  # fmt: skip
    return tuple(right for right, given in has.items() if given)


def named(name: str) -> str:
    """Return what a browser is called. BadRequest for what a person could not read, or is no name."""
    shown = scope.name(" ".join(legible(name).split()) or "-")
    if shown != name:
        raise BadRequest("name: should be letters, digits and spaces as they are seen")
    return shown


def _proven(shown: Shown) -> None:
    """Raise Refused for who has not proved a key."""
    if shown.key in ("", UNPROVEN):
        raise Refused("this needs a proof of the browser's key", reason="no_proof")


def _same(browser: Browser, shown: Shown) -> bool:
    return compare_digest(browser.key, shown.key) and compare_digest(browser.origin, shown.origin)
