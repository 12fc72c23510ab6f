"""Connecting and disconnecting as a whole: grant, token and file together, or none of them (SPEC.md, "Order")."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vault.connect.client import Client
from vault.connect.connections import Connection, Connections
from vault.connect.wiring import Plan, undo
from vault.errors import VaultError
from vault.types import Granted

Grant = Callable[[], Granted]
Revoke = Callable[[str], object]


def join(connections: Connections, name: str, client: str, plan: Plan | None, grant: Grant, revoke: Revoke) -> (
    tuple[Connection, Granted]
):  # fmt: skip
    """Connect a client anew, or again with another grant: the one it had is revoked when the new one works.

    Without a plan (the entry is printed, or stands in the file already) no file is touched.
    """
    old = connections.find(name)
    before = connections.secret(name)
    made = grant()
    try:
        if plan is None or (old and not plan.changes):
            kept = _granted(old or Connection(name, client, "", made.grant.created, made.grant.expires), made)
            connections.keep(kept, made.token)
        else:
            fresh = Connection(name, client, made.grant.id, made.grant.created, made.grant.expires)
            kept = plan.write(connections, fresh, made.token)
    except BaseException:
        with suppress(VaultError):
            revoke(made.grant.id)
        with suppress(VaultError):
            connections.keep(old, before) if old else connections.drop(name)
        raise
    if old and old.grant != made.grant.id:
        with suppress(VaultError):  # it has ended before, or is not this vault's
            revoke(old.grant)
    return kept, made


def rewrite(connections: Connections, connection: Connection, plan: Plan) -> Connection:
    """Put the entry of a connection into its file again, with the token that it has."""
    return plan.write(connections, connection, connections.secret(connection.name))


def leave(connections: Connections, connection: Connection, client: Client, revoke: Revoke, file: bool = True) -> bool:
    """End a connection: its grant, its entry, what is kept of it. Tell whether its entry was in the file.

    Raises ConfigRefused when the file cannot be put right; the grant is revoked even then. Without `file` that is
    left to the owner.
    """
    revoke(connection.grant)
    there = undo(client, connection, connections) if file else False
    connections.drop(connection.name)
    return there


def _granted(connection: Connection, made: Granted) -> Connection:
    return replace(connection, grant=made.grant.id, created=made.grant.created, expires=made.grant.expires)


def command(portable: bool = False) -> tuple[str, ...]:
    """Return how this installation's `ownvault` is started: by its path, which a program without our PATH finds too.

    `portable` is for a file that others may get: by its name alone, where that is found.
    """
    script = Path(sysconfig.get_path("scripts")) / "ownvault"
    found = shutil.which("ownvault")
    if portable and found:
        return ("ownvault",)
    if script.exists() or found:
        return (str(script if script.exists() else Path(found or "").absolute()),)
    return (sys.executable, "-m", "vault")
