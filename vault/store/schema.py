"""The numbered migrations of the database: `migrations/0001_first.sql`, `0002_….sql`, … without gaps (SPEC.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from vault.errors import Missing
from vault.store.cipher import Link

_DIRECTORY = Path(__file__).parent / "migrations"
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class Migration(NamedTuple):
    """One step of the schema. After it the database's `user_version` is `number`."""

    number: int
    name: str
    sql: str


def migrations(directory: Path = _DIRECTORY) -> tuple[Migration, ...]:
    """Return all migrations in order. Raises Missing when their numbers are not 1, 2, 3 …"""
    paths = sorted(directory.glob("*.sql"))
    found = [(int(match[1]), path) for path in paths if (match := _FILE.fullmatch(path.name))]
    if len(found) != len(paths) or not found or [n for n, _ in found] != list(range(1, len(found) + 1)):
        raise Missing("the installation's database migrations are not complete", hint="install ownvault again")
    return tuple(Migration(number, path.stem, path.read_text("utf-8")) for number, path in found)


def statements(sql: str) -> Iterator[str]:
    """Split a migration at the semicolons that end its statements, comments and triggers understood."""
    from sqlcipher3 import dbapi2

    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if dbapi2.complete_statement(pending):
            yield pending
            pending = ""
    if any(line.strip() and not line.strip().startswith("--") for line in pending.splitlines()):
        raise Missing(
            f"a database migration ends inside a statement: {pending.strip()[:60]}", hint="install ownvault again"
        )


def migrate(link: Link, version: int, found: Callable[[], None] = lambda: None) -> None:
    """Apply every migration after `version`, all in one transaction: the schema is old or new, never between."""
    link.execute("BEGIN IMMEDIATE")
    try:
        for step in migrations()[version:]:
            for statement in statements(step.sql):
                link.execute(statement)
            link.execute(f"PRAGMA user_version = {step.number:d}")
        if version:
            link.execute("UPDATE vault SET commit_counter = commit_counter + 1")
        found()
        link.execute("COMMIT")
    except BaseException:
        if link.in_transaction:
            link.execute("ROLLBACK")
        raise
