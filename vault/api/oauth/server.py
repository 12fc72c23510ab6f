"""Authlib's authorization server over the vault: it reads the protocol, and what it decides the vault decides.

What Authlib would do by itself and must not here: accept `plain` challenges and requests without one, keep a code
whose verifier was wrong, redeem a device code twice, let refresh tokens come again. So its grants are reduced to
their requests: each calls one method of the vault.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Response, request

from vault import limits
from vault.api import rar
from vault.api.asker import origin
from vault.api.oauth.dpop import HEADER
from vault.api.oauth.presenting import PROOFS
from vault.errors import BadRequest, FlowRefused, NotFound, Throttled, VaultError
from vault.types import UNPROVEN, Registration, Tokens

if TYPE_CHECKING:
    from vault.service import Vault

MEDIA_TYPE = "application/json"
STATUS = {"invalid_client": 401, "access_denied": 403, "temporarily_unavailable": 503}
"""HTTP statuses of errors that are not 400."""


# ---------------------------------------------------------------- requests


class Payload(OAuth2Payload):
    """The parameters of a request: of the query when it is a GET, else of the form alone. None may come twice."""

    def __init__(self) -> None:
        self._given = request.args if request.method == "GET" else request.form

    @property
    def data(self) -> dict[str, str]:
        return self._given.to_dict()

    @property
    def datalist(self) -> Any:
        return dict(self._given.lists())


class Request(OAuth2Request):
    """A request as Authlib wants it."""

    def __init__(self) -> None:
        # It insists on https or a loopback name that it knows; the guard knows ours, so the path is all it is told.
        super().__init__(request.method, f"https://ownvault{request.path}", headers=request.headers)
        self.payload = Payload()

    @property
    def args(self) -> dict[str, str]:
        return request.args.to_dict()

    @property
    def form(self) -> dict[str, str]:
        return request.form.to_dict()


def given(name: str) -> str:
    """Return a parameter of this request, '' when it is not there."""
    return Payload().data.get(name, "")


def once() -> None:
    """Raise FlowRefused for a request that says something twice, or too much."""
    if len(request.get_data(cache=True)) > limits.REQUEST or len(request.query_string) > limits.REQUEST:
        raise FlowRefused("the request is too large")
    twice = next((name for name, values in Payload().datalist.items() if len(values) > 1), None)
    if twice is not None:
        raise FlowRefused(f"{twice[:40]}: given more than once")


def proved() -> str:
    """Return the thumbprint of the key that this request proves, '' when it does not try to, and UNPROVEN when its
    proof does not hold: the vault refuses that and records it."""
    proofs = request.headers.getlist(HEADER)
    if not proofs:
        return ""
    try:
        return PROOFS.check(",".join(proofs), request.method, origin() + request.path, time.time())
    except FlowRefused:
        return UNPROVEN


# ---------------------------------------------------------------- clients


class Client:
    """A registration as Authlib asks about it: a public client, with S256 instead of a secret."""

    def __init__(self, vault: Vault, registration: Registration) -> None:
        self._vault, self.registration = vault, registration

    def get_client_id(self) -> str:
        return self.registration.id

    def get_default_redirect_uri(self) -> str | None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Say yes; or raise FlowRefused, for Authlib's own words would say the address again."""
        if not self._vault.sends_to(self.registration.id, redirect_uri):
            raise FlowRefused("redirect_uri: this is not an address of the client", reason="redirect_uri")
        return True

    def check_client_secret(self, client_secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True  # the vault says what a client may redeem


class Server(AuthorizationServer):
    """Authlib's server: finds the grant of a request, knows the clients, writes the errors."""

    def __init__(self, vault: Vault) -> None:
        super().__init__()
        self.vault = vault

    def query_client(self, client_id: str) -> Client | None:
        try:
            return Client(self.vault, self.vault.client(client_id))
        except FlowRefused:
            return None

    def create_oauth2_request(self, request: Any) -> Request:
        return Request()

    def handle_response(self, status: int, body: Any, headers: Any) -> Response:
        return Response(json.dumps(body) if isinstance(body, dict) else body, status, headers, mimetype=MEDIA_TYPE)

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Response:
        return refused(error)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


# ---------------------------------------------------------------- answers


def tokens(done: Tokens) -> dict[str, Any]:
    """Return the token response (RFC 6749, section 5.1)."""
    said: dict[str, Any] = {
        "access_token": done.access_token,
        "token_type": "DPoP" if done.bound else "Bearer",
        "expires_in": done.expires_in,
        "scope": rar.scope(done.grant),
        "authorization_details": rar.granted(done.grant),
    }
    return said | ({"refresh_token": done.refresh_token} if done.refresh_token else {})


def answering(view: Callable[..., Response]) -> Callable[..., Response]:
    """Wrap a view so that whatever keeps it from answering is an OAuth error (RFC 6749, section 5.2)."""

    @wraps(view)
    def answered(**path: str) -> Response:
        try:
            once()
            return view(**path)
        except (OAuth2Error, VaultError) as error:
            return refused(error)

    return answered


def refused(error: OAuth2Error | VaultError) -> Response:
    """Return an error as OAuth tells it. Errors of the vault that are not OAuth's are raised on."""
    word, message = told(error)
    hint = getattr(error, "hint", "")
    said = {"error": word, "error_description": f"{message}; {hint}" if hint else message}
    return Response(json.dumps(said), STATUS.get(word, 400), mimetype=MEDIA_TYPE)


def told(error: OAuth2Error | VaultError) -> tuple[str, str]:
    """Return the word of OAuth for an error, and what it says. What OAuth has no word for is raised on."""
    if isinstance(error, FlowRefused):
        return error.error, error.message
    if isinstance(error, Throttled):
        return "temporarily_unavailable", error.message
    if isinstance(error, BadRequest | NotFound):
        return InvalidRequestError.error, error.message
    if isinstance(error, OAuth2Error):
        return error.error or InvalidRequestError.error, error.get_error_description() or "the request is malformed"
    raise error
