"""The grammar of times: patterns over folded text, and the days that each of them means. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from vault.embed.timewords import DAYS, FEASTS, IN, LAST, MONTHS, NEXT, NUMBERS, SEASONS, THIS, UNITS, WEEKDAYS

DAY = timedelta(days=1)
YEARS = 1000, 9000
"""Beyond them is no time that somebody asks for, and dates would run over."""


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days, `end` not included. `yearless` when the year was not said but guessed."""

    start: date
    end: date
    certainty: float = 1.0
    yearless: bool = False

    @classmethod
    def of(cls, day: date) -> Days:
        """Return the one day."""
        return cls(day, day + DAY)


def _any(words: Sequence[str] | Mapping[str, object]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MONTH, _WEEKDAY, UNIT, _NUMBER = _any(MONTHS), _any(WEEKDAYS), _any(UNITS), _any(NUMBERS)
_LONG_WEEKDAY = _any([word for word in WEEKDAYS if len(word) > 5])
_OF = r"(?:\s*,)?\s*(?:of|de|del|di|d')?\s*"
_YEAR = r"(?P<year>(?:19|20)\d\d|'\d\d)(?!\d)"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th|er|\.|o\b)?"
TO = r"(?:-|to|and|bis|und|au|al|et|y|e)"
_WHICH = f"(?P<which>{_any(LAST + NEXT + THIS)})"
COUNT = rf"(?P<count>\d{{1,3}}|(?:{_NUMBER})(?:\s(?:couple|few)(?:\sof)?)?)"
_PARTS = "early|beginning|start|mid|middle|late|end|anfang|mitte|ende|debut|fin"
_PART = rf"(?:(?P<part>{_PARTS})(?:[\s-](?:of|de|in))?[\s-](?:the\s)?)"

Rule = Callable[[re.Match[str], date], Iterator[Days]]


@dataclass(frozen=True, slots=True)
class Time:
    """A time that stands at `text[start:end]`, and the days it may mean. `relative` when it counts from today."""

    start: int
    end: int
    days: Sequence[Days]
    relative: bool


def times(text: str, today: date) -> Iterator[Time]:
    """Yield each time in the text, in order. An earlier rule takes its words away from the later ones."""
    found: list[Time] = []
    for pattern, rule in _RULES:
        for match in pattern.finditer(text):
            if any(match.start() < one.end and one.start < match.end() for one in found):
                continue
            try:
                days = [one for one in rule(match, today) if YEARS[0] <= one.start.year and one.end.year <= YEARS[1]]
            except (ValueError, OverflowError):  # no such day, or beyond what a date can say
                continue
            if days:
                found.append(Time(*match.span(), days, rule in _RELATIVE))
    yield from sorted(found, key=lambda one: one.start)


# ---------------------------------------------------------------- rules


def _iso(match: re.Match[str], _: date) -> Iterator[Days]:
    year, month = int(match["year"]), int(match["month"])
    yield Days.of(date(year, month, int(match["day"]))) if match["day"] else _month(year, month)


def _numeric(match: re.Match[str], _: date) -> Iterator[Days]:
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    year += 2000 if year < 100 else 0
    readings = [(first, second)] if match[2] == "." else [(first, second), (second, first)]
    for day, month in dict.fromkeys(readings):
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield Days.of(date(year, month, day))


def _dated(match: re.Match[str], today: date) -> Iterator[Days]:
    month, day = MONTHS[match["month"]], int(match["day"])
    last = match.groupdict().get("last")

    def days(year: int) -> Days:
        return Days(date(year, month, day), date(year, month, int(last or day)) + DAY)

    yield from _each_year(days, match["year"], today)


def _named_month(match: re.Match[str], today: date) -> Iterator[Days]:
    month = MONTHS[match["month"]]
    if which := match.groupdict().get("which"):
        yield _nearest([_month(today.year + n, month) for n in (-1, 0, 1)], which, today)
        return
    part = match.groupdict().get("part")
    yield from (_part(one, part) for one in _each_year(lambda year: _month(year, month), match["year"], today))


