"""`ownvault mcp`: MCP over stdin and stdout, carried to the running server's `/mcp`. Holds no key and no rule.

A message goes through as it came. Only what streamable HTTP puts into headers is read out of it: protocol
version, method and name (MCP 2026-07-28, transports; 2025-11-25 needs the version alone). And one answer is read:
when access that the assistant asked for is approved, its token is collected and used from then on. It stays in this
process; the assistant never sees it.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from vault import limits
from vault.api import problems
from vault.api.client import LONG_SECONDS, RemoteVault, sendable
from vault.config import Config
from vault.errors import Locked, Unreachable, VaultError
from vault.store import hygiene, lock
from vault.types import Holder, Verdict

AT_ONCE = 4
"""Messages under way at the same time."""
_VERSION = "io.modelcontextprotocol/protocolVersion"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_HEADER_SAFE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_FAILED = -32603
_PARSE_ERROR = -32700


def run(config: Config, token: str) -> None:
    """Carry messages until stdin ends. Raises Unreachable when no server runs for the vault, Locked while it is."""
    hygiene.harden()
    Bridge(config, token, sys.stdin.buffer, sys.stdout.buffer).run()


class Bridge:
    """One assistant's line to the server."""

    def __init__(self, config: Config, token: str, reading: BinaryIO, writing: BinaryIO) -> None:
        self._config, self._token, self._reading, self._writing = config, token, reading, writing
        self._lock, self._collecting = threading.Lock(), threading.Lock()
        self._version = ""

    def run(self) -> None:
        if self._server().health()["state"] == "locked":
            raise Locked("the vault is locked")
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="message") as pool:
            while line := self._reading.readline(limits.BODY + 1):
                if len(line) > limits.BODY:
                    self._write(_error(None, _PARSE_ERROR, "the message is too large"))
                    return
                if not line.strip():
                    continue
                message = _parsed(line)
                if message.get("method") == "initialize":
                    self._carry(line, message)  # the version it settles on goes with everything after it
                else:
                    pool.submit(self._carry, line, message)

    def _server(self) -> RemoteVault:
        return RemoteVault(f"http://127.0.0.1:{self._port()}")

    def _port(self) -> int:
        found = lock.find_server(self._config.directory)
        if not found:
            raise Unreachable("no server runs for this vault")
        port: int = found["port"]
        return port

    def _carry(self, line: bytes, message: dict[str, Any]) -> None:
        try:
            answer = self._post(line, message)
            self._look(message, answer)
        except VaultError as error:
            said = {"code": error.code} | ({"hint": error.hint} if error.hint else {})
            answer = _error(message.get("id"), _FAILED, error.message, said) if "id" in message else b""
        if answer.strip():
            self._write(answer)

    def _post(self, line: bytes, message: dict[str, Any]) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "Authorization": f"Bearer {sendable(self._token)}"} | self._said(message)  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=LONG_SECONDS)
        try:
            connection.request("POST", "/mcp", line, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException, ValueError):
            raise Unreachable("the server does not answer") from None
        finally:
            connection.close()
        if (response.getheader("Content-Type") or "").startswith(problems.MEDIA_TYPE):
            raise problems.error(json.loads(content))
        if message.get("method") == "initialize":
            self._version = str(_member(_member(_parsed(content), "result"), "protocolVersion") or "")
        return content

    def _look(self, message: dict[str, Any], answer: bytes) -> None:
        """Collect the token of access that this answer says is approved."""
        if message.get("method") != "tools/call" or _member(message.get("params"), "name") != "request_access":
            return
        state = _member(_member(_parsed(answer), "result"), "structuredContent")
        id = _member(state, "request")
        if _member(state, "status") != Verdict.APPROVED or not isinstance(id, str):
            return
        with self._collecting, contextlib.suppress(VaultError):  # it was collected before, or cannot be now
            self._token = self._server().collect(Holder(self._token), id).token

    def _said(self, message: dict[str, Any]) -> dict[str, str]:
        """Return what the transport wants in headers."""
        method, params = message.get("method"), _member(message, "params")
        own = _member(_member(params, "_meta"), _VERSION)
        if not isinstance(own, str):
            return {"MCP-Protocol-Version": self._version} if self._version else {}
        said = {"MCP-Protocol-Version": _encoded(own), "Mcp-Method": _encoded(str(method))}
        name = _member(params, _NAMED.get(str(method), ""))
        return said | ({"Mcp-Name": _encoded(name)} if isinstance(name, str) else {})

    def _write(self, answer: bytes) -> None:
        with self._lock:
            self._writing.write(answer.strip().replace(b"\n", b" ") + b"\n")
            self._writing.flush()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}  # the server says what is wrong with it
    return said if isinstance(said, dict) else {}


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _encoded(value: str) -> str:
    """Return a header's value: as it stands when it survives that, else in the transport's base64 form."""
    if _HEADER_SAFE.fullmatch(value) and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode('utf-8', 'replace')).decode()}?="


def _error(id: Any, code: int, message: str, data: dict[str, str] | None = None) -> bytes:
    error = {"code": code, "message": message} | ({"data": data} if data else {})
    return json.dumps({"jsonrpc": "2.0", "id": id, "error": error}).encode()
