"""The console's pages: sign in, what waits and who has access, and one request with the owner's decision on it.

A page is given to a person who navigates to it, and to nobody else: not to a script, a frame or an extension. A form is
taken from our own page alone, by its exact origin and the page's own secret in it: an extension with a permission for
this machine sends the console's cookie too, and its requests pass for same-origin.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from flask import Blueprint, Flask, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from vault import sentences
from vault.api import wire
from vault.api.asker import asker, known, nothing
from vault.api.attempts import Attempts
from vault.api.console import decisions
from vault.api.console.sessions import VIA, Session, Sessions, same
from vault.errors import BadRequest, NotAllowed, NotFound, Refused, VaultError
from vault.founding import now
from vault.types import Asked, AuditRequest, Link, RequestView, Status, Verdict

if TYPE_CHECKING:
    from vault.service import Vault

Answer: TypeAlias = AnyResponse | str | tuple[str, int]
COOKIE = "ownvault"
HOST = "vault.localhost"
"""The console's own name: cookies of a bare address go to every other server on this machine."""
STATIC = frozenset({"console.css"})
LATELY = 12
"""Audit entries on the first page."""


def add(flask: Flask, vault: Vault, attempts: Attempts) -> None:
    """Add the console, and the route by which the owner's command makes a link into it."""
    sessions = Sessions(now)
    flask.register_blueprint(Pages(vault, sessions, attempts).blueprint)

    def link() -> Response:
        holder = asker()
        vault.admit(holder, "link")
        nothing()
        code, expires = sessions.link(vault.link(known(vault, holder)))
        place = f"http://{HOST}:{request.host.rpartition(':')[2]}/console/enter/{code}"
        return Response(wire.dump(Link(place, expires)), mimetype="application/json")

    flask.add_url_rule("/v1/console", "link", link, methods=["POST"])


