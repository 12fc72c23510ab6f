"""What the dates of a scope are worth to a question: old archives, first and last, occasions, hours of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embed.rows import START, conditions, entries, index_of, vector
from tests.embed.test_search import admitted, entry
from vault.embed.columns import microseconds
from vault.embed.credit import ALONE, credit
from vault.embed.occasions import MOST, occasions
from vault.embed.search import Entry
from vault.embed.when import ECHOED
from vault.types import EVERYTHING, Conditions

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SPRING = [datetime(2019, 3, 4, 10, tzinfo=UTC) + timedelta(days=n) for n in range(60)]


Told = dict[str, list[datetime]]
"""When something happened, by its term."""


def shares(question: str, dates: Sequence[datetime | None], told: Told | None = None) -> list[float]:
    def said(terms: Sequence[str]) -> np.ndarray:
        found = [set((told or {}).get(term, [])) for term in terms]
        return np.array(sorted(map(microseconds, set.intersection(*found))), np.int64)

    every = np.array(list(map(microseconds, dates)), np.int64)
    worth = credit(question, NOW, lambda: every, said)
    return [] if worth is None else worth.shares_of(every).tolist()


def best(question: str, dates: Sequence[datetime], told: Told | None = None) -> list[date]:
    found = shares(question, dates, told)
    return [day.date() for day, share in zip(dates, found, strict=True) if share == max(found)] if any(found) else []


@pytest.mark.parametrize(
    "question", ["Who recommended the dentist?", "What did Ana say about the last train?", "On what did she work?", ""]
)
def test_most_questions_name_no_time(question: str) -> None:
    assert shares(question, SPRING) == []


def test_an_archive_that_ended_is_asked_as_of_its_end() -> None:
    assert best("What did I do yesterday?", SPRING) == [date(2019, 5, 1)]
    assert best("What did I do in March?", SPRING) == [day.date() for day in SPRING if day.month == 3]
    assert best("What did I do yesterday?", [*SPRING, NOW - timedelta(days=1)]) == [NOW.date() - timedelta(days=1)]


def test_a_time_that_was_said_in_full_stays() -> None:
    assert best("What did I do in March 2024?", SPRING) == []
    assert best("on 5 April 2019", SPRING) == [date(2019, 4, 5)]


def test_a_question_that_says_its_day_counts_from_there() -> None:
    assert best("Today is 2019-04-10. What did I do yesterday?", SPRING) == [date(2019, 4, 9)]
    assert best("Current date: 10 April 2019. Where was I last weekend?", SPRING) == [
        date(2019, 4, 6),
        date(2019, 4, 7),
    ]


def test_the_last_and_the_first_of_something() -> None:
    found = shares("When did I last swim?", [*SPRING, None, NOW + timedelta(days=9)])
    assert found[:60] == sorted(found[:60])
    assert (found[0] < 0.1, found[59], found[60:]) == (True, 2.0, [0.0, 0.0])
    found = shares("When did I swim for the first time?", [*SPRING, None])
    assert found[:60] == sorted(found[:60], reverse=True)
    assert (found[0], found[60]) == (2.0, 0.0)
    assert shares("When was the last time?", [None, None]) == []
    assert shares("When was the last time?", []) == []
    assert shares("When was the last time?", SPRING[:1]) == [2.0]


def test_a_time_is_worth_more_the_fewer_words_stand_beside_it() -> None:
    few = max(shares("What did I do on 5 April 2019?", SPRING))
    more = max(shares("Which colour did Ana paint her kitchen door on 5 April 2019?", SPRING))
    assert 1.0 < more < 1.2 < few <= 1.0 + ALONE


BIRTHDAY = {"birthday": [SPRING[10]], "cake": [SPRING[10], SPRING[30]]}  # Thursday, 14 March 2019


@pytest.mark.parametrize(
    ("question", "days"),
    [
        ("What did I do on my birthday?", [date(2019, 3, 14)]),
        ("What did I do the day after my birthday?", [date(2019, 3, 15)]),
        ("What did I do two days before my birthday in 2019?", [date(2019, 3, 12)]),
        ("What did I do the weekend after my birthday?", [date(2019, 3, 16), date(2019, 3, 17)]),
        ("Where was I the day after my birthday cake was eaten?", [date(2019, 3, 15)]),
        ("What did I do the day after my birthday in 2018?", []),
        ("What did I do the day after my wedding?", []),
        ("What did I do the day after 14 March 2019?", [date(2019, 3, 15)]),
        ("the week before", []),
    ],
)
def test_occasions(question: str, days: list[date]) -> None:
    assert best(question, SPRING, BIRTHDAY) == days


def test_what_happens_all_the_time_is_no_occasion() -> None:
    assert best("the day after the cake", SPRING, {"cake": SPRING[: MOST + 1]}) == []
    assert best("the day after the cake", SPRING, {"cake": SPRING[:2]}) == [day.date() for day in SPRING[1:3]]


def test_an_occasion_at_the_end_of_time_breaks_nothing() -> None:
    far = datetime(9999, 12, 31, tzinfo=UTC)
    assert shares("the week after my birthday", [far], {"birthday": [far]}) is not None


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("at 14:30", range(14, 15)), ("at 2 pm", range(14, 15)), ("in the morning", range(5, 12)),
        ("um 14 Uhr", range(14, 15)), ("abends", range(17, 24)), ("", range(24)),
    ],
)  # fmt: skip
def test_hours_of_a_day(words: str, hours: range) -> None:
    day = [datetime(2019, 4, 5, hour, 30 if "30" in words else 0, tzinfo=UTC) for hour in range(24)]
    found = shares(f"Where was I on 5 April 2019 {words}?", day)
    assert [n for n, share in enumerate(found) if share == max(found)] == list(hours)
    assert min(found) > ECHOED * max(found)


@given(st.text() | st.lists(st.sampled_from(
    ["day", "week", "weekend", "2", "after", "before", "my", "birthday", "on", "the", "last time",
     "in March", "at 5 pm", "yesterday", "today is 7 May 2019"]), max_size=9).map(" ".join))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_is_asked_shares_lie_within_bounds(question: str) -> None:
    found = shares(question, [*SPRING, None], {"birthday": [SPRING[3]], "day": SPRING[:2]})
    assert all(0.0 <= share <= 1.0 + ALONE for share in found)
    assert not found or found[-1] == 0.0
    assert len(list(occasions(question.casefold(), NOW.date()))) <= 1


# ---------------------------------------------------------------- in a scope

ASKED = ("word0 yesterday", "when did I last word3", "the day after my word1", "on my word2 in the evening", "in May")


@given(rows=entries(), where=conditions(), asked=st.sampled_from(ASKED), exact=st.sampled_from([8192, 0]))
@settings(max_examples=120, deadline=None)
def test_what_lies_outside_a_scope_cannot_be_felt(rows: list[Entry], where: Conditions, asked: str, exact: int) -> None:
    """Neither the last record, nor the first, nor an occasion, nor when it was."""
    whole = index_of(rows[::2], rows[1::2], exact=exact)
    alone = index_of([row for row in (*rows[::2], *rows[1::2]) if admitted(where, row)], exact=exact)
    now = START + timedelta(days=400)
    assert whole.rank(where, vector(3), asked, 8, now) == alone.rank(EVERYTHING, vector(3), asked, 8, now)
    whole.close()
    alone.close()


def test_an_occasion_lifts_the_days_beside_it() -> None:
    base = entry(1, "word1")
    rows = [
        replace(base, record=n, date=START + timedelta(days=10 * n), pieces=(replace(base.pieces[0], id=n),))
        for n in range(1, 6)
    ]
    feast = replace(entry(9, "word7"), date=START + timedelta(days=39))
    index = index_of([*rows, feast])
    found = index.rank(EVERYTHING, vector(1), "word1 the day after word7", 6, START + timedelta(days=400))
    assert found[0].record == 4
    index.close()
