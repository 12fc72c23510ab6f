"""`ownvault demo`: the whole loop on sample data, in a vault of its own, through the real server."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from vault.cli import screen
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.config import Config, default_directory
from vault.errors import Busy, Unreachable, VaultExists

MARK = "ownvault-demo.txt"
MARK_TEXT = "This directory belongs to `ownvault demo`, which deletes and makes it anew.\n"
GRACE = 20.0
"""Seconds that the server gets to finish what it is doing when the demo ends."""


@dataclass(frozen=True, slots=True)
class Place:
    """The demo's directory: its mark, a vault and the passphrase, which protects nothing here."""

    directory: Path

    @property
    def vault(self) -> Path:
        return self.directory / "vault"

    @property
    def passphrase(self) -> Path:
        return self.directory / "passphrase"

    @property
    def settings(self) -> Settings:
        return Settings(vault=str(self.vault), passphrase_file=str(self.passphrase))


@click.command(cls=Command)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7117, show_default=True,
    help="The server's port, if it is free; else any.",
)  # fmt: skip
@click.option(
    "--directory", type=click.Path(path_type=Path), metavar="DIR",
    help="Where the demo's vault goes. Default: beside your own.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Use the vault that an earlier demo left.")
@click.option("--no-wait", is_flag=True, help="End after the tour instead of leaving the server running.")
@pass_settings
def demo(settings: Settings, port: int, directory: Path | None, keep: bool, no_wait: bool) -> None:
    """Show the whole loop on sample data, in a vault of its own.

    Imports a small, made-up life, grants an assistant one collection of it, asks as that assistant over HTTP,
    shows the audit log, revokes, and shows the refusal. Leaves the server running; Ctrl-C ends it.
    """
    from vault.cli import tour

    os.environ.pop("OWNVAULT_TOKEN", None)  # the demo acts as its own vault's owner, whoever calls it
    place = Place((directory or default_directory().with_name("ownvault-demo")).absolute())
    make(place, keep)
    signal.signal(signal.SIGTERM, _interrupt)
    with running(place, port) as address:
        tour.walk(place, address)
        if no_wait:
            return
        try:
            tour.afterwards(place, address)
            while True:
                signal.pause()
        except KeyboardInterrupt:
            screen.say()
    screen.say("the demo's server has ended")


def make(place: Place, keep: bool) -> None:
    """Make the demo's vault. Only a directory that carries the mark is ever emptied: VaultExists otherwise."""
    from vault.service import Vault
    from vault.store.lock import find_server

    if running := find_server(place.vault):
        raise Busy(f"the demo's server still runs, process {running['pid']}", hint=f"end it: kill {running['pid']}")
    marked = (place.directory / MARK).is_file()
    if place.directory.exists() and any(place.directory.iterdir()) and not marked:
        raise VaultExists(f"{place.directory} is not empty and not the demo's", hint="choose another: --directory DIR")
    if keep and marked and (place.vault / "keyslots.json").exists():
        return
    for old in (place.vault, place.passphrase) if marked else ():
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    place.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    (place.directory / MARK).write_text(MARK_TEXT)
    place.passphrase.touch(mode=0o600)
    place.passphrase.write_text(secrets.token_urlsafe(12) + "\n")
    Vault.create(Config.load(place.vault), bytearray(place.passphrase.read_bytes().strip()))


@contextmanager
def running(place: Place, port: int) -> Iterator[str]:
    """Run `ownvault serve` as a child, yield its address, and end it whatever happens."""
    words = ["--vault", str(place.vault), "--passphrase-file", str(place.passphrase), "--json"]
    # Its own session: Ctrl-C reaches us alone, and we end the server in order.
    server = subprocess.Popen(  # noqa: S603  our own interpreter and our own program
        [sys.executable, "-m", "vault", *words, "serve", "--port", str(free(port))],
        stdout=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        yield address(server.stdout.readline())
    finally:
        server.terminate()
        try:
            server.wait(GRACE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def address(line: str) -> str:
    """Return the address in what the server printed first; Unreachable when it printed none."""
    try:
        said: dict[str, Any] = json.loads(line)
        return str(said["address"])
    except (ValueError, KeyError):
        raise Unreachable("the demo's server did not start", hint="its own message stands above") from None


def free(port: int) -> int:
    """Return `port` if nobody listens there, else 0: any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
