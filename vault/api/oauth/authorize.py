"""`/oauth/authorize`: a client sends its person's browser here, and the answer goes back when the owner has decided.

The page only waits. The owner decides in the terminal or, after signing in there, in the console; nothing on this page
can say yes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Response

from vault.api import rar
from vault.api.asker import origin
from vault.api.oauth import pages
from vault.api.oauth.server import Server, given, once, told
from vault.connecting import PLACES
from vault.errors import FlowRefused, VaultError
from vault.types import ConnectRequest, Redirection

if TYPE_CHECKING:
    from vault.service import Vault

SECONDS = 2
"""Between two looks of the page for the owner's answer."""


class S256(CodeChallenge):
    """PKCE as OAuth 2.1 has it: a challenge must come, and its method must be S256, which is not the default."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge: one of the method S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


def views(server: Server) -> tuple[Any, Any]:
    """Return the views of the authorization endpoint and of the page that waits."""
    vault = server.vault
    server._authorization_grants.append((AuthorizationCodeGrant, [S256()]))

    def authorize() -> Response:
        try:
            once()
            return _asked(server)
        except OAuth2Error as error:
            word, message = told(error)
            if error.redirect_uri:
                return _sent(_failed(word), message)
            return pages.refused(message, 400)
        except FlowRefused as error:
            return pages.refused(error.message, 400, error.hint)

    def waiting(handle: str) -> Response:
        try:
            if "go" in pages.query() and (answer := vault.answer(handle)):
                return _sent(answer)
            return _page(vault, handle)
        except FlowRefused as error:
            return pages.refused(error.message, 404, error.hint)

    return authorize, waiting


def _asked(server: Server) -> Response:
    """Have a request put before the owner and show the page that waits; what is wrong about it goes to the client."""
    server.get_consent_grant()  # from here on the client is known, and where its answer goes
    try:
        places = {origin() + place for place in PLACES}
        wish = rar.wish(given("authorization_details"), given("scope"), places)
        waiting = server.vault.connect(ConnectRequest(
            given("client_id"), origin(), given("resource"), wish, given("redirect_uri"), given("state"),
            given("code_challenge"), given("dpop_jkt"),
        ))  # fmt: skip
    except FlowRefused as error:
        if error.reason == "redirect_uri" or error.error == "invalid_client":
            raise
        return _sent(_failed(error.error), error.message)
    except VaultError as error:
        return _sent(_failed(told(error)[0]), error.message)
    return _page(server.vault, waiting.handle)


def _page(vault: Vault, handle: str) -> Response:
    """Return the page that waits. Decided, it looks for the answer at once: a navigation of its own, for a browser
    applies the rule of the console's form (`form-action`) to every redirect that follows the form's."""
    seen = vault.consent(handle)
    place = f"/oauth/authorize/{handle}"
    return pages.page("waiting.html", consent=seen, place=place, seconds=0 if seen.decided else SECONDS)


def _failed(word: str) -> Redirection:
    return Redirection(given("redirect_uri"), origin(), given("state"), error=word)


def _sent(answer: Redirection, description: str = "") -> Response:
    """Send the browser to the client, with the issuer (RFC 9207), so that it cannot take this answer for another's."""
    said = {"code": answer.code, "error": answer.error, "error_description": description, "state": answer.state}
    told = urlencode([(name, value) for name, value in said.items() if value] + [("iss", answer.issuer)])
    return Response("", 303, {"Location": f"{answer.uri}{'&' if '?' in answer.uri else '?'}{told}"})
