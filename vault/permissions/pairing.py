"""The pairing window: for how long, and how many, new OAuth clients may register. It closes by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from vault import limits
from vault.errors import BadRequest
from vault.types import Connection, from_micros, micros


def open_(conn: Connection, seconds: int, now: datetime) -> datetime:
    """Let new clients register for so long, limits.REGISTERING of them, and return until when."""
    if not 1 <= seconds <= limits.PAIRING_SECONDS:
        most = limits.PAIRING_SECONDS // 60
        raise BadRequest(f"a pairing window is open for at most {most} minutes", hint="--for 5m")
    until = now + timedelta(seconds=seconds)
    conn.execute(
        "INSERT OR REPLACE INTO pairing (one, opened, until, left) VALUES (1, ?, ?, ?)",
        (micros(now), micros(until), limits.REGISTERING),
    )
    return until


def close(conn: Connection) -> None:
    """Let nobody register any more; twice is no error."""
    conn.execute("DELETE FROM pairing")


def state(conn: Connection, now: datetime) -> tuple[datetime | None, int]:
    """Return until when the window is open and how many may still register; (None, 0) when it is closed.

    A clock that was set back to before it was opened closes it, too.
    """
    row = conn.execute(
        "SELECT until, left FROM pairing WHERE opened <= ? AND until > ? AND left > 0", (micros(now), micros(now))
    ).fetchone()
    return (None, 0) if row is None else (from_micros(row[0]), int(row[1]))


def shut(conn: Connection) -> bool:
    """Say whether the window is known to be closed, so that there is nothing to note about it."""
    return conn.execute("SELECT 1 FROM pairing").fetchone() is None


def admit(conn: Connection, now: datetime) -> bool:
    """Take one of the places that are left. False when the window is closed; then it stays so, whatever the clock says
    later."""
    if state(conn, now)[0] is None:
        close(conn)
        return False
    conn.execute("UPDATE pairing SET left = left - 1")
    return True
