"""Insertion: what a browser found is released to a site, under a grant cut out of the browser's own for that site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from vault import limits
from vault.errors import BadRequest, NotAllowed, NotFound
from vault.finding import check, find, worded
from vault.granting import new_grant_id, revoked
from vault.holding import Leaving
from vault.legible import legible
from vault.pairings import VIA, Pairings
from vault.permissions import browsers, grants, registrations, scope
from vault.permissions.narrowing import STRICTNESS, within
from vault.release import wordings
from vault.types import (
    Action,
    Browser,
    Connection,
    Filter,
    Grant,
    Holder,
    Insertion,
    InsertRequest,
    Right,
    SearchRequest,
    SeenBySite,
    SeenRecord,
    Shown,
    Site,
    SiteClient,
    SiteRequest,
    SiteRevoked,
    Status,
)

RELEASE = 16
"""Digits of a receipt's leaf that stand in the marks around an insertion."""
LIVE = (Status.ACTIVE, Status.PAUSED)
LOOKED_AT = 2000
"""Records that a site has had, the last ones, of which a browser is told."""


class Inserting(Pairings):
    """The methods of a vault by which a browser gives a site what it found, and ends that."""

    def insert(self, shown: Shown, request: InsertRequest) -> Insertion:
        """Release to a site those of a search's hits that the owner chose. NotFound for one that is no hit of it."""
        browser = self._browser(shown, "insert")
        origin = browsers.site(request.site)
        chosen = set(request.records)
        if len(chosen) != len(request.records):
            raise BadRequest("records: one is named twice")
        asked = SearchRequest(request.query, request.limit, request.filter)
        holder = self._site_holder(browser, origin)
        with self._decide(holder, "insert", request.query, request) as decision:
            decision.detail = {"site": origin}
            allowed = decision.scope(request.filter, right=Action.SEARCH)
            check(asked)
            found = find(self._parts.library, allowed.where, asked, allowed.results, browser.client, decision.now)
            kept = [one for one in found if one.record.id in chosen and decision.admits(one.record, Action.SEARCH)]
            if len(kept) != len(chosen):
                raise NotFound("no such hit", reason="not_a_hit")
            hits = worded(kept, allowed.detail, owner=False)
            receipt = decision.record(Leaving([one.record for one in kept], wordings(hits)))
            return Insertion(receipt.leaf[:RELEASE], origin, hits, receipt)

    def _site_holder(self, browser: Browser, origin: str) -> Holder:
        """Return the holder of a site's grant, which is never wider than the browser's own is now."""
        own = self._bear(browser, Right.SEARCH)
        with self._decide(own, "site") as decision:
            parent = decision.grant()

            def work(conn: Connection) -> str:
                known = next((site for site in browsers.sites(conn, browser.id) if site.origin == origin), None)
                if known is not None and known.blocked:
                    raise _blocked()
                if known is None or not known.grant:
                    made = self._cut(parent, browser, origin, decision.now)
                    grants.create(conn, made)
                    browsers.keep_site(conn, browser.id, Site(origin, made.client, made.id, False))
                    decision.append(conn, [], {"grant": made.id, "client": made.client, "of": parent.id})
                    return made.id
                held = grants.get(conn, known.grant)
                if grants.live(held, decision.now) not in LIVE:  # ended by itself: the owner's word for this site
                    raise _blocked()
                if not within(held, parent):
                    grants.update(conn, _narrowed(held, parent))
                    decision.append(conn, [], {"grant": held.id, "client": held.client, "change": "narrow"})
                return held.id

            id = self._parts.db.write(work)
        return self._borne(browser, id)

    def _cut(self, parent: Grant, browser: Browser, origin: str, now: datetime) -> Grant:
        """Return the grant of a site: the browser's own, to search alone."""
        made = replace(
            parent, id=new_grant_id(), client=scope.name(browsers.host(origin) + browsers.SITE_SUFFIX),
            purpose=f"inserted by {browser.name}"[: limits.PURPOSE], actions=frozenset({Action.SEARCH}), created=now,
            last_used=None, fresh=None, version=1,
            records_then=self._parts.library.count(scope.resolve(parent.where, now)),
        )  # fmt: skip
        grants.check(made)
        return made

    def seen(self, shown: Shown, request: SiteRequest) -> SeenBySite:
        """Return what a site's assistant has had, as far as this browser's own search grant shows it."""
        browser = self._browser(shown, "seen")
        origin = browsers.site(request.site)
        with self._decide(self._bear(browser, Right.SEARCH), "seen") as decision:
            decision.detail = {"site": origin}
            where = decision.scope(Filter(), right=Action.SEARCH).where
            with self._parts.db.read() as conn:
                blocked, clients = self._site_clients(conn, browser, origin, decision.now)
                had = browsers.had(conn, [one.client for one in clients])
            told: list[SeenRecord] = []
            for id, last, times in had[:LOOKED_AT]:
                record = self._parts.library.record(id)
                if record and scope.admits(where, record, decision.now) and decision.admits(record, Action.SEARCH):
                    title = legible(record.title)
                    told.append(SeenRecord(id, title, record.collection, record.date, times, last))
                if len(told) == limits.SEEN:
                    break
            decision.record(detail={"records": len(told)})
            return SeenBySite(origin, blocked, clients, tuple(told), len(had) - len(told))

    def revoke_site(self, shown: Shown, request: SiteRequest) -> SiteRevoked:
        """End what a site's assistant is given, at once, and insert nothing more there."""
        browser = self._browser(shown, "revoke_site")
        origin = browsers.site(request.site)
        if not browser.finds:
            raise NotAllowed("this browser was not given the right to search")
        with self._decide(Holder("", VIA), "revoke_site") as decision:  # also when its own grant does not answer now
            decision.client = browser.client

            def work(conn: Connection) -> tuple[set[str], tuple[str, ...]]:
                _, clients = self._site_clients(conn, browser, origin, decision.now)
                names = {one.client for one in clients if one.live}
                ended = [one for one in grants.all(conn) if one.client in names and one.status in LIVE]
                for one in ended:
                    revoked(conn, one.id)
                client = scope.name(browsers.host(origin) + browsers.SITE_SUFFIX)
                browsers.keep_site(conn, browser.id, Site(origin, client, "", True))
                told = tuple(sorted({one.client for one in ended}))
                decision.append(conn, [], {"site": origin, "revoked": [one.id for one in ended]})
                return {one.id for one in ended}, told

            ended, told = self._parts.db.write(work, urgent=True)
            self._settle(ended)
            return SiteRevoked(origin, True, told)

    def _site_clients(
        self, conn: Connection, browser: Browser, origin: str, now: datetime
    ) -> tuple[bool, tuple[SiteClient, ...]]:
        """Return whether a site is blocked, and who its assistant is: by insertion, or over OAuth from there."""
        known = next((site for site in browsers.sites(conn, browser.id) if site.origin == origin), None)
        connected = {
            one.name
            for one in (*registrations.known().values(), *registrations.listed(conn))
            if any(registrations.host(uri) == browsers.host(origin) for uri in one.redirects)
        }
        made = grants.all(conn)
        found = [SiteClient(name, "grant", _live(made, name, now)) for name in sorted(connected) if _had(made, name)]
        inserted = scope.name(browsers.host(origin) + browsers.SITE_SUFFIX)
        if _had(made, inserted):
            found.insert(0, SiteClient(inserted, "insert", _live(made, inserted, now)))
        return known is not None and known.blocked, tuple(found)


def _had(made: Sequence[Grant], client: str) -> bool:
    return any(one.client == client for one in made)


def _live(made: Sequence[Grant], client: str, now: datetime) -> bool:
    return any(one.client == client and grants.live(one, now) is Status.ACTIVE for one in made)


def _narrowed(held: Grant, parent: Grant) -> Grant:
    """Return a site's grant within what the browser's own has become."""
    return replace(
        held, where=held.where & parent.where, detail=min(held.detail, parent.detail),
        limits=held.limits & parent.limits, expires=min(held.expires, parent.expires),
        approval=max(held.approval, parent.approval, key=STRICTNESS.index),
    )  # fmt: skip


def _blocked() -> NotAllowed:
    return NotAllowed("nothing more is inserted there", hint="its owner can allow it: ownvault extension allow")
