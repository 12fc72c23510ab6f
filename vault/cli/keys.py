"""`ownvault keys`: the keys that sign capability tokens, renewed and retired."""

from __future__ import annotations

from typing import Any

import click

from vault.cli import screen
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """List, renew and retire the keys that sign tokens.

    Two can be live at once: the newest signs, and tokens of the one before it stay good until it is retired.
    """
    if context.invoked_subcommand is None:
        _list(context.ensure_object(Settings))


@keys.command("list")
@pass_settings
def list_(settings: Settings) -> None:
    """List the live keys, the one that signs first."""
    _list(settings)


@keys.command()
@pass_settings
def rotate(settings: Settings) -> None:
    """Sign with a new key from now on. Tokens already given out stay good."""
    with opened(settings) as vault:
        published: Any = vault.vault.rotate(vault.holder)
    if settings.json:
        screen.emit(published)
        return
    new, old = published["token_keys"][:2]
    screen.say(f"key {new['kid']} signs from now on")
    screen.note(
        settings, f"tokens of key {old['kid']} stay good until: ownvault keys retire {old['kid']}\n"
        "whoever checks tokens offline needs the new public key: /.well-known/vault-keys.json",
    )  # fmt: skip


@keys.command()
@click.argument("kid", type=click.IntRange(min=0))
@pass_settings
def retire(settings: Settings, kid: int) -> None:
    """Refuse the tokens of the older key KID from now on, whatever their grants say."""
    with opened(settings) as vault:
        published = vault.vault.retire(vault.holder, kid)
    if settings.json:
        screen.emit(published)
    else:
        screen.say(f"retired key {kid}: tokens that it signed are refused from now on")


def _list(settings: Settings) -> None:
    with opened(settings) as vault:
        published: Any = vault.vault.public_keys()
    if settings.json:
        screen.emit(published)
        return
    uses = ["signs", "only checks"]
    rows = [(str(one["kid"]), uses[i > 0], one["public_key"]) for i, one in enumerate(published["token_keys"])]
    screen.table(("key", "use", "public key"), rows, numbers=("key",))
