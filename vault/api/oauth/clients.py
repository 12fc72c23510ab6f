"""`/oauth/register`, `/oauth/device…`, `/oauth/revoke` and `/oauth/introspect`: the smaller endpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response, request

from vault import limits
from vault.api import rar, wire
from vault.api.asker import origin
from vault.api.oauth import metadata, pages
from vault.api.oauth.presenting import holder
from vault.api.oauth.server import MEDIA_TYPE, Server, answering, given, proved
from vault.connecting import PLACES
from vault.errors import BadRequest, FlowRefused
from vault.types import ConnectRequest, Introspection, RegisterRequest, Registration

if TYPE_CHECKING:
    from vault.service import Vault

_GRANTS = (metadata.CODE, metadata.REFRESH, metadata.DEVICE)


# ---------------------------------------------------------------- registration, RFC 7591


def register(vault: Vault) -> Any:
    """Return the view at which clients register."""

    @answering
    def view() -> Response:
        made = vault.register(_registration(request.get_data()))
        return Response(json.dumps(_registered(made)), 201, mimetype=MEDIA_TYPE)

    return view


def _registration(body: bytes) -> RegisterRequest:
    """Read a client's metadata. What we do not use of it is passed over, as RFC 7591 wants."""
    try:
        wire.unambiguous(body)
        said = json.loads(body)
        name, redirects = said.get("client_name") or "a client without a name", said.get("redirect_uris", [])
        grants, responses = said.get("grant_types", [metadata.CODE]), said.get("response_types", ["code"])
        fine = isinstance(name, str) and all(
            isinstance(names, list) and len(names) <= limits.NAMES and all(isinstance(one, str) for one in names)
            for names in (redirects, grants, responses)
        )
    except (ValueError, AttributeError, RecursionError, BadRequest):
        fine = False
    if not fine:
        raise FlowRefused("this is no client's metadata", "invalid_client_metadata")
    if metadata.CODE in grants and (not redirects or (responses and "code" not in responses)):
        raise FlowRefused("redirect_uris: name an address for the answer", "invalid_redirect_uri")
    if not set(grants) & set(_GRANTS):
        raise FlowRefused(f"grant_types: none of {', '.join(_GRANTS)}", "invalid_client_metadata")
    return RegisterRequest(name, tuple(redirects), said.get("dpop_bound_access_tokens") is True)


def _registered(made: Registration) -> dict[str, Any]:
    assert made.created is not None
    return {
        "client_id": made.id,
        "client_id_issued_at": int(made.created.timestamp()),
        "client_name": made.name,
        "redirect_uris": list(made.redirects),
        "grant_types": list(_GRANTS),
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": made.bound,
    }


# ---------------------------------------------------------------- devices, RFC 8628


def device_authorization(server: Server) -> Any:
    """Return the view at which a device asks for its codes."""

    @answering
    def view() -> Response:
        wish = rar.wish(given("authorization_details"), given("scope"), {origin() + place for place in PLACES})
        key, resource = proved(), given("resource")
        made = server.vault.connect_device(ConnectRequest(given("client_id"), origin(), resource, wish, holder=key))
        place = origin() + metadata.DEVICE_PAGE
        said = wire.plain(made) | {
            "verification_uri": place, "verification_uri_complete": f"{place}?user_code={made.user_code}",
        }  # fmt: skip
        return Response(json.dumps(said), mimetype=MEDIA_TYPE)

    return view


def device(vault: Vault) -> Any:
    """Return the page on which the owner types the code that a device shows, to see who asks."""

    def view() -> Response:
        code = pages.query().get("user_code", "")
        if not code:
            return pages.page("device.html", consent=None, message="")
        try:
            return pages.page("device.html", consent=vault.consent_of_device(code), place="")
        except FlowRefused as error:
            return pages.page("device.html", 404, consent=None, message=error.message)

    return view


# ---------------------------------------------------------------- tokens that are there, RFC 7009 and RFC 7662


def revoke(vault: Vault) -> Any:
    """Return the view at which a client gives a token up. Whatever it was, the answer is the same."""

    @answering
    def view() -> Response:
        if not given("token"):
            raise FlowRefused("token: is required")
        try:
            vault.give_up(given("token"), given("client_id"))
        except FlowRefused as error:
            if error.error != "invalid_grant":
                raise
        return Response("{}", mimetype=MEDIA_TYPE)

    return view


def introspect(vault: Vault) -> Any:
    """Return the view at which the owner asks what a token is good for."""

    @answering
    def view() -> Response:
        asking = holder(
            ((name.lower(), value) for name, value in request.headers.items()), request.method,
            origin() + request.path, "oauth",
        )  # fmt: skip
        return Response(json.dumps(_introspected(vault.introspect(asking, given("token")))), mimetype=MEDIA_TYPE)

    return view


def _introspected(seen: Introspection) -> dict[str, Any]:
    if not seen.active or seen.grant is None or seen.expires is None:
        return {"active": False}
    said: dict[str, Any] = {
        "active": True,
        "client_id": seen.client,
        "aud": seen.audience,
        "exp": int(seen.expires.timestamp()),
        "scope": rar.scope(seen.grant),
        "authorization_details": rar.granted(seen.grant),
        "grant": seen.grant.id,
    }
    if seen.kind == "access_token":
        said["token_type"] = "DPoP" if seen.holder else "Bearer"
    return said | ({"cnf": {"jkt": seen.holder}} if seen.holder else {})
