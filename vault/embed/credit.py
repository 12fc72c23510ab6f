"""What the dates of a scope are worth to one question: its times, seen from where the scope stands. Pure.

Everything that is looked at lies in the scope: its dates, and the records that tell of an occasion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, time

import numpy as np
from numpy.typing import NDArray

from vault.embed import lexical, when
from vault.embed.clock import hours
from vault.embed.columns import UNDATED
from vault.embed.occasions import MOST, Occasion, occasions
from vault.embed.timegrammar import DAY, times
from vault.embed.when import Credit, Range
from vault.types import from_micros, micros

Dates = NDArray[np.int64]
Told = Callable[[Sequence[str]], Dates]
"""From terms to the dates of the chunks in scope that hold all of them."""

ALONE = 3.0
"""What a time is worth beyond its own weight when no more than one word stands beside it; falls with their square."""
REST = 0.6
"""What the rest of a day is worth to a question that names an hour of it."""

_LATEST = re.compile(
    r"\b(?:(?:last|latest|most recent) times?|most recent(?:ly)?|latest|newest|when last"
    r"|when (?:did|was|were|have|has) [^?.,]{1,40}? last"
    r"|zuletzt|letzten? mal|letztes mal|neueste[nrs]?|derniere fois|ultima vez|ultima volta)\b"
)
_EARLIEST = re.compile(
    r"\b(?:first times?|first day|earliest|when (?:did|was|were|have|has) [^?.,]{1,40}? first|when first"
    r"|zuerst|ersten? mal|erstes mal|premiere fois|primera vez|prima volta|primeira vez)\b"
)


def credit(question: str, now: datetime, dated: Callable[[], Dates], told: Told) -> Credit | None:
    """Return what dates are worth to a question that names a time, or asks for the first or last of something; None
    for most questions. `dated` gives the dates of the scope, UNDATED where there is none.

    Times that meet no record as seen from `now` are seen from the last record: `last summer`, asked of an archive
    that ends years ago, is that archive's last summer. The fewer words a question has beside its times, the more
    these are worth.
    """
    text = when.fold(question[: when.READ])
    found = when.ranges(question, now)
    occasion = next(occasions(text, now.date()), None)
    newest, oldest = (pattern.search(text) is not None for pattern in (_LATEST, _EARLIEST))
    if not (found or occasion or newest or oldest):
        return None
    if occasion and (meant := _meant(occasion, found, told, now)):
        return Credit.of(_timed((*meant, *found), text), _worth(text[: occasion.start] + text[occasion.end :], now))
    dates = dated()
    past = dates[(dates != UNDATED) & (dates <= micros(now))]
    if found:
        if len(past) and not any(_met(one, dates) for one in found):
            found = when.ranges(question, from_micros(int(past.max())).astimezone(now.tzinfo))
        return Credit.of(_timed(found, text), _worth(text, now))
    return Credit.ordered(int(past.min()), int(past.max()), newest=newest) if len(past) and (newest or oldest) else None


def _timed(found: Sequence[Range], text: str) -> Sequence[Range]:
    """Return the ranges, single days narrowed to the hours that a question names; the rest of the day stays near."""
    named = hours(text)
    if named is None:
        return found
    narrow: list[Range] = []
    for one in found:
        if one.until - one.since <= DAY:
            narrow.append(Range(one.since + named[0], one.since + named[1], one.certainty))
            one = Range(one.since, one.until, one.certainty * REST)
        narrow.append(one)
    return narrow


def _met(one: Range, dates: Dates) -> bool:
    return bool(((dates >= micros(one.since)) & (dates < micros(one.until))).any())


def _worth(text: str, now: datetime) -> float:
    """Return what the times of a question are worth by the number of terms beside them."""
    for one in sorted(times(text, now.date()), key=lambda one: -one.start):
        text = f"{text[: one.start]} {text[one.end :]}"
    return 1.0 + ALONE / max(1, len(set(lexical.terms(text)))) ** 2


def _meant(occasion: Occasion, within: Sequence[Range], told: Told, now: datetime) -> list[Range]:
    """Return the days beside an occasion, none when the scope does not say when it was.

    Of the occasion's terms as many count as occur together: what follows may no longer be part of it.
    """
    for size in range(len(occasion.terms), 0, -1):
        dates = told(occasion.terms[:size])
        dates = dates[dates != UNDATED]
        if len(dates):
            break
    else:
        return []
    if within:
        dates = dates[[any(micros(one.since) <= date < micros(one.until) for one in within) for date in dates.tolist()]]
    days = sorted({from_micros(date).astimezone(now.tzinfo).date() for date in dates.tolist()})
    found: list[Range] = []
    for day in days if len(days) <= MOST else []:
        try:
            one = occasion.days(day)
            since, until = (datetime.combine(end, time(), now.tzinfo) for end in (one.start, one.end))
        except (ValueError, OverflowError):
            continue
        found.append(Range(since, until, 1.0))
    return found
