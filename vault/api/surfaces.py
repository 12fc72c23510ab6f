"""What answers beside REST and MCP: packages of pages and endpoints, and what the guard lets pass to each.

A package is mounted by one entry in SURFACES, and by nothing else. What an entry does not say is refused: a form, a
visit from another site, a page's policy. Standard library only, for the sealed parent knows the guard too.

A path that ends in `/` stands for all beneath it, any other for itself alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vault import limits

if TYPE_CHECKING:
    from flask import Flask

    from vault.api.attempts import Attempts
    from vault.service import Vault

SEALED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy of what is no page: nothing may be loaded, framed or sent."""
PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' data: blob:; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types vault"
)
"""The policy of a page of ours: only what this server sends, forms only to it, and text never becomes markup or script
but through the one policy of `static/frame.js`."""
STILL = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
"""The same for pages without scripts and pictures."""


@dataclass(frozen=True, slots=True)
class Surface:
    """One package. `mount(flask, vault, attempts)` adds its routes."""

    mount: Callable[[Flask, Vault, Attempts], None]
    public: tuple[str, ...] = ()
    """Answered to whoever asks; an answer here does not put off the idle lock."""
    forms: tuple[str, ...] = ()
    """Where programs send the body of a form, not JSON; it holds a secret that no page of another site has."""
    sheets: tuple[str, ...] = ()
    """Where our own pages send forms, and our scripts bytes: as above, and the exact Origin must be told."""
    entrances: tuple[str, ...] = ()
    """Where a link on another site may lead: a GET that a browser shows as a page of its own, and nothing else."""
    extensions: tuple[str, ...] = ()
    """Where browser extensions call, and they alone: POST, with the Origin that the browser gives them."""
    pages: tuple[str, ...] = ()
    """What has `policy`, whatever a view says; the rest is SEALED."""
    policy: str = SEALED
    alone: bool = False
    """Whether its pages share no group of windows with pages of others (Cross-Origin-Opener-Policy)."""


def _oauth(flask: Flask, vault: Vault, attempts: Attempts) -> None:
    from vault.api.oauth import endpoints

    endpoints.add(flask, vault)


def _console(flask: Flask, vault: Vault, attempts: Attempts) -> None:
    from vault.api import console

    console.mount(flask, vault, attempts)


def _extension(flask: Flask, vault: Vault, attempts: Attempts) -> None:
    from vault.api import extension

    extension.mount(flask, vault)


SURFACES = (
    Surface(
        _oauth,
        public=("/.well-known/", "/oauth/"),
        forms=("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization"),
        entrances=("/oauth/authorize",),
        pages=("/oauth/authorize", "/oauth/authorize/", "/oauth/device"),
        policy=STILL,
    ),
    Surface(
        _console,
        public=("/console/static/", "/console/sign-in", "/console/enter/"),
        sheets=("/console/",),
        entrances=("/console/",),
        pages=("/console/",),
        policy=PAGE,
        alone=True,
    ),
    Surface(
        _extension,
        # what a badge asks for again and again does not keep the vault from locking
        public=(
            "/extension/hello", "/extension/pair/", "/extension/requests", "/extension/seen", "/extension/collections",
            "/extension/adapters",
        ),
        extensions=("/extension/",),
    ),
)  # fmt: skip


def among(path: str, places: tuple[str, ...]) -> bool:
    """Tell whether a request's path is one of these places."""
    return any(path.startswith(place) if place.endswith("/") else path == place for place in places)


PUBLIC = tuple(place for one in SURFACES for place in one.public)
FORMS = tuple(place for one in SURFACES for place in one.forms)
SHEETS = tuple(place for one in SURFACES for place in one.sheets)
ENTRANCES = tuple(place for one in SURFACES for place in one.entrances)
EXTENSIONS = tuple(place for one in SURFACES for place in one.extensions)
LARGE = ("/extension/capture",)
"""What takes more than limits.BODY: limits.CAPTURE."""


def most(path: str) -> int:
    """Return how many bytes the body of a request may have, by its path."""
    return limits.CAPTURE if path in LARGE else limits.BODY


def policy(path: str) -> str:
    """Return the content security policy of what stands at a path."""
    return next((one.policy for one in SURFACES if among(path, one.pages)), SEALED)


def alone(path: str) -> bool:
    """Tell whether what stands at a path shares no group of windows with pages of others."""
    return any(one.alone and among(path, one.pages) for one in SURFACES)
