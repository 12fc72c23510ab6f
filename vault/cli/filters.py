"""The options that say which records, the same for search, count and grant."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from vault.errors import BadRequest
from vault.types import Filter, Sensitivity, utc

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Moment(click.ParamType[datetime]):
    """A date or a time, ISO 8601; without a zone it is UTC."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return utc(datetime.fromisoformat(value))
        except (ValueError, BadRequest):
            self.fail(f"{value!r} is no date like 2026-01-31 or 2026-01-31T18:00", param, ctx)


class Duration(click.ParamType[timedelta]):
    """A length of time like 90m, 12h, 30d or 2w, as a timedelta."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", str(value).strip().lower())
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


_NAMED = (
    ("--collection", "collections", "Records of this collection."),
    ("--source", "sources", "Records of this source."),
    ("--kind", "kinds", "Records of this kind: note, mail, chat, page …"),
    ("--label", "labels", "Records with this label."),
    ("--without-label", "without_labels", "No records with this label."),
    ("--person", "people", "Records with this person."),
)


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
        for flag, name, words in _NAMED
    ]
    return [
        *several,
        click.option("--since", type=Moment(), help="Records from this date on."),
        click.option("--until", type=Moment(), help="Records from before this date."),
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
    taken: dict[str, Any] = {name: tuple(named.pop(name)) or None for _, name, _ in _NAMED}
    taken["without_labels"] = taken["without_labels"] or ()
    taken |= {name: named.pop(name) for name in ("since", "until", "last", "sensitivity", "owner_written")}
    return Filter(**taken)
