"""Times in questions: what is understood, in how many spellings, and what a record's date is worth then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embed.rows import START, conditions, dates, entries, index_of, vector
from tests.embed.test_search import admitted
from vault.embed.columns import UNDATED, microseconds
from vault.embed.search import Entry
from vault.embed.when import MOST, READ, Credit, Range, ranges
from vault.types import EVERYTHING, Conditions

NOW = datetime(2023, 8, 16, 12, tzinfo=UTC)
"""A Wednesday."""
PIECES = (
    "7",
    "31",
    "2023",
    "May",
    "last",
    "two",
    "weeks",
    "ago",
    "before",
    "after",
    "the",
    "day",
    "winter",
    "of",
    "on",
)


def days(question: str, now: datetime = NOW) -> list[str]:
    """The ranges as `first..last` day, with the certainty where it is not 1."""
    return [
        f"{one.since:%Y-%m-%d}..{one.until - timedelta(days=1):%Y-%m-%d}"
        + ("" if one.certainty == 1.0 else f" {one.certainty}")
        for one in ranges(question, now)
    ]


@pytest.mark.parametrize(
    "question",
    [
        "What did Anna say on 7 May 2023?", "what about 2023-05-07", "on May 7th, 2023?", "the 7th of May 2023",
        "Sunday, 7 May 2023", "am 7. Mai 2023", "le 7 mai 2023",
        "el 7 de mayo de 2023", "il 7 maggio 2023", "on 7.5.23", "2023/05/07", "the day before 8 May 2023",
        "the day after 6 May 2023", "ON MAY 7 2023", "7 May '23",
    ],
)  # fmt: skip
def test_one_day_in_many_spellings(question: str) -> None:
    assert days(question) == ["2023-05-07..2023-05-07"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("07/05/2023", ["2023-05-07..2023-05-07", "2023-07-05..2023-07-05"]),
        ("25/05/2023", ["2023-05-25..2023-05-25"]),
        ("05/25/2023", ["2023-05-25..2023-05-25"]),
        ("in May 2023", ["2023-05-01..2023-05-31"]),
        ("in 2023-02", ["2023-02-01..2023-02-28"]),
        ("en février 2024", ["2024-02-01..2024-02-29"]),
        ("in May", ["2023-05-01..2023-05-31", "2022-05-01..2022-05-31 0.5", "2024-05-01..2024-05-31 0.5"]),
        ("in October", ["2022-10-01..2022-10-31", "2021-10-01..2021-10-31 0.5", "2023-10-01..2023-10-31 0.5"]),
        ("on 29 February", ["2020-02-29..2020-02-29", "2016-02-29..2016-02-29 0.5", "2024-02-29..2024-02-29 0.5"]),
        ("spring of 2022", ["2022-03-01..2022-05-31"]),
        ("winter 2022", ["2022-12-01..2023-02-28", "2021-12-01..2022-02-28 0.5"]),
        ("last summer", ["2022-06-01..2022-08-31"]),
        ("early June 2023", ["2023-06-01..2023-06-10"]),
        ("end of last year", ["2022-09-02..2022-12-31"]),
        ("around Christmas 2021", ["2021-12-21..2021-12-29"]),
        ("New Year's Eve 2022", ["2022-12-31..2022-12-31"]),
        ("Easter 2023", ["2023-04-07..2023-04-10"]),
        ("Thanksgiving 2022", ["2022-11-24..2022-11-24"]),
        ("two days after 7 May 2023", ["2023-05-09..2023-05-09"]),
        ("the weekend before 8 May 2023", ["2023-05-06..2023-05-07"]),
        ("the week of 10 May 2023", ["2023-05-08..2023-05-14"]),
        ("between March and May 2022", ["2022-03-01..2022-05-31"]),
        ("from 28 December to 3 January 2022", ["2021-12-28..2022-01-03"]),
        ("7-9 May 2023", ["2023-05-07..2023-05-09"]),
        ("since June 2023", ["2023-06-01..2024-05-30 0.5"]),
        ("in 2022", ["2022-01-01..2022-12-31 0.5"]),
        ("yesterday", ["2023-08-15..2023-08-15"]),
        ("the day before yesterday", ["2023-08-14..2023-08-14"]),
        ("vorgestern", ["2023-08-14..2023-08-14"]),
        ("three days ago", ["2023-08-13..2023-08-13"]),
        ("il y a trois jours", ["2023-08-13..2023-08-13"]),
        ("two weeks ago", ["2023-07-30..2023-08-05"]),
        ("vor zwei Wochen", ["2023-07-30..2023-08-05"]),
        ("last week", ["2023-08-07..2023-08-13"]),
        ("la semana pasada", ["2023-08-07..2023-08-13"]),
        ("last weekend", ["2023-08-12..2023-08-13"]),
        ("in the last 3 months", ["2023-05-16..2023-08-16"]),
        ("last Tuesday", ["2023-08-15..2023-08-15", "2023-08-08..2023-08-08 0.5"]),
        ("mardi dernier", ["2023-08-15..2023-08-15", "2023-08-08..2023-08-08 0.5"]),
        ("on Friday", ["2023-08-11..2023-08-11", "2023-08-18..2023-08-18 0.5"]),
        ("next Friday", ["2023-08-18..2023-08-18", "2023-08-25..2023-08-25 0.5"]),
        ("recently, as told on 3 June 2023", ["2023-06-03..2023-06-03"]),
    ],
)
def test_what_words_for_times_mean(question: str, expected: list[str]) -> None:
    assert days(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "", "Who may have called March?", "I sat on mon ami", "the second of them", "7 maybe 8 people",
        "call 030 1234567", "What did April and June say?", "the day before", "the fall of the wall",
        "31.31.23", "chapter 12", "version 3.11.7", "30 February", "0 March", "what of 0 May",
    ],
)  # fmt: skip
def test_what_is_no_time(question: str) -> None:
    assert days(question) == []


def test_days_begin_at_midnight_where_the_owner_is() -> None:
    (one,) = ranges("yesterday", datetime(2023, 8, 16, 1, tzinfo=ZoneInfo("Europe/Prague")))
    assert (one.since, one.until) == (
        datetime(2023, 8, 14, 22, tzinfo=UTC), datetime(2023, 8, 15, 22, tzinfo=UTC),
    )  # fmt: skip


@given(
    st.text() | st.lists(
        st.sampled_from([*PIECES, "99999999", "/05/", "-"]), max_size=12
    ).map(" ".join),
    st.integers(0, 80_000).map(lambda n: NOW + (n - 20_000) * timedelta(days=1)),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_the_ranges_are_ranges(question: str, now: datetime) -> None:
    found = ranges(question, now)
    assert len(found) <= MOST
    assert all(one.since < one.until and 0 < one.certainty <= 1 for one in found)
    if found:
        Credit.of(found)


@given(st.dates(date(2000, 1, 1), date(2035, 1, 1)), st.sampled_from(["{0:%Y-%m-%d}", "{0.day}.{0.month}.{0.year}"]))
def test_every_day_is_understood_as_itself(day: date, form: str) -> None:
    (one,) = ranges(f"What happened on {form.format(day)}?", NOW)
    assert one == Range(datetime.combine(day, time(), UTC), datetime.combine(day, time(), UTC) + timedelta(days=1), 1.0)


def test_what_stands_far_back_is_not_read() -> None:
    assert days("x" * READ + " yesterday") == []


def test_credit_inside_after_before_and_far_away() -> None:
    credit = Credit.of(ranges("on 7 May 2023", NOW))
    day = datetime(2023, 5, 7, tzinfo=UTC)
    moments = [day, day + timedelta(hours=23), day + timedelta(days=1), day + timedelta(days=4),
               day - timedelta(hours=1), day - timedelta(days=4), None]  # fmt: skip
    shares = credit.shares_of(np.array([microseconds(one) for one in moments], np.int64))
    assert shares.tolist() == [1.0, 1.0, 0.5, 0.0, 0.25, 0.0, 0.0]
    assert microseconds(None) == UNDATED


def test_the_surer_of_two_ranges_counts() -> None:
    day = datetime(2023, 5, 7, tzinfo=UTC)
    both = Credit.of(
        [Range(day, day + timedelta(days=9), 0.5), Range(day + timedelta(days=2), day + timedelta(days=3), 1)]
    )
    shares = both.shares_of(np.array([microseconds(day + timedelta(days=n)) for n in (1, 2, 8)], np.int64))
    assert shares.tolist() == [0.5, 1.0, 0.5]


@pytest.mark.parametrize("exact", [8192, 0])
def test_a_time_lifts_and_does_not_shut_out(exact: int) -> None:
    """Of equals the record of that day comes first; one that answers much better stays before it."""
    base = entries_of_one()
    rows = [replace(base, record=n, date=START + timedelta(days=10 * n), pieces=(replace(base.pieces[0], id=n),))
            for n in range(1, 6)]  # fmt: skip
    index = index_of(rows, exact=exact)
    asked = f"word1 on {START + timedelta(days=40):%Y-%m-%d}"
    found = index.rank(EVERYTHING, vector(1), asked, 5, NOW)
    assert [one.record for one in found] == [4, 1, 2, 3, 5]
    assert [one.record for one in index.rank(EVERYTHING, vector(1), asked, 5)] == [1, 2, 3, 4, 5]
    index.close()


def entries_of_one() -> Entry:
    from tests.embed.test_search import entry

    return entry(1, "word1")


@given(rows=entries(), where=conditions(), day=dates(), limit=st.integers(1, 8), exact=st.sampled_from([8192, 0]))
@settings(max_examples=80, deadline=None)
def test_what_lies_outside_a_scope_cannot_be_felt_when_a_time_is_named(
    rows: list[Entry], where: Conditions, day: datetime | None, limit: int, exact: int
) -> None:
    asked = f"word0 word3 {day:on %Y-%m-%d}" if day else "word0 yesterday"
    whole = index_of(rows[::2], rows[1::2], exact=exact)
    kept = [row for row in (*rows[::2], *rows[1::2]) if admitted(where, row)]
    alone = index_of(kept, exact=exact)
    now = START + timedelta(days=4)
    assert whole.rank(where, vector(3), asked, limit, now) == alone.rank(EVERYTHING, vector(3), asked, limit, now)
    whole.close()
    alone.close()
