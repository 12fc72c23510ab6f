"""Budgets against a list of everything that was ever charged, counted by hand, whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlcipher3
from hypothesis import given
from hypothesis import strategies as st

from vault import limits
from vault.permissions import budgets
from vault.types import EVERYTHING, Action, Grant, Limits, Status, Usage

SCHEMA = (Path(__file__).parents[2] / "vault/store/migrations/0001_first.sql").read_text("utf-8")
NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
HOUR, DAY, MINUTE, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)
GRANT = Grant(
    id="g-1", client="claude", purpose="", actions=frozenset({Action.SEARCH}), where=EVERYTHING, status=Status.ACTIVE,
    created=NOW, expires=NOW + 300 * DAY, last_used=None,
)  # fmt: skip


@contextmanager
def database() -> Iterator[Any]:
    """A database for each example: a fixture would be shared by all examples of one test."""
    connection = sqlcipher3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    try:
        yield connection
    finally:
        connection.close()


# ---------------------------------------------------------------- by hand


@dataclass
class Use:
    """One answer as the list remembers it. Its minute counts for requests and bytes, its time for records."""

    client: str
    minute: datetime
    time: datetime
    records: list[str]
    bytes: int


def minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def counted(uses: list[Use], client: str, now: datetime, fresh: datetime | None) -> Usage:
    since = lambda age: now - age if fresh is None or fresh > now else max(now - age, fresh)  # noqa: E731
    own = [use for use in uses if use.client == client]
    return Usage(
        queries=sum(use.minute >= minute(since(HOUR)) for use in own),
        records=len({record for use in own if use.time >= since(DAY) for record in use.records}),
        bytes=sum(use.bytes for use in own if use.minute >= minute(since(DAY))),
    )


def first_over(uses: list[Use], grant: Grant, now: datetime, records: list[str], bytes: int) -> str:
    after = counted([*uses, Use(grant.client, minute(now), now, records, bytes)], grant.client, now, grant.fresh)
    for name, used in (
        ("queries_per_hour", after.queries), ("bytes_per_day", after.bytes), ("records_per_day", after.records),
    ):  # fmt: skip
        bound = getattr(grant.limits, name)
        if bound is not None and used > bound:
            return name
    return ""


# ---------------------------------------------------------------- any history

spots = st.integers(0, 3 * 86400).map(lambda n: NOW + timedelta(seconds=n))
near = st.integers(-90, 90).map(lambda n: NOW + timedelta(seconds=n))
times = st.one_of(spots, near)
charges = st.tuples(
    st.just("charge"), st.sampled_from(["claude", "cursor"]), times, st.lists(st.sampled_from("abcdefg")),
    st.integers(0, 100),
)  # fmt: skip
renewals = st.tuples(st.just("renew"), st.sampled_from(["claude", "cursor"]), times, st.just([]), st.just(0))
histories = st.lists(st.one_of(charges, charges, charges, renewals), max_size=30)
some = st.none() | st.integers(1, 12)


@given(
    histories, times, st.lists(st.sampled_from("abcdefg"), max_size=4),
    st.builds(Limits, st.none(), some, some, st.none() | st.integers(1, 600)),
)  # fmt: skip
def test_usage_is_what_was_charged(history: list[Any], now: datetime, wanted: list[str], bounds: Limits) -> None:
    with database() as conn:
        uses: list[Use] = []
        fresh: dict[str, datetime] = {}
        for what, client, time, records, bytes in history:
            if what == "charge":
                budgets.charge(conn, client, time, records, bytes)
                uses.append(Use(client, minute(time), time, list(set(records)), bytes))
            else:
                budgets.renew(conn, client, time)
                fresh[client] = time
                for use in uses:
                    if use.client == client:
                        use.minute = min(use.minute, minute(time) - MINUTE)
                        use.time = min(use.time, minute(time) - MOMENT)
                assert budgets.usage(conn, client, time, time) == Usage()
        for client in ("claude", "cursor", "nobody"):
            for since in {None, fresh.get(client)}:
                assert budgets.usage(conn, client, now, since) == counted(uses, client, now, since)
                grant = replace(GRANT, client=client, limits=bounds, fresh=since)
                assert budgets.exceeded(conn, grant, now, wanted, 50) == first_over(
                    uses, grant, now, sorted(set(wanted)), 50
                )


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc"), st.integers(0, 9)), max_size=25))
def test_no_clock_makes_a_client_look_idler(jumps: list[tuple[int, str, int]]) -> None:
    """However far the clock jumps, also further than the minutes are kept."""
    with database() as conn:
        uses: list[Use] = []
        for day, record, bytes in jumps:
            time = NOW + day * DAY
            budgets.charge(conn, "claude", time, [record], bytes)
            uses.append(Use("claude", minute(time), time, [record], bytes))
            used, by_hand = budgets.usage(conn, "claude", time, None), counted(uses, "claude", time, None)
            assert used.queries >= by_hand.queries and used.bytes >= by_hand.bytes and used.records == by_hand.records


# ---------------------------------------------------------------- one thing at a time


def test_the_very_edges(conn: Any) -> None:
    budgets.charge(conn, "claude", NOW, ["a"], 7)
    start = minute(NOW)
    for now, expected in {
        start + HOUR + MINUTE - MOMENT: Usage(1, 1, 7), start + HOUR + MINUTE: Usage(0, 1, 7),
        NOW + DAY: Usage(0, 1, 7), NOW + DAY + MOMENT: Usage(0, 0, 7),
        start + DAY + MINUTE - MOMENT: Usage(0, 0, 7), start + DAY + MINUTE: Usage(),
    }.items():  # fmt: skip
        assert budgets.usage(conn, "claude", now, None) == expected


def test_the_last_one_that_fits(conn: Any) -> None:
    grant = replace(GRANT, limits=Limits(records_per_day=3, queries_per_hour=4, bytes_per_day=30))
    assert budgets.exceeded(conn, grant, NOW, ["a", "b", "c", "d"], 1) == "records_per_day"
    assert budgets.exceeded(conn, grant, NOW, ["a", "b", "c"], 31) == "bytes_per_day"
    assert budgets.exceeded(conn, grant, NOW, ["a", "b", "c", "c"], 30) == ""
    for _ in range(3):
        budgets.charge(conn, "claude", NOW, ["a", "b"], 10)
    assert budgets.exceeded(conn, grant, NOW, ["c"], 1) == "bytes_per_day"
    assert budgets.exceeded(conn, grant, NOW, ["c", "d"], 0) == "records_per_day"
    assert budgets.exceeded(conn, grant, NOW, ["a", "b", "c"], 0) == ""
    budgets.charge(conn, "claude", NOW, [], 0)
    assert budgets.exceeded(conn, grant, NOW, [], 0) == "queries_per_hour"
    assert budgets.exceeded(conn, replace(grant, limits=Limits()), NOW, list(map(str, range(99))), 10**9) == ""
    assert budgets.exceeded(conn, replace(grant, client="cursor"), NOW, ["a", "b", "c"], 30) == ""


def test_children_and_sisters_share(conn: Any) -> None:
    """Usage is the client's: another grant of it has used what this one has."""
    budgets.charge(conn, "claude", NOW, ["a", "b"], 10)
    sister = replace(GRANT, id="g-2", limits=Limits(records_per_day=2))
    assert budgets.exceeded(conn, sister, NOW, ["c"], 1) == "records_per_day"


