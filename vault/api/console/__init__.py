"""The web console: the owner's own pages. They hold no rule; every page is a method of the vault, worded.

A noun of the console is one module with `add(console)`, named here; `ground.Console` guards every page of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from vault.api.attempts import Attempts
    from vault.api.console.ground import Console
    from vault.service import Vault

NOUNS = ("signing", "news", "pages", "passkeys", "clients", "log", "exposure", "data", "atlas", "settings")


def mount(flask: Flask, vault: Vault, attempts: Attempts) -> None:
    """Add the console, and the route by which the owner's command makes a link into it."""
    from vault.api.console.ground import Console
    from vault.api.console.sessions import Sessions
    from vault.api.console.signing import linking
    from vault.founding import now

    console = Console(vault, Sessions(now), attempts)
    fill(console)
    flask.register_blueprint(console.blueprint)
    flask.add_url_rule("/v1/console", "link", linking(console), methods=["POST"])


def fill(console: Console) -> None:
    """Add every noun's pages."""
    for noun in NOUNS:
        import_module(f"{__name__}.{noun}").add(console)
