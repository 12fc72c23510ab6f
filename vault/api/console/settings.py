"""Settings and doctor: how the vault stands, who can open it, paired browsers, new programs, language models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import render_template, request

from vault import unlocking
from vault.errors import BadRequest, VaultError
from vault.types import Filter, PairApproval, PairingRequest

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

MINUTES = {"5": 300, "15": 900, "60": 3600}
"""For how long new programs may register, as the form offers it, in seconds."""


def add(console: Console) -> None:
    """Add the page, and what its forms do."""
    pages = Settings(console)
    console.page("/settings", pages.shown)
    console.form("/settings/pairing", pages.opened)
    console.form("/settings/pairing/close", pages.closed)
    console.page("/settings/browsers", pages.browsers)
    console.form("/settings/browsers/<id>/pair", pages.paired)
    console.form("/settings/browsers/<id>/refuse", pages.refused)
    console.form("/settings/browsers/<id>/unpair", pages.unpaired)


class Settings:
    """The views of settings."""

    def __init__(self, console: Console) -> None:
        self._console, self._vault = console, console.vault

    def shown(self, session: Session) -> Answer:
        """Show how the vault stands, and what of it can be set."""
        vault, holder = self._vault, session.holder
        status = vault.status(holder)
        return render_template(
            "console/settings/index.html", status=status, checks=vault.checkup(holder).checks,
            slots=unlocking.listed(Path(status.directory)), published=vault.public_keys(),
            passkeys=vault.passkeys(holder).passkeys, browsers=vault.browsers(holder), pairing=vault.pairing(holder),
            providers=vault.providers(holder), minutes=MINUTES,
        )  # fmt: skip

    def opened(self, session: Session) -> Answer:
        """Let new programs register for a while."""
        seconds = MINUTES.get(request.form.get("minutes", ""), min(MINUTES.values()))
        self._vault.open_pairing(session.holder, PairingRequest(seconds))
        return self._console.go(session, "/settings", "New programs may register now. Each still asks you for access.")

    def closed(self, session: Session) -> Answer:
        """Let none register any more."""
        self._vault.close_pairing(session.holder)
        return self._console.go(session, "/settings", "No new program may register.")

    def browsers(self, session: Session, error: VaultError | None = None) -> Answer:
        """Show the browsers that wait to be paired and those that are, and who else tried."""
        found = self._vault.browsers(session.holder)
        collections = sorted(one.name for one in self._vault.status(session.holder).collections)
        return render_template("console/settings/browsers.html", found=found, collections=collections, error=error)

    def paired(self, session: Session, id: str) -> Answer:
        """Let a browser in whose words the owner types: to save, and what more the form says."""
        form = request.form
        chosen = tuple(form.getlist("collection"))
        wanted = PairApproval(
            collections=tuple(filter(None, [form.get("into", "").strip()])),
            search=Filter(collections=chosen) if form.get("search") and chosen else None,
            decide=bool(form.get("decide")),
            quiet=bool(form.get("quiet")),
        )
        try:
            if wanted.search or wanted.decide:
                self._console.prove(session)  # more than saving: whoever sits here must be the owner
            self._compare(session, id, form.get("words", ""))
            made = self._vault.pair_browser(session.holder, id, wanted)
        except VaultError as error:
            return self._failed(session, error)
        return self._console.go(session, "/settings/browsers", f"{made.browser.name} is paired.")

    def refused(self, session: Session, id: str) -> Answer:
        """Turn a browser away."""
        self._vault.refuse_browser(session.holder, id)
        return self._console.go(session, "/settings/browsers", "It was turned away.")

    def unpaired(self, session: Session, id: str) -> Answer:
        """End a browser's grants, at once."""
        gone = self._vault.unpair(session.holder, id)
        return self._console.go(session, "/settings/browsers", f"{gone.name} is unpaired: its grants are revoked.")

    def _compare(self, session: Session, id: str, typed: str) -> None:
        """Raise BadRequest unless these are the words of the browser that waits. A glance at them is no comparison."""
        shown = next((one.words for one in self._vault.browsers(session.holder).waiting if one.id == id), ())
        if not shown or tuple(typed.lower().replace(",", " ").split()) != shown:
            raise BadRequest("these are not its words", hint="turn it away if the extension shows these: it is another")

    def _failed(self, session: Session, error: VaultError) -> Answer:
        page = self.browsers(session, error)
        assert isinstance(page, str)
        return page, error.status
