"""One message of the bridge on its way to the server's `/mcp`, and what comes back: one answer, or a stream to it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from vault.api import problems
from vault.errors import Unreachable

SECONDS = 900.0
"""How long the server may say nothing."""
ACCEPT = "application/json, text/event-stream"
_VERSION = "io.modelcontextprotocol/protocolVersion"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_HEADER_SAFE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class Cut(Exception):
    """Nobody waits for this answer any more."""


class Carriage:
    """One request to the server on `port`; `cut` ends it from another thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._cut = False

    def carry(self, message: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        """Yield each message of the answer, the response last; none for what needs no answer.

        Raises what the server refused with, Unreachable, and Cut.
        """
        try:
            yield from self._answers(message, headers)
        except (OSError, http.client.HTTPException, ValueError):
            if self._cut:
                raise Cut from None
            raise Unreachable("the server does not answer") from None
        finally:
            self._connection.close()

    def cut(self) -> None:
        """End it: the server sees its client hang up."""
        self._cut = True
        with contextlib.suppress(OSError):
            if sock := self._connection.sock:
                sock.shutdown(socket.SHUT_RDWR)

    def _answers(self, message: bytes, headers: Mapping[str, str]) -> Iterator[bytes]:
        self._connection.request(
            "POST", "/mcp", message, {"Content-Type": "application/json", "Accept": ACCEPT, **headers}
        )
        response = self._connection.getresponse()
        kind = response.getheader("Content-Type") or ""
        if kind.startswith(problems.MEDIA_TYPE):
            raise problems.error(json.loads(response.read()))
        if response.status >= 400 and not kind.startswith("application/json"):
            raise Unreachable(f"the server answered {response.status}, which is not a vault's answer")
        if kind.startswith("text/event-stream"):
            yield from _events(response)
        elif content := response.read().strip():
            yield content


def _events(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the data of each server-sent event (WHATWG HTML, 9.2.6)."""
    data: list[bytes] = []
    while line := response.readline():
        line = line.rstrip(b"\r\n")
        if not line and data:
            yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


def headers(message: Mapping[str, Any], settled: str) -> dict[str, str]:
    """Return what the transport wants in headers: protocol version, method and name (MCP 2026-07-28, transports).

    A message that does not say its own version goes with the `settled` one (2025-11-25).
    """
    method, params = message.get("method"), member(message, "params")
    own = member(member(params, "_meta"), _VERSION)
    if not isinstance(own, str):
        return {"MCP-Protocol-Version": settled} if settled else {}
    said = {"MCP-Protocol-Version": _encoded(own), "Mcp-Method": _encoded(str(method))}
    name = member(params, _NAMED.get(str(method), ""))
    return said | ({"Mcp-Name": _encoded(name)} if isinstance(name, str) else {})


def parsed(line: bytes) -> dict[str, Any]:
    """Return a message; an empty one for what is none, about which the server says what is wrong."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _encoded(value: str) -> str:
    """Return a header's value: as it stands when it survives that, else in the transport's base64 form."""
    if _HEADER_SAFE.fullmatch(value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode('utf-8', 'replace')).decode()}?="