def _months(match: re.Match[str], today: date) -> Iterator[Days]:
    first, last = MONTHS[match["first"]], MONTHS[match["month"]]

    def days(year: int) -> Days:
        return Days(date(year - (first > last), first, 1), _month(year, last).end)

    yield from _each_year(days, match["year"], today)


def _season(match: re.Match[str], today: date) -> Iterator[Days]:
    """Seasons of the northern half, by months. `winter of 2022` began in 2021 or in 2022."""
    season = SEASONS[match["season"]]
    if which := match.groupdict().get("which"):
        yield _nearest([_quarter(today.year + n, season) for n in (-1, 0, 1)], which, today)
        return
    for one in _each_year(lambda year: _quarter(year, season), match["year"], today):
        yield _part(one, match.groupdict().get("part"))
        if season == 4:
            start = in_year(one.start, one.start.year - 1)
            yield Days(start, in_year(one.end, one.end.year - 1), one.certainty / 2)


def _feast(match: re.Match[str], today: date) -> Iterator[Days]:
    name = FEASTS[match["feast"]]
    if which := match.groupdict().get("which"):
        yield _nearest([_feast_of(name, today.year + n) for n in (-1, 0, 1)], which, today)
        return
    yield from _each_year(lambda year: _feast_of(name, year), match["year"], today)


def _year(match: re.Match[str], _: date) -> Iterator[Days]:
    year = int(match["year"])
    yield _part(Days(date(year, 1, 1), date(year + 1, 1, 1), 0.5), match["part"])


def _weekday(match: re.Match[str], today: date) -> Iterator[Days]:
    """A bare weekday is rather the last one than the next; `last Tuesday` may skip the one just gone."""
    which = match.groupdict().get("which") or ""
    back = (today.weekday() - WEEKDAYS[match["weekday"]] - 1) % 7 + 1
    past, future = Days.of(today - back * DAY), Days.of(today + (7 - back if back < 7 else 7) * DAY)
    first, second = (
        (future, Days.of(future.start + 7 * DAY)) if which in NEXT else (past, Days.of(past.start - 7 * DAY))
    )
    yield first
    yield Days(second.start, second.end, 0.5) if which else Days(future.start, future.end, 0.5)


def _named_day(match: re.Match[str], today: date) -> Iterator[Days]:
    yield Days.of(today + DAYS[match[0]] * DAY)


def _ago(match: re.Match[str], today: date) -> Iterator[Days]:
    """`two weeks ago` is a day give or take: by a quarter of the unit's length on either side."""
    unit, count = UNITS[match["unit"]], count_of(match["count"])
    if unit == "weekend":
        start, _ = around(today - 7 * count * DAY, unit)
        yield Days(start, start + 2 * DAY)
        return
    day = moved(today, unit, -count)
    room = {"day": 0, "week": 3, "month": 10, "year": 60}[unit] * DAY
    yield Days(day - room, day + room + DAY)


def _named_unit(match: re.Match[str], today: date) -> Iterator[Days]:
    unit, which = UNITS[match["unit"]], match["which"]
    if match["count"]:
        start = moved(today, "day" if unit == "weekend" else unit, -count_of(match["count"]))
        yield Days(start, today + DAY)
        return
    step = -1 if which in LAST else 1 if which in NEXT else 0
    if unit == "day":
        return
    if unit == "weekend":
        start, end = around(today, unit)
        yield Days(start + 7 * step * DAY, end + 7 * step * DAY)
        return
    yield _part(Days(*around(moved(today, unit, step), unit)), match["part"])


def _recently(_: re.Match[str], today: date) -> Iterator[Days]:
    yield Days(today - 14 * DAY, today + DAY, 0.5)


