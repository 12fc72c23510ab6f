"""`ownvault mcp`: the stdio bridge that an assistant's program starts."""

from __future__ import annotations

import os

import click

from vault.cli.open import config
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import Refused


@click.command(cls=Command)
@pass_settings
def mcp(settings: Settings) -> None:
    """Speak MCP over stdin and stdout for one assistant.

    The assistant's program starts it, with its capability token in OWNVAULT_TOKEN. It asks the running
    server and holds no key itself.
    """
    token = os.environ.get("OWNVAULT_TOKEN")
    if not token:
        raise Refused("OWNVAULT_TOKEN is not set", hint='put the token that `ownvault grant` printed into "env"')
    from vault.api import bridge

    bridge.run(config(settings), token)
