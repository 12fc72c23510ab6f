"""Requests that two readers could take for different ones: none is answered as the one that it hides.

Against the worker and against the sealed parent. What is not plainly one request gets one refusal at most, and the
connection ends with it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api import raw
from tests.api.conftest import Running, new, started, stopped

JSON = "content-type: application/json\r\n"
HIDDEN = "GET /openapi.json HTTP/1.1\r\n{host}\r\n"
"""What is smuggled: answered, it shows by its status, which no other request here has."""
BODY = "POST /v1/search HTTP/1.1\r\n{host}" + JSON
AMBIGUOUS = {
    "both lengths": BODY + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "an unknown coding": BODY + "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked is not last": BODY + "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two codings": BODY + "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": BODY + "content-length: 2\r\ncontent-length: 60\r\n\r\n{{}}" + HIDDEN,
    "a list of lengths": BODY + "content-length: 2, 2\r\n\r\n{{}}" + HIDDEN,
    "a length with a sign": BODY + "content-length: +2\r\n\r\n{{}}" + HIDDEN,
    "a negative length": BODY + "content-length: -1\r\n\r\n{{}}" + HIDDEN,
    "a length in hex": BODY + "content-length: 0x2\r\n\r\n{{}}" + HIDDEN,
    "a length beyond numbers": BODY + "content-length: 99999999999999999999\r\n\r\n{{}}" + HIDDEN,
    "no size of a chunk": BODY + "transfer-encoding: chunked\r\n\r\nzz\r\n\r\n" + HIDDEN,
    "a chunk beyond numbers": BODY + "transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n\r\n" + HIDDEN,
    "a folded header": "GET /healthz HTTP/1.1\r\n{host}x: a\r\n content-length: 9\r\n\r\n" + HIDDEN,
    "a space before the colon": "GET /healthz HTTP/1.1\r\n{host}content-length : 9\r\n\r\n" + HIDDEN,
    "a bare CR": "GET /healthz HTTP/1.1\r\n{host}x: a\rhost: evil\r\n\r\n" + HIDDEN,
    "a zero byte": "GET /healthz HTTP/1.1\r\n{host}x: a\0b\r\n\r\n" + HIDDEN,
    "a tunnel": "CONNECT 127.0.0.1:80 HTTP/1.1\r\n{host}\r\n" + HIDDEN,
    "HTTP/0.9": "GET /healthz\r\n\r\n" + HIDDEN,
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "refused, in the body": "POST / HTTP/1.1\r\nhost: evil\r\n" + JSON + "content-length: {length}\r\n\r\n" + HIDDEN,
    "in the body of a GET": "GET /healthz HTTP/1.1\r\n{host}content-length: {length}\r\n\r\n" + HIDDEN,
}  # fmt: skip
FINE = frozenset({"in the body of a GET"})
"""Plainly one request, with a body that nobody asked for."""


@pytest.fixture(scope="module", params=["unlocked", "locked"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "unlocked":
        running: Running = request.getfixturevalue("running")
        yield running.port
        return
    home: Path = request.getfixturevalue("tmp_path_factory").mktemp("locked")
    server = started(new(home), "--locked")
    yield int(server.address.rsplit(":", 1)[1])
    assert server.process.poll() is None
    stopped(server)


def statuses(port: int, text: str) -> list[int]:
    """Send bytes and return the statuses of all answers until the server ends the connection."""
    host = f"host: 127.0.0.1:{port}\r\n"
    length = len(HIDDEN.format(host=host))
    told = b""
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        try:
            sock.sendall(text.format(host=host, length=length).encode("latin-1"))
            sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(65536):
                told += part
        except ConnectionError:
            pass
    return [int(one) for one in re.findall(rb"HTTP/1\.[01] (\d{3}) ", told)]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_hidden_request_is_not_answered(port: int, name: str) -> None:
    found = statuses(port, AMBIGUOUS[name])
    assert len(found) <= 1, found
    assert name in FINE or not found or found[0] >= 400
    answer = raw.request(port)
    assert answer and answer.status == 200


def test_a_path_is_judged_as_it_is_routed(running: Running) -> None:
    """Written otherwise, a path has the rules of what answers there, and no other's."""
    form = {"content_type": "application/x-www-form-urlencoded"}
    for target, status in (
        ("/%63onsole/sign-in", 403), ("/oauth%2ftoken", 400), ("/v1/records%2fread", 415),
        ("/%2563onsole/sign-in", 415), ("/console/../v1/search", 403), ("//console/sign-in", 400),
        ("/console//sign-in", 403),
    ):  # fmt: skip
        answer = raw.request(running.port, "POST", target, b"a=b", **form)
        assert answer and answer.status == status, (target, answer and answer.status)
    for target in ("/v1/../healthz", "/v1/%2e%2e/healthz", "/healthz/", "/HEALTHZ", "/healthz;a=b", "/healthz%00"):
        answer = raw.request(running.port, "GET", target)
        assert answer and answer.status in (400, 401, 404), (target, answer and answer.status)
