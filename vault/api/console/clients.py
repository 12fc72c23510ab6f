"""Clients and grants: who has access, to what, how to take it away, what it would find and what it ever saw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import render_template, request

from vault import sentences
from vault.api.console import wizard
from vault.api.console.wizard import ENDED
from vault.connect import Connection, Connections
from vault.errors import BadRequest, Changed, NotFound, VaultError
from vault.types import (
    Action,
    ClientView,
    CountRequest,
    Detail,
    GrantView,
    Hit,
    Release,
    ReplayRequest,
    RevokeRequest,
    SearchRequest,
    Sensitivity,
)

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session
    from vault.service import Vault

LISTED, RELEASES, HITS = 40, 10, 10
"""Clients and releases on a page; answers of "see as"."""
SHOWN, OPENED = 5, 100
"""Records of a release that the list shows, and that its own page does."""
EXCERPT, WHOLE = 1_000, 8_000
"""Characters of a wording in the list, and on the page of its release; its own page has all of it."""
HINDRANCES = {
    "grant_paused": "Now it is refused: its grant is paused.",
    "grant_revoked": "It is refused: its grant is revoked.",
    "grant_expired": "It is refused: its grant has ended.",
    "not_allowed": "It is refused: its grant does not allow searching.",
    "detail_answers": "It is refused: its grant gives numbers only, no text.",
    "limit_reached": "It is refused, and its grant paused: a limit would be passed.",
    "approval_required": "Nothing leaves before you approve it.",
    "not_found": "It is refused: a collection that is named is none of its own.",
}
"""What a grant's holder would meet instead of an answer."""
BECAUSE = {
    "collections": "not in its collections", "sources": "from another source", "kinds": "of another kind",
    "labels": "without its labels", "without_labels": "with a label that is left out",
    "people": "with none of its people", "dates": "outside its time, or undated", "sensitivity": "too sensitive for it",
    "owner_written": "not written by you",
}  # fmt: skip
"""Why a grant does not show a record, by the condition that the record does not meet."""
_MASK = re.compile(r"(\[[^\[\]\n]{1,40} \d{1,6}\])")
"""What redaction leaves of an identifier: `[email 1]`."""


