"""An entry put into a client's configuration, found there again, and taken out. The grant is the caller's business."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from vault.connect import files, jsonc
from vault.connect.client import JSON, Bridge, Client
from vault.connect.connections import Connection, Connections
from vault.connect.form import Broken, at, depth, nested
from vault.errors import ConfigRefused

PUBLIC, PRIVATE = 0o644, 0o600
"""The modes of a new file: in a project, which others may read, and in the owner's own configuration."""


class State(StrEnum):
    """Whether a client's file still holds the entry that was written."""

    THERE = "there"
    MISSING = "missing"
    FOREIGN = "replaced"
    UNREADABLE = "unreadable"
    PRINTED = "printed"


@dataclass(frozen=True, slots=True)
class Plan:
    """What connecting will write: the file as it was read, and what it will hold. Nothing is written yet."""

    client: Client
    keys: tuple[str, ...]
    mark: str
    found: files.Found
    after: bytes
    tables: int
    project: str

    @property
    def changes(self) -> bool:
        return self.after != self.found.content

    def diff(self) -> list[str]:
        """Return the part that is added, as lines of a diff: what stands beside it may be somebody's secret."""
        old, new = (self.found.content or b"").decode(), self.after.decode()
        start = next((n for n, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
        rest = len(old) - start
        end = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
        added = new[start : len(new) - end].strip(", \t").strip("\r\n").splitlines()
        line = new.count("\n", 0, start) + 1
        return [f"+++ {self.found.path}", f"@@ line {line} @@", *(f"+{one}" for one in added)]

    def write(self, connections: Connections, connection: Connection, token: str | None) -> Connection:
        """Record the connection, then replace the file, and return what was recorded. Raises ConfigRefused."""
        known = replace(
            connection, file=str(self.found.path), project=self.project, keys=self.keys, mark=self.mark, existed=True
        )
        if not self.changes:  # an entry of ours, whose record was lost: how the file was before is not known
            connections.keep(known, token)
            return known
        planned = replace(
            known, wrote=hashlib.sha256(self.after).hexdigest(), existed=self.found.content is not None,
            tables=self.tables,
        )  # fmt: skip
        connections.keep(planned, token, self.found.content)  # before the file: what is written can always be undone
        if made := files.replace(self.found, self.after, PUBLIC if self.project else PRIVATE):
            planned = replace(planned, directories=tuple(map(str, made)))
            connections.keep(planned)
        return planned


def bridge(command: tuple[str, ...], token_file: str, vault: str) -> Bridge:
    """Return the command that a client starts. `vault` is empty for the default place."""
    where = ("--vault", vault) if vault else ()
    return Bridge(command[0], (*command[1:], "mcp", *where, "--token-file", token_file), token_file)


def plan(client: Client, file: Path, project: str, key: str, wanted: Bridge) -> Plan:
    """Work out the edit that puts the entry into `file`. Raises ConfigRefused, with what to paste, when it cannot be.

    When an entry of ours is there already the file stays as it is.
    """
    keys, entry = (*client.keys, key), client.entry(wanted)
    try:
        found = files.read(file, Path(project) if project else None)
        said = _said(client, found)
        tables = len(keys) - 1 - depth(said, keys)
        if (there := at(said, keys)) is None:
            after = found.encoded(client.form.put(found.text, keys, entry))
        elif there == entry or (marked(there, wanted.mark) and not project):  # the mark in a project's may be a guess
            after = found.content or b""
        else:
            raise ConfigRefused(
                f"{file} has an entry {key!r} that `ownvault connect` did not write",
                hint="rename or remove it, or choose another name: --entry NAME",
            )
        return Plan(client, keys, wanted.mark, found, after, tables, project)
    except Broken as error:
        raise ConfigRefused(
            f"{file} was left as it is: {error}",
            hint=f"correct it, or put this into it yourself:\n{snippet(client, key, wanted)}",
        ) from None


def snippet(client: Client, key: str, wanted: Bridge) -> str:
    """Return the entry as text, for an owner to paste."""
    keys, entry = (*client.keys, key), client.entry(wanted)
    return (
        client.form.put("", keys, entry)
        if client.form is not JSON
        else json.dumps(nested(keys, entry), indent=2) + "\n"
    )


def state(client: Client, connection: Connection) -> State:
    """Tell whether the client's file still holds the entry of a connection. Changes nothing, raises nothing."""
    if not connection.file:
        return State.PRINTED
    try:
        found = files.read(Path(connection.file), _root(connection))
        there = at(client.form.read(found.text), connection.keys)
    except (ConfigRefused, Broken):
        return State.UNREADABLE
    return State.MISSING if there is None else State.THERE if marked(there, connection.mark) else State.FOREIGN


def undo(client: Client, connection: Connection, connections: Connections) -> bool:
    """Take out of the client's file what connecting wrote, and nothing else; tell whether it was there.

    Raises ConfigRefused, with what to remove, for a file that cannot be read or edited; it is left as it is.
    """
    if not connection.file:
        return False
    found = files.read(Path(connection.file), _root(connection))
    if found.content is None:
        return False
    before = connections.before(connection.name) if connection.existed else None
    untouched = hashlib.sha256(found.content).hexdigest() == connection.wrote
    if untouched and connection.existed == (before is not None):
        after = before
    else:
        try:
            if not marked(at(client.form.read(found.text), connection.keys), connection.mark):
                return False
            text = client.form.take(found.text, connection.keys, connection.tables)
        except Broken as error:
            raise ConfigRefused(
                f"{connection.file} was left as it is: {error}", hint=f"remove {'.'.join(connection.keys)} yourself"
            ) from None
        after = None if not connection.existed and text.strip() in ("", "{}") else found.encoded(text)
    if after is None:
        files.remove(found, [Path(one) for one in connection.directories])
    else:
        files.replace(found, after)
    return True


def marked(entry: Any, mark: str) -> bool:
    """Tell whether an entry is ours: one of its strings is the mark."""
    if isinstance(entry, dict | list):
        return any(marked(one, mark) for one in (entry.values() if isinstance(entry, dict) else entry))
    return isinstance(entry, str) and entry == mark


def _said(client: Client, found: files.Found) -> Any:
    text = found.text
    said = client.form.read(text)
    if client.form is JSON and not client.comments and said is not None and not jsonc.strict(text):
        raise Broken(f"it has comments or trailing commas, which {client.title} does not read")
    return said


def _root(connection: Connection) -> Path | None:
    return Path(connection.project) if connection.project else None
