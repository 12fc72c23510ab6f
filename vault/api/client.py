"""The vault behind a running server, with the same methods as `vault.service.Vault`.

One connection a call, over the standard library's http.client: it loads in a third of the time of any other,
follows no redirect and knows no proxy, and the server is on this machine.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from vault import limits
from vault.api import problems, wire
from vault.api.attempts import KNOCK
from vault.errors import BadRequest, Refused, TooLarge, Unreachable, VaultError
from vault.types import (
    AccessRequest,
    AddAnswer,
    AddRequest,
    Answer,
    Approved,
    ApproveRequest,
    AuditPage,
    AuditRequest,
    Brief,
    BriefRequest,
    Collected,
    CountAnswer,
    CountRequest,
    Exposure,
    Granted,
    GrantRequest,
    GrantView,
    Holder,
    NarrowRequest,
    Notices,
    OrderRequest,
    OwnerToken,
    Preview,
    Provided,
    ProviderRequest,
    ProviderView,
    ReadAnswer,
    ReadRequest,
    Receipt,
    Replay,
    ReplayRequest,
    RequestState,
    RequestView,
    Revoked,
    RevokeRequest,
    SearchRequest,
    Simulation,
    TreeReport,
    VaultStatus,
)

T = TypeVar("T")
SECONDS = 60.0
LONG_SECONDS = 900.0
"""For what embeds, or reads the whole log."""
_REPEATABLE = ("/v1/search", "/v1/records/read", "/v1/count", "/v1/unlock", "/v1/records")
"""What may be asked twice: of a client with limits or approvals, at worst it counts twice or asks its owner again."""
_JSON = {"Content-Type": "application/json"}
VIA = "Ownvault-Via"
"""The header in which the owner's own programs say which interface they are; of nobody else it is believed."""


