"""What was connected, kept beside the vault: of each connection its record, its token and the file before: SPEC.md."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from vault.connect.files import MOST
from vault.errors import BadRequest, Busy, Damaged, NotFound
from vault.store import files

VERSION = 1
DIRECTORY = "connections"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RECORD = 64 * 1024
"""Bytes of a record."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One client, one grant, one entry in one file. Without a file its entry was printed for the owner to paste."""

    name: str
    client: str
    grant: str
    created: datetime
    expires: datetime
    file: str = ""
    project: str = ""
    keys: tuple[str, ...] = ()
    mark: str = ""
    existed: bool = False
    tables: int = 0
    directories: tuple[str, ...] = ()
    wrote: str = ""


class Connections:
    """The connections of the vault in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / DIRECTORY

    def all(self) -> tuple[Connection, ...]:
        """Return every connection, by name. Raises Damaged for a record that is none."""
        return tuple(self.get(file.stem) for file in sorted(self.directory.glob("*.json")))

    def get(self, name: str) -> Connection:
        """Return a connection. Raises NotFound when there is none of this name, Damaged for a record that is none."""
        path = self._file(name, "json")
        try:
            return _read(name, files.read(path, _RECORD))
        except FileNotFoundError:
            raise NotFound(f"{name} is not connected", hint="see: ownvault connect --list") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Damaged(f"{path} is no record of a connection", hint=f"correct or remove {path}") from None

    def find(self, name: str) -> Connection | None:
        """Return a connection, None when there is none of this name."""
        try:
            return self.get(name)
        except NotFound:
            return None

    def named(self, client: str, project: str) -> str:
        """Return the name of a client's connection: the one it has, else the client's and the project's, if free."""
        made = self.all()
        for one in made:
            if (one.client, one.project) == (client, project):
                return one.name
        base = f"{client}-{_slug(project)}" if project else client
        taken = {one.name for one in made}
        return next(name for name in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)

    def token(self, name: str) -> Path:
        """Return where a connection's token lies."""
        return self._file(name, "token")

    def copy(self, name: str) -> Path:
        """Return where the copy of its file lies."""
        return self._file(name, "before")

    def secret(self, name: str) -> str | None:
        """Return a connection's token, None when its file is gone."""
        try:
            return files.read(self.token(name), _RECORD).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return None

    def before(self, name: str) -> bytes | None:
        """Return the client's file as it was before, None when it did not exist."""
        try:
            return files.read(self._file(name, "before"), MOST)
        except FileNotFoundError:
            return None

    def keep(self, connection: Connection, token: str | None = None, before: bytes | None = None) -> None:
        """Write a connection's record, after its token and the copy of its file where they are given."""
        if before is not None:
            files.replace(self._file(connection.name, "before"), before)
        if token is not None:
            files.replace(self.token(connection.name), token.encode() + b"\n")
        said = {"version": VERSION, **asdict(connection)}
        content = json.dumps(said, indent=2, default=datetime.isoformat, ensure_ascii=False)
        files.replace(self._file(connection.name, "json"), content.encode() + b"\n")

    def drop(self, name: str) -> None:
        """Remove what is kept of a connection, the record last."""
        with files.failing(f"remove the connection {name}"):
            for kind in ("token", "before", "json"):
                self._file(name, kind).unlink(missing_ok=True)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the connections: one command changes them at a time. Raises Busy while another does."""
        with files.failing(f"make {self.directory}"):
            self.directory.mkdir(mode=0o700, exist_ok=True)
            self.directory.chmod(0o700)
            fd = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Busy("another command is connecting or disconnecting", hint="try again in a moment") from None
            yield
        finally:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _file(self, name: str, kind: str) -> Path:
        return self.directory / f"{checked(name)}.{kind}"


def checked(name: str) -> str:
    """Return a connection's name. Raises BadRequest for what cannot be one."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name!r} cannot be a connection's name", hint="small letters, digits, dots and hyphens")
    return name


def _slug(project: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", Path(project).name.lower()).strip("-")[:24] or "project"


def _read(name: str, content: bytes) -> Connection:
    said: dict[str, Any] = json.loads(content)
    if said.pop("version") != VERSION or set(said) != {one.name for one in fields(Connection)} or said["name"] != name:
        raise ValueError
    for moment in ("created", "expires"):
        said[moment] = datetime.fromisoformat(said[moment])
        if said[moment].tzinfo is None:
            raise ValueError
    for several in ("keys", "directories"):
        if not isinstance(said[several], list) or not all(isinstance(one, str) for one in said[several]):
            raise ValueError
        said[several] = tuple(said[several])
    for one in fields(Connection):
        if one.type in ("str", "int", "bool") and type(said[one.name]).__name__ != one.type:
            raise ValueError
    return Connection(**said)
