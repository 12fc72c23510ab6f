"""The options that say which records, the same for search, count, grant, narrowing and approving."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from vault.errors import BadRequest
from vault.types import Filter, Sensitivity, utc

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1),
          "y": timedelta(days=365)}  # fmt: skip
_PERIOD = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")


class Moment(click.ParamType[datetime]):
    """A year, a month, a day or a time, ISO 8601, as its first instant; without a zone it is UTC."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return self._read(str(value))
        except (ValueError, OverflowError, BadRequest):
            self.fail(f"{value!r} is no date like 2026, 2026-01, 2026-01-31 or 2026-01-31T18:00", param, ctx)

    def _read(self, value: str) -> datetime:
        return _span(value)[0]


class Until(Moment):
    """The same, as its end: until 2026-03 means that March belongs to it. A time is exact."""

    def _read(self, value: str) -> datetime:
        return _span(value)[1]


def _span(value: str) -> tuple[datetime, datetime]:
    """Return the first instant of what is named and the first after it: the same for a time of day."""
    if found := _PERIOD.fullmatch(value):
        year, month = int(found[1]), int(found[2] or 1)
        after = (year + 1, 1) if found[2] is None or month == 12 else (year, month + 1)
        return datetime(year, month, 1, tzinfo=UTC), datetime(*after, 1, tzinfo=UTC)
    if "W" in value:  # a week would begin on its Monday and end on it
        raise ValueError
    start = utc(datetime.fromisoformat(value))
    return start, start + timedelta(days=1) if _is_day(value) else start


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


class Duration(click.ParamType[timedelta]):
    """A length of time like 90m, 12h, 30d, 2w or 1y, as a timedelta."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdwy])", str(value).strip().lower())
        if not found:
            self.fail(f"{value!r} is no length of time like 12h, 30d or 2w", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class Days(click.ParamType[int]):
    """A number of days: 90 or 90d."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([1-9][0-9]{0,5})d?", str(value).strip().lower())
        if not found:
            self.fail(f"{value!r} is no number of days like 90", param, ctx)
        return int(found[1])


NAMED = {
    "collections": ("--collection", "Records of this collection."),
    "sources": ("--source", "Records of this source."),
    "kinds": ("--kind", "Records of this kind: note, mail, chat, page …"),
    "labels": ("--label", "Records with this label."),
    "without_labels": ("--without-label", "No records with this label."),
    "people": ("--person", "Records with this person."),
}
"""The dimensions of a filter that hold names: their options, and what those say."""


def which(command: F) -> F:
    """Decorate a command with the filter's options; it receives them as one `filter`."""

    @wraps(command)
    def gather(*arguments: Any, **named: Any) -> Any:
        return command(*arguments, filter=_filter(named), **named)

    decorated: Any = gather
    for option in reversed(_options()):
        decorated = option(decorated)
    result: F = decorated
    return result


def _options() -> list[Callable[[Any], Any]]:
    several = [
        click.option(flag, name, multiple=True, metavar="NAME", help=f"{words} May be repeated.")
        for name, (flag, words) in NAMED.items()
    ]
    return [
        *several,
        click.option("--since", type=Moment(), help="Records from this date on: 2026, 2026-01 or 2026-01-31."),
        click.option("--until", type=Until(), help="Records up to this date, the whole year, month or day included."),
        click.option("--last", type=Days(), help="Records of the last so many days."),
        click.option(
            "--sensitivity",
            type=click.Choice([level.name.lower() for level in Sensitivity]),
            help="Records up to this level.",
        ),
        click.option("--owner-written", is_flag=True, help="Only what the owner wrote."),
    ]


def _filter(named: dict[str, Any]) -> Filter:
    """Take the filter's options out of a command's arguments. An option left out narrows nothing."""
    taken: dict[str, Any] = {name: tuple(named.pop(name)) or None for name in NAMED}
    taken["without_labels"] = taken["without_labels"] or ()
    taken |= {name: named.pop(name) for name in ("since", "until", "last", "sensitivity", "owner_written")}
    since, until = taken["since"], taken["until"]
    if since and until and since >= until:
        raise BadRequest(
            "the time ends before it starts",
            hint="the other way round? --since takes the earlier date, --until the later one",
        )
    return Filter(**taken)
