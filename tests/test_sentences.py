"""What a grant allows, as a sentence: every dimension told, and nothing of it a terminal would obey."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vault import sentences
from vault.permissions import scope
from vault.types import Action, Approval, Detail, Filter, GrantView, Limits, Sensitivity, Status, Usage

MADE = datetime(2026, 11, 22, 12, tzinfo=UTC)


def view(filter: Filter, **changes: Any) -> GrantView:
    words = scope.in_words(scope.from_filter(filter, all=filter.collections is None))
    plain = GrantView(
        "g0123456789abcdef", "claude", "", (Action.SEARCH, Action.READ, Action.COUNT), words, Status.ACTIVE, MADE,
        MADE + timedelta(days=30), None, Detail.FULL, Limits(), Approval.NEVER, "", "", Usage(),
    )  # fmt: skip
    return dataclasses.replace(plain, **changes)


NOTES = Filter(collections=("notes",))


def test_the_sentence_of_the_issue() -> None:
    asked = dataclasses.replace(NOTES, labels=("work",), since=datetime(2026, 1, 1, tzinfo=UTC))
    assert sentences.allowed(view(asked, detail=Detail.SNIPPET, limits=Limits(records_per_day=50))) == (
        "claude may search, read and count in notes, labelled work, from 1 January 2026 on; "
        "passages of at most 480 characters; nothing sensitive or secret; 50 records a day; until 22 December 2026"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "in notes"),
        ({"collections": ("notes", "mail")}, "in mail and notes"),
        ({"collections": None}, "in the whole vault"),
        ({"sources": ("mbox:mail",)}, "in notes, from mbox:mail"),
        ({"kinds": ("note", "page")}, "in notes, of kind note or page"),
        ({"labels": ("a", "b")}, "in notes, labelled a or b"),
        ({"without_labels": ("a", "b")}, "in notes, not labelled a or b"),
        ({"people": ("Doe, Jane", "Elin")}, "in notes, with “Doe, Jane” or Elin"),
        ({"until": datetime(2026, 4, 1, tzinfo=UTC)}, "in notes, up to 31 March 2026"),
        ({"until": datetime(2026, 4, 1, 9, tzinfo=UTC)}, "in notes, up to 1 April 2026, 09:00 UTC"),
        (
            {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": datetime(2027, 1, 1, tzinfo=UTC)},
            "in notes, from 1 January 2026 to 31 December 2026",
        ),
        ({"last": 90}, "in notes, of the last 90 days"),
        ({"owner_written": True}, "in notes, written by you"),
    ],
)
def test_every_condition_is_told(more: dict[str, Any], said: str) -> None:
    words = view(dataclasses.replace(NOTES, **more)).scope
    assert sentences.conditions(words) == said


def test_conditions_that_must_all_hold_are_told_as_such() -> None:
    words = {"collections": "*", "sensitivity": "personal", "labels": [["a", "b"], ["c"]]}
    assert sentences.conditions(words) == "in the whole vault, labelled a or b and labelled c"


def test_no_collection_is_not_every_collection() -> None:
    assert sentences.conditions({"collections": [], "sensitivity": "public"}) == "in no collection"


@pytest.mark.parametrize("level", list(Sensitivity))
def test_every_ceiling_is_told(level: Sensitivity) -> None:
    said = sentences.allowed(view(dataclasses.replace(NOTES, sensitivity=level.name.lower())))
    assert ("also what is sensitive" in said) is (level >= Sensitivity.SENSITIVE)
    assert ("nothing" in said) is (level in (Sensitivity.PERSONAL, Sensitivity.SENSITIVE))
    assert ("only what is public" in said) is (level is Sensitivity.PUBLIC)


@pytest.mark.parametrize("detail", list(Detail))
def test_every_detail_reads_differently(detail: Detail) -> None:
    others = {sentences.allowed(view(NOTES, detail=one)) for one in Detail if one is not detail}
    assert len(others) == len(Detail) - 1
    assert sentences.allowed(view(NOTES, detail=detail)) not in others


def test_counting_alone_shows_no_text_whatever_the_detail() -> None:
    said = sentences.allowed(view(NOTES, actions=(Action.COUNT,), detail=Detail.FULL))
    assert said.startswith("claude may count in notes; numbers and dates, no text; ")


def test_adding_alone_shows_nothing() -> None:
    said = sentences.allowed(view(NOTES, actions=(Action.ADD,)))
    assert said == "claude may add to notes; until 22 December 2026"


@pytest.mark.parametrize(
    ("limited", "said"),
    [
        (Limits(results=1), "1 record an answer"),
        (Limits(queries_per_hour=20), "20 questions an hour"),
        (Limits(records_per_day=1000), "1,000 records a day"),
        (Limits(bytes_per_day=5_000_000), "5 MB of text a day"),
    ],
)
def test_every_limit_is_told(limited: Limits, said: str) -> None:
    assert f"; {said}; " in sentences.allowed(view(NOTES, limits=limited))


@pytest.mark.parametrize("mode", [mode for mode in Approval if mode is not Approval.NEVER])
def test_every_approval_is_told(mode: Approval) -> None:
    assert "; you are asked " in sentences.allowed(view(NOTES, approval=mode))


def test_a_grant_of_hours_ends_at_a_time_of_day() -> None:
    assert sentences.allowed(view(NOTES, expires=MADE + timedelta(hours=3))).endswith(":00")


def test_usage_stands_beside_its_limits() -> None:
    limited = Limits(queries_per_hour=20, records_per_day=50, bytes_per_day=10**6)
    assert sentences.used(limited, Usage(3, 12, 4100)) == (
        "3 of 20 questions this hour, 12 of 50 records today, 4.1 kB of 1 MB of text today"
    )
    assert sentences.used(Limits(), Usage(1, 0, 0)) == "1 question this hour, 0 records today"


def test_what_a_client_asks_for_reads_the_same() -> None:
    terms = {
        "actions": ["count", "search"], "detail": "snippet", "limits": {"results": 5}, "expires_in": 7 * 86400,
        "scope": {"collections": ["mail"], "sensitivity": "personal"},
    }  # fmt: skip
    assert sentences.wanted("claude", terms) == (
        "claude asks to search and count in mail; passages of at most 480 characters; nothing sensitive or secret; "
        "5 records an answer; for 7 days"
    )


def test_names_cannot_control_the_terminal() -> None:
    words = {"collections": "*", "sensitivity": "personal", "labels": ["\x1b[2Jred\u202e"]}
    assert sentences.conditions(words) == "in the whole vault, labelled [2Jred"


@pytest.mark.parametrize(
    ("words", "said"), [([], "nothing"), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists(words: list[str], said: str) -> None:
    assert sentences.listed(words) == said


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (5_000_000, "5 MB"), (2 * 10**9, "2 GB")]
)
def test_sizes(number: int, said: str) -> None:
    assert sentences.size(number) == said


@pytest.mark.parametrize(
    ("time", "said"),
    [(timedelta(days=30), "30 days"), (timedelta(hours=36), "36 hours"), (timedelta(minutes=1), "1 minute"),
     (timedelta(seconds=61), "61 seconds")],
)  # fmt: skip
def test_lengths(time: timedelta, said: str) -> None:
    assert sentences.length(time) == said
