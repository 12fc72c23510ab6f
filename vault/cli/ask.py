"""`ownvault ask`: a question, answered by a language model from what its grant lets it see."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from vault import sentences
from vault.cli import filters, plain, screen
from vault.cli.open import Open, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.cli.search import HINDRANCES
from vault.errors import ApprovalRequired
from vault.types import Brief, BriefRequest, Filter, Source


@click.command(cls=Command)
@click.argument("question")
@click.option("--provider", "names", multiple=True, metavar="NAME",
              help="Whom to ask; may be repeated. Default: all, in your order, until one answers.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 50), default=8, show_default=True, help="Records to show it, at most.")
@click.option("--dry-run", is_flag=True, help="Only show exactly what would be sent. Nothing leaves.")
@filters.which
@pass_settings
def ask(
    settings: Settings, question: str, names: tuple[str, ...], limit: int, dry_run: bool, filter: Filter
) -> None:  # fmt: skip
    """Answer a question with a language model of your choice.

    The model is shown what a search under its grant finds, nothing else, and that is recorded like any other
    release. When one provider fails, refuses or sends nonsense, the next is asked. A QUESTION of `-` is read from
    stdin. Providers are configured with `ownvault providers add`.
    """
    from vault.answering import answer, order

    if question == "-":
        question = sys.stdin.buffer.read().decode("utf-8", "replace").strip()
    request = BriefRequest(question, limit, filter, dry_run)
    with opened(settings) as vault:
        chosen = order(vault.vault, vault.holder, names)
        if dry_run:
            _rehearsed(settings, vault, chosen, request)
            return
        said = _Screen(settings)
        try:
            reply = answer(vault.vault, vault.holder, request, chosen, said.heard, said.failed)
        except ApprovalRequired as error:
            hint = f"ownvault approve {error.request}, then ask again"
            raise ApprovalRequired(error.message, hint=hint, request=error.request) from None
    if settings.json:
        screen.emit(reply)
        return
    said.end()
    sources(reply.cited or reply.sources, "" if reply.cited else "it cites none of the records it was shown:")
    if reply.unknown:
        screen.note(settings, f"it cites what it was not shown: {', '.join(f'[{n}]' for n in reply.unknown)}")
    shown = sentences.plural(len(reply.sources), "record")
    screen.note(settings, f"{plain.one_line(reply.provider)} · {plain.one_line(reply.model)} was shown {shown}"
                          f" · audit entry {reply.receipt.entry}")  # fmt: skip


class _Screen:
    """The answer as it comes. For programs nothing is printed before its end."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._open = settings, False

    def heard(self, piece: str) -> None:
        if not self._settings.json:
            click.echo(plain.text(piece), nl=False)
            self._open = True

    def failed(self, tried: object) -> None:
        self.end()
        name, message = getattr(tried, "provider", ""), getattr(tried, "message", "")
        screen.note(self._settings, f"{plain.one_line(name)}: {plain.one_line(message)}")

    def end(self) -> None:
        if self._open:
            screen.say("\n")
        self._open = False


def sources(listed: Sequence[Source], lead: str) -> None:
    """Print the records behind an answer, by the numbers under which it cites them."""
    if lead and listed:
        screen.say(lead)
    for one in listed:
        about = " · ".join(filter(None, (plain.one_line(one.collection), screen.day(one.date))))
        screen.paragraph(f"[{one.number}] {plain.one_line(one.title) or '(untitled)'} · {about} · {one.id}", indent=2)


def _rehearsed(settings: Settings, vault: Open, names: Sequence[str], request: BriefRequest) -> None:
    brief = vault.vault.brief(vault.holder, names[0], request)
    if settings.json:
        screen.emit({"provider": brief.provider, "url": brief.url, "model": brief.model, "messages": brief.messages,
                     "sources": brief.sources, "hindrances": brief.hindrances})  # fmt: skip
        return
    _prompt(brief)
    for code in brief.hindrances:
        screen.note(settings, HINDRANCES.get(code, f"it would meet: {plain.one_line(code)}"))
    size = sum(len(one.content) for one in brief.messages)
    screen.note(settings, f"nothing was sent; {sentences.plural(size, 'character')} would go to"
                          f" {plain.one_line(brief.url)} ({plain.one_line(brief.model)})")  # fmt: skip


def _prompt(brief: Brief) -> None:
    for message in brief.messages:
        screen.say(screen.bold(f"── {message.role}"))
        screen.say(plain.text(message.content))
        screen.say()
