"""`ownvault revoke`: ends a grant, a client's grants, everybody's, or a single token."""

from __future__ import annotations

import sys

import click

from vault import sentences
from vault.cli import bearer, ids, plain, screen
from vault.cli.open import Open, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest
from vault.types import GrantView, Revoked, RevokeRequest


@click.command(cls=Command)
@click.argument("id", required=False)
@click.option("--client", metavar="NAME", help="Every live grant of this client.")
@click.option("--all", "everything", is_flag=True, help="Every live grant of everybody: the kill switch. Asks first.")
@click.option("--token", "file", metavar="FILE", help="Only the token in FILE (- is stdin) and what was made from it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def revoke(
    settings: Settings, id: str | None, client: str | None, everything: bool, file: str | None, yes: bool
) -> None:
    """Revoke a grant, at once and everywhere.

    ID is the grant's, or its first characters, from `ownvault grants`. All tokens made from it are refused from
    the next request on. Nothing brings them back: to stop a grant for a while, pause it.
    """
    if sum((id is not None, client is not None, everything, file is not None)) != 1:
        raise click.UsageError(
            "name one grant, or --client NAME, or --token FILE, or say --all", click.get_current_context()
        )
    if file is not None:
        _token(settings, file)
        return
    if everything and not yes and not sys.stdin.isatty():
        raise BadRequest("revoking everything needs a yes, and there is no terminal to ask on", hint="say it: --yes")
    with opened(settings) as vault:
        if id is not None:
            view = vault.vault.revoke(vault.holder, ids.grant(vault, id))
            ended = Revoked((view,))
        else:
            if everything and not yes:
                _confirm(vault)
            ended = vault.vault.revoke_many(vault.holder, RevokeRequest(client, everything))
    if settings.json:
        screen.emit(ended.grants[0] if id else ended)
        return
    for view in ended.grants:
        screen.say(f"revoked {view.id} of {plain.one_line(view.client)}")
    if not ended.grants:
        screen.say("there was no live grant to revoke")
    elif everything:
        screen.say(f"{sentences.plural(len(ended.grants), 'grant')} ended; no assistant is answered any more")


def _token(settings: Settings, file: str) -> None:
    token = bearer.obtain(file)
    with opened(settings) as vault:
        view = vault.vault.revoke_token(vault.holder, token)
    if settings.json:
        screen.emit(view)
    else:
        screen.say(f"revoked one token of {view.id} of {plain.one_line(view.client)}, and what was made from it")
        screen.note(settings, f"the grant lives on; to end it: ownvault revoke {view.id}")


def _confirm(vault: Open) -> None:
    """Ask, naming whom it meets; leaves the command when the answer is no."""
    live: list[GrantView] = [view for view in vault.vault.grants(vault.holder) if view.status not in ids.ENDED]
    clients = ", ".join(sorted({plain.one_line(view.client) for view in live}))
    if live and not click.confirm(f"Revoke {sentences.plural(len(live), 'grant')} ({clients}) for good?", err=True):
        screen.say("kept")
        raise click.exceptions.Exit(0)
