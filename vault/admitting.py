"""The owner and the browsers: who waits, who is let in with which grants, who is sent away. plugins/browser/SPEC.md."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

from vault.decision import Decision
from vault.errors import BadRequest
from vault.meeting import Meeting
from vault.pairings import Pairings, named, rights
from vault.permissions import browsers, grants, scope
from vault.types import (
    Action,
    Approval,
    Browser,
    Browsers,
    BrowserView,
    Connection,
    Detail,
    Exposure,
    Filter,
    Grant,
    GrantRequest,
    Holder,
    PairApproval,
    Paired,
    PairingView,
    Right,
    SiteRequest,
    Status,
)


class Admitting(Pairings):
    """The methods of a vault by which its owner lets browsers in and ends them."""

    def browsers(self, holder: Holder) -> Browsers:
        """Return the browsers that wait to be paired, those that are, and the extensions that tried without."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            waiting = tuple(map(_waiting, self._meetings.waiting(decision.now)))
            with self._parts.db.read() as conn:
                views = tuple(self._browser_view(conn, one, decision.now) for one in browsers.listed(conn))
            decision.record(detail={"browsers": len(views)})
            return Browsers(waiting, views, self._strangers.listed())

    def pair_browser(self, holder: Holder, id: str, request: PairApproval) -> Paired:
        """Let a waiting browser in, after the owner has compared the words: with these grants and no more."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            waiting = self._meetings.get(id, decision.now)
            if not waiting.words:
                raise BadRequest("this browser shows no words yet", hint="look again in a moment")
            browser = _let_in(waiting, request, decision.now)
            made, sees = self._browser_grants(decision, browser, request)
            if not made and not request.decide:
                raise BadRequest("nothing is given to this browser", hint="name a collection: --collection web")
            browser = replace(
                browser, adds=made[Right.CAPTURE].id if Right.CAPTURE in made else "",
                finds=made[Right.SEARCH].id if Right.SEARCH in made else "",
            )  # fmt: skip

            def work(conn: Connection) -> BrowserView:
                browsers.add(conn, browser)
                for one in made.values():
                    grants.create(conn, one)
                    said = {"grant": one.id, "client": one.client, "scope": scope.in_words(one.where)}
                    decision.append(conn, [], said | {"detail": one.detail.name.lower(), "approval": str(one.approval)})
                said = {"browser": browser.id, "client": browser.client, "origin": browser.origin, "key": browser.key}
                decision.append(conn, [], said | {"rights": [str(right) for right in rights(browser)]})
                return self._browser_view(conn, browser, decision.now)

            views: list[BrowserView] = []

            def make() -> str:
                views.append(self._parts.db.write(work))
                return browser.id

            self._meetings.settle(id, make, decision.now)
            return Paired(views[0], sees)

    def _browser_grants(
        self, decision: Decision, browser: Browser, request: PairApproval
    ) -> tuple[dict[Right, Grant], Exposure | None]:
        made: dict[Right, Grant] = {}
        sees = None
        common = {"client": browser.client, "expires_in": request.expires_in, "holder": browser.key}
        if request.collections:
            where = Filter(collections=request.collections)
            adding = GrantRequest(actions=(Action.ADD,), filter=where, purpose="saves from a browser", **common)  # type: ignore[arg-type]
            made[Right.CAPTURE], _ = self._wanted(decision, adding)
        if request.search is not None or request.all:
            finding = GrantRequest(
                actions=(Action.SEARCH, Action.READ), filter=request.search or Filter(), all=request.all,
                purpose="searches from a browser", detail=request.detail, approval=request.approval, **common,  # type: ignore[arg-type]
            )  # fmt: skip
            if request.detail is Detail.ANSWERS:
                raise BadRequest("a browser that searches needs text", hint="--detail snippet")
            made[Right.SEARCH], sees = self._wanted(decision, finding)
        elif request.approval is not Approval.NEVER:
            raise BadRequest("only a search can need approval", hint="say what it may search")
        return made, sees

    def refuse_browser(self, holder: Holder, id: str) -> Browsers:
        """Send a waiting browser away."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()
            found = self._meetings.get(id, decision.now)
            self._meetings.end(found.id)
            decision.record(detail={"refused": found.name, "origin": found.origin})
        return self.browsers(holder)

    def unpair(self, holder: Holder, id: str) -> BrowserView:
        """End a browser by id or name: when this returns, none of its tokens and grants is answered any more."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                found = browsers.get(conn, id)
            self._unpair(decision, found)
            with self._parts.db.read() as conn:
                return self._browser_view(conn, browsers.get(conn, found.id), decision.now)

    def allow_site(self, holder: Holder, id: str, request: SiteRequest) -> BrowserView:
        """Let a browser insert again into a site that was ended: at the next insertion it gets a grant anew."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            origin = browsers.site(request.site)

            def work(conn: Connection) -> BrowserView:
                browser = browsers.get(conn, id)
                known = next((site for site in browsers.sites(conn, browser.id) if site.origin == origin), None)
                if known is None or not known.blocked:
                    raise BadRequest(f"nothing is blocked at {origin}", hint="see: ownvault extension list")
                browsers.keep_site(conn, browser.id, replace(known, grant="", blocked=False))
                decision.append(conn, [], {"browser": browser.id, "site": origin, "change": "allow"})
                return self._browser_view(conn, browser, decision.now)

            return self._parts.db.write(work)

    def _browser_view(self, conn: Connection, browser: Browser, now: datetime) -> BrowserView:
        held = [grants.get(conn, id) for id in (browser.adds, browser.finds) if id]
        sites = browsers.sites(conn, browser.id)
        used = [one.last_used for one in held if one.last_used is not None]
        views = tuple(self._view(one, now) for one in held)
        live = {view.id for view in views if view.status in (Status.ACTIVE, Status.PAUSED)}
        may = () if browser.ended else tuple(
            right for right, grant in ((Right.CAPTURE, browser.adds), (Right.SEARCH, browser.finds), (Right.DECIDE, ""))
            if grant in live or (right is Right.DECIDE and browser.decides)
        )  # fmt: skip
        return BrowserView(
            browser.id, browser.name, browser.client, browser.origin, browser.key, may, browser.quiet,
            browser.fetched, browser.created, browser.ended, max(used, default=None), views, sites,
        )  # fmt: skip


def _let_in(waiting: Meeting, request: PairApproval, now: datetime) -> Browser:
    name = named(request.name) if request.name else waiting.name
    return Browser(
        f"b{secrets.token_hex(8)}", name, scope.name(name + browsers.SUFFIX), waiting.origin, waiting.key, "", "",
        request.decide, request.quiet, now,
    )  # fmt: skip


def _waiting(one: Meeting) -> PairingView:
    return PairingView(one.id, one.name, one.origin, one.asks, one.words, one.expires)
