"""`ownvault audit`: what was asked, what was decided, and the proof of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from vault import sentences
from vault.api.export import Form
from vault.api.export import lines as export_lines
from vault.cli import plain, screen
from vault.cli.looking import ENDING, looking, request
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import AuditFailed, BadRequest, StorageFailed
from vault.types import AuditEntry, Ending, Entry, Period, Release, ReplayRequest, TimelineRequest

IDS, QUERY = 2, 60
"""Record ids, and characters of the query, that one row shows; the JSON has all."""
WORDING = 240
"""Characters of a released text that are shown, unless all are asked for; the JSON has all."""


@click.group(cls=Group, invoke_without_command=True)
@click.option("--limit", type=int, default=20, show_default=True, help="Entries to show, newest first.")
@click.option("--before", type=int, metavar="NUMBER", help="Only entries before this one.")
@looking
@click.pass_context
def audit(context: click.Context, /, limit: int, before: int | None, **asked: Any) -> None:
    """List, replay, verify and export what was asked and decided.

    Without a command, lists entries: number, time, client, what was asked, which records, and what became of it:
    released, redacted (identifiers masked), answered (no text left), denied or error with the reason, or owner.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings) as vault:
        page = vault.vault.audit(vault.holder, request(limit, before, **asked))
    if settings.json:
        screen.emit(page)
        return
    entries(page.entries)
    screen.note(settings, f"{len(page.entries)} of {sentences.plural(page.size, 'entry')}")
    if page.more is not None and len(page.entries) < limit:
        screen.note(settings, f"looked back to entry {page.more} so far; further: --before {page.more}")


def entries(listed: tuple[AuditEntry, ...]) -> None:
    """Print audit entries as a table."""
    headings = ("#", "when", "who", "via", "what", "records", "decision")
    screen.table(headings, [(str(one.number), *_row(one)) for one in listed], numbers=("#",))


def _row(one: AuditEntry) -> tuple[str, ...]:
    entry = one.entry
    shown = ", ".join(entry.records[:IDS]) + (f" +{len(entry.records) - IDS}" if len(entry.records) > IDS else "")
    decision = f"{entry.decision}: {entry.reason}" if entry.decision != "allow" else str(one.outcome)
    return screen.minute(entry.time), entry.client or "unknown", entry.via, _what(entry), shown or "-", decision


def _what(entry: Entry) -> str:
    """Return the action with what it was about: the query, the collection, or the client of a grant."""
    query, about = plain.one_line(entry.query), entry.detail
    if query:
        return f"{entry.action} “{query if len(query) <= QUERY else query[: QUERY - 1] + '…'}”"
    if "source" in about:
        return f"{entry.action} {about.get('collection')} ← {about['source']}"
    return f"{entry.action} {about['client']}" if "client" in about else entry.action


@audit.command()
@click.argument("number", type=int)
@click.option("--full", is_flag=True, help="Show every text to its end.")
@pass_settings
def show(settings: Settings, number: int, full: bool) -> None:
    """Show entry NUMBER whole: what was asked, which records left in which words, why, and by which grant."""
    with opened(settings) as vault:
        view = vault.vault.entry(vault.holder, number)
    if settings.json:
        screen.emit(view)
        return
    one, said = view.entry, view.entry.entry
    grant = sentences.allowed(view.grant) if view.grant else said.grant
    screen.fields([
        ("entry", f"{one.number} of {view.size:,}"),
        ("when", screen.minute(said.time)),
        ("who", said.client or "unknown"),
        ("what", _what(said)),
        ("via", said.via),
        ("outcome", str(one.outcome or "erased")),
        ("decision", f"{said.decision}: {said.reason}"),
        ("grant", grant),
        ("leaf", one.leaf),
    ])  # fmt: skip
    for record in view.records:
        title = plain.one_line(record.wording.title if record.wording else record.title) or "(untitled)"
        where = f" · {record.collection}" if record.collection is not None else " · forgotten since"
        screen.paragraph(f"{title} · {record.id}{where}", indent=3)
        if record.wording and not record.wording.erased:
            screen.paragraph(_cut(record.wording.text, None if full else WORDING), indent=5)


