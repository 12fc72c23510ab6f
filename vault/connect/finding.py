"""Finds the kinds of clients: one file each in `plugins/clients/`, our own programs, trusted like this package."""

from __future__ import annotations

from importlib import util
from pathlib import Path

import vault
from vault.connect.client import Client
from vault.errors import Missing


def clients(directory: Path | None = None) -> dict[str, Client]:
    """Return every kind of client by name: the file's, with hyphens. A leading underscore hides a file."""
    found = sorted((directory or _directory()).glob("[!_]*.py"))
    return {file.stem.replace("_", "-"): _client(file) for file in found}


def _directory() -> Path:
    """The wheel carries the plugins inside the package; a checkout has them beside it."""
    package = Path(vault.__file__).resolve().parent
    carried = package / "_plugins" / "clients"
    return carried if carried.is_dir() else package.parent / "plugins" / "clients"


def _client(file: Path) -> Client:
    spec = util.spec_from_file_location(f"ownvault_clients.{file.stem}", file)
    assert spec and spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, "CLIENT", None)
    if not isinstance(found, Client):
        raise Missing(f"{file.name} describes no client", hint="it sets CLIENT = Client(…)")
    return found
