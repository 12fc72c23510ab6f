"""What the limits of a grant cost: one answer with ten records, inside a transaction that is open anyway.

Look up what the client used, compare it with every limit, charge it, look for sweeping. The client has had 100,000
records over a month; `day` of them in the last day, and it keeps asking for those again, which is the dear case.
"""

from __future__ import annotations

import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.machine import keep, spread, table
from vault.permissions import budgets
from vault.store.database import Database
from vault.types import EVERYTHING, Action, Connection, Grant, Limits, Status

BAR_US, TIMES, HELD = 150.0, 400, 100_000
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY_S = 86400


def main() -> None:
    figures = {}
    for name, limit, day in (("50 a day", 50, 40), ("1,000 a day", 1000, 900), ("100,000 a day", 100_000, 50_000)):
        with tempfile.TemporaryDirectory() as place:
            directory, key = Path(place), bytearray(32)
            Database.create(directory, key, "0" * 32, NOW)
            with Database.open(directory, key, "0" * 32, bytearray(32)) as db:
                records = db.write(partial(fill, day=day))
                figures[name] = spread(db.write(partial(answers, records=records, limit=limit)))
    keep("budgets", {"times": TIMES, "held": HELD, "bar_us": BAR_US, **figures})
    table(
        f"limits: one answer with ten records, of a client that had {HELD:,} ({TIMES} answers each)",
        [(name, f"{f['median']:.0f} us (p95 {f['p95']:.0f})", f"bar {BAR_US:g} us") for name, f in figures.items()],
    )


def fill(conn: Connection, day: int) -> list[str]:
    """Give the client a month; return the records of its last day."""
    chance = random.Random(3)
    ids = [f"r{chance.getrandbits(64):016x}" for _ in range(HELD)]
    ages = [chance.uniform(0, DAY_S) if i < day else chance.uniform(DAY_S, 30 * DAY_S) for i in range(HELD)]
    for record, age in sorted(zip(ids, ages, strict=True), key=lambda pair: -pair[1]):
        budgets.charge(conn, "claude", NOW - timedelta(seconds=age), [record], 2000)
    return ids[:day]


def answers(conn: Connection, records: list[str], limit: int) -> list[float]:
    """Return the microseconds of each answer."""
    chance, taken = random.Random(5), []
    grant = Grant(
        id="g-1", client="claude", purpose="", actions=frozenset({Action.SEARCH}), where=EVERYTHING,
        status=Status.ACTIVE, created=NOW, expires=NOW + timedelta(days=30), last_used=None,
        limits=Limits(10, 10**6, limit, 10**12),
    )  # fmt: skip
    for i in range(TIMES):
        now, chosen = NOW + timedelta(milliseconds=100 * i), chance.sample(records, 10)
        start = time.perf_counter()
        exceeded = budgets.exceeded(conn, grant, now, chosen, 20_000)
        budgets.charge(conn, "claude", now, chosen, 20_000)
        budgets.sweeps(conn, "claude", now)
        taken.append((time.perf_counter() - start) * 1e6)
        assert exceeded == "", exceeded
    return taken


if __name__ == "__main__":
    main()
