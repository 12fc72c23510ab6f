"""A place with an unlocked database, without the rest of the vault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vault.store.database import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Place:
    """A directory with a database and the keys to it."""

    directory: Path
    key: bytearray = field(default_factory=lambda: bytearray(range(32)))
    head_key: bytearray = field(default_factory=lambda: bytearray(range(32, 64)))
    vault_id: str = "00112233445566778899aabbccddeeff"
    opened: list[Database] = field(default_factory=list)

    def create(self) -> Place:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        Database.create(self.directory, self.key, self.vault_id, NOW)
        return self

    def open(self, *, accept_older: bool = False) -> Database:
        db = Database.open(self.directory, self.key, self.vault_id, self.head_key, accept_older=accept_older)
        self.opened.append(db)
        return db

    def files(self) -> dict[str, bytes]:
        """Return what lies in the directory. Only while the database is closed."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    def restore(self, files: dict[str, bytes]) -> None:
        """Make the directory hold exactly these files."""
        for path in self.directory.iterdir():
            path.unlink()
        for name, content in files.items():
            (self.directory / name).write_bytes(content)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "vault").create()
    yield place
    for db in place.opened:
        db.close()


@pytest.fixture
def db(place: Place) -> Database:
    return place.open()
