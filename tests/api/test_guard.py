"""Who may speak to the server at all: the whole matrix, against the worker and against the sealed parent alike."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api import raw
from tests.api.conftest import Running, new, started, stopped
from vault.api.guard import Guard
from vault.api.problems import Refusal

REFUSED = [
    ({"host": None}, 400),
    ({"host": "127.0.0.1"}, 400),
    ({"host": "127.0.0.1:1"}, 400),
    ({"host": "evil.example:{port}"}, 400),
    ({"host": "127.0.0.1.evil.example:{port}"}, 400),
    ({"host": "vault.localhost.:{port}"}, 400),
    ({"host": "127.0.0.1:{port}\r\nhost: evil.example"}, 400),
    ({"host": "127.0.0.1:{port}\r\nhost: 127.0.0.1:{port}"}, 400),
    ({"host": "127.0.0.1:{port},evil.example"}, 400),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": ""}, 403),
    ({"origin": "http://127.0.0.1"}, 403),
    ({"origin": "https://127.0.0.1:{port}"}, 403),
    ({"origin": "http://localhost:{port}"}, 403),
    ({"origin": "http://127.0.0.1:{port}\r\norigin: http://evil.example"}, 403),
    ({"origin": "chrome-extension://abcdefghijklmnopabcdefghijklmnop"}, 403),
    ({"sec_fetch_site": "cross-site"}, 403),
    ({"sec_fetch_site": "same-site"}, 403),
    ({"sec_fetch_site": "none\r\nsec-fetch-site: cross-site"}, 403),
]
ALLOWED = [
    {},
    {"host": "localhost:{port}"},
    {"host": "[::1]:{port}"},
    {"host": "vault.localhost:{port}", "origin": "http://vault.localhost:{port}"},
    {"origin": "http://127.0.0.1:{port}", "sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"},
]
NO_JSON = [
    None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "text/plain; application/json", "application/jsonx",
]  # fmt: skip
TARGETS = ("/healthz", "/openapi.json", "/v1/status", "/mcp", "/nowhere")


@pytest.fixture(scope="module", params=["unlocked", "locked"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server whose worker answers, and of one whose sealed parent does."""
    if request.param == "unlocked":
        running: Running = request.getfixturevalue("running")
        yield running.port
        return
    home: Path = request.getfixturevalue("tmp_path_factory").mktemp("locked")
    server = started(new(home), "--locked")
    yield int(server.address.rsplit(":", 1)[1])
    stopped(server)


def filled(headers: dict[str, str | None], port: int) -> dict[str, str | None]:
    return {name: value and value.replace("{port}", str(port)) for name, value in headers.items()}


@pytest.mark.parametrize(("headers", "status"), REFUSED, ids=str)
def test_refused_on_every_route(port: int, headers: dict[str, str | None], status: int) -> None:
    for target in TARGETS:
        for method, body in (("GET", None), ("POST", b"{}")):
            answer = raw.request(port, method, target, body, **filled(headers, port))
            assert answer and answer.status == status, (target, method)
            assert not any(name.startswith("access-control") for name in answer.headers)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("headers", ALLOWED, ids=str)
def test_allowed(port: int, headers: dict[str, str | None]) -> None:
    answer = raw.request(port, **filled(headers, port))
    assert answer and answer.status == 200


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "TRACE", "PROPFIND"])
def test_no_other_method_and_no_preflight(port: int, method: str, target: str) -> None:
    asked = {"access_control_request_method": "POST", "origin": f"http://127.0.0.1:{port}"}
    answer = raw.request(port, method, target, **asked)
    assert answer and answer.status == 405 and answer.json["code"] == "bad_request"
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("kind", NO_JSON)
def test_a_body_must_be_json(port: int, kind: str | None) -> None:
    for target in ("/v1/search", "/v1/unlock", "/mcp"):
        answer = raw.request(port, "POST", target, b"{}", content_type=kind)
        assert answer and answer.status == 415


def test_security_headers_on_every_answer(port: int) -> None:
    for target in TARGETS:
        answer = raw.request(port, "GET", target)
        assert answer
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_an_absolute_target_with_another_host_is_refused(port: int) -> None:
    for host in (b"", b"host: evil.example\r\n"):
        answer = raw.send(port, b"GET http://evil.example/healthz HTTP/1.1\r\n" + host + b"\r\n")
        assert answer and answer.status == 400


def test_a_huge_head_is_refused(port: int) -> None:
    answer = raw.request(port, x="y" * 300_000)
    assert answer is None or answer.status in (413, 431)


def test_a_huge_body_is_refused(port: int) -> None:
    answer = raw.request(port, "POST", "/v1/search", b"{}", content_length=str(9 * 2**20))
    assert answer and answer.status == 413


def test_a_huge_body_of_untold_length_is_refused(running: Running) -> None:
    head = f"POST /v1/search HTTP/1.1\r\nhost: 127.0.0.1:{running.port}\r\ncontent-type: application/json\r\n"
    chunk = b"80000\r\n" + b" " * 0x80000 + b"\r\n"
    answer = raw.send(running.port, head.encode() + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 17, b"0\r\n\r\n")
    assert answer is None or answer.status == 413


@pytest.mark.parametrize("data", [
    b"\0" * 64 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET /healthz\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    b"GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n", b"GET /healthz HTTP/1.1\r\n folded\r\n\r\n",
], ids=str)  # fmt: skip
def test_what_is_no_http_gets_no_answer_but_400(port: int, data: bytes) -> None:
    answer = raw.send(port, data)
    assert answer is None or answer.status == 400
    after = raw.request(port)
    assert after and after.status == 200


def test_half_open_connections_block_nobody(port: int) -> None:
    starts = [b"", b"POST /v1/search HT", f"POST /v1/unlock HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n".encode(),
              f"POST /v1/count HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
              "content-length: 100\r\n\r\n{".encode()]  # fmt: skip
    open_ = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]
    try:
        for number, sock in enumerate(open_):
            sock.sendall(starts[number % len(starts)])
        for _ in range(3):
            answer = raw.request(port)
            assert answer and answer.status == 200
    finally:
        for sock in open_:
            sock.close()


def test_two_lengths_are_refused() -> None:
    guard = Guard(7117)
    base = [(b"host", b"localhost:7117"), (b"content-type", b"application/json")]
    for more in (
        [(b"content-length", b"1"), (b"content-length", b"2")],
        [(b"content-length", b"2"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"9" * 30)],
    ):
        with pytest.raises(Refusal):
            guard.check("POST", "/v1/search", [*base, *more])
    guard.check("POST", "/v1/search", [*base, (b"content-length", b"2")])
