"""Times told by what happened then: `the weekend after my birthday`, `on our wedding day`. Pure.

A question names the occasion, the scope says when it was: the days of the records that hold all its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from vault.embed import lexical
from vault.embed.timegrammar import COUNT, UNIT, Days, shifted, times

MOST = 4
"""Days on which an occasion may have been; with more of them it says nothing about when."""

_OCCASION = r"(?P<event>[^?.,;:!]{3,80})"
_BESIDE = re.compile(
    rf"\b(?:{COUNT}\s)?(?P<unit>{UNIT})\s(?P<way>before|after|following|vor|nach|avant|apres|antes de|despues de)"
    rf"\s{_OCCASION}"
)
_ON = re.compile(
    r"\b(?:on (?:my|our|his|her|their|the (?:day|evening|night|weekend) of)|an (?:meinem|unserem)|le jour de|el dia de)"
    rf"\s{_OCCASION}"
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What happened, in terms (the first ones matter most), and which days beside it are meant: its own if no
    unit. It stands at `text[start:end]`."""

    terms: Sequence[str]
    unit: str
    way: str
    count: str | None
    start: int
    end: int

    def days(self, day: date) -> Days:
        """Return the days that are meant if it happened on `day`. ValueError, OverflowError beyond the calendar."""
        return shifted(Days.of(day), self.unit, self.way, self.count) if self.unit else Days.of(day)


def occasions(text: str, today: date) -> Iterator[Occasion]:
    """Yield the occasions that a folded question counts from; those that are dates themselves are none."""
    for pattern in (_BESIDE, _ON):
        if not (match := pattern.search(text)):
            continue
        start, end = match.span("event")
        event = match["event"]
        for one in sorted(times(text, today), key=lambda one: -one.start):
            if start <= one.start < end:
                event = f"{event[: one.start - start]} {event[one.end - start :]}"
        if terms := list(dict.fromkeys(lexical.terms(event))):
            named = match.groupdict()
            yield Occasion(
                terms, named.get("unit") or "", named.get("way") or "", named.get("count"), match.start(), end
            )
            return