_RELATIVE = (_named_day, _ago, _named_unit, _recently)
_BEFORE = f"(?:{_any(IN)})"
_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (rf"\b(?:between|from|zwischen|von|entre|de)\s(?P<first>{_MONTH})\s{TO}\s(?P<month>{_MONTH})\b(?:{_OF}{_YEAR})?",
         _months),
        (r"(?<!\d)(?P<year>(?:19|20)\d\d)[-/](?P<month>\d\d?)(?:[-/](?P<day>\d\d?))?(?![\d/-])", _iso),
        (r"(?<![\d./-])(\d\d?)([./-])(\d\d?)\2(\d{4}|\d\d)(?![\d/-])", _numeric),
        (rf"(?<![\d.]){_DAY}(?:\s*{TO}\s*(?P<last>[0-3]?\d)(?:st|nd|rd|th|\.)?)?{_OF}\b(?P<month>{_MONTH})\b\.?"
         rf"(?:{_OF}{_YEAR})?", _dated),
        (rf"\b(?P<month>{_MONTH})\b\.?\s+(?:the\s)?{_DAY}(?!\d)(?:\s*{TO}\s*(?P<last>[0-3]?\d)(?:st|nd|rd|th)?(?!\d))?"
         rf"(?:{_OF}{_YEAR})?", _dated),
        (rf"{_PART}?\b(?P<month>{_MONTH})\b\.?{_OF}{_YEAR}", _named_month),
        (rf"{_PART}?\b(?P<season>{_any(SEASONS)})\b{_OF}{_YEAR}", _season),
        (rf"\b(?P<feast>{_any(FEASTS)})\b(?:'s)?(?:\s(?:eve|day))?{_OF}{_YEAR}", _feast),
        (rf"\b(?:{_any(DAYS)})\b", _named_day),
        (rf"\b{COUNT}\s(?P<unit>{UNIT})\s(?:ago|earlier|back|geleden|fa|atras)\b", _ago),
        (rf"\b(?:vor|il y a|hace|ha)\s{COUNT}\s(?P<unit>{UNIT})\b", _ago),
        (rf"{_PART}?\b{_WHICH}\s(?:(?P<count>\d{{1,3}}|(?:{_NUMBER}))\s)?(?P<unit>{UNIT})\b", _named_unit),
        (rf"\b(?P<part>)(?P<count>)(?P<unit>{UNIT})\s{_WHICH}\b", _named_unit),
        (rf"\b{_WHICH}\s(?P<month>{_MONTH})\b", _named_month),
        (rf"\b{_WHICH}\s(?P<season>{_any(SEASONS)})\b", _season),
        (rf"\b{_WHICH}\s(?P<feast>{_any(FEASTS)})\b", _feast),
        (rf"\b{_WHICH}\s(?P<weekday>{_WEEKDAY})\b", _weekday),
        (rf"\b(?P<weekday>{_WEEKDAY})\s{_WHICH}\b", _weekday),
        (rf"\b{_BEFORE}\s(?:the\s)?{_PART}?(?P<month>{_MONTH})\b(?P<year>)", _named_month),
        (rf"\b{_BEFORE}\s(?:the\s)?{_PART}?(?P<season>{_any(SEASONS)})\b(?P<year>)", _season),
        (rf"\b(?P<feast>{_any(FEASTS)})\b(?P<year>)", _feast),
        (rf"\b(?:on|am|le|el|il|op)\s(?P<weekday>{_WEEKDAY})\b(?![,.]?\s+(?:the\s)?\d)", _weekday),
        (rf"\b(?P<weekday>{_LONG_WEEKDAY})\b(?![,.]?\s+(?:the\s)?\d)", _weekday),
        (rf"(?<![\d.,-]){_PART}?\b(?P<year>(?:19[7-9]|20[0-4])\d)(?![\d-])", _year),
        (r"\b(?:recently|lately|neulich|kurzlich|recemment|recientemente)\b", _recently),
    )
)  # fmt: skip


# ---------------------------------------------------------------- calendar


def _month(year: int, month: int) -> Days:
    return Days(date(year, month, 1), moved(date(year, month, 1), "month", 1))


def _quarter(year: int, season: int) -> Days:
    start = date(year, 3 * season, 1)
    return Days(start, moved(start, "month", 3))


