"""`ownvault connect`: one command from a client on this machine to a narrow grant in its configuration."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from vault import connect as connecting
from vault.cli import connections as listing
from vault.cli import open as open_
from vault.cli import plain, proposal, screen
from vault.cli.open import Open, opened
from vault.cli.proposal import Proposal, Seen
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.cli.suggestions import nearest
from vault.config import Config, default_directory
from vault.connect import Bridge, Client, Connection, Connections, Machine, Plan
from vault.errors import BadRequest, Busy, NotFound
from vault.types import Granted, GrantRequest, GrantView, Status


@click.command(cls=Command)
@click.argument("client", required=False)
@click.option("--project", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
              help="Connect it in this project only, by the project's own file.")  # fmt: skip
@click.option("--name", help="What the connection is called, in grants and in the log. Default: the client's name.")
@click.option("--entry", metavar="NAME", help=f"What the vault is called in the client. Default: {connecting.ENTRY}.")
@click.option("--renew", is_flag=True, help="A new grant like the one it has, for as long again.")
@click.option("--list", "listed", is_flag=True, help="List what is connected, and whether its file still says so.")
@proposal.options
@click.option("--dry-run", is_flag=True, help="Only show the change and what it would see.")
@pass_settings
def connect(
    settings: Settings, client: str | None, project: Path | None, name: str | None, entry: str | None, renew: bool,
    listed: bool, proposal: Proposal, dry_run: bool,
) -> None:  # fmt: skip
    """Connect an assistant on this machine to the vault.

    CLIENT is one of those that the command lists without it, or the name of a connection. It gets a grant of its own,
    and its configuration an entry that starts the bridge `ownvault mcp`; nothing else there is changed. Which records
    it may see is said with the options of `ownvault grant`, or asked. Connecting again changes what it sees, or
    renews it; `ownvault disconnect` undoes it.
    """
    if listed or client is None:
        listing.show(settings, open_.existing(settings) if listed else None, Machine.here())
        return
    config = open_.config(settings)
    if old := _named(config, client, name):
        client, name, project = old.client, old.name, Path(old.project) if old.project else project
    kind = known(client)
    if kind.instead:
        screen.emit({"client": client, "instead": kind.instead}) if settings.json else screen.say(kind.instead)
        return
    config = open_.existing(settings)
    wanted = _wanted(config, client, kind, project, name, entry)
    first = wanted.plan()  # a configuration that cannot be edited is told before anything is asked
    with opened(settings) as vault:
        _Connecting(settings, wanted, vault, dry_run).run(first, proposal, renew)


def _named(config: Config, client: str, name: str | None) -> Connection | None:
    """Return the connection of this name, where no kind of client is called so."""
    if name or client in connecting.clients():
        return None
    return next((one for one in Connections(config.directory).all() if one.name == client), None)


def known(client: str) -> Client:
    """Return a kind of client. Raises NotFound, with the nearest, for none."""
    kinds = connecting.clients()
    if client not in kinds:
        near = nearest(client, kinds) or sorted(kinds)
        raise NotFound(f"no client {client!r}", hint=f"did you mean {' or '.join(near)}? See: ownvault connect")
    return kinds[client]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which client, under which name, by which file; where the token will be."""

    connections: Connections
    kind: Client
    client: str
    name: str
    entry: str
    file: Path | None
    project: str
    bridge: Bridge

    def plan(self) -> Plan | None:
        """Work out the edit anew; None for an entry that is only printed."""
        if self.file is None:
            return None
        return connecting.plan(self.kind, self.file, self.project, self.entry, self.bridge)


def _wanted(
    config: Config, client: str, kind: Client, project: Path | None, name: str | None, entry: str | None
) -> Wanted:  # fmt: skip
    connections = Connections(config.directory)
    if project and not kind.project:
        raise BadRequest(f"{kind.title} has no project files", hint="leave --project out")
    file = _file(kind, project)
    home, place = Path.home(), str(project.resolve()) if project else ""
    called = name or connections.named(client, place)
    token, old = connections.token(called), connections.find(called)
    key = entry or (old.keys[-1] if old and old.keys else connecting.ENTRY)
    if project:  # such a file may be committed: no name of this machine's owner in it
        where = "" if config.directory == default_directory().absolute() else _short(config.directory, home)
        bridge = connecting.bridge(connecting.command(portable=True), _short(token, home), where)
    else:
        bridge = connecting.bridge(connecting.command(), str(token), str(config.directory))
    return Wanted(connections, kind, client, called, key, file, place, bridge)


def _file(kind: Client, project: Path | None) -> Path | None:
    if kind.prints:
        return None
    if project:
        return project.resolve() / kind.project
    file = kind.file(Machine.here(), lambda path: Path(path).exists())
    if file is None:
        raise BadRequest(f"{kind.title} keeps no configuration on this system", hint="ownvault connect generic")
    return Path(file)


