"""`ownvault disconnect`: takes back what `ownvault connect` did, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from vault import connect as connecting
from vault.cli import screen
from vault.cli.connect import known
from vault.cli.open import existing, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.cli.suggestions import nearest
from vault.connect import Connection, Connections
from vault.errors import NotFound, VaultError
from vault.types import Status


@click.command(cls=Command)
@click.argument("name")
@click.option("--project", type=click.Path(path_type=Path), metavar="DIR", help="The client's connection in DIR.")
@click.option("--leave-file", is_flag=True, help="Do not touch the client's file: its entry is yours to remove.")
@pass_settings
def disconnect(settings: Settings, name: str, project: Path | None, leave_file: bool) -> None:
    """Disconnect an assistant: revoke its grant and take the vault out of its configuration.

    NAME is the connection's, from `ownvault connect --list`. A configuration that was not changed since is as it was
    before, byte for byte; in one that was, everything else stays as it is.
    """
    connections = Connections(existing(settings).directory)
    one = _meant(connections, name, str(project.resolve()) if project else "")
    kind = known(one.client)
    with opened(settings) as vault, connections.changing():
        one = connections.get(one.name)  # as it is now: it may have been renewed meanwhile
        borne = _borne(connections, one.name)

        def revoke(id: str) -> None:
            for view in vault.vault.grants(vault.holder):
                ours = view.id == id or (view.id, view.client) == (borne, one.name)
                if ours and view.status is not Status.REVOKED:
                    vault.vault.revoke(vault.holder, view.id)

        there = connecting.leave(connections, one, kind, revoke, file=not leave_file)
    if settings.json:
        screen.emit({"name": one.name, "grant": one.grant, "file": one.file or None, "changed": there})
        return
    screen.say(f"disconnected {one.name}: grant {one.grant} is revoked" + (", its entry removed" if there else ""))
    if one.file and not there:
        screen.note(settings, f"{one.file} was left as it is" + ("" if leave_file else ": it has no entry of ours"))


def _borne(connections: Connections, name: str) -> str:
    """Return the grant of the token that the client bears, '' for none: after a renewal that broke off, a newer one."""
    from vault.permissions import tokens

    try:
        return tokens.inspect(connections.secret(name) or "").grant
    except VaultError:
        return ""


def _meant(connections: Connections, name: str, project: str) -> Connection:
    """Return the connection that is meant, by its name or by its client and project. Raises NotFound."""
    made = connections.all()
    for one in made:
        if (one.name == name and not project) or (one.client, one.project) == (name, project):
            return one
    near = nearest(name, [one.name for one in made])
    raise NotFound(
        f"{name} is not connected",
        hint=f"did you mean {' or '.join(near)}?" if near else "see: ownvault connect --list",
    )
