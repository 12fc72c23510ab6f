"""The options that say what may be done and how much leaves: the same for granting, narrowing and approving."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from vault import limits
from vault.errors import BadRequest
from vault.types import GRANTABLE, Action, Detail, Limits

F = TypeVar("F", bound=Callable[..., Any])
_SIZE = re.compile(r"([0-9]{1,12})(?:\s*(k|m|g)(i?)b?|b)?", re.IGNORECASE)
_POWER = {"k": 1, "m": 2, "g": 3}
TEXT = {Action.SEARCH, Action.READ}
"""The actions whose answers hold text."""


class Quantity(click.ParamType[int]):
    """A limit: a whole number, at least one."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,12}", text):
            self.fail(f"{value!r} is no number like 50", param, ctx)
        return _at_least_one(int(text), param)


class Size(click.ParamType[int]):
    """A number of bytes: 5MB, 200 kB, 1GiB, 4096."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(str(value).strip())
        if not found:
            self.fail(f"{value!r} is no size like 5MB or 200kB", param, ctx)
        base = 1024 if found[3] else 1000
        return _at_least_one(int(found[1]) * base ** _POWER.get((found[2] or "").lower(), 0), param)


def _at_least_one(number: int, param: click.Parameter | None) -> int:
    if number < 1:
        flag = param.opts[0] if param else "the limit"
        raise BadRequest(
            f"with {flag} 0 nothing would ever be answered",
            hint=f"at least {flag} 1; leave it out for no limit, or stop a grant for now: ownvault grants pause ID",
        )
    return number


def actions(default: str) -> Callable[[F], F]:
    """Decorate a command with --action; it receives `actions`, None when nothing was said."""

    def decorate(command: F) -> F:
        @wraps(command)
        def gather(*arguments: Any, actions: tuple[str, ...], **named: Any) -> Any:
            return command(*arguments, actions=tuple(map(Action, actions)) or None, **named)

        choice = click.Choice(sorted(action.value for action in GRANTABLE))
        words = f"What the assistant may do; may be repeated. {default}"
        decorated: Any = click.option("--action", "actions", multiple=True, type=choice, help=words)(gather)
        result: F = decorated
        return result

    return decorate


def much(command: F) -> F:
    """Decorate a command with the options of detail and limits; it receives `detail` (or None) and `limited`."""

    @wraps(command)
    def gather(*arguments: Any, detail: str | None, **named: Any) -> Any:
        limited = Limits(**{name: named.pop(name) for name in _LIMITS})
        return command(*arguments, detail=Detail.parse(detail) if detail else None, limited=limited, **named)

    decorated: Any = gather
    for name, (flag, kind, words) in reversed(_LIMITS.items()):
        decorated = click.option(flag, name, type=kind, help=words)(decorated)
    result: F = with_detail("How much of a record leaves: all, a passage, a passage with identifiers masked, "
                            "or numbers only.")(decorated)  # fmt: skip
    return result


def with_detail(words: str) -> Callable[[F], F]:
    """Decorate a command with --detail, as the name of a level."""
    levels = [level.name.lower() for level in reversed(Detail)]
    return click.option("--detail", type=click.Choice(levels), help=words)


_LIMITS: dict[str, tuple[str, click.ParamType[int], str]] = {
    "results": ("--per-query", Quantity(), "Records in one answer, at most."),
    "queries_per_hour": ("--per-hour", Quantity(), "Questions in an hour, at most."),
    "records_per_day": ("--per-day", Quantity(), "Different records in a day, at most."),
    "bytes_per_day": ("--bytes-per-day", Size(), "Text in a day, at most: 5MB, 200kB."),
}


def seconds(expires: timedelta | None) -> int | None:
    """Return how long a grant is to last in seconds. BadRequest, with the longest there is, for more than that."""
    if expires is None:
        return None
    if expires > timedelta(days=limits.GRANT_DAYS):
        raise BadRequest(
            f"a grant lasts at most {limits.GRANT_DAYS} days", hint=f"the longest: --expires {limits.GRANT_DAYS}d"
        )
    return int(expires.total_seconds())


def fitting(actions: tuple[Action, ...] | None, detail: Detail | None) -> tuple[Action, ...] | None:
    """Return what may be done at this detail. With `answers` no text leaves, so counting is what remains.

    BadRequest when text was asked for in the same breath.
    """
    if detail is not Detail.ANSWERS:
        return actions
    if actions and TEXT & set(actions):
        said = " and ".join(sorted(TEXT & set(actions)))
        raise BadRequest(
            f"with --detail answers no text leaves, so there is nothing to {said}",
            hint="--action count, or --detail redacted for passages with identifiers masked",
        )
    return actions or (Action.COUNT,)