def _short(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


class _Connecting:
    """One run of the command: finds what is there, decides what is to be done with the owner, and tells it."""

    def __init__(self, settings: Settings, wanted: Wanted, vault: Open, dry_run: bool) -> None:
        self.settings, self.wanted, self.vault, self.dry_run = settings, wanted, vault, dry_run
        self.asking = sys.stdin.isatty() and not settings.json

    def run(self, first: Plan | None, said: Proposal, renew: bool) -> None:
        old = self.wanted.connections.find(self.wanted.name)
        if old:
            self._check(old, first)
        view = self._view(old)
        request = self._request(said, renew, view)
        anyway = said.anyway or not said.said  # of a renewal, and of what was asked for, the names were looked at then
        if request is None:
            self._keep(old, view, first)
        elif self.dry_run:
            self._tell(None, None, proposal.look(self.vault, request, anyway), request, first)
        else:
            self._connect(request, anyway)

    def _check(self, old: Connection, first: Plan | None) -> None:
        """Raise BadRequest unless it is the same connection: one record tells of one entry in one file."""
        if (old.client, old.project) != (self.wanted.client, self.wanted.project):
            raise BadRequest(
                f"{old.name} is another connection, of {old.client}", hint="choose another name: --name NAME"
            )
        if first and (old.file, old.keys) != (str(first.found.path), first.keys):
            raise BadRequest(
                f"{old.name} is connected by {'.'.join(old.keys)} in {old.file}",
                hint=f"first: ownvault disconnect {old.name}",
            )

    def _view(self, old: Connection | None) -> GrantView | None:
        if old is None:
            return None
        return next((one for one in self.vault.vault.grants(self.vault.holder) if one.id == old.grant), None)

    def _request(self, said: Proposal, renew: bool, view: GrantView | None) -> GrantRequest | None:
        """Return the grant that is to be made; None when the one that is there stays."""
        live = view is not None and view.status in (Status.ACTIVE, Status.PAUSED)
        if live and self.wanted.connections.secret(self.wanted.name) is None:
            live, renew = False, True  # nobody has its token any more
        if said.said:
            request = said.request(self.wanted.name)
            return None if view and live and not renew and proposal.like(request, view) else request
        if view and (renew or self._renewed(view, live)):
            return proposal.again(view)
        if view and live:
            return None
        if not self.asking:
            if view:
                raise BadRequest(f"the grant of {self.wanted.name} is {view.status}", hint="a new one like it: --renew")
            raise BadRequest("say what it may see", hint="name at least --collection NAME; see: ownvault collections")
        return proposal.ask(self.vault, self.wanted.kind.title, said).request(self.wanted.name)

    def _renewed(self, view: GrantView, live: bool) -> bool:
        """Ask whether a grant is to be made anew."""
        if not self.asking or self.dry_run:
            return False
        until = f"until {screen.day(view.expires)}" if live else f"no more: its grant is {view.status}"
        return click.confirm(f"{self.wanted.kind.title} is connected {until}. Renew it?", default=not live, err=True)

    def _connect(self, request: GrantRequest, anyway: bool) -> None:
        seen = proposal.look(self.vault, request, anyway)
        vault, wanted = self.vault, self.wanted
        with wanted.connections.changing():
            plan = wanted.plan()  # what it says now, not before its owner was asked
            if now := wanted.connections.find(wanted.name):  # another command may have made one of this name meanwhile
                self._check(now, plan)
            kept, made = connecting.join(
                wanted.connections, wanted.name, wanted.client, plan,
                lambda: vault.vault.grant(vault.holder, request), lambda id: vault.vault.revoke(vault.holder, id),
            )  # fmt: skip
        self._tell(kept, made, seen, request, plan)

    def _keep(self, old: Connection | None, view: GrantView | None, plan: Plan | None) -> None:
        """Leave the grant as it is; put the entry back if the file lost it."""
        assert old and view
        if plan and plan.changes and not self.dry_run:
            with self.wanted.connections.changing():
                if self.wanted.connections.find(old.name) != old:
                    raise Busy(f"{old.name} was changed at the same moment", hint="try again")
                old = connecting.rewrite(self.wanted.connections, old, plan)
            screen.note(self.settings, f"its entry was missing, and is in {old.file} again")
        if self.settings.json:
            screen.emit({**listing.told(old, self.wanted.kind, view), "changed": bool(plan and plan.changes)})
            return
        screen.say(f"{self.wanted.kind.title} is connected already, until {screen.day(view.expires)}")
        if view.status is Status.PAUSED:
            screen.note(self.settings, f"its grant is paused; to resume it: ownvault grants resume {view.id}")
        screen.note(self.settings, f"to renew it: ownvault connect {self.wanted.name} --renew")

    def _tell(
        self, kept: Connection | None, made: Granted | None, seen: Seen, request: GrantRequest, plan: Plan | None
    ) -> None:
        wanted, diff = self.wanted, plan.diff() if plan and plan.changes else []
        shown = "" if plan else connecting.snippet(wanted.kind, wanted.entry, wanted.bridge)
        if self.settings.json:
            told = listing.told(kept, wanted.kind, made.grant if made else None) if kept else {"name": wanted.name}
            more = {"sees": seen[0], "diff": diff, "changed": bool(kept)} | ({"snippet": shown} if shown else {})
            screen.emit({**told, **more})
            return
        proposal.show(request, seen, may="may" if kept else "could")
        if not kept:
            screen.say()
            screen.say("\n".join(plain.text(line) for line in diff) if plan else shown)
            return
        if shown:
            screen.say("\nput this into the client's configuration:\n")
            screen.say(shown)
        screen.say()
        copy = wanted.connections.copy(kept.name) if kept.file and kept.existed else ""
        screen.facts([
            ("connected", kept.name), ("file", kept.file), ("copy of it", str(copy)), ("grant", kept.grant),
            ("now", wanted.kind.reading),
        ], indent=0)  # fmt: skip
        screen.note(self.settings, f"\nto undo it: ownvault disconnect {kept.name}")
