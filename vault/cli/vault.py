"""`ownvault init · status · serve · unlock · lock`: the vault as a whole."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from vault.cli import open as open_
from vault.cli import passphrase, plain, screen
from vault.cli.root import Command, Settings, computing
from vault.cli.screen import pass_settings
from vault.errors import Busy, Unreachable, VaultError, VaultExists
from vault.types import VaultStatus

if TYPE_CHECKING:
    from vault.api.client import RemoteVault

PATIENCE = 10.0
"""Seconds that `lock` waits for the server's word that the key is gone."""


@click.command(cls=Command)
@pass_settings
def init(settings: Settings) -> None:
    """Create a vault and print its recovery key, once.

    The passphrase is asked twice, or read from --passphrase-file. It has at least 8 characters; length
    is what makes it strong. Forgotten passphrase and lost recovery key mean lost data: there is no third way in.
    """
    config = open_.config(settings)
    if (config.directory / "keyslots.json").exists():
        raise VaultExists(f"there is a vault in {config.directory}", hint="choose another directory with --vault DIR")
    secret = passphrase.choose(settings)
    try:
        from vault.service import Vault

        with screen.waiting(settings, "creating the vault"):
            recovery = Vault.create(config, secret)
    finally:
        passphrase.wipe(secret)
    if settings.json:
        screen.emit({"directory": str(config.directory), "recovery_key": recovery})
        return
    screen.say(f"created a vault in {plain.one_line(str(config.directory))}")
    screen.say("\nrecovery key:\n")
    screen.say(f"    {screen.bold(recovery)}\n")
    screen.say(
        "Write it down on paper now. It opens the vault when the passphrase is forgotten, and is not shown again."
    )
    screen.note(settings, "next: ownvault import markdown DIR --collection notes")


@click.command(cls=Command)
@pass_settings
def status(settings: Settings) -> None:
    """Say how the vault is: absent, locked or unlocked.

    Never asks for anything. Numbers are shown when a server runs and the passphrase is in a file,
    or OWNVAULT_TOKEN is set.
    """
    config = open_.config(settings)
    place = str(config.directory)
    found, remarks = VaultStatus("absent", place), tuple[str, ...]()
    if (config.directory / "keyslots.json").exists():
        found = VaultStatus("locked", place)
        if (server := open_.remote(config)) is None and open_.held(config):
            found, remarks = replace(found, state="unlocked"), ("another command has it open",)
        elif server:
            state = server.health()["state"]
            keyed = state in ("loading", "unlocked")
            found = replace(found, state="unlocked" if keyed else "locked", address=server.address)
            if state != "locked" and (passphrase.given(settings) or os.environ.get("OWNVAULT_TOKEN")):
                with open_.opened(settings) as vault:
                    found = replace(vault.vault.status(vault.holder), address=server.address)
            if state == "loading":
                remarks = ("the index is being loaded",)
            elif found.state != state == "starting":
                remarks = ("it is being unlocked",)
    if settings.json:
        screen.emit(replace(found, notices=(*found.notices, *remarks)))
    else:
        _print(found, remarks)