def _feast_of(name: str, year: int) -> Days:
    if name == "easter":
        return Days(_easter(year) - 2 * DAY, _easter(year) + 2 * DAY)
    if name == "thanksgiving":
        first = date(year, 11, 1)
        return Days.of(first + ((3 - first.weekday()) % 7 + 21) * DAY)
    start, length = {
        "christmas": (date(year, 12, 24), 3), "christmas eve": (date(year, 12, 24), 1),
        "new year": (date(year, 1, 1), 1), "new year's eve": (date(year, 12, 31), 1),
        "halloween": (date(year, 10, 31), 1), "valentine": (date(year, 2, 14), 1),
    }[name]  # fmt: skip
    return Days(start, start + length * DAY)


def _easter(year: int) -> date:
    """The Gregorian Easter Sunday (Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _each_year(make: Callable[[int], Days], said: str | None, today: date) -> Iterator[Days]:
    """Without a year the last such time is most likely meant; the one before and the next one are possible."""
    if said:
        yield make(2000 + int(said[1:]) if said[0] == "'" else int(said))
        return
    each = []
    for year in range(today.year + 1, today.year - 9, -1):
        try:
            each.append(make(year))
        except ValueError:  # 29 February
            continue
    future, past = ([one for one in each if (one.start > today) is ahead] for ahead in (True, False))
    if not past:
        raise ValueError("no year has such a day")
    for one, certainty in ((past[0], 1.0), *((other, 0.5) for other in (*past[1:2], *future[-1:]))):
        yield Days(one.start, one.end, certainty, yearless=True)


def _nearest(each: Sequence[Days], which: str, today: date) -> Days:
    if which in LAST:
        return max((one for one in each if one.end <= today), key=lambda one: one.start)
    if which in NEXT:
        return min((one for one in each if one.start > today), key=lambda one: one.start)
    return min((one for one in each if one.end > today), key=lambda one: one.start)


def _part(one: Days, part: str | None) -> Days:
    if not part:
        return one
    third = (one.end - one.start) // 3
    if part in ("early", "beginning", "start", "anfang", "debut"):
        return Days(one.start, one.start + third, one.certainty, one.yearless)
    if part in ("late", "end", "ende", "fin"):
        return Days(one.end - third, one.end, one.certainty, one.yearless)
    return Days(one.start + third, one.end - third, one.certainty, one.yearless)


def around(day: date, unit: str) -> tuple[date, date]:
    """Return the whole week, month, year or the weekend of the week that the day is in."""
    if unit == "month":
        whole = _month(day.year, day.month)
        return whole.start, whole.end
    if unit == "year":
        return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    if unit == "day":
        return day, day + DAY
    monday = day - day.weekday() * DAY
    return (monday + 5 * DAY if unit == "weekend" else monday), monday + 7 * DAY


def moved(day: date, unit: str, count: int) -> date:
    if unit in ("day", "week", "weekend"):
        return day + count * (1 if unit == "day" else 7) * DAY
    months = day.year * 12 + day.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - DAY).day
    return date(year, month + 1, min(day.day, last))


def in_year(day: date, year: int) -> date:
    return moved(day, "year", year - day.year)


def count_of(word: str | None) -> int:
    if not word:
        return 1
    if word.isdigit():
        return int(word)
    return max(NUMBERS[part] for part in word.split() if part in NUMBERS)


def shifted(one: Days, unit: str, way: str, count: str | None) -> Days:
    """Return `the week before` some days, `two days after` them or `the weekend of` them, in a question's words."""
    unit = UNITS[unit]
    if way == "of":
        return Days(*around(one.start, unit), one.certainty)
    many = count_of(count)
    back = way in ("before", "vor", "avant", "antes de")
    if unit == "weekend":
        saturday = one.start + timedelta(days=5 - one.start.weekday())
        away = timedelta(days=-7 if back and saturday >= one.start - DAY else 0 if back or saturday > one.start else 7)
        return Days(saturday + away, saturday + away + 2 * DAY, one.certainty)
    anchor = moved(one.start, unit, -many if back else many)
    if unit == "day":
        if not back:
            anchor = one.end + (many - 1) * DAY
        return Days(anchor, anchor + DAY, one.certainty)
    return Days(anchor, one.start, one.certainty) if back else Days(one.end, moved(one.end, unit, many), one.certainty)
