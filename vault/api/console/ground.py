"""What every page of the console stands on: who is let in, from where, and how an error is told.

A page is given to a person who navigates to it, and to nobody else: not to a script, a frame or an extension. A part is
given to our own scripts, which know the page's secret. A form is taken from our own page alone, by its exact origin and
that secret: an extension with a permission for this machine sends the console's cookie too, and its requests pass for
same-origin.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from flask import Blueprint, Response, current_app, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from vault import sentences
from vault.api.app import QUIET_HEADER as QUIET
from vault.api.attempts import Attempts
from vault.api.console.sessions import VIA, Session, Sessions, same
from vault.api.problems import Refusal
from vault.errors import NotAllowed, NotFound, Refused, VaultError

if TYPE_CHECKING:
    from vault.service import Vault
    from vault.types import OwnerToken

Answer: TypeAlias = AnyResponse | str | tuple[str, int]
View: TypeAlias = Callable[..., Answer]
COOKIE = "ownvault"
HOST = "vault.localhost"
"""The console's own name: cookies of a bare address go to every other server on this machine."""
PAGE_HEADER = "X-Vault-Page"
"""In which our own scripts tell the page's secret."""
STATIC = Path(__file__).parent / "static"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json"}
NAV = (
    ("Now", "/"), ("Requests", "/requests"), ("Clients", "/clients"), ("Log", "/log"), ("Exposure", "/exposure"),
    ("Data", "/data"), ("Map", "/map"), ("Settings", "/settings"),
)  # fmt: skip


class Console:
    """The console over one unlocked vault, as a Flask blueprint to which each noun adds its pages."""

    def __init__(self, vault: Vault, sessions: Sessions, attempts: Attempts) -> None:
        self.vault, self.sessions, self.attempts = vault, sessions, attempts
        self.blueprint = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")
        self.blueprint.add_url_rule("/static/<path:name>", "static", _static, methods=["GET"])
        self._words()

    # ------------------------------------------------------------ adding pages

    def page(self, rule: str, view: View) -> None:
        """Add a whole page at a rule such as `/clients/<id>`. The view is called as `view(session, **path)`."""
        self._add(rule, view, "GET", navigated, _problem_page)

    def form(self, rule: str, view: View) -> None:
        """Add what takes a form of our own pages, as a browser or as our own scripts send it."""
        self._add(rule, view, "POST", _sent, _problem_page)

    def part(self, rule: str, view: View, quiet: bool = False) -> None:
        """Add a piece of a page, JSON or bytes, for our own scripts alone. A `quiet` one is asked for by a page that is
        merely open: it puts off neither the end of the session nor the idle lock."""
        self._add(rule, view, "GET", _fetched, _problem_part, quiet)

    def upload(self, rule: str, view: View) -> None:
        """Add what takes bytes (`application/octet-stream`) of our own scripts; the view reads `request.get_data()`."""
        self._add(rule, view, "POST", _put, _problem_part)

    def open(self, rule: str, view: View, method: str = "GET") -> None:
        """Add a page for who is not signed in. The view is called as `view(**path)`."""
        self._route(rule, _told(_here_first(view), _problem_page), method)

    def _add(
        self, rule: str, view: View, method: str, came: Callable[[Session], None], problem: View, quiet: bool = False
    ) -> None:
        @wraps(view)
        def guarded(place: str, **path: str) -> Answer:
            found = self.sessions.find(request.cookies.getlist(COOKIE), place, quiet)
            if found is None:
                return _signed_out()
            g.cookie, g.session = found
            came(g.session)
            try:
                answer = current_app.make_response(view(g.session, **path))
                if quiet:
                    answer.headers[QUIET] = "1"
                return answer
            except Refused:  # its capability ended before its time: the vault's keys were replaced
                self.leave()
                raise NotAllowed("you are signed out", hint="sign in again") from None

        self._route(f"/~<place>{rule}", _told(_here_first(guarded), problem), method)

    def _route(self, rule: str, view: View, method: str) -> None:
        self.blueprint.add_url_rule(rule, f"{method} {rule}".replace(".", "_"), view, methods=[method])

    # ------------------------------------------------------------ what views use

    def prove(self, session: Session) -> OwnerToken:
        """Have the owner prove once more, with the form before us, that it is they. Raises NotAllowed, Throttled."""
        return self.proven(known=True)

    def proven(self, known: bool = False) -> OwnerToken:
        """Return the owner's capability for the passphrase in this form; `known` counts a wrong one apart from those of
        strangers. Raises NotAllowed, WrongPassphrase, Throttled."""
        secret = bytearray(request.form.get("passphrase", "").encode("utf-8", "surrogatepass"))
        if not secret:
            raise NotAllowed("your passphrase is needed for that")
        with self.attempts.attempt(known):
            return self.vault.prove_owner(secret, VIA)

    def leave(self) -> None:
        """Sign the browser out that is answered."""
        self.sessions.close(g.pop("cookie"))
        del g.session

    def go(self, session: Session, path: str, notice: str = "") -> Answer:
        """Send the browser on to one of our pages after a form, there to read what was done."""
        if notice:
            self.sessions.notify(session, notice)
        return redirect(place(session, path), 303)

    def _words(self) -> None:
        """Give the templates their words: where things are, who looks, and how times and texts from data are shown."""
        made = self.blueprint
        filters = {"day": day, "minute": minute, "line": sentences.one_line, "plural": sentences.plural,
                   "size": sentences.size}  # fmt: skip
        words = {
            "allowed": sentences.allowed,
            "wanted": sentences.wanted,
            "spent": sentences.used,
            "detail": sentences.detail,
            "at": at,
            "static": static,
        }
        made.record(lambda state: state.app.jinja_env.filters.update(filters))
        made.record(lambda state: state.app.jinja_env.globals.update(words))
        made.app_context_processor(self._seen)

    def _seen(self) -> dict[str, object]:
        """Return what every page of a signed-in browser shows in its frame."""
        session: Session | None = g.get("session")
        if session is None:
            return {"session": None}
        here = "/" + request.path.removeprefix(place(session, "/")).partition("/")[0]
        nav = [(name, path, path == here) for name, path in NAV]
        knock = self.attempts.browser()
        return {"session": session, "nav": nav, "knock": knock, "notice": lambda: self.sessions.notice(session)}


