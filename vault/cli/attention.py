"""What waits for the owner, in one line below whatever an owner's command prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vault import sentences
from vault.cli import screen
from vault.cli.root import Settings
from vault.errors import VaultError
from vault.types import VaultStatus

if TYPE_CHECKING:
    from vault.cli.open import Open


def arrange(settings: Settings, vault: Open, *, remind: bool) -> None:
    """Look what waits, and have it said on stderr when the command has printed what it is for."""
    command = click.get_current_context(silent=True)
    if not remind or settings.quiet or command is None or not vault.owner:
        return
    try:
        words = waiting(vault.vault.status(vault.holder))
    except VaultError:  # a reminder is never why a command fails
        return
    if words:
        command.call_on_close(lambda: click.echo(screen.dim(words), err=True))


def waiting(status: VaultStatus) -> str:
    """Return `2 requests wait: ownvault requests · 1 notice: ownvault notices`, or nothing."""
    requests, notices = status.requests or 0, len(status.notices)
    return " · ".join(filter(None, (
        f"{sentences.plural(requests, 'request')} {'waits' if requests == 1 else 'wait'}: ownvault requests"
        if requests else "",
        f"{sentences.plural(notices, 'notice')}: ownvault notices" if notices else "",
    )))  # fmt: skip
