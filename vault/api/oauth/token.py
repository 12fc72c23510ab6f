"""`/oauth/token`: a code, a device code, a refresh token or a capability token for a fresh one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Response

from vault.api import rar
from vault.api.asker import origin
from vault.api.oauth import metadata
from vault.api.oauth.server import Server, answering, given, proved, tokens
from vault.connecting import PLACES
from vault.errors import FlowRefused
from vault.types import Holder, RedeemRequest, RefreshRequest, Tokens

if TYPE_CHECKING:
    from vault.service import Vault

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105


class Grant(BaseGrant, TokenEndpointMixin):
    """A kind of token request: its client is authenticated by Authlib, the rest is one method of the vault."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    NEEDS: tuple[str, ...] = ()

    def validate_token_request(self) -> None:
        self.request.client = self.authenticate_token_endpoint_client()
        if missing := next((name for name in self.NEEDS if not given(name)), ""):
            raise InvalidRequestError(f"{missing}: is required")

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        return 200, tokens(self.asked(self.server.vault, self.request.client.get_client_id())), default_json_headers

    def asked(self, vault: Vault, client: str) -> Tokens:
        """Return what the vault gives for this request."""
        raise AssertionError


class Code(Grant):
    """RFC 6749, section 4.1.3, with the verifier of RFC 7636."""

    GRANT_TYPE = metadata.CODE
    NEEDS = ("code", "redirect_uri", "code_verifier")

    def asked(self, vault: Vault, client: str) -> Tokens:
        return vault.redeem(RedeemRequest(
            given("code"), client, origin(), given("resource"), given("redirect_uri"), given("code_verifier"), proved()
        ))  # fmt: skip


class Device(Grant):
    """RFC 8628, section 3.4."""

    GRANT_TYPE = metadata.DEVICE
    NEEDS = ("device_code",)

    def asked(self, vault: Vault, client: str) -> Tokens:
        return vault.redeem_device(RedeemRequest(given("device_code"), client, origin(), holder=proved()))


class Refresh(Grant):
    """RFC 6749, section 6."""

    GRANT_TYPE = metadata.REFRESH
    NEEDS = ("refresh_token",)

    def asked(self, vault: Vault, client: str) -> Tokens:
        return vault.refresh(
            RefreshRequest(given("refresh_token"), client, origin(), given("resource"), proved())
        )  # fmt: skip


class Exchange(Grant):
    """RFC 8693: the token that is presented is the right to a narrower one, whoever the client is."""

    GRANT_TYPE = metadata.EXCHANGE

    def validate_token_request(self) -> None:
        if given("subject_token_type") != ACCESS_TOKEN or not given("subject_token"):
            raise InvalidRequestError("subject_token: an access token is required")
        if given("requested_token_type") not in ("", ACCESS_TOKEN) or given("actor_token"):
            raise InvalidRequestError("only access tokens are exchanged, for nobody in particular")

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        vault: Vault = self.server.vault
        places = {origin() + place for place in PLACES}
        if given("resource") and given("resource") not in places:
            raise FlowRefused("resource: this vault is at another address", "invalid_target")
        if not given("scope") and not given("authorization_details"):
            raise InvalidRequestError("say what is to be left: scope or authorization_details")
        wish = rar.wish(given("authorization_details"), given("scope"), places)
        done = vault.exchange(Holder(given("subject_token"), "oauth", proved()), wish)
        return 200, tokens(done) | {"issued_token_type": ACCESS_TOKEN}, default_json_headers


def view(server: Server) -> Any:
    """Return the view of the token endpoint."""
    for kind in (Code, Device, Refresh, Exchange):
        server.register_grant(kind)

    @answering
    def token() -> Response:
        response: Response = server.create_token_response()
        return response

    return token
