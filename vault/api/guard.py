"""Who may speak to a loopback server at all, decided from the head of a request alone.

A web page, another extension or a rebound DNS name must get nothing, whatever route it asks for
(research: OWASP ASVS 5.0 §3.5, MCP transport security). Pure, standard library only: the sealed
parent and the worker both use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vault import limits
from vault.api.problems import Refusal, method_refused
from vault.errors import BadRequest, NotAllowed, TooLarge

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE"})
BODIED = frozenset({"POST", "PATCH"})
NAMES = ("127.0.0.1", "localhost", "[::1]", "vault.localhost")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On every response. There is no CORS header among them, and there must never be."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for the server on one port."""

    port: int

    def check(self, method: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raise Refusal for a request that is to be turned away. Header names are lower-case."""
        said: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            said.setdefault(name, []).append(value)
        self._check_caller(said, target)
        if method not in METHODS:
            raise method_refused(METHODS)
        _check_body(method, said)

    def _check_caller(self, said: dict[bytes, list[bytes]], target: str) -> None:
        hosts = said.get(b"host", [])
        own = {f"{name}:{self.port}".encode() for name in NAMES}
        if len(hosts) != 1 or hosts[0] not in own:
            hint = f"use http://127.0.0.1:{self.port}"
            raise Refusal(BadRequest("the Host header is not this server's", hint=hint))
        if not target.startswith("/") or target.startswith("//"):
            raise Refusal(BadRequest("the request's target is not a path"))
        if said.get(b"origin", [b"http://" + hosts[0]]) != [b"http://" + hosts[0]]:
            raise Refusal(NotAllowed("requests of other origins are refused"))
        if any(site.lower() not in (b"same-origin", b"none") for site in said.get(b"sec-fetch-site", [])):
            raise Refusal(NotAllowed("requests of other sites are refused"))


def _check_body(method: str, said: dict[bytes, list[bytes]]) -> None:
    lengths = said.get(b"content-length", [])
    if len(lengths) > 1 or (lengths and b"transfer-encoding" in said):
        raise Refusal(BadRequest("the length of the body is told twice"))
    if lengths and not lengths[0].isdigit():
        raise Refusal(BadRequest("Content-Length is not a number"))
    if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > limits.BODY):
        raise Refusal(TooLarge(f"the body is larger than {limits.BODY // 2**20} MiB"))
    kinds = said.get(b"content-type", [])
    json = len(kinds) == 1 and kinds[0].split(b";")[0].strip().lower() == b"application/json"
    if method in BODIED and not json:  # it also keeps plain HTML forms out
        raise Refusal(BadRequest("the body must be application/json"), 415)
