"""What a card shows of a passage, and how durations, dates and days are read."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import click
import pytest

from vault import sentences
from vault.cli import screen
from vault.cli.filters import Days, Duration, Moment, Until

PASSAGE = (
    "Lorem ipsum dolor sit amet. " * 40 + "The heat pump hums on the north gutter. " + "Consectetur elit sed. " * 40
)


def test_the_window_shows_where_the_query_is() -> None:
    shown = screen.window(PASSAGE, "heat pump", 200)
    assert "heat pump hums" in shown
    assert len(shown) <= 204
    assert shown.startswith("… ") and shown.endswith(" …")


def test_a_short_passage_is_shown_whole() -> None:
    assert screen.window("short", "absent", 200) == "short"


def test_without_the_words_the_window_is_the_beginning() -> None:
    assert screen.window(PASSAGE, "zebra", 100).startswith("Lorem ipsum")


def test_words_are_marked_by_their_stem_and_patterns_are_data() -> None:
    text = screen.marked("Decided on (the) heat pumps", "what did we decide (about pumping .*")
    assert {text.plain[span.start : span.end] for span in text.spans} == {"Decided", "pumps"}


@pytest.mark.parametrize(("number", "shown"), [(0, "0 entries"), (1, "1 entry"), (1234, "1,234 entries")])
def test_plural(number: int, shown: str) -> None:
    assert sentences.plural(number, "entry") == shown
    assert sentences.plural(number, "day") == shown.replace("entries", "days").replace("entry", "day")


@pytest.mark.parametrize(
    ("text", "length"),
    [("90m", timedelta(minutes=90)), ("12h", timedelta(hours=12)), ("30d", timedelta(30)), ("2W", timedelta(14)),
     ("1y", timedelta(365))],
)  # fmt: skip
def test_durations(text: str, length: timedelta) -> None:
    assert Duration().convert(text, None, None) == length


@pytest.mark.parametrize("text", ["", "0d", "-1d", "1", "1x", "1.5d", "1d2h", "9999999d", "٣d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


def test_moments_are_utc() -> None:
    assert Moment().convert("2026-01-31", None, None) == datetime(2026, 1, 31, tzinfo=UTC)
    assert Moment().convert("2026-01-31T18:00+02:00", None, None) == datetime(2026, 1, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", (2026, 1, 1), (2027, 1, 1)),
        ("2026-03", (2026, 3, 1), (2026, 4, 1)),
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2026-03-31", (2026, 3, 31), (2026, 4, 1)),
        ("20260331", (2026, 3, 31), (2026, 4, 1)),
        ("2026-03-31T18:00", (2026, 3, 31, 18), (2026, 3, 31, 18)),
        ("2026-03-31T18:00+02:00", (2026, 3, 31, 16), (2026, 3, 31, 16)),
    ],
)
def test_since_is_where_a_date_begins_and_until_where_it_ends(
    text: str, start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    assert Moment().convert(text, None, None) == datetime(*start, tzinfo=UTC)  # type: ignore[misc,arg-type]
    assert Until().convert(text, None, None) == datetime(*end, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-13", "2026-13-01", "31.1.2026", "", "26", "9999", "2026-W05", "0001-01-01T00:00+14:00"],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Until().convert(text, None, None)
    if text != "9999":  # it has a first instant, and none after it
        with pytest.raises(click.BadParameter):
            Moment().convert(text, None, None)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_a_date_without_a_time_is_the_same_date_everywhere(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert screen.day(datetime(2023, 5, 14, tzinfo=UTC)) == "2023-05-14"
        assert screen.minute(datetime(2023, 5, 14, tzinfo=UTC)) == "2023-05-14"
        assert screen.day(datetime(1, 1, 1, 0, 1, tzinfo=UTC)) and screen.day(
            datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
        )
        noon = {"America/New_York": "08:30", "Asia/Tokyo": "21:30", "UTC": "12:30"}[zone]
        assert screen.minute(datetime(2023, 5, 14, 12, 30, tzinfo=UTC)) == f"2023-05-14 {noon}"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_days() -> None:
    assert Days().convert("90", None, None) == Days().convert("90d", None, None) == 90
    with pytest.raises(click.BadParameter):
        Days().convert("1w", None, None)
