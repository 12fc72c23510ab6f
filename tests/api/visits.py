"""An assistant's visit with the SDK's own client: in both eras, over HTTP and over the stdio bridge."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.api.conftest import Running
from vault.types import Filter, GrantRequest, Holder

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}
NOTES = Filter(collections=("notes",))
Drive = Callable[[Client], Awaitable[Any]]


def drive(running: Running, holder: Holder, mode: str, transport: str, what: Drive, **options: Any) -> Any:
    """Connect as an assistant would and do `what`; `options` are the client's own."""

    async def over_http() -> Any:
        headers = {"Authorization": f"Bearer {holder.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(
                streamable_http_client(f"{running.server.address}/mcp", http_client=http), mode=mode, **options
            ) as client,
        ):
            return await what(client)

    async def over_stdio() -> Any:
        environment = running.server.environment | {"OWNVAULT_TOKEN": holder.token}
        server = StdioServerParameters(command=sys.executable, args=["-m", "vault", "mcp"], env=environment)
        async with Client(stdio_client(server), mode=mode, **options) as client:
            return await what(client)

    return asyncio.run(over_http() if transport == "http" else over_stdio())


def granted(running: Running, client: str, **more: Any) -> Any:
    """Grant `notes` to another assistant."""
    return running.remote.grant(running.owner, GrantRequest(client, filter=NOTES, **more))


def answered(
    running: Running, holder: Holder, name: str, arguments: dict[str, Any], mode: str = "auto", **options: Any
) -> Any:
    """Call one tool, by a client that checks answers against the tools' schemas."""

    async def visit(client: Client) -> Any:
        await client.list_tools()
        return await client.call_tool(name, arguments)

    return drive(running, holder, mode, "http", visit, **options)


def call(running: Running, name: str, arguments: dict[str, Any], holder: Holder) -> Any:
    return answered(running, holder, name, arguments).structured_content
