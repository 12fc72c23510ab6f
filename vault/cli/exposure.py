"""`ownvault exposure`: which client ever got how much of what, and the records behind each number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from vault import sentences
from vault.cli import screen
from vault.cli.looking import LEVEL
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.types import Axis, Column, ExposedRecord, ExposedRequest, MatrixRequest, Row, Sensitivity

FORGOTTEN = "(forgotten since)"


@click.group(cls=Group, invoke_without_command=True)
@click.option("--by", type=click.Choice([one.value for one in Axis]), default=Axis.COLLECTION.value, show_default=True,
              help="What the records are told apart by.")  # fmt: skip
@click.option("--live", is_flag=True, help="Only clients that have access now.")
@click.pass_context
def exposure(context: click.Context, by: str, live: bool) -> None:
    """Say which client ever got how much of what.

    Without a command, prints how many different records each client ever got, in all its grants, also the ended ones:
    clients by collections, or by levels of sensitivity.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings) as vault:
        found = vault.vault.matrix(vault.holder, MatrixRequest(Axis(by)))
    if settings.json:
        screen.emit(found)
        return
    rows = [row for row in found.rows if row.live or not live]
    if not rows:
        screen.say("no record ever left" if not found.rows else "no client that has access now ever got a record")
        return
    columns = [one for one in found.columns if one.exposed]
    names = [one.name or FORGOTTEN for one in columns]
    drawn = [_client(row, columns) for row in rows]
    drawn.append(("anybody", *(f"{one.exposed:,}" for one in columns), f"{found.exposed:,}", ""))
    drawn.append(("held", *(f"{one.held:,}" if one.name else "-" for one in columns), f"{found.held:,}", ""))
    screen.table(("client", *names, "in all", "last"), drawn, numbers=(*names, "in all"))


def _client(row: Row, columns: Sequence[Column]) -> tuple[str, ...]:
    got = {one.column: f"{one.records:,}" for one in row.cells}
    numbers = (got.get(one.name, "-") for one in columns)
    name = row.client if row.live else f"{row.client} (ended)"
    return name, *numbers, f"{row.records:,}", screen.day(row.last)


@exposure.command()
@click.argument("client")
@click.option("--collection", metavar="NAME", help="Only records of this collection.")
@click.option("--sensitivity", type=LEVEL, help="Only records of this level.")
@click.option("--forgotten", is_flag=True, help="Only records that were forgotten since.")
@click.option("--limit", type=int, default=50, show_default=True, help="Records to show, those that left last first.")
@pass_settings
def records(
    settings: Settings, client: str, collection: str | None, sensitivity: str | None, forgotten: bool, limit: int
) -> None:  # fmt: skip
    """List the records that CLIENT ever got, or was told of by a number."""
    level = Sensitivity.parse(sensitivity) if sensitivity else None
    asked = ExposedRequest(client, None, "" if forgotten else collection, level, limit)
    _show(settings, asked, ("record", "title", "collection", "sensitivity"), _record)


@exposure.command()
@click.argument("record")
@click.option("--limit", type=int, default=50, show_default=True, help="Clients to show, those that got it last first.")
@pass_settings
def who(settings: Settings, record: str, limit: int) -> None:
    """List the clients that ever got RECORD."""
    _show(settings, ExposedRequest(record=record, limit=limit), ("client",), lambda one: (one.client,))


def _record(one: ExposedRecord) -> tuple[str, ...]:
    level = "-" if one.sensitivity is None else one.sensitivity.name.lower()
    return one.id, FORGOTTEN if one.forgotten else one.title or "(untitled)", one.collection or "-", level


def _show(
    settings: Settings, asked: ExposedRequest, headings: tuple[str, ...], row: Callable[..., tuple[str, ...]]
) -> None:  # fmt: skip
    with opened(settings) as vault:
        found = vault.vault.exposed(vault.holder, asked)
    if settings.json:
        screen.emit(found)
        return
    rows = [(*row(one), screen.minute(one.first), screen.minute(one.last), str(one.times)) for one in found.records]
    if not rows:
        screen.say("none")
        return
    screen.table((*headings, "first", "last", "times"), rows, numbers=("times",))
    screen.note(settings, sentences.plural(len(rows), "record" if asked.client else "client"))
