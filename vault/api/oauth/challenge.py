"""What a refusal tells a client of the way to a token: where to ask (RFC 9728), and for what (RFC 6750, RFC 9449)."""

from __future__ import annotations

from vault.api.oauth.dpop import ALGORITHMS
from vault.api.oauth.metadata import PROTECTED
from vault.api.rar import DEFAULT_SCOPES, SCOPES

PLACES = ("/mcp", "/v1")
WAY = {"search": "vault:search", "records/read": "vault:fetch", "count": "vault:count", "records": "vault:add"}
"""Which scope a REST route needs."""


def unauthorized(origin: str, path: str, authorization: str) -> str | None:
    """Return the challenge of a 401 for `path`; None where a capability token is not what opens it.

    `authorization` is the header that came, empty when none did.
    """
    place = _place(path)
    if place is None:
        return None
    said = [f'resource_metadata="{origin}{PROTECTED}{place}"', f'scope="{" ".join(DEFAULT_SCOPES)}"']
    if authorization:
        said.insert(0, 'error="invalid_token"')
    if authorization.lower().startswith("dpop "):
        return "DPoP " + ", ".join([f'algs="{" ".join(ALGORITHMS)}"', *said])
    return "Bearer " + ", ".join(said)


def insufficient(origin: str, path: str, scopes: str = "") -> str | None:
    """Return the challenge of a 403 for lack of a right: all scopes that the operation needs."""
    place = _place(path)
    needed = scopes or WAY.get(path.removeprefix("/v1/"), "") or (" ".join(SCOPES) if path == "/mcp" else "")
    if place is None or not needed:
        return None
    return f'Bearer error="insufficient_scope", scope="{needed}", resource_metadata="{origin}{PROTECTED}{place}"'


def _place(path: str) -> str | None:
    return next((place for place in PLACES if path == place or path.startswith(place + "/")), None)
