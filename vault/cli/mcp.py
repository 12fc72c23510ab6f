"""`ownvault mcp`: the stdio bridge that an assistant's program starts."""

from __future__ import annotations

import os
from pathlib import Path

import click

from vault.cli.open import config, prover
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import Refused


@click.command(cls=Command)
@click.option(
    "--token-file", metavar="FILE", envvar="OWNVAULT_TOKEN_FILE",
    help="Read the capability token from FILE (or OWNVAULT_TOKEN_FILE), again when it is refused.",
)  # fmt: skip
@pass_settings
def mcp(settings: Settings, token_file: str | None) -> None:
    """Speak MCP over stdin and stdout for one assistant.

    The assistant's program starts it, with its capability token in a file or in OWNVAULT_TOKEN. It asks the
    running server and holds no key itself. While the vault is locked it says so, and goes on once it is unlocked.
    """
    token = os.environ.get("OWNVAULT_TOKEN", "")
    if not token and not token_file:
        hint = 'name a file with --token-file, or put the token that `ownvault grant` printed into "env"'
        raise Refused("OWNVAULT_TOKEN is not set", hint=hint)
    from vault.api import bridge
    from vault.api.bearing import Bearing

    file = Path(token_file).expanduser() if token_file else None
    bridge.run(config(settings), Bearing("" if file else token, file), prover())
