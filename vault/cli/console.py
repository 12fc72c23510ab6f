"""`ownvault console`: the web console, in the owner's browser."""

from __future__ import annotations

import webbrowser

import click

from vault.cli import screen
from vault.cli.open import existing, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import Unreachable


@click.command(cls=Command)
@click.option("--print", "only_print", is_flag=True, help="Print the link instead of opening a browser.")
@pass_settings
def console(settings: Settings, only_print: bool) -> None:
    """Open the web console, signed in.

    The link works once, for two minutes, and shows nothing to whoever comes later. A browser that may not read
    the vault's directory (some are kept from it) shows nothing either: open what --print says.
    """
    from vault.api.client import RemoteVault
    from vault.api.console import leading

    with opened(settings, remind=False) as vault:
        if not isinstance(vault.vault, RemoteVault):
            raise Unreachable("the console is part of the server, and none runs")
        link = vault.vault.link(vault.holder)
    if settings.json:
        screen.emit(link)
    elif only_print or not webbrowser.open(leading.write(existing(settings).directory, link.url).as_uri()):
        screen.say(link.url)
    else:
        screen.note(settings, "opened in your browser; if that shows nothing: ownvault console --print")
