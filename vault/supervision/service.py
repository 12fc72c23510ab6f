"""What every service manager is told and asked: which vault, which command, and how it stands."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vault.errors import ConfigRefused, Missing, StorageFailed
from vault.store import files

MARK = "Written by `ownvault service install`; `ownvault service remove` removes it."
SECONDS = 60.0
"""What a service manager may take for one command: to stop a server takes it five."""
_MOST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Service:
    """The server of one vault: what it is called, where the vault is, how `ownvault` is started."""

    name: str
    directory: Path
    command: tuple[str, ...]

    @classmethod
    def of(cls, directory: Path, default: Path, command: tuple[str, ...]) -> Service:
        """Return the service of a vault; each has its own, the one in the default place the plain name."""
        other = "" if directory == default else "-" + hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]
        return cls(f"ownvault{other}", directory, command)

    @property
    def words(self) -> tuple[str, ...]:
        """The command line that serves it: locked, on the port of its configuration, saying little."""
        return (*self.command, "--vault", str(self.directory), "serve", "--locked", "--json")


@dataclass(frozen=True, slots=True)
class State:
    """How a service stands: its file, whether it starts by itself and runs, and since when under which pid."""

    file: Path
    installed: bool
    current: bool = False
    enabled: bool = False
    active: bool = False
    pid: int | None = None


class Supervisor(Protocol):
    """A system's service manager, as far as one user's own services go."""

    def content(self, service: Service) -> str:
        """Return the text of the service's file."""

    def install(self, service: Service, start: bool) -> tuple[str, ...]:
        """Write the service's file, let it start by itself and, with `start`, now. Return what its owner should know.

        Done twice it changes nothing. Raises Missing when no service manager answers, ConfigRefused for a file of
        that name which is not ours.
        """

    def remove(self, service: Service) -> bool:
        """Stop the service, remove its file, tell whether there was one. Raises ConfigRefused for one not ours."""

    def state(self, service: Service) -> State:
        """Return how the service stands; never raises for one that is not installed."""


def run(
    words: Sequence[str], *, check: bool = True, hint: str = "run it yourself: ownvault serve --locked"
) -> subprocess.CompletedProcess[str]:
    """Run one command of a service manager. Raises Missing when it is not there, or fails and `check` is on."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        raise Missing(f"{words[0]} cannot be run here", hint=hint) from None
    if check and done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Missing(f"{' '.join(words[:3])} failed: {said[0] if said else done.returncode}", hint=hint)
    return done


def written(file: Path) -> str | None:
    """Return what a service's file says, None when it is absent. Raises ConfigRefused for one that is not ours."""
    try:
        content = files.read(file, _MOST).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    if MARK not in content:
        raise ConfigRefused(f"{file} was not written by ownvault", hint="move it away first")
    return content


def write(file: Path, content: str) -> bool:
    """Put a service's file there and tell whether that changed it. Raises ConfigRefused over one that is not ours."""
    if written(file) == content:
        return False
    try:
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"cannot make {file.parent}: {(error.strerror or '').lower()}") from None
    files.replace(file, content.encode())
    return True
