"""All addresses of the authorization server, added to the Flask application."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

from vault.api.asker import origin
from vault.api.oauth import authorize, clients, metadata, pages, token
from vault.api.oauth.challenge import PLACES
from vault.api.oauth.server import MEDIA_TYPE, Server

if TYPE_CHECKING:
    from vault.service import Vault


def add(app: Flask, vault: Vault) -> None:
    """Add the endpoints and what clients discover them by."""
    server = Server(vault)
    asked, waiting = authorize.views(server)
    for path, method, view in (
        (metadata.AUTHORIZE, "GET", asked),
        (f"{metadata.AUTHORIZE}/<handle>", "GET", waiting),
        (metadata.TOKEN, "POST", token.view(server)),
        (metadata.REGISTER, "POST", clients.register(vault)),
        (metadata.REVOKE, "POST", clients.revoke(vault)),
        (metadata.INTROSPECT, "POST", clients.introspect(vault)),
        (metadata.DEVICE_AUTHORIZATION, "POST", clients.device_authorization(server)),
        (metadata.DEVICE_PAGE, "GET", clients.device(vault)),
        ("/oauth/style.css", "GET", pages.style),
    ):
        app.add_url_rule(path, f"oauth {path}", view, methods=[method])
    for place in ("", *PLACES):
        _document(app, metadata.PROTECTED + place, partial(metadata.protected_resource, place=place))
        _document(app, metadata.SERVER + place, metadata.authorization_server)


def _document(app: Flask, path: str, document: Callable[[str], dict[str, Any]]) -> None:
    def view() -> Response:
        return Response(json.dumps(document(origin())), mimetype=MEDIA_TYPE)

    app.add_url_rule(path, f"oauth {path}", view, methods=["GET"])
