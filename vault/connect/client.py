"""A kind of client: where its configuration lies on each system, what an entry in it looks like. Data, no I/O.

The paths depend on the machine, which is an argument, so that every system's can be told anywhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from vault.connect import jsonc, toml
from vault.connect.form import Form

LINUX, MACOS, WINDOWS = "linux", "macos", "windows"
JSON: Form = jsonc
TOML: Form = toml
ENTRY = "ownvault"
"""What the vault is called in a client's configuration."""
MAYBE = "?"


@dataclass(frozen=True, slots=True)
class Machine:
    """The system that clients run on, its owner's home and environment."""

    system: str
    home: PurePath
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Machine:
        system = {"darwin": MACOS, "win32": WINDOWS}.get(sys.platform, LINUX)
        return cls(system, Path.home(), dict(os.environ))

    def place(self, template: str) -> PurePath | None:
        """Return the path that a template like `~/.x` or `$XDG_CONFIG_HOME/x` names, None for a variable not set.

        Like the clients themselves, it takes a variable only when it is an absolute path.
        """
        first, *rest = template.split("/")
        if first in ("~", ""):
            return self.home.joinpath(*rest) if first else type(self.home)(template)
        base = type(self.home)(self.environment.get(first.removeprefix("$"), ""))
        return base.joinpath(*rest) if base.is_absolute() else None


@dataclass(frozen=True, slots=True)
class Bridge:
    """The command that a client starts to reach the vault: it holds no secret, only where the token is.

    `mark` is the argument that names the token's file, by which the entry is known again.
    """

    command: str
    arguments: tuple[str, ...]
    mark: str


Entry = Callable[[Bridge], dict[str, Any]]


def stdio(bridge: Bridge) -> dict[str, Any]:
    """Return the entry that most clients take."""
    return {"command": bridge.command, "args": list(bridge.arguments)}


def anywhere(*templates: str) -> dict[str, tuple[str, ...]]:
    """Return the same places for every system."""
    return dict.fromkeys((LINUX, MACOS, WINDOWS), templates)


@dataclass(frozen=True, slots=True)
class Client:
    """A kind of client. One without a file is told what to do instead, in `instead`.

    `files` has for each system where the owner's own configuration lies: the first whose variable is set; one after `?`
    only where its directory is there.
    `project` the path within a project, empty when the client has none. `keys` is the way to the entries.
    `programs` and `traces` (paths) tell that it is on a machine. `reading` says how it takes notice.
    """

    title: str
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    project: str = ""
    keys: tuple[str, ...] = ("mcpServers",)
    entry: Entry = stdio
    form: Form = JSON
    comments: bool = True
    programs: tuple[str, ...] = ()
    traces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reading: str = ""
    instead: str = ""
    prints: bool = False

    def file(self, machine: Machine, exists: Callable[[PurePath], bool]) -> PurePath | None:
        """Return where its configuration lies, None when it has none on this system."""
        for template in self.files.get(machine.system, ()):
            place = machine.place(template.removeprefix(MAYBE))
            if place and (exists(place.parent) or not template.startswith(MAYBE)):
                return place
        return None

    def found(self, machine: Machine, exists: Callable[[PurePath], bool], which: Callable[[str], object]) -> bool:
        """Tell whether it is on this machine: its configuration, one of its programs or traces."""
        traces = [machine.place(one) for one in self.traces.get(machine.system, ())]
        there = any(exists(place) for place in (self.file(machine, exists), *traces) if place)
        return there or any(map(which, self.programs))
