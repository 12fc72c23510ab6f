"""Saving from a browser: an ordinary addition under its own write-only grant, and who will see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault import clipping
from vault.adding import Adding
from vault.errors import BadRequest, NotAllowed
from vault.pairings import Pairings
from vault.permissions import grants, names, scope
from vault.types import (
    Action,
    Adapters,
    AddRequest,
    Browser,
    CaptureAnswer,
    CaptureCollections,
    Captured,
    CaptureRequest,
    Connection,
    Detail,
    Draft,
    Names,
    Record,
    Right,
    Shown,
    Status,
)

SEEING = frozenset({Action.SEARCH, Action.READ})


class Capturing(Adding, Pairings):
    """The methods of a vault by which a browser saves."""

    def capture(self, shown: Shown, request: CaptureRequest) -> CaptureAnswer:
        """Keep something of the web: the same key again is answered as before, the same thing is a new version."""
        browser = self._browser(shown, "capture")
        holder = self._bear(browser, Right.CAPTURE)
        clipping.check(request)
        for label in request.labels:
            names.label(label)
        title, text, dropped = self._read(request)
        draft = self._dated(clipping.draft(request, title, text), browser, request.collection)
        done = self.add(holder, AddRequest(request.collection, (draft,)), request.key)
        outcome = done.outcomes[0]
        if outcome.outcome == "failed":
            raise BadRequest(outcome.reason)
        seen_by = None if browser.quiet else self._seen_by(browser, outcome.id)
        return CaptureAnswer(outcome.id, outcome.outcome, seen_by, dropped, done.receipt)

    def _dated(self, draft: Draft, browser: Browser, collection: str) -> Draft:
        """Return a draft with the dates of what is there already, when it says the same: nothing has changed then."""
        for kept in self._parts.library.standing(f"client:{browser.client}:{collection}", [draft.origin]):
            if (kept.text, kept.title) == (draft.text, draft.title):
                return replace(draft, created=kept.date, updated=kept.updated)
        return draft

    def _read(self, request: CaptureRequest) -> tuple[str, str, int]:
        """Return title and text of what was saved, and how many insertions of ours were left out."""
        if request.file is not None:
            from vault.plugins import pdf

            title, text = pdf.text_of(clipping.content(request.file))
            return title, text, 0
        if request.conversation is not None:
            text, dropped = clipping.dialogue(request.conversation)
        else:
            text, dropped = clipping.without_insertions(request.text)
        if not text.strip() and request.kind is Captured.LINK and not dropped:
            text = clipping.address(request.url)
        if not text.strip():
            hint = "it held only what the vault had inserted" if dropped else ""
            raise BadRequest("there is nothing to keep", hint=hint)
        return "", text, dropped

    def capture_collections(self, shown: Shown) -> CaptureCollections:
        """Return where this browser may save."""
        browser = self._browser(shown, "collections")
        with self._parts.db.read() as conn:
            granted = grants.get(conn, browser.adds) if browser.adds else None
        if granted is None or grants.live(granted, self._parts.clock()) is not Status.ACTIVE:
            raise NotAllowed("this browser may not save anything", hint="pair it again")
        named = _named(granted.where.collections)
        return CaptureCollections(named, named[0] if named else "")

    def adapters(self, shown: Shown) -> Adapters:
        """Return the packs by which a browser reads assistants' chat pages."""
        from vault.plugins import packs

        self._browser(shown, "adapters")
        return Adapters(packs.FORMAT, packs.digest(), tuple(map(dict, packs.packs())))

    def _seen_by(self, browser: Browser, id: str) -> tuple[str, ...]:
        """Return the clients, but for this browser, whose live grants show a record that it has just saved."""
        record = self._parts.library.record(id)
        if record is None:
            return ()
        now = self._parts.clock()
        with self._parts.db.read() as conn:
            return tuple(sorted(_clients(conn, record, browser.key, now)))


def _clients(conn: Connection, record: Record, key: str, now: datetime) -> set[str]:
    return {
        one.client
        for one in grants.all(conn)
        if one.holder != key
        and grants.live(one, now) is Status.ACTIVE
        and one.actions & SEEING
        and one.detail is not Detail.ANSWERS
        and scope.admits(one.where, record, now)
    }


def _named(collections: Names) -> tuple[str, ...]:
    return tuple(sorted(collections.only))
