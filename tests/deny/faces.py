"""The vault's methods, REST and MCP: each asks as its own kind of client would."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.deny.commands import codes, environment, process, run
from tests.deny.said import Bearer, Said, answered, refused
from tests.deny.table import Ask
from tests.deny.verbs import METHODS, VERBS, Unsayable
from vault.api import wire
from vault.api.bearing import Bearing
from vault.api.bridge import Bridge
from vault.config import Config
from vault.errors import VaultError
from vault.service import Vault
from vault.types import Holder

LEGACY, MODERN = "2025-11-25", "2026-07-28"
"""MCP's two eras: HTTP is asked in the one, stdio in the other."""


# ---------------------------------------------------------------- the vault's own methods


@dataclass(frozen=True)
class Service:
    """The methods of `vault.service.Vault`."""

    vault: Vault

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        holder, verb = Holder(bearer.token or ""), VERBS[ask.verb]
        try:
            if ask.verb in METHODS:
                answer = METHODS[ask.verb](self.vault, holder, ask.subject)
            else:
                request: list[Any] = [wire.read(verb.takes, json.dumps(verb.body(ask)))] if verb.takes else []
                answer = getattr(self.vault, ask.verb)(holder, *verb.path(ask), *request)
        except VaultError as error:
            return refused(error.code, f"{error.code} {error.message} {error.hint}".encode(), error.request)
        return answered(wire.plain(answer), wire.dump(answer))


# ---------------------------------------------------------------- over HTTP


def _exchange(
    port: int, method: str, target: str, bearer: Bearer, body: bytes | None, **headers: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send one request and return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, bearer.address(target))
        told = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body is not None else {}
        for name, value in [*told.items(), *headers.items(), *bearer.headers()]:
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        connection.close()


def _seen(status: int, headers: list[tuple[str, str]], content: bytes) -> bytes:
    """Return all that a client sees of a response, but the time of day and how much it has asked itself by then."""
    told = [f"{name}: {value}" for name, value in headers if name.lower() not in ("date", "ratelimit")]
    return "\n".join([str(status), *told, ""]).encode() + content


@dataclass(frozen=True)
class Rest:
    """REST, without any client library."""

    port: int

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        verb = VERBS[ask.verb]
        method, target = verb.route.split(" ")
        target = target.replace("{}", quote(str(ask.subject), safe=""))
        body = verb.body(ask)
        if method == "GET" and body:
            target += "?" + urlencode(body)
        content = None if method in ("GET", "DELETE") else json.dumps(body).encode()
        status, headers, got = _exchange(self.port, method, target, bearer, content)
        answer, seen = json.loads(got), _seen(status, headers, got)
        if status >= 400:
            return refused(answer["code"], seen, answer.get("request", ""))
        return answered(answer, seen)


def _called(ask: Ask) -> tuple[str, dict[str, Any]]:
    """Return the tool and its arguments; for a verb that has none, a tool that is not there is called by its name."""
    verb = VERBS[ask.verb]
    if ask.verb == "collect":
        raise Unsayable
    if not verb.tool:
        return ask.verb, {"id": ask.subject} if not verb.subject else verb.body(ask)
    return verb.tool, verb.arguments(ask)


def _of_mcp(message: Mapping[str, Any], seen: bytes) -> Said:
    """Return what a JSON-RPC response says."""
    if "error" in message:
        error = message["error"]
        code = (error.get("data") or {}).get("code")
        unknown = error["message"] == "Unknown tool"  # what is not allowed is a tool that does not exist
        return refused(code or ("not_allowed" if unknown else f"error {error['code']}"), seen)
    result = message["result"]
    if result.get("isError"):
        return refused(json.loads(result["content"][0]["text"])["code"], seen)
    said = result["structuredContent"]
    if said.get("status") == "approval_required":
        return refused("approval_required", seen, said["request"])
    return answered(said, seen)


@dataclass(frozen=True)
class McpHttp:
    """MCP over streamable HTTP, era of 2025."""

    port: int

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        name, arguments = _called(ask)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        status, headers, got = _exchange(
            self.port, "POST", "/mcp", bearer, json.dumps(message).encode(),
            Accept="application/json, text/event-stream", MCP_Protocol_Version=LEGACY,
        )  # fmt: skip
        answer, seen = json.loads(got), _seen(status, headers, got)
        return refused(answer["code"], seen) if "jsonrpc" not in answer else _of_mcp(answer, seen)


@dataclass(frozen=True)
class McpStdio:
    """MCP over stdin and stdout, era of 2026: the bridge that `ownvault mcp` runs."""

    directory: Path
    config: Config = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", Config(directory=self.directory))

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        if not bearer.token:
            with environment(OWNVAULT_DIR=str(self.directory), OWNVAULT_TOKEN=bearer.token):
                code, seen = run(["mcp"], "")
            return Said(codes(code), seen)
        line = json.dumps(spoken(ask)).encode() + b"\n"
        written = io.BytesIO()
        try:
            Bridge(self.config, Bearing(bearer.token), io.BytesIO(line), written).run()
        except VaultError as error:  # the bridge does not start; its command says why
            return refused(error.code, f"{error.code} {error.message}".encode())
        return _of_mcp(json.loads(written.getvalue()), written.getvalue())


@dataclass(frozen=True)
class RealBridge:
    """`ownvault mcp` as a process of its own, as an assistant's program starts it."""

    directory: Path

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        line = json.dumps(spoken(ask)) + "\n"
        code, out, err = process(["mcp"], line, OWNVAULT_DIR=str(self.directory), OWNVAULT_TOKEN=bearer.token)
        return _of_mcp(json.loads(out), out + err) if out else Said(codes(code), err)


def spoken(ask: Ask) -> dict[str, Any]:
    """Return the message that an assistant's program writes to the bridge."""
    name, arguments = _called(ask)
    about = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "deny-suite", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": name, "arguments": arguments, "_meta": about}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
