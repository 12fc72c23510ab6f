"""`ownvault pairing`: for a few minutes, let OAuth clients register that the vault does not know."""

from __future__ import annotations

from datetime import timedelta

import click

from vault import sentences
from vault.cli import filters, plain, screen
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.types import Pairing, PairingRequest


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def pairing(context: click.Context) -> None:
    """Let new OAuth clients register for a few minutes.

    An assistant that ownvault does not know registers before it asks for access. It may do so only while you let it;
    without a command this says whether you do, and who registered. What one may see you decide afterwards.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings) as vault:
        seen = vault.vault.pairing(vault.holder)
    _tell(settings, seen)


@pairing.command("open")
@click.option("--for", "time", type=filters.Duration(), default="5m", show_default=True,
              help="How long: 5m, at most an hour.")  # fmt: skip
@pass_settings
def open_(settings: Settings, time: timedelta) -> None:
    """Let new clients register for a while. It closes by itself."""
    with opened(settings) as vault:
        seen = vault.vault.open_pairing(vault.holder, PairingRequest(int(time.total_seconds())))
    _tell(settings, seen)
    if not settings.json:
        screen.note(settings, "start the assistant's sign-in now; then decide what it may see: ownvault requests")


@pairing.command()
@pass_settings
def close(settings: Settings) -> None:
    """Let nobody register any more."""
    with opened(settings) as vault:
        seen = vault.vault.close_pairing(vault.holder)
    _tell(settings, seen)


def _tell(settings: Settings, seen: Pairing) -> None:
    if settings.json:
        screen.emit(seen)
        return
    if seen.until is None:
        screen.say("closed: no new client may register")
    else:
        screen.say(f"open until {screen.minute(seen.until)}: {sentences.plural(seen.left, 'client')} may register")
    for one in seen.clients:
        kept = f"forgotten at {screen.minute(one.expires)} unless you grant it something" if one.expires else "granted"
        screen.say(f"{screen.bold(plain.one_line(one.name))}  {kept}")
        screen.facts([("answer to", ", ".join(map(plain.one_line, one.redirects)))])
