"""`ownvault import`: whole sources of records."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import click

from vault import plugins, sentences
from vault.cli import INTERRUPTED, plain, screen
from vault.cli.intake import Intake, Report
from vault.cli.open import Open, opened
from vault.cli.root import Command, Settings, computing
from vault.cli.screen import pass_settings
from vault.errors import ImportFailed, VaultError
from vault.importing import default_source, name_of
from vault.plugins import Item

LISTED = 20
"""Failed and vanished items that the report names; the JSON has all."""


@click.command("import", cls=Command)
@click.argument("importer")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--collection", metavar="NAME", help="Where the records go. For jsonl the default is the file's name.")
@click.option(
    "--source",
    metavar="NAME",
    help="What the source is called; importing it again updates it. Default: IMPORTER:COLLECTION:FILE.",
)
@click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="ADDRESS",
    help="Your mail address: tells what you wrote. May be repeated.",
)
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the importer's own. May be repeated."
)
@computing
@pass_settings
def import_(
    settings: Settings,
    importer: str,
    path: Path,
    collection: str | None,
    source: str | None,
    owners: tuple[str, ...],
    options: tuple[str, ...],
) -> None:
    """Import notes, mail, chats or text files.

    IMPORTER is markdown, mbox, text or jsonl. Importing the same source again skips what is unchanged; what
    has vanished from it is reported and stays in the vault. A bad item is reported and the rest goes on.
    Ctrl-C ends after the batch under way; the next run completes the import.
    """
    collection = collection or _default_collection(settings, importer, path)
    # Before the vault is opened: a wrong path costs no passphrase.
    items = plugins.run(importer, path, _options(owners, options))
    source = source or default_source(importer, collection, path)
    report = Report(importer, collection, source)
    try:
        with opened(settings) as vault:
            bring(settings, vault, items, report, path.name)
    except VaultError:
        if report.kept:  # what is stored is told before why it ended
            _show(settings, report)
        raise
    _show(settings, report)
    if report.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)
    if report.failed and not report.kept:
        raise click.exceptions.Exit(ImportFailed.exit_code)


def bring(settings: Settings, vault: Open, items: Iterator[Item], report: Report, name: str) -> None:
    """Take in what an importer yields and fill the report, showing progress on a terminal's stderr."""
    with _progress(settings, plain.one_line(name)) as moved, closing(cast("Generator[Item]", items)):
        Intake(vault, report, moved).take(items)


def _options(owners: tuple[str, ...], options: tuple[str, ...]) -> dict[str, object]:
    chosen: dict[str, object] = {"owner": list(owners)} if owners else {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise click.UsageError(f"--option needs NAME=VALUE, not {option!r}", click.get_current_context())
        chosen[name] = value
    return chosen


def _default_collection(settings: Settings, importer: str, path: Path) -> str:
    name = name_of(path)
    if importer != "jsonl" or not name:
        raise click.UsageError("name a collection: --collection NAME", click.get_current_context())
    screen.note(settings, f"collection: {name} (from the file's name)")
    return name


@contextmanager
def _progress(settings: Settings, name: str) -> Iterator[Callable[[Report, int | None], None]]:
    """Yield what to call as the import goes on; on a terminal it moves a bar on stderr."""
    if settings.quiet or settings.json or not sys.stderr.isatty():
        yield lambda report, expected: None
        return
    from rich import progress as bars

    words, count = (
        bars.TextColumn("{task.description}", markup=False),
        bars.TextColumn("{task.fields[count]}", markup=False),
    )
    columns = (words, bars.BarColumn(28), bars.TaskProgressColumn(), count, bars.TimeElapsedColumn())
    with bars.Progress(*columns, console=screen.console(sys.stderr), transient=True) as bar:
        task = bar.add_task(name, total=None, count="")

        def moved(report: Report, expected: int | None) -> None:
            done = report.kept + len(report.failed)
            failed = f", {len(report.failed)} failed" if report.failed else ""
            count = sentences.plural(report.kept, "record") + failed
            bar.update(task, completed=done, total=expected and max(expected, done), count=count)

        yield moved


def _show(settings: Settings, report: Report) -> None:
    if settings.json:
        screen.emit(report)
        return
    outcomes = {**report.counts, "failed": len(report.failed)}
    counts = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.items())
    screen.say(f"{plain.one_line(report.collection)} ← {plain.one_line(report.source)}: {counts}")
    _list([f"failed    {plain.one_line(f['place'])}: {plain.one_line(f['reason'])}" for f in report.failed])
    _list([f"vanished  {plain.one_line(origin)}" for origin in report.vanished])
    if report.vanished:
        screen.note(settings, "what vanished from the source is still in the vault; ownvault forget ID removes it")
    if report.interrupted:
        screen.note(
            settings, "interrupted: everything counted above is stored; run the same command again to complete it"
        )


def _list(lines: list[str]) -> None:
    for line in lines[:LISTED]:
        screen.say(f"  {line}")
    if len(lines) > LISTED:
        screen.say(f"  … and {len(lines) - LISTED:,} more (--json lists all)")
