"""`ownvault doctor`: what may be wrong with the vault, and what to do about it."""

from __future__ import annotations

import click

from vault.cli import screen
from vault.cli.open import opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.types import Look

FOUND = 1
"""The exit status when something is wrong."""
_LOOKS = {Look.GOOD: "ok", Look.LOOK: "look", Look.BAD: "WRONG"}


@click.command(cls=Command)
@pass_settings
@click.pass_context
def doctor(context: click.Context, settings: Settings) -> None:
    """Look the vault over, and say what to do.

    Search, disk, files, keys, the clock, grants that are broad or unused. Ends with status 1 when something is wrong.
    The log is checked by: ownvault audit verify
    """
    with opened(settings) as vault:
        found = vault.vault.checkup(vault.holder)
    if settings.json:
        screen.emit(found)
    else:
        screen.table(("", "", "", ""), [(_LOOKS[one.look], one.name, one.says, one.hint) for one in found.checks])
    if any(one.look is Look.BAD for one in found.checks):
        context.exit(FOUND)
