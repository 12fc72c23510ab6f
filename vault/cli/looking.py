"""The options that say which audit entries, the same for listing and exporting them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from vault.cli.filters import Moment, Until
from vault.types import AuditRequest, Ending, Sensitivity

F = TypeVar("F", bound=Callable[..., Any])
ENDING = click.Choice([one.value for one in Ending])
LEVEL = click.Choice([one.name.lower() for one in Sensitivity])
_OPTIONS = (
    click.option("--client", metavar="NAME", help="Only entries of this client."),
    click.option("--outcome", type=ENDING, multiple=True, help="Only entries with this outcome; may be repeated."),
    click.option("--action", metavar="WORD", help="Only this action, such as search."),
    click.option("--since", type=Moment(), metavar="DATE", help="Only from this time on."),
    click.option(
        "--until", type=Until(), metavar="DATE", help="Only up to this time; a day, month or year belongs to it."
    ),
    click.option("--collection", metavar="NAME", help="Only entries that name a record of this collection."),
    click.option("--sensitivity", type=LEVEL, help="Only entries that name a record of this level."),
    click.option("--record", metavar="ID", help="Only entries that name this record."),
    click.option("--text", metavar="WORDS", help="Only entries whose query holds this, in any letter case."),
)


def looking(command: F) -> F:
    """Add the options to a command; `request` takes their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request(
    limit: int, before: int | None, *, client: str | None, outcome: tuple[str, ...], action: str | None,
    since: datetime | None, until: datetime | None, collection: str | None, sensitivity: str | None, record: str | None,
    text: str | None,
) -> AuditRequest:  # fmt: skip
    """Return what the options ask for."""
    level = Sensitivity.parse(sensitivity) if sensitivity else None
    return AuditRequest(
        limit, before, client, tuple(map(Ending, outcome)), action, since, until, collection, level, record, text
    )
