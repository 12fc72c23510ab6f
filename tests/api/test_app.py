"""The composition by itself: what counts as activity, how much is read, how WSGI is called."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from vault import limits
from vault.api.app import App, read_body
from vault.api.guard import Guard
from vault.api.worker import idle
from vault.errors import BadRequest, TooLarge


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("207 Multi", [("X-Path", environ["PATH_INFO"]), ("X-Twice", environ.get("HTTP_A", ""))])
    return [environ["wsgi.input"].read(), environ["QUERY_STRING"].encode()]


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def ask(app: App, path: str, body: bytes = b"", *headers: tuple[bytes, bytes]) -> list[Any]:
    """Send one request through the application and return what it sent."""
    said: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        said.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": path, "query_string": b"q=1", "server": ("127.0.0.1", "7117"),
        "headers": [(b"host", b"localhost:7117"), (b"content-type", b"application/json"), *headers],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return said


def test_wsgi_gets_the_request_whole_and_answers_whole() -> None:
    with ThreadPoolExecutor(1) as pool:
        app = App(Guard(7117), echo, nothing, pool)
        start, body = ask(app, "/å", b"body", (b"a", b"1"), (b"a", b"2"))
    headers = dict(start["headers"])
    assert start["status"] == 207 and body["body"] == b"bodyq=1"
    assert headers[b"x-path"] == "/å".encode() and headers[b"x-twice"] == b"1,2"
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_idle_counts_from_the_last_question_and_not_from_a_look() -> None:
    clock = Clock()
    with ThreadPoolExecutor(1) as pool:
        app = App(Guard(7117), echo, nothing, pool, clock)
        assert app.idle == 10
        ask(app, "/healthz")
        assert app.idle == 20
        ask(app, "/mcp")
        assert app.idle == 10
        asyncio.run(idle(app, 100, look=0))
        assert clock.now == 140


@pytest.mark.parametrize("messages", [[limits.BODY + 1], [limits.BODY, 1], [limits.BODY // 2] * 3])
def test_a_body_is_cut_off_as_soon_as_it_is_too_large(messages: list[int]) -> None:
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": bytes(next(left)), "more_body": True}

    with pytest.raises(TooLarge):
        asyncio.run(read_body(receive))


def test_a_client_that_goes_away() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(BadRequest):
        asyncio.run(read_body(receive))
