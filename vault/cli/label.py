"""`ownvault label`: the owner's labels and sensitivity of records that are there."""

from __future__ import annotations

import click

from vault import sentences
from vault.cli import screen
from vault.cli.open import opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.types import LabelRequest, Sensitivity

LEVELS = [level.name.lower() for level in Sensitivity]


@click.command(cls=Command)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--add", multiple=True, metavar="NAME", help="A label to add. May be repeated.")
@click.option("--remove", multiple=True, metavar="NAME", help="A label to take away. May be repeated.")
@click.option("--sensitivity", type=click.Choice(LEVELS), help="How sensitive they are from now on.")
@pass_settings
def label(
    settings: Settings, ids: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...], sensitivity: str | None
) -> None:
    """Add or take away labels; set how sensitive records are.

    Every grant sees the records so, or no longer sees them, at once. Importing their source again keeps the labels,
    and may raise the sensitivity for words that are new.
    """
    with opened(settings) as vault:
        done = vault.vault.label(vault.holder, LabelRequest(ids, add, remove, sensitivity))
    if settings.json:
        screen.emit(done)
    else:
        screen.say(f"changed: {sentences.plural(len(done.changed), 'record')} of {len(dict.fromkeys(ids)):,}")
