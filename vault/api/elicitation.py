"""How an assistant's program takes its person to the page where the owner decides: MCP elicitation in URL mode.

It only points. What the program says came of it is never consent: the vault is asked again, and answers by what the
owner decided there. 2026-07-28: the call gives an input request, and its retry waits for the decision. 2025-11-25: the
call fails with the error that names the page, for the program to call again. Whoever can neither gets a plain answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import mcp_types as mcp
from mcp.shared.exceptions import UrlElicitationRequiredError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from vault.api import opening

if TYPE_CHECKING:
    from vault.service import Vault

KEY = "approval"
"""The name of the one thing that an input request asks for."""
PATIENCE = 45.0
"""Seconds that a retry waits for the owner: less than the minute after which programs give up on a call …"""
LONG_PATIENCE = 600.0
"""… and that it waits for a program that is told of the progress."""
TOLD_SECONDS = 5.0
"""Between two words of progress."""
WAITS = 64
"""Calls that wait at once, of all grants; each has its share of them (Vault.when_decided)."""
MESSAGE = "The owner of the vault is asked to allow this. Open the page, look at what would be released, and decide."


def opens(context: Any) -> bool:
    """Tell whether the program that calls can open a page for its person."""
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        declared = context.session.client_capabilities
        return bool(declared and declared.elicitation and declared.elicitation.url is not None)
    return opening.opens(context.request.headers.get(opening.HEADER, ""))


def question(context: Any, request: str, url: str) -> mcp.InputRequiredResult:
    """Return the answer that sends the person to `url`. Raises the error that does, in the era that has one."""
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        params = mcp.ElicitRequestURLParams(message=MESSAGE, url=url, elicitation_id=request)
        raise UrlElicitationRequiredError([params], f"{MESSAGE} {url}")
    asked = mcp.ElicitRequest(params=mcp.ElicitRequestURLParams(message=MESSAGE, url=url))
    return mcp.InputRequiredResult(input_requests={KEY: asked}, request_state=request)


def answered(params: mcp.CallToolRequestParams | mcp.ReadResourceRequestParams) -> str | None:
    """Return what the program says its person did: `accept`, `decline`, `cancel`; None when they were not asked."""
    said = (params.input_responses or {}).get(KEY)
    return said.action if isinstance(said, mcp.ElicitResult) else None


class Waiting:
    """The calls that wait for the owner, on the loop that serves them: none of them holds a thread."""

    def __init__(self, vault: Vault) -> None:
        self._vault, self._waits = vault, 0

    async def decision(self, request: str | None, tell: Callable[[float], Awaitable[None]] | None) -> None:
        """Return when the owner has decided on a request, or has taken too long.

        `request` is what the program echoed, so it may be anything. `tell` is told how many seconds have passed.
        """
        if not request or self._waits >= WAITS:
            return
        loop, decided = asyncio.get_running_loop(), asyncio.Event()
        self._waits += 1
        wake = partial(_wake, loop, decided)
        listening = asyncio.ensure_future(asyncio.to_thread(self._vault.when_decided, request, wake))
        try:
            await asyncio.shield(listening)  # it is left again also when the call is cancelled in the middle of it
            since, patience = loop.time(), LONG_PATIENCE if tell else PATIENCE
            while not decided.is_set() and loop.time() - since < patience:
                if tell:
                    await tell(loop.time() - since)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(decided.wait(), TOLD_SECONDS)
        finally:
            self._waits -= 1
            listening.add_done_callback(_leave)


def _leave(listening: asyncio.Future[Callable[[], None]]) -> None:
    if not listening.cancelled() and listening.exception() is None:
        listening.result()()


def _wake(loop: asyncio.AbstractEventLoop, decided: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits there
        loop.call_soon_threadsafe(decided.set)
