"""What there is, in numbers: read from one index that holds no text, so that it is as fast in a large vault."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from vault.types import EPOCH, Arrival, Connection, Holding, Holdings, Sensitivity, from_micros

_DAY = 86_400_000_000


def holdings(conn: Connection) -> Holdings:
    """Return what each source put into each collection, and when."""
    held = conn.execute(
        "SELECT collection, source, count(*), sum(octet_length(text)), min(created), max(created), max(imported)"
        " FROM record GROUP BY collection, source ORDER BY collection, source"
    )
    months: Counter[str] = Counter()
    for day, number in conn.execute(
        f"SELECT (created - ((created % {_DAY}) + {_DAY}) % {_DAY}) / {_DAY}, count(*) FROM record"  # noqa: S608
        " WHERE created IS NOT NULL GROUP BY 1 ORDER BY 1"
    ):
        months[f"{EPOCH + timedelta(days=day):%Y-%m}".zfill(7)] += number
    (undated,) = conn.execute("SELECT count(*) FROM record WHERE created IS NULL").fetchone()
    arrived = conn.execute(
        f"SELECT imported / {_DAY}, count(*), sum(octet_length(text)) FROM record GROUP BY 1 ORDER BY 1"  # noqa: S608
    )
    levels = conn.execute("SELECT sensitivity, count(*) FROM record GROUP BY sensitivity ORDER BY sensitivity")
    return Holdings(
        tuple(
            Holding(collection, source, records, size, _moment(first), _moment(last), from_micros(imported))
            for collection, source, records, size, first, last, imported in held
        ),
        dict(months), int(undated),
        tuple(Arrival(f"{EPOCH + timedelta(days=day):%Y-%m-%d}", number, size) for day, number, size in arrived),
        {Sensitivity(level).name.lower(): number for level, number in levels},
    )  # fmt: skip


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else from_micros(stored)