class Pages:
    """The console over one unlocked vault, as a Flask blueprint."""

    def __init__(self, vault: Vault, sessions: Sessions, attempts: Attempts) -> None:
        self._vault, self._sessions, self._attempts = vault, sessions, attempts
        self.blueprint = self._blueprint()

    def _blueprint(self) -> Blueprint:
        made = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")
        made.add_url_rule("/static/<name>", "static", _static, methods=["GET"])
        for rule, view, methods in (
            ("/", self._signed_in(self._now), ["GET"]),
            ("/sign-in", self._sign_in, ["GET"]),
            ("/sign-in", self._signing_in, ["POST"]),
            ("/enter/<code>", self._enter, ["GET"]),
            ("/out", self._signed_in(self._out), ["POST"]),
            ("/requests/<id>", self._signed_in(self._request), ["GET"]),
            ("/requests/<id>", self._signed_in(self._decide), ["POST"]),
        ):
            made.add_url_rule(rule, f"{view.__name__}{methods[0]}", _page(view), methods=methods)
        made.app_template_filter("day")(_day)
        made.app_template_filter("minute")(_minute)
        made.app_template_filter("line")(sentences.one_line)
        made.app_template_filter("plural")(sentences.plural)
        words = {"allowed": sentences.allowed, "wanted": sentences.wanted}
        made.record(lambda state: state.app.jinja_env.globals.update(words))
        return made

    # ------------------------------------------------------------ signing in

    def _signed_in(self, view: Callable[..., Answer]) -> Callable[..., Answer]:
        @wraps(view)
        def guarded(**path: str) -> Answer:
            session = self._sessions.get(request.cookies.get(COOKIE, ""))
            if session is None:
                if request.method != "GET":
                    raise NotAllowed("you are signed out", hint="sign in again, then decide")
                return redirect(f"/console/sign-in?next={quote(_here(), safe='/')}", 303)
            if request.method == "POST" and not same(request.form.get("page", ""), session.page):
                raise NotAllowed("this form is not from a page of yours")
            try:
                return view(session, **path)
            except Refused:  # its capability ended before its time: the vault's keys were replaced
                self._sessions.close(request.cookies.get(COOKIE, ""))
                raise NotAllowed("you are signed out", hint="sign in again") from None

        return guarded

    def _sign_in(self) -> Answer:
        return render_template("console/sign-in.html", next=_next(request.args.get("next", "")))

    def _signing_in(self) -> Answer:
        onward = _next(request.form.get("next", ""))
        try:
            token = self._proven()
        except VaultError as error:
            return render_template("console/sign-in.html", next=onward, error=error), error.status
        return _carrying(redirect(onward or "/console/", 303), self._sessions.open(token))

    def _proven(self) -> Any:
        secret = bytearray(request.form.get("passphrase", "").encode("utf-8", "surrogatepass"))
        if not secret:
            raise NotAllowed("your passphrase is needed for that")
        with self._attempts.attempt(False):
            return self._vault.prove_owner(secret, VIA)

    def _enter(self, code: str) -> Answer:
        cookie = self._sessions.enter(code)
        if cookie is None:
            words = BadRequest("this link was used or is too old", hint="a new one: ownvault console")
            return render_template("console/sign-in.html", next="", error=words), 400
        return _carrying(redirect(_next(request.args.get("next", "")) or "/console/", 303), cookie)

    def _out(self, _: Session) -> Answer:
        self._sessions.close(request.cookies.get(COOKIE, ""))
        gone = redirect("/console/sign-in", 303)
        gone.delete_cookie(COOKIE, path="/console", httponly=True, samesite="Strict")
        return gone

    # ------------------------------------------------------------ seeing

    def _now(self, session: Session) -> Answer:
        holder = session.holder
        waiting = self._vault.requests(holder)
        live = [view for view in self._vault.grants(holder) if view.status in (Status.ACTIVE, Status.PAUSED)]
        lately = self._vault.audit(holder, AuditRequest(LATELY)).entries
        return render_template("console/now.html", session=session, requests=waiting, grants=live, entries=lately)

    def _request(self, session: Session, id: str) -> Answer:
        view = self._asked(session, id)
        onward = _next(request.args.get("next", ""))
        if view.verdict is not Verdict.PENDING:
            return render_template("console/decided.html", session=session, view=view, next=onward)
        return self._shown(session, view, onward)

    def _shown(self, session: Session, view: RequestView, onward: str, error: VaultError | None = None) -> str:
        return render_template(
            "console/request.html", session=session, view=view, next=onward, error=error, hours=decisions.HOURS,
            access=view.asked is Asked.ACCESS, collections=decisions.collections(view),
            sensitive=decisions.sensitive(view), records=sorted(view.records, key=lambda one: -one.sensitivity),
        )  # fmt: skip

    def _asked(self, session: Session, id: str) -> RequestView:
        found = next((one for one in self._vault.requests(session.holder, True) if one.id == id), None)
        if found is None:
            raise NotFound("no such request", hint="it may have been decided long ago")
        return found

    # ------------------------------------------------------------ deciding

    def _decide(self, session: Session, id: str) -> Answer:
        view, form = self._asked(session, id), request.form
        onward = _next(form.get("next", ""))
        try:
            if form.get("verdict") == "deny":
                decided = self._vault.deny(session.holder, id)
            elif form.get("verdict") == "approve":
                said = decisions.approval(view, form)
                if decisions.sensitive(view):
                    self._proven()  # a script in the page cannot do this: it does not know the passphrase
                decided = self._vault.approve(session.holder, id, said).request
            else:
                raise BadRequest("approve it or deny it")
        except VaultError as error:
            return self._shown(session, view, onward, error), error.status
        return render_template("console/decided.html", session=session, view=decided, next=onward)


def _page(view: Callable[..., Answer]) -> Callable[..., Answer]:
    """Answer a person's navigation, under the console's own name; anything else is refused."""

    @wraps(view)
    def answered(**path: str) -> Answer:
        name, _, port = request.host.rpartition(":")
        if name != HOST and request.method == "GET":
            return redirect(f"http://{HOST}:{port}{_here()}", 307)
        try:
            _check_browser(f"http://{HOST}:{port}")
            return view(**path)
        except VaultError as error:
            return render_template("console/problem.html", error=error), error.status

    return answered


def _check_browser(origin: str) -> None:
    if request.host_url.rstrip("/") != origin:
        raise NotAllowed("the console is at another address", hint=f"{origin}/console/")
    if (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) != ("navigate", "document"):
        raise NotAllowed("the console's pages are for a person's browser")
    if request.method == "POST" and request.headers.get("Origin") != origin:
        raise NotAllowed("this form is not from a page of yours")


def _static(name: str) -> Response:
    if name not in STATIC:
        raise NotFound("no such route")
    return Response((Path(__file__).parent / "static" / name).read_bytes(), mimetype="text/css")


def _carrying(answer: AnyResponse, cookie: str) -> AnyResponse:
    answer.set_cookie(COOKIE, cookie, path="/console", httponly=True, samesite="Strict")
    return answer


def _here() -> str:
    return request.full_path.rstrip("?")


def _next(path: str) -> str:
    """Return a path of this very server to go on to, or nothing for what is none."""
    ours = path.startswith(("/console/", "/oauth/authorize/")) and path.isascii() and path.isprintable()
    return path if ours and "\\" not in path and "//" not in path and len(path) < 2000 else ""


def _day(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d}" if moment else ""


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""
