"""Who may call at all: what the guard refuses before anybody looks, and what the owner is told of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.api.extension.conftest import CHROMIUM, FIREFOX, FOREIGN, Extension, Place
from vault.api import surfaces
from vault.api.extension.calls import CALLS
from vault.api.guard import Guard
from vault.api.problems import Refusal
from vault.errors import kinds

NAMES = ("hello", *(call.name for call in CALLS))


@pytest.mark.parametrize("name", NAMES)
def test_only_an_extension_s_own_call_comes_through(place: Place, name: str) -> None:
    one = Extension(place.port)
    refused: dict[str, dict[str, str | None]] = {
        "no origin": {"origin": None},
        "our own": {"origin": f"http://127.0.0.1:{place.port}"},
        "a page": {"origin": "https://evil.example"},
        "null": {"origin": "null"},
        "no id": {"origin": "chrome-extension://aapb"},
        "upper case": {"origin": CHROMIUM.upper()},
        "with a path": {"origin": CHROMIUM + "/"},
        "two": {"origin": f"{CHROMIUM}, {FOREIGN}"},
        "Sec-Fetch-Site cross-site": {"sec_fetch_site": "cross-site"},
        "same-site": {"sec_fetch_site": "same-site"},
        "no Sec-Fetch-Site": {"sec_fetch_site": None},
        "vault.localhost": {"host": f"vault.localhost:{place.port}"},
        "localhost": {"host": f"localhost:{place.port}"},
    }
    for why, headers in refused.items():
        assert one.refused(name, **headers) == (403, "not_allowed"), why
    assert one.refused(name, host="evil.example") == (400, "bad_request")
    assert one.refused(name, b"a=b", content_type="application/x-www-form-urlencoded") == (415, "bad_request")
    assert one.refused(name, b"{}", content_type="text/plain") == (415, "bad_request")
    assert one.refused(name, content_type=None)[0] == 415


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"])
@pytest.mark.parametrize("origin", [CHROMIUM, FIREFOX])
def test_no_other_method_and_no_preflight(place: Place, method: str, origin: str) -> None:
    one = Extension(place.port, origin)
    asked = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,dpop"}
    answer = one.say("capture", method=method, **asked)
    assert answer.status in (400, 405) and not [name for name in answer.headers if name.startswith("access-control")]


def test_no_answer_has_a_cors_header(place: Place) -> None:
    one = place.paired()
    for answer in (
        one.say("collections"),
        one.say("capture"),
        one.say("none-such"),
        Extension(place.port).say("search"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cache-control"] == "no-store"


def test_a_stranger_gets_nothing_and_is_shown_to_the_owner(place: Place) -> None:
    stranger = Extension(place.port, FOREIGN, token="ovb_" + "0" * 64)
    for name in (call.name for call in CALLS if not call.name.startswith("pair/")):
        status, code = stranger.refused(name, {})
        assert (status, code) in ((401, "token_refused"), (400, "bad_request")), name
    assert stranger.say("collections", method="GET").status == 405
    seen = place.remote.browsers(place.owner).strangers
    (mine,) = [one for one in seen if one.origin == FOREIGN]
    assert mine.times >= 2
    told = [one for one in place.remote.notices(place.owner).notices if one.kind == "extension"]
    assert [one.client for one in told].count(FOREIGN) == 1


def test_strangers_fill_nothing(place: Place) -> None:
    letters = "abcdefghijklmnop"
    for number in range(60):
        origin = "chrome-extension://" + "p" * 30 + letters[number // 16] + letters[number % 16]
        Extension(place.port, origin, token="ovb_" + "0" * 64).say("collections")
    seen = place.remote.browsers(place.owner).strangers
    assert len(seen) == 32
    told = [one for one in place.remote.notices(place.owner).notices if one.kind == "extension"]
    assert len(told) <= 8


def test_bodies_are_objects_that_say_what_is_known(place: Place) -> None:
    one = place.paired()
    for body in (b"", b"[]", b"null", b"{", b'{"a":1}', b'{"site":"https://a.example","site":"https://b.example"}'):
        assert one.refused("seen", body)[0] == 400, body
    assert one.refused("seen", b" " * 300_000) == (413, "too_large")
    assert one.refused("none-such") == (404, "not_found")
    assert one.refused("capture/") == (404, "not_found")


def test_a_badge_that_looks_keeps_no_vault_open() -> None:
    for name in ("hello", "pair/start", "pair/token", "requests", "seen", "collections", "adapters"):
        assert surfaces.among(f"/extension/{name}", surfaces.PUBLIC), name
    for name in ("capture", "search", "read", "insert", "decide"):
        assert not surfaces.among(f"/extension/{name}", surfaces.PUBLIC), name


def test_every_call_and_every_error_is_in_the_specification() -> None:
    said = (Path(__file__).parents[3] / "plugins" / "browser" / "SPEC.md").read_text("utf-8")
    for name in NAMES:
        assert f"`{name}" in said, name
    told = set(re.findall(r"`([a-z_]+)`", said.partition("### Errors")[2].partition("### Limits")[0]))
    assert {"pairing_over", "pairing_pending", "in_console", "token_refused", "locked"} <= told
    assert told <= {*kinds(), "code", "detail", "hint", "request", "key"} - {""}, told - set(kinds())


def test_only_capture_is_let_in_with_a_large_body() -> None:
    head = [(b"host", b"127.0.0.1:7117"), (b"origin", CHROMIUM.encode()), (b"sec-fetch-site", b"none"),
            (b"content-type", b"application/json")]  # fmt: skip
    guard = Guard(7117)
    guard.check("POST", "/extension/capture", [*head, (b"content-length", b"25165824")])
    for path, length in (("/extension/capture", b"25165825"), ("/extension/search", b"8388609"),
                         ("/extension/capture/x", b"8388609"), ("/v1/records", b"8388609")):  # fmt: skip
        with pytest.raises(Refusal):
            guard.check("POST", path, [*head, (b"content-length", length)])