class RemoteVault:
    """A vault at `address` (`http://127.0.0.1:PORT`). Raises the errors that the vault would, and Unreachable.

    `knock` is the one that the server announced in the vault's directory; it keeps strangers' wrong passphrases from
    throttling ours. A holder's `via` is told to the server.
    """

    def __init__(self, address: str, timeout: float = SECONDS, knock: str = "") -> None:
        self.address = address.rstrip("/")
        self._timeout, self._knock = timeout, knock
        place = urlsplit(self.address)
        if place.scheme != "http" or not place.hostname or not place.port:
            raise BadRequest(f"{address!r} is no server's address", hint="it looks like http://127.0.0.1:7117")
        self._host, self._port = place.hostname, place.port

    # ------------------------------------------------------------ the server itself

    def health(self) -> dict[str, Any]:
        """Return {"state", "version"}; needs no token.

        `locked`; `starting` while the key is being derived; `loading` while the first index and encoder are
        (it answers already, the first question waits); `unlocked`.
        """
        said: dict[str, Any] = json.loads(self._call("GET", "/healthz", None))
        return said

    def unlock(self, secret: bytearray, via: str = "rest") -> OwnerToken:
        """Prove the passphrase, unlock if locked, and return the owner's token; `secret` is wiped."""
        try:
            body = json.dumps({"passphrase": secret.decode()}).encode()
        except UnicodeDecodeError:
            raise BadRequest("the passphrase is not UTF-8 text") from None
        finally:
            secret[:] = bytes(len(secret))
        said = {KNOCK: self._knock, VIA: via}
        return self._answer(OwnerToken, self._call("POST", "/v1/unlock", None, body, LONG_SECONDS, said))

    def lock(self, holder: Holder) -> None:
        """End the process that holds the key."""
        self._call("POST", "/v1/lock", holder, b"{}")

    def public_keys(self) -> dict[str, object]:
        """Return the keys that verify tokens and checkpoints; needs no token."""
        said: dict[str, object] = json.loads(self._call("GET", "/.well-known/vault-keys.json", None))
        return said

    # ------------------------------------------------------------ the vault's methods

    def search(self, holder: Holder, request: SearchRequest) -> Answer:
        return self._post(Answer, "/v1/search", holder, request)

    def read(self, holder: Holder, request: ReadRequest) -> ReadAnswer:
        return self._post(ReadAnswer, "/v1/records/read", holder, request)

    def count(self, holder: Holder, request: CountRequest) -> CountAnswer:
        return self._post(CountAnswer, "/v1/count", holder, request)

    def add(self, holder: Holder, request: AddRequest) -> AddAnswer:
        return self._post(AddAnswer, "/v1/records", holder, request, LONG_SECONDS)

    def origins(self, holder: Holder, source: str) -> tuple[str, ...]:
        said = json.loads(self._call("GET", f"/v1/sources/{quote(source, safe='')}/origins", holder))
        return tuple(said["origins"])

    def forget(self, holder: Holder, id: str) -> Receipt:
        return self._answer(Receipt, self._call("DELETE", f"/v1/records/{_part(id)}", holder))

    def status(self, holder: Holder) -> VaultStatus:
        return self._get(VaultStatus, "/v1/status", holder)

    # ------------------------------------------------------------ grants

    def grant(self, holder: Holder, request: GrantRequest) -> Granted:
        return self._post(Granted, "/v1/grants", holder, request)

    def preview(self, holder: Holder, request: GrantRequest) -> Exposure:
        return self._post(Exposure, "/v1/grants/preview", holder, request)

    def expose(self, holder: Holder, id: str) -> Preview:
        return self._get(Preview, f"/v1/grants/{_part(id)}/preview", holder)

    def simulate(self, holder: Holder, id: str, request: SearchRequest) -> Simulation:
        return self._post(Simulation, f"/v1/grants/{_part(id)}/search", holder, request)

    def grants(self, holder: Holder) -> tuple[GrantView, ...]:
        return self._each(GrantView, "grants", self._call("GET", "/v1/grants", holder))

    def narrow(self, holder: Holder, id: str, request: NarrowRequest) -> GrantView:
        return self._answer(GrantView, self._call("PATCH", f"/v1/grants/{_part(id)}", holder, wire.dump(request)))

    def pause(self, holder: Holder, id: str) -> GrantView:
        return self._do(GrantView, f"/v1/grants/{_part(id)}/pause", holder)

    def resume(self, holder: Holder, id: str) -> GrantView:
        return self._do(GrantView, f"/v1/grants/{_part(id)}/resume", holder)

    def revoke(self, holder: Holder, id: str) -> GrantView:
        return self._answer(GrantView, self._call("DELETE", f"/v1/grants/{_part(id)}", holder))

    def revoke_many(self, holder: Holder, request: RevokeRequest) -> Revoked:
        return self._post(Revoked, "/v1/grants/revoke", holder, request)

    def revoke_token(self, holder: Holder, token: str) -> GrantView:
        return self._post(GrantView, "/v1/tokens/revoke", holder, {"token": token})

    # ------------------------------------------------------------ requests

    def request_access(self, holder: Holder, request: AccessRequest) -> RequestState:
        return self._post(RequestState, "/v1/requests", holder, request)

    def request_state(self, holder: Holder, id: str) -> RequestState:
        return self._get(RequestState, f"/v1/requests/{_part(id)}", holder)

    def collect(self, holder: Holder, id: str) -> Collected:
        return self._do(Collected, f"/v1/requests/{_part(id)}/collect", holder)

    def requests(self, holder: Holder, all: bool = False) -> tuple[RequestView, ...]:
        content = self._call("GET", "/v1/requests?all=true" if all else "/v1/requests", holder)
        return self._each(RequestView, "requests", content)

    def approve(self, holder: Holder, id: str, request: ApproveRequest) -> Approved:
        return self._post(Approved, f"/v1/requests/{_part(id)}/approve", holder, request)

    def deny(self, holder: Holder, id: str) -> RequestView:
        return self._do(RequestView, f"/v1/requests/{_part(id)}/deny", holder)

    # ------------------------------------------------------------ language models

    def providers(self, holder: Holder) -> tuple[ProviderView, ...]:
        return self._each(ProviderView, "providers", self._call("GET", "/v1/providers", holder))

    def provide(self, holder: Holder, request: ProviderRequest) -> Provided:
        return self._post(Provided, "/v1/providers", holder, request)

    def prefer(self, holder: Holder, request: OrderRequest) -> tuple[ProviderView, ...]:
        content = self._call("POST", "/v1/providers/order", holder, wire.dump(request))
        return self._each(ProviderView, "providers", content)

    def withdraw(self, holder: Holder, name: str) -> ProviderView:
        return self._answer(ProviderView, self._call("DELETE", f"/v1/providers/{_part(name)}", holder))

    def brief(self, holder: Holder, name: str, request: BriefRequest) -> Brief:
        return self._post(Brief, f"/v1/providers/{_part(name)}/brief", holder, request)

    # ------------------------------------------------------------ looking back

    def audit(self, holder: Holder, request: AuditRequest) -> AuditPage:
        return self._get(AuditPage, "/v1/audit" + _query(request), holder)

    def replay(self, holder: Holder, request: ReplayRequest) -> Replay:
        return self._get(Replay, "/v1/audit/replay" + _query(request), holder)

    def verify(self, holder: Holder) -> TreeReport:
        return self._answer(TreeReport, self._call("GET", "/v1/audit/verify", holder, None, LONG_SECONDS))

    def prove(self, holder: Holder, number: int) -> str:
        said: str = json.loads(self._call("GET", f"/v1/audit/{number}/proof", holder))["proof"]
        return said

    def notices(self, holder: Holder) -> Notices:
        return self._get(Notices, "/v1/notices", holder)

    def dismiss(self, holder: Holder, number: int) -> Notices:
        return self._answer(Notices, self._call("DELETE", f"/v1/notices/{number}", holder))

    # ------------------------------------------------------------ keys

    def rotate(self, holder: Holder) -> dict[str, object]:
        said: dict[str, object] = json.loads(self._call("POST", "/v1/keys/rotate", holder, b"{}"))
        return said

    def retire(self, holder: Holder, kid: int) -> dict[str, object]:
        said: dict[str, object] = json.loads(self._call("DELETE", f"/v1/keys/{kid}", holder))
        return said

    # ------------------------------------------------------------ over the wire

    def _post(self, kind: type[T], path: str, holder: Holder, request: Any, timeout: float | None = None) -> T:
        return self._answer(kind, self._call("POST", path, holder, wire.dump(request), timeout))

    def _get(self, kind: type[T], path: str, holder: Holder) -> T:
        return self._answer(kind, self._call("GET", path, holder))

    def _do(self, kind: type[T], path: str, holder: Holder) -> T:
        return self._answer(kind, self._call("POST", path, holder, b"{}"))

    def _each(self, kind: type[T], name: str, content: bytes) -> tuple[T, ...]:
        return tuple(self._answer(kind, json.dumps(one).encode()) for one in json.loads(content)[name])

    def _answer(self, kind: type[T], content: bytes) -> T:
        try:
            return wire.answer(kind, content)
        except BadRequest:
            raise Unreachable(f"{self.address} gave an answer that is not a vault's") from None

    def _call(
        self, method: str, path: str, holder: Holder | None, body: bytes | None = None, timeout: float | None = None,
        said: Mapping[str, str] = MappingProxyType({}),
    ) -> bytes:  # fmt: skip
        headers = {**said} | (_JSON if body is not None else {})
        if holder:
            headers |= {"Authorization": f"Bearer {sendable(holder.token)}", VIA: holder.via}
        if body is not None and len(body) > limits.BODY:  # the server would hang up in the middle of it
            raise TooLarge(f"the request is larger than {limits.BODY // 2**20} MiB")
        try:
            try:
                status, content = self._exchange(method, path, body, headers, timeout)
            except ConnectionResetError:  # between parent and worker: whoever took the connection had no time for it
                if method != "GET" and path not in _REPEATABLE:
                    raise
                status, content = self._exchange(method, path, body, headers, timeout)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{self.address} does not answer", reason=type(error).__name__) from None
        if status >= 300:
            raise self._error(status, content)
        return content

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float | None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout or self._timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _error(self, status: int, content: bytes) -> VaultError:
        try:
            return problems.error(json.loads(content))
        except (ValueError, AttributeError):
            return Unreachable(f"{self.address} answered {status}, which is not a vault's answer")


def _part(id: str) -> str:
    """Return an id as one part of a path."""
    return quote(id, safe="")


def _query(request: Any) -> str:
    said = {name: value for name, value in wire.plain(request).items() if value is not None}
    return "?" + urlencode(said)


def sendable(token: str) -> str:
    """Return a token that fits into a header. Raises Refused for one that does not, which is no token."""
    if not token.isascii() or not token.isprintable():
        raise Refused("the token is not valid")
    return token
