"""What stands before the words of a line: read in many forms, and not read into what has another meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.embed.stamps import MOST_WORDS, READ, Stamp, moment, read

DAY = datetime(2023, 5, 7, tzinfo=UTC)
NOON = datetime(2023, 5, 7, 14, 33, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "when", "who", "rest"),
    [
        ("[07.05.23, 14:33:00] Ana: hi", NOON, "Ana", "hi"),
        ("07/05/2023, 14:33 - Ana Silva: hi", NOON, "Ana Silva", "hi"),
        ("5/7/23, 2:33 PM - Ana: hi", NOON, "Ana", "hi"),
        ("7/5/23, 2:33 pm - Ana: hi", NOON, "Ana", "hi"),
        ("\u200e[07.05.23, 14:33:00] Ana: \u200eimage", NOON, "Ana", "\u200eimage"),
        ("[5/7/23, 2:33:00\u202fPM] Ana: hi", NOON, "Ana", "hi"),
        ("2023-05-07T16:33:00+02:00 <Ana> hi", NOON, "Ana", "hi"),
        ("[2023-05-07 14:33] hi", NOON, "", "hi"),
        ("On 2023/05/07, 14:33: Lunch", NOON, "", "Lunch"),
        ("2:33 pm on 7 May, 2023", NOON, "", ""),
        ("2023-05-07: Swam.", DAY, "", "Swam."),
        ("# 2023-05-07", DAY, "", ""),
        ("Sunday, 7 May 2023, we", DAY, "", "we"),
        ("Sonntag, 7. Mai 2023 \u2013 Regen", DAY, "", "Regen"),
        ("May 7th, 2023 Rain", DAY, "", "Rain"),
        ("le 7 mai 2023 : pluie", DAY, "", "pluie"),
        ("Ana: hi", None, "Ana", "hi"),
        ("<Ana> hi", None, "Ana", "hi"),
        ("12/25/2023 xmas", datetime(2023, 12, 25, tzinfo=UTC), "", "xmas"),
    ],
)  # fmt: skip
def test_a_line_says_when_and_who(line: str, when: datetime | None, who: str, rest: str) -> None:
    found = read(line)
    assert (found.moment, found.speaker, line[found.end :]) == (when, who, rest)


@pytest.mark.parametrize(
    "line",
    [
        "", "see http://x.org: it works", "3.11.17 release", "3.11.7 is out", "1/2/3 testing", "99.99.2023 x",
        "the second of May 2023", "7 days 2023", "may 2023", "12:30 we left", "2023 was good", "Ana:hi", "Ana:",
        "one two three four five: no name", "Bank 7 May 2023 statement", "Version 7 Mai 20231",
    ],
)  # fmt: skip
def test_what_is_no_stamp(line: str) -> None:
    assert read(line) == Stamp()


def test_only_the_beginning_of_the_first_line_is_read() -> None:
    assert read("hello\n2023-05-07 Ana: hi") == Stamp()
    assert read(" " * READ + "2023-05-07") == Stamp()
    assert len(read(" ".join("a" * MOST_WORDS) + ": x").speaker.split()) == MOST_WORDS


def test_a_moment_is_all_of_a_text_or_none() -> None:
    assert moment("7 May 2023, 14:33") == NOON
    assert moment("7 May 2023, 14:33 and more") is None
    assert moment("") is None
    assert moment(f"7 May 2023{' ' * 140}x") is None  # and takes no time to say so
    assert moment(f"7 May 2023{' ' * READ}") is None


@given(st.integers(0, 50_000_000), st.sampled_from(["%Y-%m-%d %H:%M", "%d.%m.%Y, %H:%M"]))
def test_every_minute_is_read_as_itself(minute: int, form: str) -> None:
    said = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    assert read(f"[{said.strftime(form)}] Ana: hi") == Stamp(said, "Ana", len(said.strftime(form)) + 8)


@given(st.text() | st.lists(st.sampled_from(
    ["7", "31", "2023", "May", ".", "/", "-", ":", " ", "[", "]", "PM", "Ana", "12:30", "+99:99", "\u202f", "on "]
), max_size=14).map("".join))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_whatever_stands_there_the_end_lies_in_the_first_line(text: str) -> None:
    found = read(text)
    assert 0 <= found.end <= len(text.partition("\n")[0])
    assert found.moment is None or found.moment.tzinfo is UTC
