"""Who may speak to a loopback server at all, decided from the head of a request alone.

A web page, another extension or a rebound DNS name must get nothing, whatever route it asks for
(research: OWASP ASVS 5.0 §3.5, MCP transport security). Pure, standard library only: the sealed
parent and the worker both use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vault.api.problems import Refusal, method_refused
from vault.api.surfaces import ENTRANCES, EXTENSIONS, FORMS, SHEETS, alone, among, most, policy
from vault.errors import BadRequest, NotAllowed, TooLarge

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE"})
BODIED = frozenset({"POST", "PATCH"})
EXTENSION = re.compile(rb"chrome-extension://[a-p]{32}|moz-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An origin that browsers give to extensions, and to nothing else."""
NAMES = ("127.0.0.1", "localhost", "[::1]", "vault.localhost")
_JSON, _FORM = ("application/json",), ("application/x-www-form-urlencoded",)
_SHEET = (*_FORM, "application/octet-stream")
"""What a body may be. No page of another site can send the last without a preflight, which never succeeds."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with none, browsers call the origin of our own forms `null`
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


def security_headers(path: str = "") -> list[tuple[bytes, bytes]]:
    """Return what every response carries, of what stands at a path. No CORS header is among them, nor may ever be."""
    opener = [(b"cross-origin-opener-policy", b"same-origin")] if alone(path) else []
    return [*_HEADERS, *opener, (b"content-security-policy", policy(path).encode())]


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for the server on one port; `elsewhere` are the authorities by which it is reached with TLS."""

    port: int
    elsewhere: tuple[str, ...] = ()

    def scheme(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the scheme by which a request came that was let pass."""
        far = {authority.encode() for authority in self.elsewhere}
        return "https" if any(name == b"host" and value in far for name, value in headers) else "http"

    def check(self, method: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raise Refusal for a request that is to be turned away. Header names are lower-case."""
        said: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            said.setdefault(name, []).append(value)
        path = target.partition("?")[0]
        if among(path, EXTENSIONS):
            self._check_extension(method, said, target)
            _check_body(method, said, most(path), _JSON)
            return
        self._check_caller(said, target, entering=method == "GET" and among(path, ENTRANCES))
        if method not in METHODS:
            raise method_refused(METHODS)
        sheet = among(path, SHEETS)
        if sheet and method not in ("GET", "HEAD") and b"origin" not in said:
            raise Refusal(NotAllowed("this form is not from a page of this server"))
        _check_body(method, said, most(path), _SHEET if sheet else _FORM if among(path, FORMS) else _JSON)

    def _check_extension(self, method: str, said: dict[bytes, list[bytes]], target: str) -> None:
        """Let an extension's call pass. The browser tells its origin, with POST alone, and no page can write it."""
        self._check_place(said, target)
        if said.get(b"host") != [f"127.0.0.1:{self.port}".encode()]:
            raise Refusal(NotAllowed("extensions call 127.0.0.1"))
        if method != "POST":
            raise method_refused(["POST"])
        origins = said.get(b"origin", [])
        if len(origins) != 1 or not EXTENSION.fullmatch(origins[0]):
            raise Refusal(NotAllowed("this is for the browser extension alone"))
        if said.get(b"sec-fetch-site") not in ([b"none"], [b"same-origin"]):
            raise Refusal(NotAllowed("requests of other sites are refused"))

    def _check_place(self, said: dict[bytes, list[bytes]], target: str) -> bytes:
        """Return the Host of a request to this server."""
        hosts = said.get(b"host", [])
        own = {f"{name}:{self.port}".encode() for name in NAMES} | {one.encode() for one in self.elsewhere}
        if len(hosts) != 1 or hosts[0] not in own:
            hint = f"use http://127.0.0.1:{self.port}"
            raise Refusal(BadRequest("the Host header is not this server's", hint=hint))
        if not target.startswith("/") or target.startswith("//"):
            raise Refusal(BadRequest("the request's target is not a path"))
        return hosts[0]

    def _check_caller(self, said: dict[bytes, list[bytes]], target: str, entering: bool) -> None:
        host = self._check_place(said, target)
        origin = f"{self.scheme([(b'host', host)])}://".encode() + host
        if said.get(b"origin", [origin]) != [origin]:
            raise Refusal(NotAllowed("requests of other origins are refused"))
        if entering and navigates(said) and b"same-site" not in said.get(b"sec-fetch-site", []):
            return  # the same site is another port of this name, whose page would bring the console's cookie with it
        if any(site.lower() not in (b"same-origin", b"none") for site in said.get(b"sec-fetch-site", [])):
            raise Refusal(NotAllowed("requests of other sites are refused"))


def navigates(said: dict[bytes, list[bytes]]) -> bool:
    """Tell whether a browser shows the answer as a page of its own, not within another and not to a script."""
    return said.get(b"sec-fetch-mode") == [b"navigate"] and said.get(b"sec-fetch-dest") == [b"document"]


def stranger(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the origin of the extension that a refused request came from, nothing when it was no extension's."""
    origins = [value for name, value in headers if name == b"origin"]
    return origins[0].decode() if len(origins) == 1 and EXTENSION.fullmatch(origins[0]) else ""


def _check_body(method: str, said: dict[bytes, list[bytes]], most: int, wanted: tuple[str, ...]) -> None:
    lengths = said.get(b"content-length", [])
    if len(lengths) > 1 or (lengths and b"transfer-encoding" in said):
        raise Refusal(BadRequest("the length of the body is told twice"))
    if lengths and not lengths[0].isdigit():
        raise Refusal(BadRequest("Content-Length is not a number"))
    if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > most):
        raise Refusal(TooLarge(f"the body is larger than {most // 2**20} MiB"))
    kinds = said.get(b"content-type", [])
    fitting = len(kinds) == 1 and kinds[0].split(b";")[0].strip().lower().decode("latin-1") in wanted
    if method in BODIED and not fitting:  # it also keeps plain HTML forms out
        raise Refusal(BadRequest(f"the body must be {wanted[0]}"), 415)
