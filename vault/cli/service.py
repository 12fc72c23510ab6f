"""`ownvault service`: the server as a service of the system, started locked when its owner logs in."""

from __future__ import annotations

import time
from dataclasses import asdict

import click

from vault.cli import open as open_
from vault.cli import screen
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.config import Config, default_directory
from vault.connect import command
from vault.errors import Unreachable, VaultError
from vault.supervision import Service, State, supervisor

PATIENCE = 20.0
"""Seconds that `install` waits for the server's first word."""


@click.group(cls=Group)
def service() -> None:
    """Let the system start the server: install, remove, status.

    It is started locked, by systemd or launchd, when you log in; `ownvault unlock` brings the key. The service's
    file holds no secret, and its log neither content nor tokens.
    """


@service.command()
@click.option("--dry-run", is_flag=True, help="Only show the file that would be written.")
@pass_settings
def install(settings: Settings, dry_run: bool) -> None:
    """Install the service for this vault, and start it.

    A server that runs already goes on; the service takes over when it has ended. Installing again changes nothing.
    """
    config, manager = open_.existing(settings), supervisor()
    ours = _service(config)
    if dry_run:
        screen.say(manager.content(ours))
        return
    running = open_.remote(config) is not None
    remarks = manager.install(ours, start=not running)
    if not running:
        _wait(config)
    state = manager.state(ours)
    if running and not state.active:
        remarks = ("a server for this vault runs already; the service starts when you log in again", *remarks)
    if settings.json:
        screen.emit(_told(ours, state) | {"remarks": list(remarks)})
        return
    screen.say(f"installed {ours.name}: {state.file}")
    for remark in remarks:
        screen.note(settings, remark)
    screen.note(settings, "it starts locked; to unlock it: ownvault unlock")


@service.command()
@pass_settings
def remove(settings: Settings) -> None:
    """Stop the service and remove its file. The vault stays as it is."""
    config, manager = open_.config(settings), supervisor()
    ours = _service(config)
    removed = manager.remove(ours)
    if settings.json:
        screen.emit(_told(ours, manager.state(ours)) | {"changed": removed})
    else:
        screen.say(f"removed {ours.name}" if removed else "there is no service for this vault")


@service.command()
@pass_settings
def status(settings: Settings) -> None:
    """Say whether the service is installed and runs, and how the vault is."""
    config, manager = open_.config(settings), supervisor()
    ours = _service(config)
    state = manager.state(ours)
    vault = _vault(config)
    if settings.json:
        screen.emit(_told(ours, state) | {"vault": vault})
        return
    screen.fields([
        ("service", ours.name),
        ("file", str(state.file) if state.installed else "not installed"),
        ("", "" if state.current or not state.installed else "outdated; to renew it: ownvault service install"),
        ("starts by itself", "yes" if state.enabled else "no"),
        ("runs", f"yes, process {state.pid}" if state.active and state.pid else "yes" if state.active else "no"),
        ("vault", vault),
    ])  # fmt: skip


def _wait(config: Config) -> None:
    """Return when the server that was just started answers. Raises Unreachable when it does not."""
    until = time.monotonic() + PATIENCE
    while open_.remote(config) is None:
        if time.monotonic() > until:
            raise Unreachable(
                "the service was installed, but its server does not answer", hint="ownvault service status"
            )
        time.sleep(0.05)


def _service(config: Config) -> Service:
    return Service.of(config.directory, default_directory().absolute(), command())


def _vault(config: Config) -> str:
    """Return how the vault is, as its server says; never asks for anything."""
    try:
        server = open_.remote(config)
        return str(server.health()["state"]) if server else "no server runs"
    except VaultError as error:
        return error.message


def _told(ours: Service, state: State) -> dict[str, object]:
    return {"service": ours.name} | asdict(state) | {"file": str(state.file)}
