"""The log over time: how many entries there were in each hour, day, week or month, of whom and with what outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from vault.permissions import logbook
from vault.permissions.filing import HOUR
from vault.types import (
    EPOCH,
    Connection,
    Ending,
    Period,
    Share,
    Slot,
    Timeline,
    TimelineRequest,
    micros,
    utc,
)

MOST = 120
"""Slots of a whole log; it is told by days, weeks or months, whichever are no more than that, or by years."""
# Each name once, by one step in an index for each: DISTINCT would read the whole index.
_CLIENTS = (
    "WITH RECURSIVE one (name) AS (SELECT min(client) FROM filed UNION ALL"
    " SELECT (SELECT min(client) FROM filed WHERE client > name) FROM one WHERE name IS NOT NULL)"
    " SELECT name FROM one WHERE name IS NOT NULL"
)
_ACTIONS = (
    "WITH RECURSIVE one (name) AS (SELECT min(action) FROM activity UNION ALL"
    " SELECT (SELECT min(action) FROM activity WHERE action > name) FROM one WHERE name IS NOT NULL)"
    " SELECT name FROM one WHERE name IS NOT NULL"
)
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def timeline(conn: Connection, request: TimelineRequest, now: datetime, zone: tzinfo | None) -> Timeline:
    """Return the slots of a period up to `now`; days begin at midnight in `zone` (None: this machine's)."""
    edges = bounds(request.period, _first(conn, now), now, zone)
    slots = tuple(Slot(utc(start), utc(end), _shares(conn, request, start, end)) for start, end in pairwise(edges))
    clients, actions = (tuple(word for (word,) in conn.execute(words).fetchall()) for words in (_CLIENTS, _ACTIONS))
    return Timeline(request.period, slots, clients, actions)


def bounds(period: Period, first: datetime, now: datetime, zone: tzinfo | None) -> list[datetime]:
    """Return the edges of the slots of a period, oldest first; the last slot holds `now`. `first` is the log's first
    hour."""
    if period in (Period.DAY, Period.WEEK):
        step = timedelta(hours=1 if period is Period.DAY else 6)
        number = 24 if period is Period.DAY else 28
        end = EPOCH + ((utc(now) - EPOCH) // timedelta(hours=1) + 1) * timedelta(hours=1)
        return [end - step * i for i in range(number, -1, -1)]
    today = now.astimezone(zone).date()
    if period is Period.MONTH:
        return _edges(today - 29 * _DAY, today, _DAY, zone)
    if period is Period.YEAR:
        return _edges(_monday(today) - 52 * _WEEK, today, _WEEK, zone)
    begin = min(first, now).astimezone(zone).date()
    if today - begin < MOST * _DAY:
        return _edges(begin, today, _DAY, zone)
    if today - _monday(begin) < MOST * _WEEK:
        return _edges(_monday(begin), today, _WEEK, zone)
    return [_midnight(day, zone) for day in _months(begin, today)]


def _edges(start: date, last: date, step: timedelta, zone: tzinfo | None) -> list[datetime]:
    """Return midnights a step apart, up to the first after the day `last`; a day of 23 or 25 hours is one."""
    number = (last - start) // step + 2
    return [_midnight(start + step * i, zone) for i in range(number)]


def _months(start: date, last: date) -> Iterator[date]:
    """Yield the first days of months, or of years where that were too many, up to the first after `last`."""
    step = 1 if (last.year - start.year) * 12 < MOST - 12 else 12
    at = date(start.year, start.month if step == 1 else 1, 1)
    while at <= last:
        yield at
        months = at.month - 1 + step
        at = date(at.year + months // 12, months % 12 + 1, 1)
    yield at


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    clock = datetime.combine(day, time())
    return clock.astimezone() if zone is None else clock.replace(tzinfo=zone)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _first(conn: Connection, now: datetime) -> datetime:
    (hour,) = conn.execute("SELECT min(hour) FROM activity").fetchone()
    return now if hour is None else EPOCH + timedelta(hours=hour)


def _shares(conn: Connection, request: TimelineRequest, start: datetime, end: datetime) -> tuple[Share, ...]:
    conditions, said = ["hour >= ?", "hour < ?"], [-(-micros(start) // HOUR), -(-micros(end) // HOUR)]
    asked: Sequence[tuple[str, object]] = (
        ("client = ?", None if request.client is None else logbook.name(request.client)),
        ("action = ?", request.action),
    )
    conditions += [condition for condition, value in asked if value is not None]
    named = [value for _, value in asked if value is not None]
    if request.outcome:
        conditions.append(f"outcome IN ({', '.join('?' * len(request.outcome))})")
        named += [one.value for one in request.outcome]
    rows = conn.execute(
        f"SELECT client, outcome, sum(entries) FROM activity WHERE {' AND '.join(conditions)}"  # noqa: S608 - our own
        " GROUP BY client, outcome ORDER BY client, outcome",
        (*said, *named),
    ).fetchall()
    return tuple(Share(client, Ending(outcome), entries) for client, outcome, entries in rows)
