"""How a command gets the vault: from the running server, or by opening it itself.

Both come with the owner's capability, which a command presents like everybody else. `OWNVAULT_TOKEN`,
when set, is presented instead: `eval "$(ownvault unlock --shell)"` sets it, and so can whoever wants
to see what an assistant sees.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vault.cli import attention, passphrase, screen
from vault.cli.root import Settings
from vault.config import Config
from vault.errors import Locked, NoVault, Refused, Unreachable, VaultError
from vault.types import Holder

if TYPE_CHECKING:
    from vault.api.client import RemoteVault
    from vault.api.proving import Prover
    from vault.service import Vault

VIA = "cli"
PATIENCE = 60.0
"""Seconds that a command waits for a server that is just starting."""
STALE = 'OWNVAULT_TOKEN is set; renew it with eval "$(ownvault unlock --shell)", or unset it'


@dataclass(frozen=True, slots=True)
class Open:
    """A vault that answers, and whose authority the command acts with."""

    vault: Vault | RemoteVault
    holder: Holder

    @property
    def owner(self) -> bool:
        """Whether the capability says that it is the owner's. Only for what is worth asking: the vault decides."""
        if "OWNVAULT_TOKEN" not in os.environ:
            return True
        from vault.permissions import grants, tokens

        try:
            return tokens.inspect(self.holder.token).grant == grants.OWNER
        except VaultError:
            return False


def config(settings: Settings) -> Config:
    """Return the configuration of the vault that was named."""
    return Config.load(settings.vault, device=settings.device)


def existing(settings: Settings) -> Config:
    """Return the configuration of a vault that is there. Raises NoVault before anybody is asked for anything."""
    chosen = config(settings)
    if not (chosen.directory / "keyslots.json").exists():
        raise NoVault(f"there is no vault in {chosen.directory}")
    return chosen


@contextmanager
def opened(settings: Settings, *, remind: bool = True) -> Iterator[Open]:
    """Yield the vault: remote when a server owns it, else opened here under its lock and closed afterwards.

    When the command ends well its owner is told what waits for a decision, unless `remind` is off.
    Raises NoVault, Locked (a server runs without the key), WrongPassphrase, Busy, Damaged, RolledBack.
    """
    chosen = existing(settings)
    try:
        if server := remote(chosen):
            there = _by_server(settings, server)
            yield there
            attention.arrange(settings, there, remind=remind)
        else:
            with _by_ourselves(settings, chosen) as here:
                yield here
                attention.arrange(settings, here, remind=remind)
    except Refused as error:
        if "OWNVAULT_TOKEN" not in os.environ:
            raise
        raise Refused(error.message, hint=STALE) from None


def remote(chosen: Config) -> RemoteVault | None:
    """Return the server that owns this vault, if one runs."""
    from vault.store.lock import find_server

    found = find_server(chosen.directory)
    if not found:
        return None
    from vault.api.client import RemoteVault

    knock, place = str(found.get("knock", "")), str(found.get("socket", ""))
    return RemoteVault(f"http://127.0.0.1:{found['port']}", knock=knock, place=place, prover=prover())


def prover() -> Prover | None:
    """Return the key that the token is bound to, where OWNVAULT_KEY_FILE names its file."""
    if not (place := os.environ.get("OWNVAULT_KEY_FILE")):
        return None
    from vault.api.proving import Prover

    return Prover.read(Path(place))


def held(chosen: Config) -> bool:
    """Return whether a server or another command has this vault open."""
    from vault.store import lock

    return lock.held(chosen.directory)


def settled(server: RemoteVault) -> str:
    """Return the server's state once it is no longer `starting`, that is, deriving the key."""
    until = time.monotonic() + PATIENCE
    while (state := str(server.health()["state"])) == "starting":
        if time.monotonic() > until:
            raise Unreachable("the server is still starting", hint="try again in a moment")
        time.sleep(0.1)
    return state


def _by_server(settings: Settings, server: RemoteVault) -> Open:
    if settled(server) == "locked":
        raise Locked("the vault is locked: its server runs without the key")
    token = os.environ.get("OWNVAULT_TOKEN")  # set but empty is a token, a bad one: nobody becomes the owner by default
    if token is None:
        token = server.unlock(passphrase.obtain(settings), VIA).token
    return Open(server, Holder(token, VIA))


@contextmanager
def _by_ourselves(settings: Settings, chosen: Config) -> Iterator[Open]:
    from vault.service import Vault

    secret = passphrase.obtain(settings)
    with screen.waiting(settings, "unlocking"):
        vault = Vault.open(chosen, secret)
    try:
        token, key = os.environ.get("OWNVAULT_TOKEN"), prover()
        holder = Holder(vault.owner_token().token if token is None else token, VIA, key.thumbprint if key else "")
        yield Open(vault, holder)
    finally:
        vault.close()
