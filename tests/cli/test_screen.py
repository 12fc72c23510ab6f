"""What a card shows of a passage, and how durations, dates and days are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from vault.cli import screen
from vault.cli.filters import Days, Duration, Moment

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
    assert screen.plural(number, "entry") == shown


@pytest.mark.parametrize(
    ("text", "length"),
    [("90m", timedelta(minutes=90)), ("12h", timedelta(hours=12)), ("30d", timedelta(30)), ("2W", timedelta(14))],
)
def test_durations(text: str, length: timedelta) -> None:
    assert Duration().convert(text, None, None) == length


@pytest.mark.parametrize("text", ["", "0d", "-1d", "1", "1y", "1.5d", "1d2h", "9999999d", "٣d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


def test_moments_are_utc() -> None:
    assert Moment().convert("2026-01-31", None, None) == datetime(2026, 1, 31, tzinfo=UTC)
    assert Moment().convert("2026-01-31T18:00+02:00", None, None) == datetime(2026, 1, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "31.1.2026", "", "0001-01-01T00:00+14:00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Moment().convert(text, None, None)


def test_days() -> None:
    assert Days().convert("90", None, None) == Days().convert("90d", None, None) == 90
    with pytest.raises(click.BadParameter):
        Days().convert("1w", None, None)