# ---------------------------------------------------------------- who is let in


def navigated(session: Session | None = None) -> None:
    """Let a person's navigation pass."""
    if _fetch() != ("navigate", "document"):
        raise NotAllowed("the console's pages are for a person's browser")


def _fetched(session: Session) -> None:
    """Let our own scripts pass."""
    mode, wanted = _fetch()
    if mode not in ("cors", "same-origin") or wanted != "empty" or not _own(request.headers.get(PAGE_HEADER), session):
        raise NotAllowed("this part of the console is for its own pages")


def _put(session: Session) -> None:
    from_here()
    _fetched(session)


def _sent(session: Session) -> None:
    """Let a form of our own page pass."""
    from_here()
    if _fetch() != ("navigate", "document"):
        _fetched(session)
    elif not _own(request.form.get("page"), session):
        raise NotAllowed("this form is not from a page of yours")


def from_here() -> None:
    """Let what our own pages send pass."""
    if request.headers.get("Origin") != origin():
        raise NotAllowed("this form is not from a page of yours")


def _own(said: str | None, session: Session) -> bool:
    return said is not None and same(said, session.page)


def _fetch() -> tuple[str | None, str | None]:
    return request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")


def origin() -> str:
    """Return the console's exact origin."""
    return f"http://{HOST}:{request.host.rpartition(':')[2]}"


def _here_first(view: View) -> View:
    """Lead a navigation by another name of this machine to the console's own; refuse everything else by another."""

    @wraps(view)
    def answered(**path: str) -> Answer:
        if request.host_url.rstrip("/") == origin():
            return view(**path)
        if request.method == "GET":
            query = request.query_string.decode("latin-1")
            return redirect(f"{origin()}{quote(request.path)}{query and '?' + query}", 307)
        raise NotAllowed("the console is at another address", hint=f"{origin()}/console/")

    return answered


def _told(view: View, problem: View) -> View:
    """Answer with a page or a part that tells of an error."""

    @wraps(view)
    def answered(**path: str) -> Answer:
        try:
            return view(**path)
        except VaultError as error:
            return problem(error)

    return answered


def failing(error: VaultError) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer that tells of an error."""
    refusal = Refusal(error)
    return refusal.status, refusal.headers


def _problem_page(error: VaultError) -> Answer:
    return Response(render_template("console/problem.html", error=error), *failing(error))


def _problem_part(error: VaultError) -> Answer:
    return Response(render_template("console/problem-part.html", error=error), *failing(error))


def _signed_out() -> Answer:
    """Lead a navigation to where one signs in, and on from there; refuse everything else."""
    if request.method != "GET" or _fetch() != ("navigate", "document"):
        raise NotAllowed("you are signed out", hint="sign in again, then decide")
    return to_sign_in("/console/" + request.full_path.rstrip("?").split("/", 3)[3], over=True)


def to_sign_in(next: str, over: bool = False) -> Answer:
    """Lead to where one signs in, and on from there; `over` says that the path that was used is no more."""
    return redirect(f"/console/sign-in?{'over=1&' if over else ''}next={quote(next, safe='/')}", 303)


# ---------------------------------------------------------------- what templates say


def place(session: Session, path: str) -> str:
    """Return the address of one of our pages for this browser: `/clients` is `/console/~…/clients`."""
    return f"/console/~{session.place}{path}"


def at(path: str = "/") -> str:
    """Return the same in a template, for the browser that is answered."""
    return place(g.session, path)


def static(name: str) -> str:
    """Return the address of a file that our pages load."""
    return f"/console/static/{name}"


def onward(path: str) -> str:
    """Return a path of this very server to go on to, or nothing for what is none."""
    ours = path.startswith(("/console/", "/oauth/authorize/")) and path.isascii() and path.isprintable()
    return path if ours and "\\" not in path and "//" not in path and len(path) < 2000 else ""


def day(moment: datetime | None) -> str:
    """Return a date as the console shows it."""
    return f"{moment.astimezone():%Y-%m-%d}" if moment else ""


def minute(moment: datetime | None) -> str:
    """Return a time as the console shows it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""


def _files() -> dict[str, Path]:
    return {str(one.relative_to(STATIC)): one for one in STATIC.rglob("*") if one.suffix in KINDS}


def _static(name: str) -> Answer:
    found = _files().get(name)
    if found is None:
        raise NotFound("no such route")
    return Response(found.read_bytes(), mimetype=KINDS[found.suffix])
