"""A small server of language models on loopback, each with a character of its own: what `ownvault ask` may meet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Models:
    """The running server: its address up to `/v1`, and every request that came, with its headers."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


def _event(text: str = "", **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None} | more.pop("choice", {})
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def _honest(asked: dict[str, Any]) -> Iterator[bytes]:
    """Quote the first source, and cite it."""
    prompt = asked["messages"][-1]["content"]
    found = re.search(r"<source number=\"1\"[^>]*>\n(.*?)\n</source>", prompt, re.DOTALL)
    words = f"{found[1]} [1]" if found else "The sources do not say."
    for word in re.findall(r"\S+\s*", words):
        yield _event(word, model=asked["model"] + "-2026-01-01")
    yield b": a comment\n\ndata: [DONE]\n\n"


def _fabricator(_: dict[str, Any]) -> Iterator[bytes]:
    yield _event("It was \x1b[31mred [1][9], as [44] says.")
    yield b"data: [DONE]\n\n"


def _looper(_: dict[str, Any]) -> Iterator[bytes]:
    for _ in range(100_000):
        yield _event("and then we went to the harbour ")


STREAMS: dict[str, Callable[[dict[str, Any]], Iterator[bytes]]] = {
    "honest": _honest,
    "fabricator": _fabricator,
    "looper": _looper,
    "refuser": lambda _: iter([_event("I "), _event(choice={"delta": {"refusal": "no"}}), b"data: [DONE]\n\n"]),
    "filtered": lambda _: iter([_event(choice={"finish_reason": "content_filter"}), b"data: [DONE]\n\n"]),
    "silent": lambda _: iter([_event(""), b"data: [DONE]\n\n"]),
    "quitter": lambda _: iter([_event("It was")]),
    "impostor": lambda _: iter([_event("It was", model="cheap-one"), b"data: [DONE]\n\n"]),
    "babbler": lambda _: iter([b"data: {not json\n\n"]),
    "endless-line": lambda _: iter([b"data: " + b"x" * 100_000] * 20),
    "nested": lambda _: iter([b"data: " + b"[" * 100_000 + b"\n\n"]),
    "odd": lambda _: iter([b'data: {"choices": [{"delta": "x"}]}\n\n']),
}


class _Handler(BaseHTTPRequestHandler):
    models: Models

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.models.asked.append(asked)
        self.models.keys.append(self.headers["Authorization"])
        match self.path, asked["model"]:
            case "/v1/chat/completions", "bouncer":
                self._whole(307, b"", Location=f"{self.models.url}/elsewhere")
            case "/v1/chat/completions", "closed":
                self._whole(401, json.dumps({"error": {"message": "bad\x1b[2J key"}}).encode())
            case "/v1/chat/completions", "whole":
                said = {
                    "model": "whole",
                    "choices": [{"message": {"role": "assistant", "content": "All at once [1]."}}],
                }
                self._whole(200, json.dumps(said).encode())
            case "/v1/chat/completions", name if name in STREAMS:
                self._stream(STREAMS[name](asked))
            case _:
                self._whole(404, b"{}")

    def _whole(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for event in events:
                self.wfile.write(event)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has heard enough

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Models]:
    """Run the server while the block does."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        handler.models = models = Models(f"http://127.0.0.1:{server.server_address[1]}/v1")  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield models
        finally:
            server.shutdown()
            thread.join()
