"""The way of one response to its client. What the response releases stays inside the gate until it is out.

Out is a response whose last byte the client's machine has, or one that ended in any other way. Ending a grant waits
for those that are not out; one that takes too long is cut: its connection is dropped, and no more of it arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ParamSpec, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from vault.api.connection import Connection
from vault.gate import Departure, departing

P = ParamSpec("P")
T = TypeVar("T")
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

DEPARTURE = "ownvault.departure"
"""Where a request's scope has its departure."""
PIECE = 32 * 1024
"""Bytes of a body that are handed on at once; the next waits until the connection takes more."""
FIRST_LOOK, LAST_LOOK = 0.001, 0.25
"""Seconds between two looks at what has arrived, at first and when it takes long."""
STILL_SECONDS = 60.0
"""How long a client may take nothing of its answer."""


_turns: WeakValueDictionary[tuple[str, int], asyncio.Lock] = WeakValueDictionary()
"""For each client's connection, whose turn it is: bytes of two responses on one connection cannot be told apart."""


class Gone(OSError):
    """Nobody takes this response any more, or nobody may."""


class Outlet:
    """Sends one response. Use as a context manager around everything that makes and sends it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.departure = Departure()
        self._send = send
        self._connection: Connection | None = None
        self._before, self._size = 0, 0
        client = scope.get("client")
        self._client = (str(client[0]), int(client[1])) if client else None
        self._turn = _turns.setdefault(self._client, asyncio.Lock()) if self._client else asyncio.Lock()

    async def __aenter__(self) -> Outlet:
        """Wait until the response before this one on the same connection is out, should requests be pipelined."""
        await self._turn.acquire()
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cut() -> None:  # from whichever thread ends the grant
            loop.call_soon_threadsafe(self._cut, task)

        self.departure.on_cut(cut)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                await self._arrival()
        finally:
            if self._connection:
                self._connection.close()
            self.departure.close()
            self._turn.release()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send on, a body in pieces. Raises Gone when the response was cut or the client takes nothing."""
        if message["type"] == "http.response.start":
            self._begin(message)
            await self._on(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        for start in range(0, len(body) or 1, PIECE):
            last = start + PIECE >= len(body)
            piece = body if last and not start else body[start : start + PIECE]
            await self._on({**message, "body": piece, "more_body": more or not last})
            self._size += len(piece)

    def _begin(self, message: MutableMapping[str, Any]) -> None:
        if not self._client:
            return
        self._connection = Connection(self._client)
        self._before = self._connection.arrived() or 0
        self._size = sum(len(name) + len(value) + 4 for name, value in message.get("headers", ()))

    async def _on(self, message: MutableMapping[str, Any]) -> None:
        if self.departure.cut:
            raise Gone
        try:
            async with asyncio.timeout(STILL_SECONDS):
                await self._send(message)
        except TimeoutError:
            self._drop()
            raise Gone from None

    async def _arrival(self) -> None:
        """Return when the client's machine has all that was sent, or has taken nothing for too long."""
        loop = asyncio.get_running_loop()
        look, there, since = FIRST_LOOK, -1, loop.time()
        while self._connection and (now := self._connection.arrived()) is not None:
            if now - self._before >= self._size and not self._connection.queued():
                return
            if now > there:
                there, since = now, loop.time()
            elif loop.time() - since > STILL_SECONDS:
                self._drop()
                return
            await asyncio.sleep(look)
            look = min(2 * look, LAST_LOOK)

    def _cut(self, task: asyncio.Task[Any]) -> None:
        self._drop()
        task.cancel()

    def _drop(self) -> None:
        if self._connection:
            self._connection.drop()


def within(departure: Departure, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Call in a context in which answers stay inside the gate until `departure` is closed."""
    with departing(departure):
        return call(*arguments, **named)
