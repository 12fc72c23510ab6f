"""Signing in and out: by the passphrase, or by the one-time link of the owner's command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, redirect, render_template, request

from vault.api import wire
from vault.api.asker import asker, known, nothing
from vault.api.console import leading
from vault.api.console.ground import (
    COOKIE,
    HOST,
    Answer,
    Console,
    View,
    failing,
    from_here,
    navigated,
    onward,
    place,
    to_sign_in,
)
from vault.errors import BadRequest, NotAllowed, NotFound, VaultError
from vault.types import Link

if TYPE_CHECKING:
    from vault.api.console.sessions import Session


def add(console: Console) -> None:
    """Add the ways in and out."""
    ways = Ways(console)
    console.open("/sign-in", ways.asked)
    console.open("/sign-in", ways.signing_in, "POST")
    console.open("/enter/<code>", ways.entered)
    console.open("/", ways.landed)
    console.open("/<path:rest>", ways.landed)
    console.open("/<path:rest>", ways.nowhere, "POST")
    console.form("/out", ways.out)


def linking(console: Console) -> View:
    """Return the view by which the owner's command makes a link into the console."""

    def link() -> Response:
        holder = asker()
        console.vault.admit(holder, "link")
        nothing()
        code, expires = console.sessions.link(console.vault.link(known(console.vault, holder)))
        address = f"http://{HOST}:{request.host.rpartition(':')[2]}/console/enter/{code}"
        return Response(wire.dump(Link(address, expires)), mimetype="application/json")

    return link


class Ways:
    """The views of who is not signed in."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def landed(self, rest: str = "") -> Answer:
        """Lead who comes without the secret path to where one signs in."""
        navigated()
        if rest.startswith("~"):
            raise NotFound("there is no such page")
        return to_sign_in(request.full_path.rstrip("?"))

    def nowhere(self, rest: str) -> Answer:
        """Refuse a form that is sent without the secret path."""
        raise NotAllowed("you are signed out", hint="sign in again, then decide")

    def asked(self) -> Answer:
        """Show where to sign in. Unless its path is known to be over, a script goes on to the one that it remembers."""
        navigated()
        return self._sign_in(onward(request.args.get("next", "")), again="over" not in request.args)

    def signing_in(self) -> Answer:
        """Sign a browser in by the passphrase."""
        from_here()
        navigated()
        next = onward(request.form.get("next", ""))
        try:
            token = self._console.proven(self._console.attempts.knows_browser(request.form.get("knock", "")))
        except VaultError as error:
            return self._sign_in(next, error)
        cookie, session = self._console.sessions.open(token)
        return _carrying(redirect(_within(session, next), 303), session, cookie)

    def entered(self, code: str) -> Answer:
        """Sign a browser in by a link, with a page that goes on by itself: a redirect would not carry the cookie when
        the link was followed from another site or a file."""
        navigated()
        found = self._console.sessions.enter(code)
        if found is None:
            words = BadRequest("this link was used or is too old", hint="a new one: ownvault console")
            return self._sign_in("", words)
        leading.remove(self._console.vault.directory)
        cookie, session = found
        next = _within(session, onward(request.args.get("next", "")))
        return _carrying(Response(render_template("console/entered.html", next=next)), session, cookie)

    def out(self, session: Session) -> Answer:
        """Sign a browser out."""
        self._console.leave()
        gone = redirect("/console/sign-in", 303)
        gone.delete_cookie(COOKIE, path=place(session, ""), httponly=True, samesite="Strict")
        return gone

    def _sign_in(self, next: str, error: VaultError | None = None, again: bool = False) -> Answer:
        shown = render_template("console/sign-in.html", next=next, error=error, again=again)
        return Response(shown, *failing(error)) if error else shown


def _within(session: Session, next: str) -> str:
    """Return where to go on to, with the browser's own path in it."""
    if next.startswith("/oauth/"):
        return next
    return place(session, "/" + next.removeprefix("/console/"))


def _carrying(answer: Answer, session: Session, cookie: str) -> Answer:
    assert not isinstance(answer, str | tuple)
    answer.set_cookie(COOKIE, cookie, path=place(session, ""), httponly=True, samesite="Strict")
    return answer