def add(console: Console) -> None:
    """Add the pages of clients and grants."""
    wizard.add(console)
    pages = Clients(console)
    console.page("/clients", pages.listed)
    console.page("/clients/<id>", pages.shown)
    console.form("/clients/<id>/pause", pages.pause)
    console.form("/clients/<id>/resume", pages.resume)
    console.page("/clients/<id>/revoke", pages.ending)
    console.form("/clients/<id>/revoke", pages.revoke)
    console.page("/clients/<id>/as", pages.asking)
    console.form("/clients/<id>/as", pages.answered)
    console.page("/clients/<id>/seen", pages.seen)
    console.page("/clients/<id>/seen/<number>", pages.release)
    console.page("/clients/<id>/seen/<number>/<ordinal>", pages.wording)


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit of a grant: what of it is used, as numbers and in words, and what is left."""

    used: int
    most: int
    words: str
    left: str


class Clients:
    """The views of clients, of one grant, and of what it does."""

    def __init__(self, console: Console) -> None:
        self._console, self._vault = console, console.vault

    # ------------------------------------------------------------ seeing

    def listed(self, session: Session) -> Answer:
        """Show every client with its grants, those that have access first."""
        found = self._vault.clients(session.holder)
        live = [one for one in found if any(held.grant.status not in ENDED for held in one.grants)]
        ended = [one for one in found if one not in live]
        begin = _whole(request.args.get("from", "0"))
        ordered = (live + ended)[begin : begin + LISTED]
        return render_template(
            "console/clients/list.html", clients=ordered, live=len(live), all=len(found), begin=begin,
            more=begin + LISTED if begin + LISTED < len(found) else None, of=self._of(session),
            connected=connected(self._vault), **WORDS,
        )  # fmt: skip

    def shown(self, session: Session, id: str) -> Answer:
        """Show one grant: what it allows, what it sees now, what of its allowance is left, how to change it."""
        seen = self._vault.expose(session.holder, id)
        client = self._client(session, id)
        held = next(one for one in client.grants if one.grant.id == id)
        return render_template(
            "console/clients/grant.html", view=seen.grant, seen=seen, held=held, of=self._of(session),
            others=sum(one.grant.status not in ENDED for one in client.grants) - (seen.grant.status not in ENDED),
            connection=connected(self._vault).get(id), tab="grant", **WORDS,
        )  # fmt: skip

    def _of(self, session: Session) -> int:
        return self._vault.count(session.holder, CountRequest()).count

    def _client(self, session: Session, id: str) -> ClientView:
        """Return the client of a grant. NotFound when there is no such grant."""
        for client in self._vault.clients(session.holder):
            if any(one.grant.id == id for one in client.grants):
                return client
        raise NotFound("there is no such grant")

    # ------------------------------------------------------------ changing

    def pause(self, session: Session, id: str) -> Answer:
        """Let a grant answer nothing, until the owner undoes it."""
        view = self._vault.pause(session.holder, id, request.form.get("match"))
        said = f"{sentences.one_line(view.client)} is paused: it is answered nothing. Resuming undoes it."
        return self._console.go(session, f"/clients/{id}", said)

    def resume(self, session: Session, id: str) -> Answer:
        """Let a paused grant answer again: with the passphrase where something sensitive could leave by it."""
        if sensitive(self._vault.see(session.holder, id)):
            self._console.prove(session)
        view = self._vault.resume(session.holder, id, request.form.get("match"))
        said = f"{sentences.one_line(view.client)} is answered again; its allowance starts anew."
        return self._console.go(session, f"/clients/{id}", said)

    def ending(self, session: Session, id: str) -> Answer:
        """Ask once more before a grant is revoked, and say what that does."""
        return self._ending(session, id)

    def _ending(self, session: Session, id: str, error: VaultError | None = None) -> Answer:
        client = self._client(session, id)
        held = next(one for one in client.grants if one.grant.id == id)
        live = [one for one in client.grants if one.grant.status not in ENDED]
        page = render_template(
            "console/clients/revoke.html", view=held.grant, held=held, live=live, of=self._of(session), error=error,
            connection=connected(self._vault).get(id), tab="revoke", **WORDS,
        )  # fmt: skip
        return page, error.status if error else 200

    def revoke(self, session: Session, id: str) -> Answer:
        """End a grant for good, or all grants of its client."""
        try:
            if request.form.get("which") == "all":
                client = self._client(session, id).client
                ended = self._vault.revoke_many(session.holder, RevokeRequest(client)).grants
            else:
                ended = (self._vault.revoke(session.holder, id, request.form.get("match")),)
        except Changed as error:
            return self._ending(session, id, error)
        many = "Its grant is" if len(ended) == 1 else f"{sentences.plural(len(ended), 'grant')} of it are"
        name = sentences.one_line(ended[0].client)
        return self._console.go(session, f"/clients/{id}", f"{many} revoked: {name} sees 0 records by it from now on.")

    # ------------------------------------------------------------ seeing as

    def asking(self, session: Session, id: str) -> Answer:
        """Show where to ask as the holder of a grant would."""
        return render_template("console/clients/as.html", view=self._vault.see(session.holder, id), tab="as", **WORDS)

    def answered(self, session: Session, id: str) -> Answer:
        """Show what its holder would be answered, what would wait, and what it is not shown."""
        view, query = self._vault.see(session.holder, id), request.form.get("query", "").strip()
        given: dict[str, Any] = {"view": view, "query": query, "tab": "as", **WORDS}
        try:
            seen = self._vault.contrast(session.holder, id, SearchRequest(query, HITS))
        except BadRequest as error:
            return render_template("console/clients/as.html", error=error, **given), error.status
        hits = [(hit, masked(hit), hit.id in seen.waits) for hit in seen.hits]
        return render_template("console/clients/as.html", answer=seen, hits=hits, **given)

    # ------------------------------------------------------------ what it ever saw

    def seen(self, session: Session, id: str) -> Answer:
        """Show what a grant's client was ever given, newest first, in the words it got."""
        view = self._vault.see(session.holder, id)
        before = request.args.get("before")
        asked = ReplayRequest(view.client, RELEASES, None if before is None else _whole(before))
        replay = self._vault.replay(session.holder, asked)
        full = len(replay.releases) == RELEASES and replay.releases[-1].number > 0
        return render_template(
            "console/clients/seen.html", view=view, replay=replay, first=before is None, shown=SHOWN, excerpt=EXCERPT,
            more=replay.releases[-1].number if full else None, tab="seen", **WORDS,
        )  # fmt: skip

    def release(self, session: Session, id: str, number: str) -> Answer:
        """Show one answer that left, with every record in it."""
        view, left = self._release(session, id, number)
        begin = _whole(request.args.get("from", "0"))
        more = begin + OPENED if begin + OPENED < len(left.wordings) else None
        return render_template(
            "console/clients/release.html", view=view, left=left, begin=begin, more=more, shown=OPENED, excerpt=WHOLE,
            tab="seen", **WORDS,
        )  # fmt: skip

    def wording(self, session: Session, id: str, number: str, ordinal: str) -> Answer:
        """Show one record of an answer in all the words in which it left."""
        view, left = self._release(session, id, number)
        n = _whole(ordinal)
        if n >= len(left.wordings):
            raise NotFound("there is no such record in that answer")
        return render_template(
            "console/clients/wording.html", view=view, left=left, one=left.wordings[n], tab="seen", **WORDS
        )

    def _release(self, session: Session, id: str, number: str) -> tuple[GrantView, Release]:
        view, n = self._vault.see(session.holder, id), _whole(number)
        found = self._vault.replay(session.holder, ReplayRequest(view.client, 1, n + 1)).releases
        if not found or found[0].number != n:
            raise NotFound("nothing left with that entry")
        return view, found[0]


