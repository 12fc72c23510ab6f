"""The first pages: what waits and who has access, and one request with the owner's decision on it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from flask import current_app, render_template, request

from vault import sentences
from vault.api.console import decisions, passkeys
from vault.api.console.ground import Answer, Console, onward
from vault.errors import BadRequest, NotFound, VaultError
from vault.types import Asked, AuditRequest, Ending, GrantView, RequestView, RevokeRequest, Status, Verdict

if TYPE_CHECKING:
    from vault.api.console.sessions import Session

LIVE = (Status.ACTIVE, Status.PAUSED)
LATELY = 12
"""Audit entries on the first page."""
CLIENTS = tuple(one for one in Ending if one is not Ending.OWNER)
"""What becomes of others' requests: the owner's own doings are in the log."""


def add(console: Console) -> None:
    """Add Now and the requests."""
    pages = Pages(console)
    console.page("/", pages.now)
    console.part("/live", pages.live, quiet=True)
    console.form("/revoke", pages.revoke)
    console.form("/lock", pages.lock)
    console.page("/requests", pages.requests)
    console.page("/requests/<id>", pages.request)
    console.form("/requests/<id>", pages.decide)


class Pages:
    """The views of what waits."""

    def __init__(self, console: Console) -> None:
        self._console, self._vault = console, console.vault

    # ------------------------------------------------------------ seeing

    def now(self, session: Session) -> Answer:
        """Show what waits, who has access and what left lately."""
        return render_template("console/now.html", **self._state(session))

    def live(self, session: Session) -> Answer:
        """Show the same again, without its frame: when something happened, our script asks for it."""
        return render_template("console/live.html", **self._state(session))

    def _state(self, session: Session) -> dict[str, object]:
        holder = session.holder
        live = [view for view in self._vault.grants(holder) if view.status in LIVE]
        return {
            "requests": self._vault.requests(holder),
            "clients": [list(held) for _, held in groupby(sorted(live, key=_client), _client)],
            "entries": self._vault.audit(holder, AuditRequest(LATELY, outcome=CLIENTS)).entries,
        }

    def requests(self, session: Session) -> Answer:
        """Show what waits, and what was decided."""
        every = self._vault.requests(session.holder, True)
        waiting = [one for one in every if one.verdict is Verdict.PENDING]
        decided = [one for one in every if one.verdict is not Verdict.PENDING]
        return render_template("console/requests.html", requests=waiting, decided=decided)

    def request(self, session: Session, id: str) -> Answer:
        """Show one request."""
        view = self._asked(session, id)
        next = onward(request.args.get("next", ""))
        if view.verdict is not Verdict.PENDING:
            return render_template("console/decided.html", view=view, next=next)
        return self._shown(session, view, next)

    def _shown(self, session: Session, view: RequestView, next: str, error: VaultError | None = None) -> str:
        access = view.asked is Asked.ACCESS
        held = [one for one in self._vault.grants(session.holder) if one.client == view.client]
        return render_template(
            "console/request.html", view=view, next=next, error=error, hours=decisions.HOURS, access=access,
            collections=decisions.collections(view), sensitive=decisions.sensitive(view),
            records=sorted(view.records, key=lambda one: (-one.sensitivity, one.had is not None)),
            grant={one.id: one for one in held}.get(view.grant),
            live=[one for one in held if one.status in LIVE],
            keys=bool(self._vault.passkeys(session.holder).passkeys) if decisions.sensitive(view) else False,
        )  # fmt: skip

    def _asked(self, session: Session, id: str) -> RequestView:
        found = next((one for one in self._vault.requests(session.holder, True) if one.id == id), None)
        if found is None:
            raise NotFound("no such request", hint="it may have been decided long ago")
        return found

    # ------------------------------------------------------------ stopping

    def revoke(self, session: Session) -> Answer:
        """End every grant of everybody."""
        ended = self._vault.revoke_many(session.holder, RevokeRequest(all=True)).grants
        who = sentences.listed(sorted({sentences.one_line(one.client) for one in ended}))
        said = f"Ended {sentences.plural(len(ended), 'grant')} of {who}: no assistant is answered any more."
        return self._console.go(session, "/", said if ended else "There was no grant to end.")

    def lock(self, session: Session) -> Answer:
        """Lock the vault: the process that holds the key ends, and with it every session."""
        self._vault.permit_lock(session.holder)
        self._console.leave()
        current_app.config["LOCK"]()
        return render_template("console/locked.html")

    # ------------------------------------------------------------ deciding

    def decide(self, session: Session, id: str) -> Answer:
        """Decide on a request as the form says."""
        view, form = self._asked(session, id), request.form
        next = onward(form.get("next", ""))
        try:
            if form.get("verdict") == "deny":
                decided = self._vault.deny(session.holder, id)
            elif form.get("verdict") == "approve":
                decided = self._approved(session, view)
            else:
                raise BadRequest("approve it or deny it")
        except VaultError as error:
            return self._shown(session, view, next, error), error.status
        return render_template("console/decided.html", view=decided, next=next)

    def _approved(self, session: Session, view: RequestView) -> RequestView:
        """Approve as the form says. For what is sensitive it holds the passphrase, or what a passkey signed: a script
        in the page has neither."""
        said, assertion = decisions.approval(view, request.form), passkeys.said()
        if assertion is not None:
            return self._vault.approve_signed(session.holder, view.id, said, assertion).request
        if decisions.sensitive(view):
            self._console.prove(session)
        return self._vault.approve(session.holder, view.id, said).request


def _client(view: GrantView) -> str:
    return view.client
