"""`ownvault keys`: the keys that sign capability tokens, renewed and retired; and who can open the vault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from vault.cli import passphrase, screen
from vault.cli.open import VIA, existing, held, opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import Busy
from vault.types import Holder

if TYPE_CHECKING:
    from vault.service import Vault


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def keys(context: click.Context) -> None:
    """Renew the keys that sign tokens; list who can open the vault.

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


@keys.command()
@pass_settings
def slots(settings: Settings) -> None:
    """List the keyslots: who can open the vault. Needs no passphrase."""
    from vault import unlocking

    found = unlocking.listed(existing(settings).directory)
    if settings.json:
        screen.emit({"slots": found})
    else:
        screen.table(("keyslot", "kind"), [(slot["id"], slot["kind"]) for slot in found])


@keys.command("add-keyring")
@pass_settings
def add_keyring(settings: Settings) -> None:
    """Let your system's keyring open the vault.

    Then `ownvault mcp` starts the server by itself when none runs. Every program that can read your keyring,
    that is, each of yours while you are logged in, can open the vault from then on. A vault that you locked
    stays locked.
    """
    with _alone(settings) as (vault, holder, secret):
        id = vault.add_keyring(holder, secret)
    if settings.json:
        screen.emit({"id": id, "kind": "keyring"})
    else:
        screen.say(f"added keyslot {id}: your system's keyring opens the vault now")
        screen.note(settings, "to take it back: ownvault keys remove-keyring")


@keys.command("remove-keyring")
@pass_settings
def remove_keyring(settings: Settings) -> None:
    """Let your system's keyring open the vault no longer."""
    with _alone(settings) as (vault, holder, _):
        vault.remove_keyring(holder)
    if settings.json:
        screen.emit({"removed": "keyring"})
    else:
        screen.say("removed: your system's keyring opens the vault no longer")


@contextmanager
def _alone(settings: Settings) -> Iterator[tuple[Vault, Holder, bytearray]]:
    """Yield the vault, opened here, its owner, and the passphrase again. Raises Busy while a server runs."""
    from vault.service import Vault

    config = existing(settings)
    if held(config):
        raise Busy("the vault is open elsewhere", hint="end the server first; keyslots are changed without one")
    secret = passphrase.obtain(settings)
    again = bytearray(secret)
    try:
        with Vault.open(config, secret) as vault:
            yield vault, Holder(vault.owner_token().token, VIA), again
    finally:
        passphrase.wipe(again)


def _list(settings: Settings) -> None:
    with opened(settings) as vault:
        published: Any = vault.vault.public_keys()
    if settings.json:
        screen.emit(published)
        return
    uses = ["signs", "only checks"]
    rows = [(str(one["kid"]), uses[i > 0], one["public_key"]) for i, one in enumerate(published["token_keys"])]
    screen.table(("key", "use", "public key"), rows, numbers=("key",))