def test_old_minutes_go_and_one_stays_to_subtract(conn: Any) -> None:
    for day in range(40):
        budgets.charge(conn, "claude", NOW + day * DAY, ["a"], 1)
    budgets.charge(conn, "cursor", NOW, ["a"], 1)
    kept = conn.execute("SELECT client, count(*), min(queries) FROM spent GROUP BY client").fetchall()
    assert kept == [("claude", budgets.KEPT.days + 2, 32), ("cursor", 1, 1)]
    assert budgets.usage(conn, "claude", NOW + 39 * DAY, None) == Usage(1, 1, 2)


# ---------------------------------------------------------------- sweeping


def sweep(conn: Any, new: int, again: int, now: datetime = NOW) -> None:
    """Charge `new` records that the client never had, and `again` hits on one that it had long ago."""
    budgets.charge(conn, "claude", now - 2 * DAY, ["old"], 1)
    budgets.charge(conn, "claude", now, [f"r{i}" for i in range(new)], 1)
    for _ in range(again):
        budgets.charge(conn, "claude", now, ["old"], 1)


@pytest.mark.parametrize(
    ("new", "again", "found"),
    [
        (limits.SWEEP_RECORDS, 0, True), (limits.SWEEP_RECORDS - 1, 0, False),
        (limits.SWEEP_RECORDS, limits.SWEEP_RECORDS // 4, True),  # exactly 80 of 100 are new
        (limits.SWEEP_RECORDS, limits.SWEEP_RECORDS // 4 + 1, False), (limits.SWEEP_RECORDS - 1, 1, False),
    ],
)  # fmt: skip
def test_sweeping_is_many_and_mostly_new(conn: Any, new: int, again: int, found: bool) -> None:
    sweep(conn, new, again)
    assert budgets.sweeps(conn, "claude", NOW) == ({"new": new, "hits": new + again} if found else None)
    assert budgets.sweeps(conn, "cursor", NOW) is None


def test_what_was_new_more_than_an_hour_ago_is_not(conn: Any) -> None:
    sweep(conn, limits.SWEEP_RECORDS, 0)
    assert budgets.sweeps(conn, "claude", NOW + HOUR) is not None
    assert budgets.sweeps(conn, "claude", NOW + HOUR + MOMENT) is None
    budgets.charge(conn, "claude", NOW + 2 * HOUR, [f"r{i}" for i in range(limits.SWEEP_RECORDS)], 1)
    assert budgets.sweeps(conn, "claude", NOW + 2 * HOUR) is None  # all of them again: a habit, no sweep
