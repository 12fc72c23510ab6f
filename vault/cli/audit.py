"""`ownvault audit`: what was asked, what was decided, and the proof of it."""

from __future__ import annotations

import click

from vault import sentences
from vault.cli import plain, screen
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import AuditFailed
from vault.types import AuditEntry, AuditRequest, Entry, Release, ReplayRequest

IDS, QUERY = 2, 60
"""Record ids, and characters of the query, that one row shows; the JSON has all."""
WORDING = 240
"""Characters of a released text that are shown, unless all are asked for; the JSON has all."""


@click.group(cls=Group, invoke_without_command=True)
@click.option("--limit", type=int, default=20, show_default=True, help="Entries to show, newest first.")
@click.option("--before", type=int, metavar="NUMBER", help="Only entries before this one.")
@click.option("--client", metavar="NAME", help="Only entries of this client.")
@click.pass_context
def audit(context: click.Context, limit: int, before: int | None, client: str | None) -> None:
    """List, replay and verify what was asked and decided.

    Without a command, lists entries: number, time, client, what was asked, which records, decision and reason.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings) as vault:
        page = vault.vault.audit(vault.holder, AuditRequest(limit, before, client))
    if settings.json:
        screen.emit(page)
        return
    entries(page.entries)
    screen.note(settings, f"{len(page.entries)} of {sentences.plural(page.size, 'entry')}")


def entries(listed: tuple[AuditEntry, ...]) -> None:
    """Print audit entries as a table."""
    headings = ("#", "when", "who", "via", "what", "records", "decision")
    screen.table(headings, [(str(one.number), *_row(one.entry)) for one in listed], numbers=("#",))


def _row(entry: Entry) -> tuple[str, ...]:
    shown = ", ".join(entry.records[:IDS]) + (f" +{len(entry.records) - IDS}" if len(entry.records) > IDS else "")
    decision = entry.decision if entry.decision == "allow" else f"{entry.decision}: {entry.reason}"
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
        text = plain.one_line(wording.text)
        cut = text if most is None or len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"
        screen.paragraph("(erased: the record was forgotten since)" if wording.erased else cut, indent=5)
    screen.say()


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
