"""Deciding in a browser: answers that are held back and not sensitive. All else is the owner's, in the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from vault import limits
from vault.decision import Decision
from vault.errors import BadRequest, InConsole, NotAllowed, NotFound
from vault.legible import legible
from vault.pairings import VIA, Pairings
from vault.permissions import approvals, browsers, grants
from vault.requesting import Requesting
from vault.types import (
    Action,
    ApproveRequest,
    Asked,
    Ballot,
    Ballots,
    Browser,
    Connection,
    Decided,
    DecideRequest,
    Holder,
    Lasting,
    Line,
    Record,
    Request,
    Said,
    Sensitivity,
    Shown,
    Verdict,
)

LIFE = timedelta(minutes=1)
"""Of the owner's capability by which the vault does what its owner has left to a browser."""


class Deciding(Pairings, Requesting):
    """The methods of a vault by which a browser that its owner trusts with it decides."""

    def ballots(self, shown: Shown) -> Ballots:
        """Return what waits, with its records where this browser may decide on it. Not recorded: it is asked often, and
        shows the owner what waits for the owner."""
        browser = self._decider(shown, "requests")
        now = self._parts.clock()
        with self._parts.db.read() as conn:
            own = _own(conn, browser)
            waiting = [one for one in approvals.listed(conn) if now < one.expires]
        return Ballots(tuple(self._ballot(one, own) for one in waiting))

    def decide(self, shown: Shown, request: DecideRequest) -> Decided:
        """Approve or deny a request. InConsole for what may not be approved here, NotFound for none that waits."""
        browser = self._decider(shown, "decide")
        with self._parts.db.read() as conn:
            own = _own(conn, browser)
            found = next((one for one in approvals.listed(conn) if one.id == request.request), None)
        if found is None:
            raise NotFound("no such request waits", reason="absent")
        ballot = self._ballot(found, own)
        with self._decide(Holder("", VIA), "decide") as decision:
            decision.client = browser.client
            if request.verdict is Said.APPROVE and not ballot.decidable:
                raise InConsole("this is decided in the console", hint=ballot.place, reason="not_decidable")
            wanted = _wanted(request, bool(found.records)) if request.verdict is Said.APPROVE else None
            decision.record(detail={"browser": browser.id, "request": found.id, "verdict": str(request.verdict)})
        holder = self._owner_by(decision)
        if wanted is None:
            return Decided(found.id, self.deny(holder, found.id).verdict)
        return Decided(found.id, self.approve(holder, found.id, wanted).request.verdict)

    def _decider(self, shown: Shown, action: str) -> Browser:
        browser = self._browser(shown, action)
        if not browser.decides:
            raise NotAllowed("this browser was not given the right to decide", hint="pair it again, or use the console")
        return browser

    def _owner_by(self, decision: Decision) -> Holder:
        """Return the owner's capability, for what the owner has left to the browser of this decision."""
        with self._parts.db.read() as conn:
            owner = grants.get(conn, grants.OWNER)
        until = (decision.now + LIFE).replace(microsecond=0)
        return Holder(self._mint(owner, until, decision.now), VIA)

    def _ballot(self, request: Request, own: frozenset[str]) -> Ballot:
        stored = [self._parts.library.record(one.partition(":")[0]) for one in request.records]
        decidable = _decidable(request, stored, own)
        lines = tuple(_line(one) for one in stored if one is not None) if decidable else ()
        return Ballot(
            request.id, request.client, legible(request.purpose), request.action,
            legible(request.query) if decidable else "", len(request.records), lines, request.created, request.expires,
            decidable, f"/console/requests/{request.id}",
        )  # fmt: skip


def _decidable(request: Request, stored: Sequence[Record | None], own: frozenset[str]) -> bool:
    """Say whether a browser may approve this: a held answer of records that are all there, none of them sensitive."""
    return (
        request.asked is Asked.ANSWER
        and request.verdict is Verdict.PENDING
        and request.grant not in own
        and request.action in (Action.SEARCH, Action.READ)
        and all(record is not None and record.sensitivity <= Sensitivity.PERSONAL for record in stored)
    )


def _own(conn: Connection, browser: Browser) -> frozenset[str]:
    """Return the grants of a browser: on what it asks itself, somebody else decides."""
    return frozenset((browser.adds, browser.finds, *(site.grant for site in browsers.sites(conn, browser.id))))


def _wanted(request: DecideRequest, records: bool) -> ApproveRequest:
    if request.lasting is Lasting.ONCE and request.seconds is None:
        return ApproveRequest(filter=request.filter)
    seconds = request.seconds or 0
    if request.lasting is not Lasting.WHILE or not 1 <= seconds <= limits.DECIDED_SECONDS:
        raise BadRequest("lasting: once, or while with seconds, an hour at most")
    if not records:
        raise BadRequest("lasting: this is approved once")
    # what comes in that time was not looked at: nothing sensitive is among it
    level = Sensitivity.PUBLIC if request.filter.sensitivity == "public" else Sensitivity.PERSONAL
    return ApproveRequest(Lasting.WHILE, seconds, replace(request.filter, sensitivity=level.name.lower()))


def _line(record: Record) -> Line:
    return Line(record.id, legible(record.title), record.collection, record.date, record.sensitivity)
