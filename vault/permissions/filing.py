"""Filing: where each audit entry stands when the log is looked through. SPEC.md, "Filing".

What became of a request is told by its entry alone, so that all of this can be made anew from the log.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from vault.permissions.grants import OWNER
from vault.types import Connection, Ending, Entry, micros

HOUR = 3_600_000_000
"""Microseconds."""
MASKED = "redacted"
"""The detail, as an entry says it (`shown`), of text that left with identifiers masked."""
_FAULTS = frozenset({
    "internal", "bad_request", "too_large", "overloaded", "storage_failed", "audit_failed", "damaged", "rolled_back",
    "missing", "busy", "locked", "changed_meanwhile", "transaction_failed", "ballast_released", "provider_failed",
    "unreachable",
})  # fmt: skip
"""Reasons for which nothing was decided: the vault could not, or the request made no sense."""


class Place(NamedTuple):
    """What an entry is filed under; `hour` counts from 1970."""

    hour: int
    client: str
    action: str
    outcome: str


def ending(entry: Entry) -> Ending:
    """Return what became of the request that the entry tells of."""
    if entry.decision == "deny":
        return Ending.ERROR if entry.reason in _FAULTS else Ending.DENIED
    if entry.client == OWNER:
        return Ending.OWNER
    if not entry.records:
        return Ending.ANSWERED
    return Ending.REDACTED if entry.detail.get("shown") == MASKED else Ending.RELEASED


def place(entry: Entry) -> Place:
    """Return what the entry is filed under."""
    return Place(micros(entry.time) // HOUR, entry.client, entry.action, ending(entry).value)


def file(conn: Connection, number: int, entry: Entry) -> None:
    """File an entry, in the transaction that writes it."""
    at = place(entry)
    conn.execute(
        "INSERT OR REPLACE INTO filed (number, client, action, outcome) VALUES (?, ?, ?, ?)", (number, *at[1:])
    )
    conn.execute(
        "INSERT INTO activity (hour, client, action, outcome, entries) VALUES (?, ?, ?, ?, 1)"
        " ON CONFLICT DO UPDATE SET entries = entries + 1",
        at,
    )


def unfile(conn: Connection, number: int, entry: Entry) -> None:
    """Take an entry out, in the transaction that erases it: nothing tells any more when whose it was."""
    at = place(entry)
    conn.execute("DELETE FROM filed WHERE number = ?", (number,))
    conn.execute(
        "UPDATE activity SET entries = entries - 1 WHERE hour = ? AND client = ? AND action = ? AND outcome = ?", at
    )
    conn.execute("DELETE FROM activity WHERE hour = ? AND entries = 0", (at.hour,))


class Check:
    """Compares what is filed with what the entries say, in one pass over the log; holds a number for each place."""

    def __init__(self, conn: Connection) -> None:
        self._filed = iter(conn.execute("SELECT number, client, action, outcome FROM filed ORDER BY number"))
        self._conn, self._places = conn, Counter[Place]()
        self.holds = True

    def entry(self, number: int, entry: Entry) -> None:
        """Take the next entry that is not erased."""
        at = place(entry)
        self._places[at] += 1
        self.holds = self.holds and next(self._filed, None) == (number, *at[1:])

    def finish(self) -> bool:
        """Say whether everything is filed as it should be, and nothing else is."""
        rows = self._conn.execute("SELECT hour, client, action, outcome, entries FROM activity").fetchall()
        counted = {Place(*row[:4]): row[4] for row in rows}
        return self.holds and next(self._filed, None) is None and counted == dict(self._places)