# ---------------------------------------------------------------- words


def allowances(view: GrantView) -> Iterator[Allowance]:
    """Return what is used and what is left of each limit that is counted."""
    limits, used = view.limits, view.used
    for spent, most, noun, when in (
        (used.queries, limits.queries_per_hour, "question", "this hour"),
        (used.records, limits.records_per_day, "record", "today"),
    ):
        if most is not None:
            words = f"{spent:,} of {sentences.plural(most, noun)} {when}"
            yield Allowance(spent, most, words, f"{max(0, most - spent):,} left")
    if limits.bytes_per_day is not None:
        words = f"{sentences.size(used.bytes)} of {sentences.size(limits.bytes_per_day)} of text today"
        left = sentences.size(max(0, limits.bytes_per_day - used.bytes))
        yield Allowance(used.bytes, limits.bytes_per_day, words, f"{left} left")


def masked(hit: Hit) -> list[tuple[str, bool]]:
    """Return the pieces of an answer's text, each with whether it stands for an identifier that was masked."""
    if hit.detail is not Detail.REDACTED:
        return [(hit.text, False)]
    return [(piece, n % 2 == 1) for n, piece in enumerate(_MASK.split(hit.text)) if piece]


def because(names: tuple[str, ...]) -> str:
    """Return why a grant does not show a record."""
    return sentences.listed(BECAUSE[name] for name in names)


def came(way: str, connection: Connection | None) -> str:
    """Return how a grant came to be."""
    if connection is not None:
        return f"connected as {connection.name}" + (f", by an entry in {connection.file}" if connection.file else "")
    return sentences.WAYS.get(way, f"made by way of {way}")


def connected(vault: Vault) -> dict[str, Connection]:
    """Return the clients that `ownvault connect` wired, by grant; none when what is kept of them cannot be read."""
    with suppress(VaultError, OSError):
        return {one.grant: one for one in Connections(vault.directory).all()}
    return {}


def sensitive(view: GrantView) -> bool:
    """Say whether anything sensitive could leave by a grant."""
    return sees(view) and Sensitivity.parse(view.scope["sensitivity"]) > Sensitivity.PERSONAL


def sees(view: GrantView) -> bool:
    """Say whether anything of records is shown: adding alone shows none."""
    return set(view.actions) != {Action.ADD}


WORDS: dict[str, Any] = {
    "allowances": allowances, "because": because, "came": came, "paused": sentences.paused, "sees_records": sees,
    "sensitive": sensitive, "hindrances": HINDRANCES, "ended": ENDED,
}  # fmt: skip


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise NotFound("there is no such page")
    return int(text)
