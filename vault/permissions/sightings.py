"""Which clients were ever given some records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from vault.types import Connection, Sighting, from_micros


def of(conn: Connection, records: Iterable[str]) -> tuple[Sighting, ...]:
    """Return one for each client that had one of these records, whoever had one last first."""
    found: dict[str, tuple[datetime, datetime, int]] = {}
    for record in records:
        # every client has or had a grant, and there are few of them: looked up one by one
        for client, first, last, times in conn.execute(
            "SELECT released.client, first, last, times FROM (SELECT DISTINCT client FROM grant_) AS known"
            " JOIN released ON released.client = known.client AND released.record = ?",
            (record,),
        ):
            one = from_micros(first), from_micros(last), int(times)
            had = found.get(client, one)
            more = had[2] + one[2] if client in found else one[2]
            found[client] = min(had[0], one[0]), max(had[1], one[1]), more
    told = (Sighting(client, *one) for client, one in found.items())
    return tuple(sorted(told, key=lambda one: one.last, reverse=True))
