"""Notices: what the owner should know, until it is dismissed. SPEC.md, "Notices"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import rfc8785

from vault import limits
from vault.errors import Damaged, NotFound
from vault.types import Connection, Notice, from_micros, micros


def put(
    conn: Connection, time: datetime, kind: str, client: str, grant: str, detail: Mapping[str, Any]
) -> None:  # fmt: skip
    """Store a notice. Of more than limits.NOTICES the oldest go, those first that only say that a request waits."""
    conn.execute(
        "INSERT INTO notice (time, kind, client, grant_, detail) VALUES (?, ?, ?, ?, ?)",
        (micros(time), kind, client, grant, rfc8785.dumps(dict(detail)).decode()),
    )
    conn.execute(
        "DELETE FROM notice WHERE n IN (SELECT n FROM notice"
        " ORDER BY kind IN ('approval', 'access'), n DESC LIMIT -1 OFFSET ?)",
        (limits.NOTICES,),
    )


def listed(conn: Connection) -> tuple[Notice, ...]:
    """Return every notice that was not dismissed, newest first. Damaged if one is not what we wrote."""
    rows = conn.execute("SELECT n, time, kind, client, grant_, detail FROM notice WHERE NOT dismissed ORDER BY n DESC")
    return tuple(map(_read, rows))


def after(conn: Connection, n: int, most: int) -> tuple[Notice, ...]:
    """Return the notices that came after number `n`, oldest first, dismissed or not."""
    rows = conn.execute(
        "SELECT n, time, kind, client, grant_, detail FROM notice WHERE n > ? ORDER BY n LIMIT ?", (n, most)
    )
    return tuple(map(_read, rows))


def lately(conn: Connection, kind: str, client: str, since: datetime) -> bool:
    """Say whether there was a notice of this kind about the client since then, dismissed or not."""
    row = conn.execute(
        "SELECT 1 FROM notice WHERE kind = ? AND client = ? AND time >= ? LIMIT 1", (kind, client, micros(since))
    ).fetchone()
    return row is not None


def dismiss(conn: Connection, n: int) -> None:
    """Take one notice away; NotFound if there is none of this number."""
    done = conn.execute("UPDATE notice SET dismissed = 1 WHERE n = ? AND NOT dismissed RETURNING n", (n,)).fetchone()
    if done is None:
        raise NotFound(f"there is no notice {n}", hint="see: ownvault notices")


def _read(row: Any) -> Notice:
    n, time, kind, client, grant, text = row
    try:
        detail = json.loads(text)
        if not isinstance(detail, dict):
            raise TypeError
        return Notice(n, from_micros(time), kind, client, grant, detail)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise Damaged(f"the stored notice {n} cannot be read") from None
