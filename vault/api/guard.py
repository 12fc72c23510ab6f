"""Who may speak to a loopback server at all, decided from the head of a request alone.

A web page, another extension or a rebound DNS name must get nothing, whatever route it asks for
(research: OWASP ASVS 5.0 §3.5, MCP transport security). Pure, standard library only: the sealed
parent and the worker both use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vault.errors import BadRequest, NotAllowed, TooLarge, VaultError

MAX_BODY = 8 * 2**20
"""Bytes of a request's body."""
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
NAMES = ("127.0.0.1", "localhost", "[::1]", "vault.localhost")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On every response. There is no CORS header among them, and there must never be."""


class MethodRefused(BadRequest):
    """A method that nothing here answers; OPTIONS among them, so no preflight ever succeeds."""

    code, status = "method_refused", 405


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for the server on one port."""

    port: int

    def check(self, method: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> VaultError | None:
        """Return why a request is turned away, or None. Header names are lower-case."""
        said: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            said.setdefault(name, []).append(value)
        return self._caller(said, target) or _method(method) or _body(method, said)

    def _caller(self, said: dict[bytes, list[bytes]], target: str) -> VaultError | None:
        hosts = said.get(b"host", [])
        own = {f"{name}:{self.port}".encode() for name in NAMES}
        if len(hosts) != 1 or hosts[0] not in own:
            return BadRequest("the Host header is not this server's", hint=f"use http://127.0.0.1:{self.port}")
        if not target.startswith("/"):
            return BadRequest("the request target is not a path")
        if said.get(b"origin", [b"http://" + hosts[0]]) != [b"http://" + hosts[0]]:
            return NotAllowed("requests of other origins are refused")
        if any(site.lower() not in (b"same-origin", b"none") for site in said.get(b"sec-fetch-site", [])):
            return NotAllowed("requests of other sites are refused")
        return None


def _method(method: str) -> VaultError | None:
    return None if method in METHODS else MethodRefused("this method is not answered")


def _body(method: str, said: dict[bytes, list[bytes]]) -> VaultError | None:
    lengths = said.get(b"content-length", [])
    if len(lengths) > 1 or (lengths and b"transfer-encoding" in said):
        return BadRequest("the length of the body is told twice")
    if lengths and not lengths[0].isdigit():
        return BadRequest("Content-Length is not a number")
    if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > MAX_BODY):
        return TooLarge(f"the body is larger than {MAX_BODY // 2**20} MiB")
    kinds = said.get(b"content-type", [])
    json = len(kinds) == 1 and kinds[0].split(b";")[0].strip().lower() == b"application/json"
    if method == "POST" and not json:
        return UnsupportedMedia("the body must be application/json")
    return None


class UnsupportedMedia(BadRequest):
    """A body that is no JSON. It also keeps plain HTML forms out."""

    code, status = "unsupported_media_type", 415