def _print(found: VaultStatus, remarks: tuple[str, ...]) -> None:
    def number(value: int | None) -> str:
        return "" if value is None else f"{value:,}"

    coming = found.reembedding
    screen.fields([
        ("vault", found.directory),
        ("state", found.state),
        ("server", found.address or ("none running" if found.state == "locked" else "")),
        ("records", number(found.records)),
        ("chunks", number(found.chunks)),
        ("collections", ", ".join(f"{c.name} {c.records:,}" for c in found.collections)),
        ("encoder", f"{found.encoder} on {found.device or 'no device yet'}" if found.encoder else ""),
        ("index", found.index or ""),
        ("next encoder", f"{coming.encoder}, {coming.done:,} of {coming.total:,} chunks" if coming else ""),
        ("live grants", number(found.grants)),
        ("audit entries", number(found.audit_entries)),
        *(("notice", remark) for remark in remarks),
    ])  # fmt: skip
    if found.state == "absent":
        screen.say("create one with: ownvault init")


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(0, 65535), help="Listen here; 0 takes any free port. Default 7117.")
@click.option("--locked", is_flag=True, help="Start without the key; `ownvault unlock` brings it.")
@click.option("--socket", "local", is_flag=True, help="Answer at a Unix socket as well, to your own programs only.")
@click.option("--host", metavar="ADDRESS", default="", help="Listen at this IP address, too, with TLS.")
@click.option("--tls-port", type=click.IntRange(0, 65535), default=7118, help="Its port. Default 7118.")
@click.option("--tls-cert", metavar="FILE", default="", help="The certificate, with its chain, in PEM.")
@click.option("--tls-key", metavar="FILE", default="", help="The certificate's key, in PEM, without a password.")
@click.option("--name", "names", metavar="NAME", multiple=True, help="What clients call that address; repeatable.")
@click.option("--remote", "far", is_flag=True, help="Yes: machines other than this one may reach the vault there.")
@computing
@pass_settings
def serve(
    settings: Settings, port: int | None, locked: bool, local: bool, host: str, tls_port: int, tls_cert: str,
    tls_key: str, names: tuple[str, ...], far: bool,
) -> None:  # fmt: skip
    """Run the server that assistants ask.

    It listens on the loopback address only, unlocks with the passphrase and prints the address (as JSON
    with --json). Ctrl-C ends it cleanly.

    With --host it is reached from elsewhere, by TLS alone and with the same tokens: docs/serving.md says what changes.
    """
    from vault.api import server
    from vault.api.doors import Doors

    config = open_.existing(settings)
    if port is not None:
        config = replace(config, port=port)
    if running := open_.remote(config):
        raise Busy(f"a server for this vault runs already: {running.address}", hint="ownvault status")
    doors = Doors(local, host, tls_port, tls_cert, tls_key, names)
    doors.check(far)
    secret = None if locked else passphrase.obtain(settings)
    raise click.exceptions.Exit(server.serve(config, secret, json=settings.json, quiet=settings.quiet, doors=doors))


@click.command(cls=Command)
@click.option("--shell", is_flag=True, help='Print a line for the shell: eval "$(ownvault unlock --shell)".')
@pass_settings
def unlock(settings: Settings, shell: bool) -> None:
    """Unlock the running server.

    With --shell, this shell's ownvault commands ask for no passphrase as long as the token lasts.
    """
    server = _server(settings)
    secret = passphrase.obtain(settings)
    with screen.waiting(settings, "unlocking"):
        proof = server.unlock(secret, open_.VIA)
    if settings.json:
        screen.emit(proof)
    elif shell:
        screen.say(f"export OWNVAULT_TOKEN={proof.token}")
    else:
        screen.say(f"unlocked: {server.address}")
        screen.note(settings, 'so that this shell need not ask again: eval "$(ownvault unlock --shell)"')


@click.command(cls=Command)
@pass_settings
def lock(settings: Settings) -> None:
    """Lock the running server: the key leaves memory.

    Needs no passphrase. Without a running server nothing holds the key, and nothing is to be done.
    """
    from vault.store.lock import find_server, held

    config = open_.existing(settings)
    found = find_server(config.directory)
    server = open_.remote(config)
    if not found and held(config.directory):
        raise Busy("another command has the vault open", hint="end that command; then nothing holds the key")
    if found and server:
        os.kill(found["pid"], signal.SIGUSR1)  # first of all: a server that is too busy to answer locks all the same
        deadline = time.monotonic() + PATIENCE
        while _state(server) != "locked":
            if time.monotonic() > deadline:
                raise Unreachable("the server did not lock", hint=f"end it: kill {found['pid']}")
            time.sleep(0.05)
    locked = VaultStatus("locked", str(config.directory), address=server.address if server else None)
    if settings.json:
        screen.emit(locked)
    else:
        screen.say("locked" if found else "locked already: no server runs")


def _state(server: RemoteVault) -> str:
    try:
        return str(server.health()["state"])
    except VaultError:  # between worker and parent, or too busy: look again
        return "unknown"


def _server(settings: Settings) -> RemoteVault:
    found = open_.remote(open_.existing(settings))
    if not found:
        raise Unreachable("no server runs for this vault")
    return found