@audit.command()
@click.option(
    "--period",
    type=click.Choice([one.value for one in Period]),
    default=Period.WEEK.value,
    show_default=True,
    help="How far back, up to now.",
)
@click.option("--client", metavar="NAME", help="Only entries of this client.")
@click.option("--outcome", type=ENDING, multiple=True, help="Only entries with this outcome; may be repeated.")
@click.option("--action", metavar="WORD", help="Only this action.")
@pass_settings
def timeline(
    settings: Settings, period: str, client: str | None, outcome: tuple[str, ...], action: str | None
) -> None:  # fmt: skip
    """Say how many entries there were over a period, by outcome."""
    asked = TimelineRequest(Period(period), client, tuple(map(Ending, outcome)), action)
    with opened(settings) as vault:
        told = vault.vault.timeline(vault.holder, asked)
    if settings.json:
        screen.emit(told)
        return
    shown = [one for one in Ending if any(share.outcome is one for slot in told.slots for share in slot.shares)]
    rows = [
        (screen.minute(slot.start), *(str(sum(share.entries for share in slot.shares if share.outcome is one) or "-")
                                      for one in shown))
        for slot in told.slots if slot.shares
    ]  # fmt: skip
    if not rows:
        screen.say("nothing happened in this time")
        return
    screen.table(("from", *shown), rows, numbers=tuple(shown))


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--form", type=click.Choice([one.value for one in Form]), help="Default: by the ending of FILE.")
@looking
@pass_settings
def export(settings: Settings, /, file: str, form: str | None, **asked: Any) -> None:
    """Write the entries that are asked for to FILE (- for stdout), all of them. The export is recorded, too.

    A new file, for your eyes only; one that is there is left alone.
    """
    chosen = Form(form) if form else Form.CSV if file.endswith(".csv") else Form.JSONL
    with opened(settings) as vault:
        lines = export_lines(vault.vault.entries(vault.holder, request(1, None, **asked)), chosen)
        if file == "-":
            for line in lines:
                sys.stdout.write(line if chosen is Form.CSV else plain.json_safe(line))
            return
        number = _write(Path(file), lines)
    told = sentences.plural(number - (chosen is Form.CSV), "entry")  # a table has a row of headings
    screen.note(settings, f"{told} written to {file}; it is not encrypted")


def _write(path: Path, lines: Iterable[str]) -> int:
    """Write lines to a new file that only the owner may read; return how many."""
    number = 0
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="utf-8", newline="") as sink:
            for line in lines:
                sink.write(line)
                number += 1
    except FileExistsError:
        raise BadRequest(f"{path} exists", hint="choose another name") from None
    except OSError as error:
        raise StorageFailed(f"{path} cannot be written: {error.strerror}") from None
    return number


@audit.command()
@click.argument("client")
@click.option("--limit", type=int, default=20, show_default=True, help="Answers to show, newest first.")
@click.option("--before", type=int, metavar="NUMBER", help="Only answers before this entry.")
@click.option("--full", is_flag=True, help="Show every text to its end.")
@pass_settings
def replay(settings: Settings, client: str, limit: int, before: int | None, full: bool) -> None:
    """Show everything that CLIENT was ever given, in the wording it got.

    What was forgotten since is shown as erased: its wording went with it.
    """
    with opened(settings) as vault:
        shown = vault.vault.replay(vault.holder, ReplayRequest(client, limit, before))
    if settings.json:
        screen.emit(shown)
        return
    for release in shown.releases:
        _release(release, None if full else WORDING)
    got = f"{sentences.plural(shown.records, 'record')} and {sentences.size(shown.bytes)} of text in all"
    screen.say(f"{plain.one_line(shown.client)} was given {got}" if shown.records else
               f"{plain.one_line(shown.client)} was given nothing")  # fmt: skip
    if len(shown.releases) == limit:
        screen.note(settings, f"older ones: --before {shown.releases[-1].number}")
    if not full and any(len(one.text) > WORDING for release in shown.releases for one in release.wordings):
        screen.note(settings, "every text to its end: --full")


def _release(release: Release, most: int | None) -> None:
    query = f" “{plain.one_line(release.query)}”" if release.query else ""
    count = sentences.plural(len(release.wordings), "record") if release.wordings else "no text"
    screen.say(screen.bold(f"{release.number}  {screen.minute(release.time)}  {release.action}{query}"))
    screen.say(screen.dim(f"   by {release.via}, grant {release.grant}, {count}"))
    for wording in release.wordings:
        title = plain.one_line(wording.title) or "(untitled)"
        screen.paragraph(f"{title} · {wording.record}", indent=3)
        cut = _cut(wording.text, most)
        screen.paragraph("(erased: the record was forgotten since)" if wording.erased else cut, indent=5)
    screen.say()


def _cut(words: str, most: int | None) -> str:
    text = plain.one_line(words)
    return text if most is None or len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"


@audit.command()
@pass_settings
def verify(settings: Settings) -> None:
    """Recompute the whole audit tree and say whether it holds. Exits with 13 if not."""
    with opened(settings) as vault, screen.waiting(settings, "verifying"):
        report = vault.vault.verify(vault.holder)
    if settings.json:
        screen.emit(report)
    else:
        screen.say(
            f"{'the log holds' if report.ok else 'THE LOG DOES NOT HOLD'}: {sentences.plural(report.size, 'entry')}"
        )
        screen.fields([("root", report.root), *(("problem", plain.one_line(p)) for p in report.problems)])
    if not report.ok:
        raise AuditFailed("the audit log was altered", hint="keep a copy of the vault directory and see SECURITY.md")


@audit.command()
@click.argument("number", type=int)
@pass_settings
def proof(settings: Settings, number: int) -> None:
    """Print the proof that entry NUMBER is in the log (C2SP tlog-proof)."""
    with opened(settings) as vault:
        text = vault.vault.prove(vault.holder, number)
    if settings.json:
        screen.emit({"proof": text})
    else:
        screen.say(text.rstrip("\n"))
