"""One ASGI application for one port: guard, then `/mcp` to the MCP SDK and everything else to Flask.

Flask runs in a pool of threads behind a bridge of our own; docs/decisions/serving.md says why and what it costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, TypeAlias

from vault import limits
from vault.api import surfaces
from vault.api.guard import Guard, security_headers, stranger
from vault.api.oauth.challenging import challenging
from vault.api.outlet import DEPARTURE, Gone, Outlet, Receive, Scope, Send, within
from vault.api.problems import MEDIA_TYPE, Refusal, problem
from vault.api.stream import PATH as EVENTS
from vault.errors import BadRequest, TooLarge, VaultError

Asgi: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Wsgi: TypeAlias = Callable[..., Iterable[bytes]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

QUIET = ("/healthz", "/openapi.json", "/.well-known/vault-keys.json", EVENTS, *surfaces.PUBLIC)
"""What is no use of the vault: it is answered without a token and releases nothing, or only looks on."""
QUIET_HEADER = "Vault-Quiet"
"""By which a page of ours says that an answer was no use of the vault either; it does not leave the server."""
BODY_SECONDS = 10.0
"""How long a client may take to send its body."""
_QUIET = QUIET_HEADER.lower().encode()


class App:
    """The application that the worker serves. `clock` counts seconds; `noticed` hears of refused extensions."""

    def __init__(self, guard: Guard, wsgi: Wsgi, mcp: Asgi, pool: ThreadPoolExecutor,
                 clock: Callable[[], float] = time.monotonic, events: Asgi | None = None,
                 noticed: Callable[[str], None] | None = None) -> None:  # fmt: skip
        self._guard, self._mcp, self._rest, self._clock = guard, mcp, WsgiBridge(wsgi, pool), clock
        self._events, self._pool, self._noticed = events, pool, noticed
        self._asked = clock()

    @property
    def idle(self) -> float:
        """Seconds since a good token last got an answer; whether the server is there does not count."""
        return self._clock() - self._asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        async with Outlet(scope, send) as outlet:
            scope[DEPARTURE] = outlet.departure
            with contextlib.suppress(Gone):
                await self._answer(scope, receive, self._noting(scope["path"], _hardened(scope["path"], outlet.send)))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._guard.check(scope["method"], scope["path"], scope["headers"])
            scope["scheme"] = self._guard.scheme(scope["headers"])
            send = challenging(scope, send)
            body = await read_body(receive, surfaces.most(scope["path"]))
            if scope["path"] == "/mcp":
                first = {"type": "http.request", "body": body, "more_body": False}
                await self._mcp(scope, again(first, receive), send)
            elif scope["path"] == EVENTS and self._events:
                await self._events(scope, receive, send)
            else:
                await self._rest(scope, body, send)
        except Refusal as refusal:
            if self._noticed and (origin := stranger(scope["headers"])):
                self._pool.submit(self._noticed, origin)
            await send_problem(send, refusal)
        except VaultError as error:
            await send_problem(send, Refusal(error))

    def _noting(self, path: str, send: Send) -> Send:
        """Note when somebody with a right to it got an answer: strangers do not keep the vault open."""

        used = not surfaces.among(path, QUIET)

        async def noted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [one for one in message.get("headers", ()) if one[0] != _QUIET]
                if message["status"] < 300 and used and len(headers) == len(message.get("headers", ())):
                    self._asked = self._clock()
                message["headers"] = headers
            await send(message)

        return noted


class WsgiBridge:
    """Calls a WSGI application in a pool of threads: the body whole, the answer whole, in two messages."""

    def __init__(self, app: Wsgi, pool: ThreadPoolExecutor) -> None:
        self._app, self._pool = app, pool

    async def __call__(self, scope: Scope, body: bytes, send: Send) -> None:
        environ = _environ(scope, body)
        status, headers, content = await asyncio.get_running_loop().run_in_executor(
            self._pool, within, scope[DEPARTURE], self._call, environ
        )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _call(self, environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
        said: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            said[:] = status, headers

        answer = self._app(environ, start_response)
        try:
            content = b"".join(answer)
        finally:
            if close := getattr(answer, "close", None):
                close()
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in said[1]]
        return int(said[0][:3]), headers, content


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    server, port = scope.get("server") or ("127.0.0.1", 0)
    environ = {
        "REQUEST_METHOD": scope["method"], "SCRIPT_NAME": "", "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"), "SERVER_NAME": server, "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": str(len(body)), "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"], "wsgi.input": BytesIO(body), "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    for name, value in scope["headers"]:
        if b"_" in name:  # `Sec_Fetch_Mode`, which any script may send, would pass for `Sec-Fetch-Mode`
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            text = value.decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


async def read_body(receive: Receive, most: int = limits.BODY) -> bytes:
    """Return the whole body. Raises TooLarge as soon as it is, BadRequest when it does not come or breaks off."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise BadRequest("the client went away")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise TooLarge(f"the body is larger than {most // 2**20} MiB")
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise BadRequest("the body did not come in time") from None


def again(first: MutableMapping[str, Any], receive: Receive) -> Receive:
    """Return a `receive` that gives a message that was taken already, and after it what comes next."""
    given = False

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return first

    return receiving


def _hardened(path: str, send: Send) -> Send:
    """Return a `send` that puts our headers on every response, and the policy that its surface declares."""
    headers = security_headers(path)
    ours = {name for name, _ in headers}

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [one for one in message.get("headers", ()) if one[0].lower() not in ours]
            message["headers"] = own + headers
        await send(message)

    return sent


async def send_problem(send: Send, refusal: Refusal) -> None:
    """Answer with a problem document."""
    import json

    content = json.dumps(problem(refusal.error, refusal.status), ensure_ascii=False).encode()
    told = {"content-type": MEDIA_TYPE, "content-length": str(len(content))} | refusal.headers
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
