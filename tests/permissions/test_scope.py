"""Scope: names, what a person says, the per-record gate in every dimension, and the canonical text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import BadRequest
from vault.permissions import scope
from vault.types import EVERY, EVERYTHING, Conditions, Filter, Names, Provenance, Record, Sensitivity

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
RECORD = Record(
    id="r", collection="notes", source="vault", origin="o", kind="note", title="", text="", date=NOW - DAY,
    updated=None, imported=NOW, people=("Ann", "Bob"), labels=("work", "tax"), sensitivity=Sensitivity.PERSONAL,
    language="", provenance=Provenance.OWNER, url="", thread="", position=0, version=1,
)  # fmt: skip


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "text",
    [
        "notes", "Claude", "9 lives", "日記", "टिप्पणियाँ", "ملاحظات", "O'Neil & sons (old)", "client:claude",
        "a._:/@+-'&()z", "x" * 128,
    ],
)  # fmt: skip
def test_names_that_are_names(text: str) -> None:
    assert scope.name(text) == text


def test_a_name_is_put_into_nfc() -> None:
    assert scope.name("re\u0301sume\u0301") == "r\u00e9sum\u00e9"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("e\u0301" * 100_000, id="long"),
        "", " ", "x" * 129, " a", "a ", "*", "-a", ".a", "a\n", "a\x00b", "a\u200bb", "a\u202eb", "a\u2066b",
        "a\ufeffb", "a\u00adb", "a\u2028b", "a\u00a0b", "a*b", 'a"b', "a;b", "a<b>", "a\u3164b", "\u3164", "a\u115fb",
        "a\u034fb", "a\ufe0fb", "a\U000e0041b", "a\ud800b", "a\ue000b", "\u0301a", "a\u2800b", "a💥", "½", "a\x7f",
    ],
)  # fmt: skip
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest):
        scope.name(text)


@given(st.text(max_size=140))
def test_a_name_is_its_own_name(text: str) -> None:
    try:
        value = scope.name(text)
    except BadRequest:
        return
    assert scope.name(value) == value
    assert value == value.strip() and value.isprintable() and "*" not in value
    assert scope.label(value) == value


@pytest.mark.parametrize("text", ["#work", "Doe, Jane <jane@example.org>", "*", "a\u00a0b", "💥"])
def test_labels_are_wider(text: str) -> None:
    assert scope.label(text) == text
    for hidden in ("\u200b", "\n", "\u202e", "\U000e0041", "\u2066"):
        with pytest.raises(BadRequest):
            scope.label(text + hidden)
    with pytest.raises(BadRequest):
        scope.label("x" * 257)
    assert scope.label(" \u00a0#work ") == "#work"


# ---------------------------------------------------------------- from what a person says


@pytest.mark.parametrize(
    "filter",
    [
        Filter(), Filter(last=90), Filter(since=NOW), Filter(sensitivity="secret"), Filter(without_labels=("x",)),
        Filter(owner_written=True),
    ],
)  # fmt: skip
def test_nothing_named_is_nothing_granted(filter: Filter) -> None:
    with pytest.raises(BadRequest):
        scope.from_filter(filter, all=False)
    assert scope.from_filter(filter, all=True).collections is EVERY


@pytest.mark.parametrize("dimension", ["collections", "sources", "kinds", "labels", "people"])
def test_one_name_is_enough_and_an_empty_list_is_not(dimension: str) -> None:
    assert scope.from_filter(Filter(**{dimension: ("x",)}), all=False).ceiling is Sensitivity.PERSONAL
    for all in (True, False):
        with pytest.raises(BadRequest):
            scope.from_filter(Filter(**{dimension: ()}), all=all)
    with pytest.raises(BadRequest):
        scope.from_filter(Filter(**{dimension: "notes"}), all=False)  # one name is no list of names


def test_all_beside_collections_is_a_contradiction() -> None:
    with pytest.raises(BadRequest):
        scope.from_filter(Filter(collections=("notes",)), all=True)


def test_the_ceiling_is_personal_unless_said() -> None:
    assert scope.from_filter(Filter(), all=True).ceiling is Sensitivity.PERSONAL
    assert scope.from_filter(Filter(sensitivity="Secret"), all=True).ceiling is Sensitivity.SECRET
    assert scope.narrowing(Filter()) == EVERYTHING
    assert scope.narrowing(Filter(collections=())).collections == Names()


@pytest.mark.parametrize(
    "filter",
    [
        Filter(collections=("*",)), Filter(kinds=("a\n",)), Filter(labels=("\u200b",)), Filter(people=("",)),
        Filter(last=0), Filter(last=36_501), Filter(last=True), Filter(sensitivity="top"), Filter(since=NOW, until=NOW),
        Filter(without_labels=("\u202ea",)), Filter(without_labels="private"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(filter: Filter) -> None:
    with pytest.raises(BadRequest):
        scope.narrowing(filter)


def test_a_time_that_utc_does_not_have() -> None:
    east, west = timezone(timedelta(hours=5)), timezone(-timedelta(hours=5))
    for filter in (Filter(since=datetime(1, 1, 1, tzinfo=east)), Filter(until=datetime(9999, 12, 31, 23, tzinfo=west))):
        with pytest.raises(BadRequest):
            scope.narrowing(filter)


def test_times_are_taken_as_utc() -> None:
    east = datetime(2026, 11, 22, 14, tzinfo=timezone(timedelta(hours=2)))
    assert scope.narrowing(Filter(since=east)).since == NOW
    assert scope.narrowing(Filter(until=datetime(2026, 11, 22, 12))).until == NOW  # noqa: DTZ001


# ---------------------------------------------------------------- the gate


def test_everything_admits_and_nothing_does_not() -> None:
    assert scope.admits(EVERYTHING, RECORD, NOW)
    assert scope.admits(EVERYTHING, replace(RECORD, date=None, sensitivity=Sensitivity.SECRET), NOW)


CASES: list[tuple[dict[str, object], dict[str, object], bool]] = [
    *(({dimension: Names.of(name)}, {}, name == right)
      for dimension, right in (("collections", "notes"), ("sources", "vault"), ("kinds", "note"))
      for name in ("notes", "vault", "note", "x")),
    *(({dimension: Names()}, {}, False) for dimension in ("collections", "sources", "kinds")),
    ({"labels": (frozenset({"work"}),)}, {}, True),
    ({"labels": (frozenset({"work", "x"}),)}, {}, True),
    ({"labels": (frozenset({"x"}),)}, {}, False),
    ({"labels": (frozenset({"work"}), frozenset({"tax"}))}, {}, True),
    ({"labels": (frozenset({"work"}), frozenset({"x"}))}, {}, False),
    ({"labels": (frozenset(),)}, {}, False),
    ({"labels": (frozenset({"work"}),)}, {"labels": ()}, False),
    ({"without_labels": frozenset({"x"})}, {}, True),
    ({"without_labels": frozenset({"x", "tax"})}, {}, False),
    ({"without_labels": frozenset({"tax"})}, {"labels": ()}, True),
    ({"people": (frozenset({"Ann"}),)}, {}, True),
    ({"people": (frozenset({"Cid"}),)}, {}, False),
    ({"people": (frozenset({"Ann"}), frozenset({"Cid", "Bob"}))}, {}, True),
    ({"people": (frozenset({"Ann"}),)}, {"people": ()}, False),
    ({"since": NOW - DAY}, {}, True),
    ({"since": NOW - DAY + timedelta(microseconds=1)}, {}, False),
    ({"until": NOW - DAY}, {}, False),
    ({"until": NOW - DAY + timedelta(microseconds=1)}, {}, True),
    ({"since": NOW - 2 * DAY}, {"date": None}, False),
    ({"until": NOW}, {"date": None}, False),
    ({"last": 1}, {}, True),
    ({"last": 1}, {"date": NOW - DAY - timedelta(microseconds=1)}, False),
    ({"last": 1}, {"date": None}, False),
    ({"last": 1}, {"date": NOW + DAY}, True),
    ({"last": 1, "since": NOW}, {}, False),
    *(({"ceiling": ceiling}, {"sensitivity": level}, level <= ceiling)
      for ceiling in Sensitivity for level in Sensitivity),
    *(({"owner_written": only}, {"provenance": by}, by is Provenance.OWNER or not only)
      for only in (True, False) for by in Provenance),
]  # fmt: skip


@pytest.mark.parametrize(("conditions", "changes", "expected"), CASES)
def test_each_dimension(conditions: dict[str, object], changes: dict[str, object], expected: bool) -> None:
    record = replace(RECORD, **changes)  # type: ignore[arg-type]
    assert scope.admits(EVERYTHING.narrow(**conditions), record, NOW) is expected


names = st.frozensets(st.sampled_from(["a", "b", "c", "notes", "mail"]), max_size=3)
some = st.one_of(st.just(EVERY), st.builds(Names, only=names))
groups = st.lists(names, max_size=2).map(lambda sets: tuple(sorted(set(sets), key=sorted)))
moments = st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
wheres = st.builds(
    Conditions, collections=some, sources=some, kinds=some, labels=groups, without_labels=names, people=groups,
    since=moments, until=moments, last=st.none() | st.integers(1, 400), ceiling=st.sampled_from(Sensitivity),
    owner_written=st.booleans(),
)  # fmt: skip
word = st.sampled_from(["a", "b", "c", "notes", "mail"])
records = st.builds(
    replace, st.just(RECORD), collection=word, source=word, kind=word, labels=names.map(tuple), people=names.map(tuple),
    date=moments, sensitivity=st.sampled_from(Sensitivity), provenance=st.sampled_from(Provenance),
)  # fmt: skip


@given(wheres, wheres, records)
def test_both_hold_when_both_hold(a: Conditions, b: Conditions, record: Record) -> None:
    both = scope.admits(a, record, NOW) and scope.admits(b, record, NOW)
    assert scope.admits(a & b, record, NOW) is both
    assert scope.admits(b & a, record, NOW) is both


@given(wheres, records)
def test_resolving_changes_nothing(where: Conditions, record: Record) -> None:
    fixed = scope.resolve(where, NOW)
    assert fixed.last is None and scope.resolve(fixed, NOW + DAY) == fixed
    assert scope.admits(fixed, record, NOW) is scope.admits(where, record, NOW)


@given(wheres)
def test_text_and_back(where: Conditions) -> None:
    text = scope.to_json(where)
    assert scope.from_json(text) == where
    assert json.loads(text).keys() == json.loads(scope.to_json(EVERYTHING)).keys()


@given(wheres, wheres)
def test_different_conditions_have_different_texts(a: Conditions, b: Conditions) -> None:
    assert (scope.to_json(a) == scope.to_json(b)) is (a == b)


scraps = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(scraps, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)).map(json.dumps)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")) | values)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        scope.from_json(text)


@given(wheres)
def test_words_are_plain_data_and_lose_nothing(where: Conditions) -> None:
    words = scope.in_words(where)
    assert json.loads(json.dumps(words)) == words
    assert ("collections" in words) and ("sensitivity" in words)
    for dimension in (
        "sources",
        "kinds",
        "labels",
        "without_labels",
        "people",
        "since",
        "until",
        "last",
        "owner_written",
    ):
        assert (dimension in words) is (getattr(where, dimension) != getattr(EVERYTHING, dimension))


def test_the_later_start_of_two_windows_counts() -> None:
    for since, expected in ((NOW - DAY, NOW - DAY), (NOW - 9 * DAY, NOW - 3 * DAY)):
        assert scope.resolve(replace(EVERYTHING, since=since, last=3), NOW).since == expected


def test_years_are_padded() -> None:
    where = replace(EVERYTHING, since=datetime(1, 1, 1, tzinfo=UTC))
    assert '"since":"0001-01-01T00:00:00.000000Z"' in scope.to_json(where)
    assert scope.from_json(scope.to_json(where)) == where
