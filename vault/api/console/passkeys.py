"""Passkeys in the console: making and removing them, and what one is asked to sign for an approval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask import jsonify, render_template, request

from vault.api.console import decisions
from vault.api.console.ground import origin
from vault.errors import BadRequest, NotFound, VaultError
from vault.types import Assertion

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

LONGEST = 16 * 1024
"""Characters of an authenticator's answer; a passkey's is about two thousand."""


def add(console: Console) -> None:
    """Add the page of the passkeys, and what its script and that of a request ask for."""
    pages = Passkeys(console)
    console.page("/settings/passkeys", pages.listed)
    console.part("/settings/passkeys/offer", pages.offered)
    console.form("/settings/passkeys", pages.added)
    console.form("/settings/passkeys/<id>/remove", pages.removed)
    console.form("/requests/<id>/assent", pages.assent)


def said() -> Assertion | None:
    """Return the answer of an authenticator in the form before us, None for a form without one. Raises BadRequest."""
    text = request.form.get("assertion", "")
    if not text:
        return None
    try:
        answer = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise BadRequest("that is no answer of a passkey")
    return Assertion(answer, origin())


class Passkeys:
    """The views of passkeys."""

    def __init__(self, console: Console) -> None:
        self._console, self._vault = console, console.vault

    def listed(self, session: Session, error: VaultError | None = None) -> Answer:
        """Show the owner's passkeys."""
        kept = self._vault.passkeys(session.holder).passkeys
        return render_template("console/passkeys.html", passkeys=kept, error=error)

    def offered(self, session: Session) -> Answer:
        """Give our script what a browser needs to make one."""
        return jsonify(self._vault.offer_passkey(session.holder))

    def added(self, session: Session) -> Answer:
        """Keep the one that it made: with the passphrase, for it will stand in for it."""
        try:
            self._console.prove(session)
            made = said()
            if made is None:
                raise BadRequest("no passkey was made", hint="the browser must allow scripts for it")
            self._vault.add_passkey(session.holder, request.form.get("name", ""), made)
        except VaultError as error:
            return self._failed(session, error)
        return self._console.go(session, "/settings/passkeys", "The passkey is kept: it can approve from now on.")

    def removed(self, session: Session, id: str) -> Answer:
        """Forget one: with the passphrase, so that whoever sits here cannot take it away."""
        try:
            self._console.prove(session)
            self._vault.remove_passkey(session.holder, id)
        except VaultError as error:
            return self._failed(session, error)
        return self._console.go(session, "/settings/passkeys", "The passkey is removed: it approves nothing any more.")

    def _failed(self, session: Session, error: VaultError) -> Answer:
        page = self.listed(session, error)
        assert isinstance(page, str)
        return page, error.status

    def assent(self, session: Session, id: str) -> Answer:
        """Give our script what a passkey has to sign for the approval that the form says."""
        found = next((one for one in self._vault.requests(session.holder) if one.id == id), None)
        if found is None:
            raise NotFound("no such request waits")
        asked = self._vault.assent(session.holder, id, decisions.approval(found, request.form))
        return jsonify({
            "challenge": asked.challenge, "rpId": "vault.localhost", "userVerification": "required",
            "allowCredentials": [{"type": "public-key", "id": one} for one in asked.passkeys],
        })  # fmt: skip
