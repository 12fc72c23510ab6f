"""Which clients are on this machine, which are connected, and whether their files still say so."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vault import connect as connecting
from vault.cli import open as open_
from vault.cli import passphrase, screen
from vault.cli.root import Settings
from vault.config import Config
from vault.connect import Client, Connection, Connections, Machine, State
from vault.errors import VaultError
from vault.types import GrantView, Status

UNKNOWN = "unknown"


def show(settings: Settings, chosen: Config | None, machine: Machine) -> None:
    """Print the clients of this machine, or with `chosen` the connections of that vault."""
    kinds = connecting.clients()
    config = chosen or open_.config(settings)
    made = Connections(config.directory).all()
    views = _views(settings, config) if made else {}
    connected = [told(one, kinds.get(one.client), views.get(one.grant)) for one in made]
    found = [] if chosen else [_client(name, kind, machine, connected) for name, kind in kinds.items()]
    if settings.json:
        screen.emit({"connections": connected} if chosen else {"clients": found, "connections": connected})
    elif chosen:
        _connections(connected)
    else:
        screen.table(("client", "", "here", "connected"), [(
            one["client"], one["title"], "yes" if one["found"] else "", ", ".join(one["connections"])
        ) for one in found])  # fmt: skip
        screen.note(settings, "\nto connect one: ownvault connect CLIENT")


def told(one: Connection, kind: Client | None, view: GrantView | None) -> dict[str, Any]:
    """Return what there is to say of a connection, in JSON's words: never its token."""
    ended = one.expires <= datetime.now(UTC)
    status = str(view.status) if view else str(Status.EXPIRED) if ended else UNKNOWN
    state = connecting.state(kind, one) if kind else State.UNREADABLE
    return {
        "name": one.name, "client": one.client, "grant": one.grant, "status": status, "expires": one.expires,
        "file": one.file or None, "project": one.project or None, "entry": str(state),
    }  # fmt: skip


def _client(name: str, kind: Client, machine: Machine, connected: list[dict[str, Any]]) -> dict[str, Any]:
    file = kind.file(machine, lambda path: Path(path).exists())
    return {
        "client": name, "title": kind.title, "file": str(file) if file else None,
        "found": kind.found(machine, lambda path: Path(path).exists(), shutil.which),
        "connections": [one["name"] for one in connected if one["client"] == name],
    }  # fmt: skip


def _connections(connected: list[dict[str, Any]]) -> None:
    if not connected:
        screen.say("nothing is connected")
        return
    screen.table(("name", "grant", "status", "until", "entry", "file"), [(
        one["name"], one["grant"], one["status"], screen.day(one["expires"]), one["entry"], one["file"] or ""
    ) for one in connected])  # fmt: skip


def _views(settings: Settings, config: Config) -> dict[str, GrantView]:
    """Return the grants by id, where the vault can be asked without asking anybody for a passphrase."""
    if not (passphrase.given(settings) or os.environ.get("OWNVAULT_TOKEN")):
        return {}
    try:
        if (server := open_.remote(config)) is None or open_.settled(server) == "locked":
            return {}
        with open_.opened(settings, remind=False) as vault:
            return {view.id: view for view in vault.vault.grants(vault.holder)}
    except VaultError:  # a list of what is connected does not depend on it
        return {}
