"""`/v1/events`: what happens, told to the owner's own surfaces as server-sent events.

One task of the event loop for each listener and one that watches for all of them: a number in memory, so that a silent
vault costs nothing. A thread is needed only for as long as it takes to read what is new. To listen is not to use the
vault: it does not put off the idle lock, and ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from vault import limits
from vault.api import stream
from vault.api.connection import Connection
from vault.api.outlet import Gone, Receive, Scope, Send
from vault.api.problems import method_refused
from vault.errors import BadRequest, Throttled, VaultError
from vault.types import Holder, Position

if TYPE_CHECKING:
    from vault.service import Vault

T = TypeVar("T")
LOOK_SECONDS = 0.1
"""How often the number that grows with every event is looked at, while anybody listens."""
HEARTBEAT_SECONDS = 15.0
"""After so long without an event a comment is sent; the token is looked at again, too."""
Asking = Callable[[Scope], Holder]


class Events:
    """The stream, as an ASGI application over an unlocked vault. `asking` says who asks."""

    def __init__(
        self, vault: Vault, pool: ThreadPoolExecutor, asking: Asking, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:  # fmt: skip
        self._vault, self._pool, self._asking, self._heartbeat = vault, pool, asking, heartbeat
        self._listening = self._told = 0
        self._news = asyncio.Event()
        self._over = False
        self._watching: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End every stream: the vault is about to be locked."""
        self._over = True
        self._news.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one listener until it leaves, its token ends, or `close`. Before that raises Refusal, VaultError."""
        if scope["method"] != "GET":
            raise method_refused({"GET"})
        if self._listening >= limits.LISTENERS:
            raise Throttled("too many listeners", hint="close one of the owner's other windows", seconds=30)
        self._listening += 1  # no other task runs between the look and this
        try:
            holder = self._asking(scope)
            seen = await self._on(self._vault.watch, holder)
            seen = _resumed(scope) or seen
            async with self._watched():
                await self._tell(scope, receive, send, holder, seen)
        finally:
            self._listening -= 1

    async def _tell(self, scope: Scope, receive: Receive, send: Send, holder: Holder, seen: Position) -> None:
        told = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        leaving = asyncio.ensure_future(_left(receive))
        reader = _Reader(scope)
        try:
            await _write(send, stream.opening(seen))
            while not leaving.done():
                over, news = self._over, self._news
                happened = await self._on(self._vault.events, holder, seen)
                text, seen = stream.text(happened), happened.position
                if over:  # after the last that happened: the lock itself
                    await _write(send, text + stream.END, more=False)
                    return
                text = text or await self._wait(news, leaving)
                if text == stream.BEAT and not reader.reads():
                    raise Gone
                await _write(send, text)
        except VaultError:  # the token has ended, or the vault is closing: coming back tells which
            await _write(send, stream.END, more=False)
        finally:
            leaving.cancel()
            reader.close()

    async def _wait(self, news: asyncio.Event, leaving: asyncio.Future[None]) -> str:
        """Wait for something to happen. Return a heartbeat if nothing did, else nothing."""
        happening = asyncio.ensure_future(news.wait())
        try:
            await asyncio.wait((happening, leaving), timeout=self._heartbeat, return_when=asyncio.FIRST_COMPLETED)
            return "" if happening.done() or leaving.done() else stream.BEAT
        finally:
            happening.cancel()

    async def _on(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call the vault in a thread. What it returns is let go at once: no stream holds up the end of a grant."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, method, *arguments)

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Watch for news as long as anybody listens."""
        if self._watching is None:  # the number is looked at before anything is read, so that nothing falls between
            self._watching = asyncio.ensure_future(self._watch(self._vault.pulse))
        self._told += 1
        try:
            yield
        finally:
            self._told -= 1
            if not self._told:
                self._watching.cancel()
                self._watching = None

    async def _watch(self, pulse: int) -> None:
        while not self._over:
            await asyncio.sleep(LOOK_SECONDS)
            if (now := self._vault.pulse) != pulse:
                pulse, news, self._news = now, self._news, asyncio.Event()
                news.set()


class _Reader:
    """Whether a listener takes what it is sent: the server in front of us would queue for it without an end."""

    def __init__(self, scope: Scope) -> None:
        client = scope.get("client")
        self._connection = Connection((str(client[0]), int(client[1]))) if client else None
        self._taken = -1

    def reads(self) -> bool:
        """Tell whether it has taken anything since the last look, or has all there is."""
        if self._connection is None or (taken := self._connection.arrived()) is None:
            return True
        moved, self._taken = taken > self._taken, taken
        if moved or not self._connection.queued():
            return True
        self._connection.drop()
        return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


async def _write(send: Send, text: str, more: bool = True) -> None:
    if text:
        await send({"type": "http.response.body", "body": text.encode(), "more_body": more})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _resumed(scope: Scope) -> Position | None:
    """Return the position after which a listener that was here before goes on. Raises BadRequest."""
    said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"last-event-id"]
    if not said or said == [""]:
        return None
    if len(said) > 1:
        raise BadRequest("Last-Event-ID: should be told once")
    return stream.position(said[0])


def asking(scope: MutableMapping[str, Any]) -> Holder:
    """Return whoever asks, by the request's headers, as for the routes of REST."""
    from vault.api.oauth.presenting import holder

    said = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    host = next(value for name, value in said if name == "host")
    return holder(said, scope["method"], f"{scope.get('scheme', 'http')}://{host}{scope['path']}", "rest")
