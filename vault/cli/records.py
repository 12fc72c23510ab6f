"""`ownvault add · show · forget`: one record at a time."""

from __future__ import annotations

import secrets
import sys
from datetime import datetime
from pathlib import Path

import click

from vault.cli import passphrase, plain, screen
from vault.cli.filters import Moment
from vault.cli.open import opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest
from vault.types import AddRequest, Draft, ReadRequest, RecordView


@click.command(cls=Command)
@click.option("--collection", required=True, metavar="NAME", help="Where it goes.")
@click.option("--title", default="", help="Its title.")
@click.option("--label", "labels", multiple=True, metavar="NAME", help="A label. May be repeated.")
@click.option("--person", "people", multiple=True, metavar="NAME", help="A person. May be repeated.")
@click.option("--date", type=Moment(), help="When it was written. Default: now.")
@click.option("--file", "file", type=click.Path(path_type=Path), help="Read the text from here instead of stdin.")
@pass_settings
def add(
    settings: Settings, collection: str, title: str, labels: tuple[str, ...], people: tuple[str, ...],
    date: datetime | None, file: Path | None,
) -> None:  # fmt: skip
    """Add one record, its text from stdin or a file."""
    text = _text(settings, file)
    draft = Draft(
        secrets.token_hex(8), text, title=title, labels=labels, people=people,
        created=date or datetime.now().astimezone(),
    )  # fmt: skip
    with opened(settings) as vault:
        answer = vault.vault.add(vault.holder, AddRequest(collection, (draft,)))
    outcome = answer.outcomes[0]
    if settings.json:
        screen.emit(answer)
    elif outcome.outcome != "failed":
        screen.say(f"{outcome.outcome} {outcome.id}")
    if outcome.outcome == "failed":
        raise BadRequest(f"not added: {outcome.reason}")


def _text(settings: Settings, file: Path | None) -> str:
    if file is None and settings.passphrase_file == passphrase.STDIN:
        raise BadRequest("stdin cannot be both the passphrase and the text", hint="name the text with --file FILE")
    if file is None and sys.stdin.isatty():
        screen.note(settings, "type the text; Ctrl-D ends it")
    try:
        content = sys.stdin.buffer.read() if file is None else file.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise BadRequest(f"cannot read {file}: {(error.strerror or 'unreadable').lower()}") from None
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"the text is not UTF-8 (byte {error.start})", hint="convert it with iconv, or import the file"
        ) from None
    if not text.strip():
        raise BadRequest("there is no text to add", hint="echo 'a thought' | ownvault add --collection notes")
    return text


@click.command(cls=Command)
@click.argument("id")
@pass_settings
def show(settings: Settings, id: str) -> None:
    """Show one record whole.

    ID is what a hit's card ends with.
    """
    with opened(settings) as vault:
        answer = vault.vault.read(vault.holder, ReadRequest(id))
    if settings.json:
        screen.emit(answer)
        return
    record = answer.record
    screen.say(screen.bold(plain.one_line(record.title) or "(untitled)"))
    screen.fields(_about(record))
    screen.say()
    screen.say(plain.text(record.text).rstrip())


def _about(record: RecordView) -> list[tuple[str, str]]:
    return [
        ("collection", record.collection),
        ("source", record.source),
        ("kind", record.kind),
        ("date", screen.minute(record.date)),
        ("people", ", ".join(record.people)),
        ("labels", ", ".join(record.labels)),
        ("origin", record.origin),
        ("url", record.url),
        ("written by", "others" if record.provenance == "third_party" else "you"),
        ("id", record.id),
    ]


@click.command(cls=Command)
@click.argument("id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_settings
def forget(settings: Settings, id: str, yes: bool) -> None:
    """Delete one record for good.

    Asks first. No search can find it from then on; its audit entries stay.
    """
    if not yes and not sys.stdin.isatty():
        raise BadRequest("forgetting needs a yes, and there is no terminal to ask on", hint="say it: --yes")
    with opened(settings) as vault:
        if not yes:
            record = vault.vault.read(vault.holder, ReadRequest(id)).record
            title = plain.one_line(record.title) or plain.one_line(record.text)[:60]
            if not click.confirm(f"Forget “{title}” ({plain.one_line(record.collection)}) for good?", err=True):
                screen.say("kept")
                raise click.exceptions.Exit(0)
        receipt = vault.vault.forget(vault.holder, id)
    if settings.json:
        screen.emit({"receipt": receipt})
    else:
        screen.say(f"forgotten: {plain.one_line(id)}")
