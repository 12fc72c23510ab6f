"""When a question is about: its dates and time words as ranges, and what a record's date is worth beside them. Pure.

A grammar of its own: dateparser, measured on the same questions, returns points where people mean ranges, knows no
seasons or feasts, takes `may` and `we` for dates and needs 1 to 2 ms; this takes some 0.05 ms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from vault.embed.timegrammar import COUNT, DAY, TO, UNIT, Days, Time, in_year, shifted, times
from vault.types import micros

READ = 1000
"""Characters of a question that are looked at."""
MOST = 8
"""Times that one question can name; of a list of dates the first ones count."""
ECHO = timedelta(days=3), timedelta(days=14)
"""How long people go on talking of a time: as long as it was, but at least and at most so long."""
ECHOED = 0.5
"""What a date just after a range is worth, against one within."""
STEPS = 256
"""Of a scope's time, by which the first or the last is looked for."""
ORDERED = 2.0
"""What the very last date is worth to a question after the last of something: nothing else in it says which."""
AHEAD = 0.25
"""What a date as shortly before is worth: people plan, and who asks may be a little wrong."""


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time that a question may mean, `until` not included. `certainty` is above 0 and at most 1."""

    since: datetime
    until: datetime
    certainty: float


def ranges(question: str, now: datetime) -> tuple[Range, ...]:
    """Return the times that a question names or describes, none for most questions.

    Days begin at midnight in `now`'s time zone. What has two readings (`07/05/2023`, a day without its year) gives
    a range for each. A question that says its own day (`today is 7 May 2023`) counts from there.
    """
    text = fold(question[:READ])
    found: list[Range] = []
    for days in _joined(text, _named(text, now)):
        for one in days:
            since, until = (datetime.combine(day, time(), now.tzinfo) for day in (one.start, one.end))
            if since < until:
                found.append(Range(since, until, one.certainty))
    return tuple(dict.fromkeys(found))[:MOST]


def _named(text: str, now: datetime) -> list[Time]:
    named = list(times(text, now.date()))
    for one in named:
        if said := _AS_OF.search(text[: one.start]):
            asked = one.days[0].start
            return [other for other in times(text, asked) if not said.start() <= other.start <= one.start]
    if not all(one.relative for one in named):  # who gives a date does not also count from today
        return [one for one in named if not one.relative]
    return named


def fold(text: str) -> str:
    """Return the text in small letters without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'").replace("\u2013", "-"))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


@dataclass(frozen=True, slots=True, eq=False)
class Credit:
    """What dates are worth: `shares[i]` from `bounds[i-1]` to before `bounds[i]`, in microseconds since 1970."""

    bounds: NDArray[np.int64]
    shares: NDArray[np.float32]

    @classmethod
    def of(cls, given: Sequence[Range], worth: float = 1.0) -> Credit:
        """A range is worth its certainty, the days after it half of that: on Monday people tell of the weekend."""
        steps: list[tuple[int, int, float]] = []
        for one in given:
            since, until = micros(one.since), micros(one.until)
            echo = min(max(one.until - one.since, ECHO[0]), ECHO[1]) // timedelta(microseconds=1)
            sure = one.certainty
            steps += [(since - echo, since, sure * AHEAD), (since, until, sure), (until, until + echo, sure * ECHOED)]
        bounds = sorted({bound for start, end, _ in steps for bound in (start, end)})
        shares = [max((w for start, end, w in steps if start <= bound < end), default=0.0) for bound in bounds]
        return cls(np.array(bounds, np.int64), np.float32(worth) * np.array([0.0, *shares], np.float32))

    @classmethod
    def ordered(cls, first: int, last: int, *, newest: bool) -> Credit:
        """The newer, or the older, the more: up to `ORDERED` from the first to the last date of a scope, else 0."""
        bounds = np.unique(np.linspace(first, last + 1, STEPS + 1).astype(np.int64))
        shares = np.linspace(0.0, ORDERED, len(bounds), dtype=np.float32)[1:]
        return cls(bounds, np.concatenate([[0.0], shares if newest else shares[::-1], [0.0]]).astype(np.float32))

    def shares_of(self, dates: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the worth of each date, from 0 up; of no date, 0."""
        found: NDArray[np.float32] = self.shares[np.searchsorted(self.bounds, dates, "right")]
        return found


# ---------------------------------------------------------------- words before and between times

_AS_OF = re.compile(
    r"\b(?:today(?:'s date)? is|today:|current date(?: is)?:?|(?:asked|asking) on|as of|question date:?)\s*$"
)
_SHIFT = re.compile(
    rf"\b(?:{COUNT}\s)?(?P<unit>{UNIT})\s(?P<way>before|after|following|of|vor|nach|avant|apres|antes de|despues de)"
    r"\s(?:the\s)?(?:\d\d?\s)?$"
)
_OPEN = re.compile(
    r"\b(since|after|seit|nach|depuis|apres|desde|before|until|vor|bis|avant|antes de|hasta)\s(?:the\s)?$"
)
_ABOUT = re.compile(r"\b(?:a?round|circa|gegen|um|vers|autour de|alrededor de)\s(?:the\s)?$")
_BETWEEN = re.compile(rf"\s*{TO}\s*(?:the\s)?")


def _joined(text: str, named: Sequence[Time]) -> Iterator[list[Days]]:
    """Apply the words between and before times: `between A and B`, `the week before A`, `since A`, `around A`."""
    i = 0
    while i < len(named):
        one = named[i]
        before = text[: one.start]
        opened = re.search(r"\b(between|from|zwischen|von|entre|de|du|del|tra|da)\s(?:the\s)?$", before)
        if opened and i + 1 < len(named) and _BETWEEN.fullmatch(text[one.end : named[i + 1].start]):
            yield [_spanned(one.days[0], named[i + 1].days[0])]
            i += 2
            continue
        yield [changed for days in one.days if (changed := _changed(days, before)) is not None]
        i += 1


def _spanned(first: Days, last: Days) -> Days:
    if first.yearless and not last.yearless:
        first = Days(in_year(first.start, last.start.year), first.end)
    if first.start > last.start:
        first = Days(in_year(first.start, last.start.year - 1), first.end)
    return Days(first.start, max(last.end, first.start + DAY), min(first.certainty, last.certainty))


def _changed(one: Days, before: str) -> Days | None:
    try:
        if shift := _SHIFT.search(before):
            return shifted(one, shift["unit"], shift["way"], shift["count"])
        if opened := _OPEN.search(before):
            after = opened[1] in ("since", "after", "seit", "nach", "depuis", "apres", "desde")
            start = one.start if opened[1] in ("since", "seit", "depuis", "desde") else one.end
            year = timedelta(days=365)
            return Days(start, start + year, 0.5) if after else Days(one.start - year, one.start, 0.5)
        if _ABOUT.search(before):
            room = max(3 * DAY, (one.end - one.start) // 4)
            return Days(one.start - room, one.end + room, one.certainty)
    except (ValueError, OverflowError):
        return None
    return one
