"""Puts the challenge on refusals on their way out, so that it is the same for REST and MCP."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from vault.api.oauth import challenge
from vault.errors import NotAllowed

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def challenging(scope: MutableMapping[str, Any], send: Send) -> Send:
    """Return a `send` that tells a refused client how to come to a token that will do."""
    start: MutableMapping[str, Any] = {}

    async def sent(message: MutableMapping[str, Any]) -> None:
        nonlocal start
        if message["type"] == "http.response.start" and message["status"] in (401, 403):
            start = message  # what it says depends on the body, which these answers have whole
            return
        if start:
            said, start = start, {}
            await send(_challenged(scope, said, message.get("body", b"")))
        await send(message)

    return sent


def _challenged(
    scope: MutableMapping[str, Any], start: MutableMapping[str, Any], body: bytes
) -> MutableMapping[str, Any]:  # fmt: skip
    headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"authorization")}
    origin = f"{scope.get('scheme', 'http')}://{headers.get(b'host', '')}"
    if start["status"] == 401:
        told = challenge.unauthorized(origin, scope["path"], headers.get(b"authorization", ""))
    else:
        told = challenge.insufficient(origin, scope["path"]) if _lacking(body) else None
    if told is None:
        return start
    kept = [(name, value) for name, value in start.get("headers", ()) if name.lower() != b"www-authenticate"]
    return {**start, "headers": [*kept, (b"www-authenticate", told.encode("latin-1", "replace"))]}


def _lacking(body: bytes) -> bool:
    """Tell whether this refusal is for lack of a right that the owner could give."""
    try:
        return bool(json.loads(body).get("code") == NotAllowed.code)
    except (ValueError, AttributeError):
        return False
