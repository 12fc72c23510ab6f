"""`ownvault search · count · collections`: finding."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from vault.cli import filters, plain, screen
from vault.cli.open import opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.types import CountRequest, Filter, Hit, SearchRequest

SNIPPET = 320
"""Characters of a hit's text that a card shows."""


@click.command(cls=Command)
@click.argument("query")
@click.option("--limit", type=int, default=10, show_default=True, help="Most hits to show.")
@filters.which
@pass_settings
def search(settings: Settings, query: str, limit: int, filter: Filter) -> None:
    """Search by meaning and by words.

    The best hit comes first. The score is the cosine similarity of the best passage, at most 1.
    A query of `-` is read from stdin.
    """
    if query == "-":
        query = sys.stdin.buffer.read().decode("utf-8", "replace").strip()
    with opened(settings) as vault, screen.waiting(settings, "searching"):
        answer = vault.vault.search(vault.holder, SearchRequest(query, limit, filter))
    if settings.json:
        screen.emit(answer)
        return
    cards(answer.hits, query)
    screen.note(settings, f"{screen.plural(len(answer.hits), 'hit')} · audit entry {answer.receipt.entry}")


def cards(hits: Sequence[Hit], query: str, snippet: int = SNIPPET) -> None:
    """Print hits as cards: title and score, where from, the passage with the query's words marked."""
    for number, hit in enumerate(hits, 1):
        if number > 1:
            screen.say()
        _card(number, hit, query, snippet)


def _card(number: int, hit: Hit, query: str, snippet: int) -> None:
    from rich.padding import Padding
    from rich.text import Text

    wide = screen.columns()
    title, score = plain.one_line(hit.title) or "(untitled)", f"{hit.score:.2f}"
    room = wide - 6 - len(score)
    if plain.width(title) > room:
        title = title[: room - 1] + "…"
    head = Text.assemble(
        (f"{number:>2}  ", "dim"), (title, "bold"), " " * max(2, wide - 4 - plain.width(title) - 4), score
    )
    where = " · ".join(filter(None, (
        plain.one_line(hit.collection), plain.one_line(hit.source), screen.day(hit.date),
        plain.one_line(", ".join(hit.people[:3])), "written by others" if hit.provenance == "third_party" else "",
    )))  # fmt: skip
    passage = screen.window(plain.one_line(hit.text), query, snippet)
    target = screen.console()
    target.width = wide
    with target.capture() as captured:
        target.print(head)
        target.print(Padding(Text(where, style="cyan"), (0, 0, 0, 4)))
        target.print(Padding(screen.marked(passage, query), (0, 0, 0, 4)))
        target.print(Padding(Text(plain.one_line(hit.id), style="dim"), (0, 0, 0, 4)))
    for line in captured.get().splitlines():
        screen.say(line.rstrip())


@click.command(cls=Command)
@filters.which
@pass_settings
def count(settings: Settings, filter: Filter) -> None:
    """Count records."""
    with opened(settings) as vault:
        answer = vault.vault.count(vault.holder, CountRequest(filter))
    if settings.json:
        screen.emit(answer)
    else:
        screen.say(screen.plural(answer.count, "record"))


@click.command(cls=Command)
@pass_settings
def collections(settings: Settings) -> None:
    """List the collections."""
    with opened(settings) as vault:
        kept = vault.vault.status(vault.holder).collections
    if settings.json:
        screen.emit({"collections": kept})
    elif kept:
        rows = [(c.name, f"{c.records:,}", screen.day(c.first), screen.day(c.last)) for c in kept]
        screen.table(("collection", "records", "first", "last"), rows, numbers=("records",))
    else:
        screen.say("no collections yet")
        screen.note(settings, "next: ownvault import markdown DIR --collection notes")
