"""`ownvault search · count · collections`: finding, also through the eyes of a grant."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from vault import sentences
from vault.cli import filters, ids, plain, screen, suggestions, terms
from vault.cli.open import Open, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.types import By, CountRequest, Detail, Filter, Hit, SearchRequest, Simulation

SNIPPET = 320
"""Characters of a hit's text that a card shows."""
HINDRANCES = {
    "grant_paused": "it would be refused: its grant is paused",
    "grant_revoked": "it would be refused: its grant is revoked",
    "grant_expired": "it would be refused: its grant has ended",
    "not_allowed": "it would be refused: its grant does not allow searching",
    "detail_answers": "it would be refused: its grant gives numbers only, no text",
    "limit_reached": "it would be refused: a limit of its grant would be passed, and pause it",
    "approval_required": "it would wait for your approval",
}
"""What a grant's holder would meet instead of the hits, by the code it would be told."""


@click.command(cls=Command)
@click.argument("query")
@click.option("--limit", type=int, default=10, show_default=True, help="Most hits to show.")
@click.option("--as", "grant", metavar="GRANT", help="Show exactly what this grant would be answered.")
@terms.with_detail("Ask for less of each record than you may see.")
@filters.which
@pass_settings
def search(settings: Settings, query: str, limit: int, grant: str | None, detail: str | None, filter: Filter) -> None:
    """Search by meaning and by words.

    The best hit comes first. The score is the cosine similarity of the best passage, at most 1.
    A query of `-` is read from stdin. With --as you see what an assistant would get; nothing is counted
    against its limits. GRANT is an id, its first characters, or a client that has one live grant.
    """
    if query == "-":
        query = sys.stdin.buffer.read().decode("utf-8", "replace").strip()
    request = SearchRequest(query, limit, filter, Detail.parse(detail) if detail else None)
    if grant is not None:
        _simulated(settings, grant, request)
        return
    with opened(settings) as vault, screen.waiting(settings, "searching"), suggestions.offered(vault, filter):
        answer = vault.vault.search(vault.holder, request)
        remark = "" if answer.hits else suggestions.remark(vault, filter)
    if settings.json:
        screen.emit(answer)
    else:
        cards(answer.hits, query)
        screen.note(settings, f"{sentences.plural(len(answer.hits), 'hit')} · audit entry {answer.receipt.entry}")
    if remark:
        screen.note(settings, remark)


def _simulated(settings: Settings, said: str, request: SearchRequest) -> None:
    with opened(settings) as vault, screen.waiting(settings, "searching"):
        seen = _simulate(vault, said, request)
    if settings.json:
        screen.emit(seen)
        return
    for code in seen.hindrances:
        screen.say(HINDRANCES.get(code, f"it would meet: {plain.one_line(code)}"))
    if seen.hindrances and seen.hits:
        screen.say("otherwise it would get:\n")
    cards(seen.hits, request.query)
    screen.note(settings, f"it would get {sentences.plural(len(seen.hits), 'hit')}" if seen.hits or not seen.hindrances
                else "it would get nothing")  # fmt: skip


def _simulate(vault: Open, said: str, request: SearchRequest) -> Simulation:
    return vault.vault.simulate(vault.holder, ids.grant(vault, said), request)


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
@click.option("--by", type=click.Choice([by.value for by in By]), help="Break the number down.")
@click.option("--dates", is_flag=True, help="Also say when the first and the last are from.")
@filters.which
@pass_settings
def count(settings: Settings, by: str | None, dates: bool, filter: Filter) -> None:
    """Count records.

    How many, whether there are any, of what, and when the first and the last are from.
    """
    request = CountRequest(filter, By(by) if by else None, dates)
    with opened(settings) as vault, suggestions.offered(vault, filter):
        answer = vault.vault.count(vault.holder, request)
        remark = "" if answer.count else suggestions.remark(vault, filter)
    if settings.json:
        screen.emit(answer)
        return
    screen.say(sentences.plural(answer.count, "record"))
    if dates and answer.count:
        screen.facts([("first", screen.day(answer.first) or "no date"), ("last", screen.day(answer.last) or "no date")])
    if answer.groups:
        ordered = by in (By.MONTH, By.SENSITIVITY)
        groups = sorted(answer.groups.items(), key=lambda group: (0 if ordered else -group[1], group[0]))
        screen.table((str(by), "records"), [(name, f"{number:,}") for name, number in groups], numbers=("records",))
    if remark:
        screen.note(settings, remark)


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
