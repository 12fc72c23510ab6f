"""REST: decode, call one Vault method, encode. No rule lives here."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from vault import __version__, limits
from vault.api import headers, openapi, wire
from vault.api.asker import asker, known, nothing, via
from vault.api.attempts import KNOCK, Attempts, secret
from vault.api.cursors import Cursors, Pages
from vault.api.problems import MEDIA_TYPE, Refusal, internal, method_refused, place, problem
from vault.api.routes import ROUTES, Route
from vault.api.surfaces import SURFACES
from vault.errors import BadRequest, NotFound, TooLarge, VaultError

if TYPE_CHECKING:
    from vault.service import Vault

log = logging.getLogger("ownvault.api")


def make(vault: Vault, attempts: Attempts, lock: Callable[[], None]) -> Flask:
    """Return the Flask application over an unlocked vault. `lock` ends this process soon."""
    app = Flask("ownvault", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = True
    app.config["LOCK"] = lock
    cursors = Cursors()
    for route in ROUTES:
        # A source's name may hold slashes, encoded as %2F or not; the other parts of paths are ids and numbers.
        rule = route.path.replace("{name}", "<path:name>").replace("{", "<").replace("}", ">")
        app.add_url_rule(rule, route.name, _view(vault, route, cursors), methods=[route.method])
    _add_public(app, vault, attempts)
    for surface in SURFACES:
        surface.mount(app, vault, attempts)

    def lock_now() -> Response:
        holder = asker()
        vault.admit(holder, "lock")
        nothing()
        vault.permit_lock(known(vault, holder))
        lock()
        return _json({"state": "locked", "version": __version__})

    app.add_url_rule("/v1/lock", "lock", lock_now, methods=["POST"])
    app.register_error_handler(Exception, _failed)
    app.before_request(_started)
    app.after_request(_logged)
    return app


def _view(vault: Vault, route: Route, cursors: Cursors) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        holder = asker()
        admitted = vault.admit(holder, route.name)  # a stranger's body is not even read as JSON
        asked = _request(route)
        more = _more(route, asked, admitted.grant, cursors)
        answer = route.answers(vault, known(vault, holder), asked, **path, **more)
        return _json(answer, headers.rate(admitted.allowance) | headers.tag(getattr(answer, "tag", "")))

    return view


def _add_public(app: Flask, vault: Vault, attempts: Attempts) -> None:
    document = wire.dump(openapi.document())

    def healthz() -> Response:
        state = "loading" if vault.readiness == "loading" else "unlocked"
        return _json({"state": state, "version": __version__})

    def unlock() -> Response:
        trusted = attempts.knows(request.headers.get(KNOCK, ""))
        with attempts.attempt(trusted):
            return _json(vault.prove_owner(secret(request.get_data()), via() if trusted else "rest"))

    app.add_url_rule("/healthz", "healthz", healthz, methods=["GET"])
    app.add_url_rule(
        "/openapi.json", "openapi", lambda: Response(document, mimetype="application/json"), methods=["GET"]
    )
    app.add_url_rule("/.well-known/vault-keys.json", "keys", lambda: _json(vault.public_keys()), methods=["GET"])
    app.add_url_rule("/v1/unlock", "unlock", unlock, methods=["POST"])


def _request(route: Route) -> Any:
    if route.takes is None:
        nothing()
        return None
    if route.method == "GET":
        return wire.query(route.takes, dict(request.args.lists()))
    body = request.get_data()
    if route.name != "add" and len(body) > limits.REQUEST:
        raise TooLarge(f"a request other than for adding records has at most {limits.REQUEST // 1024} KiB")
    return wire.read(route.takes, body)


def _more(route: Route, asked: Any, grant: str, cursors: Cursors) -> dict[str, Any]:
    """Return what a route is given beside its request."""
    if route.given == "key":
        return {"key": headers.once(request.headers.get(headers.ONCE))}
    if route.given == "match":
        return {"match": headers.match(request.headers.get(headers.MATCH))}
    if route.given == "pages":
        said = {name: value for name, value in wire.plain(asked).items() if name not in ("cursor", "limit")}
        return {"pages": Pages(cursors, json.dumps([grant, route.name, said]), asked.cursor)}
    return {}


def _json(value: Any, told: Mapping[str, str] = MappingProxyType({})) -> Response:
    return Response(wire.dump(value), headers=dict(told), mimetype="application/json")


def _failed(error: Exception) -> Response:
    refusal = _refusal(error)
    said = json.dumps(problem(refusal.error, refusal.status), ensure_ascii=False)
    return Response(said, refusal.status, refusal.headers, mimetype=MEDIA_TYPE)


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, VaultError):
        return Refusal(error)
    if isinstance(error, MethodNotAllowed):
        return method_refused(error.valid_methods or ())
    if isinstance(error, HTTPException):
        return Refusal(NotFound("no such route") if error.code == 404 else BadRequest("the request is malformed"))
    log.error("%s in %s", type(error).__name__, place(error))
    return Refusal(internal())


def _started() -> None:
    g.started = time.monotonic()


def _logged(response: Response) -> Response:
    if log.isEnabledFor(logging.INFO):
        route = request.url_rule.rule if request.url_rule else "(no route)"
        log.info("%s %s %d %.0f ms", request.method, route, response.status_code, 1e3 * (time.monotonic() - g.started))
    return response
