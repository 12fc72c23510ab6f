"""Requests to a running server: over its port, or over its socket where there is one.

One connection a call, over the standard library's http.client: it loads in a third of the time of any other,
follows no redirect and knows no proxy, and the server is on this machine.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urlsplit

from vault import limits
from vault.api import problems, wire
from vault.errors import BadRequest, Refused, TooLarge, Unreachable, VaultError
from vault.types import Holder

if TYPE_CHECKING:
    from vault.api.proving import Prover

T = TypeVar("T")
SECONDS = 60.0
LONG_SECONDS = 900.0
"""For what embeds, or reads the whole log."""
SILENT_SECONDS = 60.0
"""A stream of events that says nothing for so long, not even that it is still there, is gone."""
_REPEATABLE = ("/v1/search", "/v1/records/read", "/v1/count", "/v1/unlock", "/v1/records")
"""What may be asked twice: of a client with limits or approvals, at worst it counts twice or asks its owner again."""
_JSON = {"Content-Type": "application/json"}
NOTHING: Mapping[str, str] = MappingProxyType({})
VIA = "Ownvault-Via"
"""The header in which the owner's own programs say which interface they are; of nobody else it is believed."""


class Caller:
    """Calls the server at `address` (`http://127.0.0.1:PORT`), by its Unix socket when one is named.

    `prover` proves the key that a holder's token is bound to (DPoP). Raises the errors that the vault would, and
    Unreachable.
    """

    def __init__(
        self, address: str, timeout: float = SECONDS, place: str = "", prover: Prover | None = None
    ) -> None:  # fmt: skip
        self.address = address.rstrip("/")
        self._timeout, self._place, self._prover = timeout, place, prover
        parts = urlsplit(self.address)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise BadRequest(f"{address!r} is no server's address", hint="it looks like http://127.0.0.1:7117")
        self._host, self._port = parts.hostname, parts.port

    def post(
        self, kind: type[T], path: str, holder: Holder, request: Any, timeout: float | None = None,
        said: Mapping[str, str] = NOTHING,
    ) -> T:  # fmt: skip
        """Send a request and return the answer."""
        return self.answer(kind, self.call("POST", path, holder, wire.dump(request), timeout, said))

    def get(self, kind: type[T], path: str, holder: Holder) -> T:
        """Ask for something and return the answer."""
        return self.answer(kind, self.call("GET", path, holder))

    def do(self, kind: type[T], path: str, holder: Holder, said: Mapping[str, str] = NOTHING) -> T:
        """Have something done that needs no more saying, and return the answer."""
        return self.answer(kind, self.call("POST", path, holder, b"{}", None, said))

    def each(self, kind: type[T], name: str, content: bytes) -> tuple[T, ...]:
        """Return the items of the list called `name` in an answer."""
        return tuple(self.answer(kind, json.dumps(one).encode()) for one in json.loads(content)[name])

    def pages(self, kind: type[T], name: str, path: str, holder: Holder, **query: Any) -> Iterator[T]:
        """Yield the items of a list, page by page as they are needed."""
        query = {"limit": limits.PAGE, **query}
        while True:
            content = self.call("GET", path + "?" + urlencode(query), holder)
            yield from self.each(kind, name, content)
            if not (cursor := json.loads(content)["next"]):
                return
            query["cursor"] = cursor

    def answer(self, kind: type[T], content: bytes) -> T:
        """Return what an answer says. Raises Unreachable when it says nothing of the kind."""
        try:
            return wire.answer(kind, content)
        except BadRequest:
            raise Unreachable(f"{self.address} gave an answer that is not a vault's") from None

    def call(
        self, method: str, path: str, holder: Holder | None, body: bytes | None = None, timeout: float | None = None,
        said: Mapping[str, str] = NOTHING,
    ) -> bytes:  # fmt: skip
        """Return the body of an answer. Raises the error that it is instead."""
        headers = self._headers(holder, body, said)
        try:
            try:
                status, content = self._exchange(
                    method, path, body, self._proved(method, path, holder, headers), timeout
                )
            except ConnectionResetError:  # between parent and worker: whoever took the connection had no time for it
                if method != "GET" and path not in _REPEATABLE:
                    raise
                again = self._proved(method, path, holder, headers)  # a proof is good once
                status, content = self._exchange(method, path, body, again, timeout)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{self.address} does not answer", reason=type(error).__name__) from None
        if status >= 300:
            raise self._error(status, content)
        return content

    def lines(self, path: str, holder: Holder, said: Mapping[str, str]) -> Iterator[str]:
        """Yield the lines of an answer that goes on, until it ends; Unreachable when it breaks off."""
        connection = self._connection(SILENT_SECONDS)
        try:
            headers = self._proved("GET", path, holder, self._headers(holder, None, said))
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status >= 300:
                raise self._error(response.status, response.read())
            while line := response.readline(limits.REQUEST):
                yield line.decode().rstrip("\r\n")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{self.address} does not answer", reason=type(error).__name__) from None
        finally:
            connection.close()

    def _headers(self, holder: Holder | None, body: bytes | None, said: Mapping[str, str]) -> dict[str, str]:
        if body is not None and len(body) > limits.BODY:  # the server would hang up in the middle of it
            raise TooLarge(f"the request is larger than {limits.BODY // 2**20} MiB")
        headers = {**said} | (_JSON if body is not None else {})
        return headers | ({"Authorization": f"Bearer {sendable(holder.token)}", VIA: holder.via} if holder else {})

    def _proved(self, method: str, path: str, holder: Holder | None, headers: dict[str, str]) -> dict[str, str]:
        """Return the headers with a proof of the key that the holder's token is bound to, if there is one."""
        if holder is None or self._prover is None:
            return headers
        return headers | self._prover.headers(sendable(holder.token), method, self.address + path)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float | None
    ) -> tuple[int, bytes]:
        with contextlib.closing(self._connection(timeout or self._timeout)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._place:
            return _BySocket(self._place, self._host, self._port, timeout)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _error(self, status: int, content: bytes) -> VaultError:
        try:
            return problems.error(json.loads(content))
        except (ValueError, AttributeError):
            return Unreachable(f"{self.address} answered {status}, which is not a vault's answer")


class _BySocket(http.client.HTTPConnection):
    """HTTP over a Unix socket; host and port are only what the `Host` header says."""

    def __init__(self, place: str, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._place)


def sendable(token: str) -> str:
    """Return a token that fits into a header. Raises Refused for one that does not, which is no token."""
    if not token.isascii() or not token.isprintable():
        raise Refused("the token is not valid")
    return token
