"""Surfaces: what the guard lets pass to each package, and nowhere else."""

from __future__ import annotations

import pytest

from vault.api import surfaces
from vault.api.guard import Guard, security_headers
from vault.api.problems import Refusal

GUARD = Guard(7117)
OWN = (b"origin", b"http://127.0.0.1:7117")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
JSON = (b"content-type", b"application/json")
CROSS = (b"sec-fetch-site", b"cross-site")
NAVIGATION = (CROSS, (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document"))


def passes(method: str, path: str, *headers: tuple[bytes, bytes]) -> bool:
    try:
        GUARD.check(method, path, [(b"host", b"127.0.0.1:7117"), *headers])
    except Refusal:
        return False
    return True


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/console/sign-in", "/console/requests/q1"])
def test_forms_only_where_they_are_declared(path: str) -> None:
    assert passes("POST", path, FORM, OWN) and not passes("POST", path, JSON, OWN)
    for other in ("/v1/search", "/mcp", "/oauth/register", "/oauth/tokens", "/consoles/", "/console"):
        assert not passes("POST", other, FORM, OWN) and passes("POST", other, JSON, OWN), other


def test_a_page_s_form_tells_its_origin() -> None:
    assert passes("POST", "/oauth/token", FORM), "a program has no origin"
    assert not passes("POST", "/console/sign-in", FORM)
    for origin in (b"null", b"http://evil.example", b"http://localhost:7117", b""):
        assert not passes("POST", "/console/sign-in", FORM, (b"origin", origin))
    assert passes("GET", "/console/") and passes("HEAD", "/console/")


@pytest.mark.parametrize("path", ["/oauth/authorize", "/console/", "/console/requests/q1"])
def test_a_link_elsewhere_leads_to_an_entrance_and_nowhere_else(path: str) -> None:
    assert passes("GET", path, *NAVIGATION)
    assert not passes("POST", path, *NAVIGATION, FORM, OWN)
    for other in ("/oauth/authorize/x", "/oauth/device", "/v1/status", "/healthz", "/v1/events"):
        assert not passes("GET", other, *NAVIGATION), other
    for dest, mode in ((b"iframe", b"navigate"), (b"empty", b"cors"), (b"image", b"no-cors"), (b"document", b"cors")):
        assert not passes("GET", path, CROSS, (b"sec-fetch-mode", mode), (b"sec-fetch-dest", dest))
    assert not passes("GET", path, CROSS)


def test_every_policy_is_closed_but_for_what_it_says() -> None:
    for path in ("/", "/v1/search", "/healthz", "/oauth/token", "/oauth/authorize/x", "/console/", "/oauth/style.css"):
        said = dict(security_headers(path))[b"content-security-policy"].decode()
        assert said.startswith("default-src 'none'") and "frame-ancestors 'none'" in said and "base-uri 'none'" in said
        assert "unsafe" not in said and "http" not in said and "*" not in said
    for one in surfaces.SURFACES:
        assert one.pages or one.policy == surfaces.SEALED
        for place in (*one.public, *one.forms, *one.sheets, *one.entrances, *one.pages):
            assert place.startswith("/") and place not in ("/", "/v1/", "/mcp")
