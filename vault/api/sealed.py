"""The little HTTP that the sealed parent speaks while no worker does: one request a connection, bounded, no threads.

A passphrase that arrives here lies in one buffer, which is wiped when the connection ends; it never
becomes an immutable object in this process.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vault.api import shut
from vault.api.attempts import KNOCK, MAX_SECRET
from vault.api.guard import Guard, navigates, security_headers
from vault.api.problems import MEDIA_TYPE, Refusal, problem
from vault.api.surfaces import ENTRANCES, among
from vault.errors import BadRequest, Locked, TooLarge

MAX_HEAD = 16 * 1024
MAX_DRAINED = 16 * 2**20
"""Bytes of a body that nobody wants, read so that the client gets to see the answer."""
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as the parent cares. `body` is a view of the connection's buffer."""

    method: str
    target: str
    knock: str
    body: memoryview


class Connection:
    """One client. Feed it with `receive` until it gives a request, then `answer`, then `send` until that is True."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        sock.setblocking(False)
        self.sock, self.deadline = sock, deadline
        self._buffer, self._filled = bytearray(MAX_HEAD + MAX_SECRET), 0
        self._head: tuple[str, str, str, int, bool, int] | None = None
        self._person = False
        self._out = b""
        self._drained = 0

    @property
    def answered(self) -> bool:
        return bool(self._out) or self._drained > 0

    def receive(self, guard: Guard) -> Request | None:
        """Take what has come; return the request when it is whole.

        Raises Refusal to be answered, ConnectionError when the client is gone.
        """
        with memoryview(self._buffer) as view:
            got = self.sock.recv_into(view[self._filled :]) if self._filled < len(view) else 0
        if not got:
            raise ConnectionResetError
        self._filled += got
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n", 0, self._filled)
            if end < 0 and self._filled <= MAX_HEAD:
                return None
            if not 0 <= end <= MAX_HEAD:
                raise Refusal(TooLarge("the head of the request is too large"))
            self._head = (*_parse(bytes(self._buffer[:end]), guard), end + 4)
        method, target, knock, length, self._person, start = self._head
        if target != "/v1/unlock" or method != "POST":
            length = 0  # whatever it holds, the answer is that the vault is locked
        if length > MAX_SECRET:
            raise Refusal(TooLarge("this is no passphrase"))
        if self._filled < start + length:
            return None
        return Request(method, target, knock, memoryview(self._buffer)[start : start + length])

    def answer(self, status: int, document: Any, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """Set the answer: `document` as JSON, or bytes of JSON as they stand."""
        body = bytes(document) if isinstance(document, bytes | bytearray) else json.dumps(document).encode()
        self._tell(status, MEDIA_TYPE if status >= 400 else "application/json", body, headers)

    def _tell(self, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
        head = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Refused')}".encode(), b"content-type: " + kind.encode()]
        head += [b"content-length: %d" % len(body), b"connection: close"]
        said = {name.decode(): value.decode() for name, value in security_headers()} | dict(headers)
        head += [f"{name}: {value}".encode() for name, value in said.items()]
        unsent = b"" if self._head and self._head[0] == "HEAD" else body
        self._out = b"\r\n".join(head) + b"\r\n\r\n" + unsent

    def refuse(self, refusal: Refusal) -> None:
        """Set the refusal as the answer: a person's browser is shown a page that says that the vault is locked."""
        if self._person and isinstance(refusal.error, Locked):
            self._tell(refusal.status, "text/html", shut.page(refusal.error), {"content-security-policy": shut.POLICY})
            return
        self.answer(refusal.status, problem(refusal.error, refusal.status), refusal.headers)

    def send(self) -> bool:
        """Send what can be sent; True when all is."""
        self._out = self._out[self.sock.send(self._out) :]
        if self._out:
            return False
        self._drained = 1
        self.sock.shutdown(socket.SHUT_WR)
        return True

    def drain(self) -> bool:
        """Throw away what still comes; True when the client is done or has sent too much."""
        got = self.sock.recv_into(self._buffer)
        self._drained += got
        return not got or self._drained > MAX_DRAINED

    def close(self) -> None:
        """End it and wipe whatever it held."""
        self.sock.close()
        wipe(self._buffer)


def wipe(secret: bytearray | memoryview) -> None:
    """Overwrite `secret` in place."""
    secret[:] = bytes(len(secret))


def _parse(head: bytes, guard: Guard) -> tuple[str, str, str, int, bool]:
    """Return method, target, knock, length of the body, and whether a person navigates to a page. Raises Refusal."""
    line, *lines = head.split(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise Refusal(BadRequest("this is not HTTP/1.1"))
    headers = []
    for one in lines:
        match = _HEADER.fullmatch(one)
        if not match:
            raise Refusal(BadRequest("a header is malformed"))
        headers.append((match[1].lower(), match[2].rstrip(b" \t")))
    guard.check(words[0], words[1], headers)
    said = dict(headers)
    if b"transfer-encoding" in said and words[1] == "/v1/unlock":
        raise Refusal(BadRequest("say the length of the body"))
    knock = said.get(KNOCK.lower().encode(), b"").decode("latin-1")
    path = words[1].partition("?")[0]
    person = among(path, ENTRANCES) and navigates({name: [value] for name, value in headers})
    return words[0], path, knock, int(said.get(b"content-length", b"0")), person
