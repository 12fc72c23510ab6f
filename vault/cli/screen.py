"""Printing: the wire objects for programs, cards and tables for people.

Colour and highlighting only on a terminal (and never under NO_COLOR); every text that comes from
data passes through `plain` first. rich is imported when something is drawn, not before.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click

from vault.cli import plain
from vault.cli.root import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

pass_settings = click.make_pass_decorator(Settings, ensure=True)
WIDEST = 100
"""Columns that running text uses at most; longer lines read badly."""
FOLDING = ("what", "records", "scope", "may")
"""Columns of tables that may take several lines."""
MIDNIGHT = time()
LINE = 80
"""Columns that a sentence takes before it goes on in the next line."""
UNBOUNDED = 4096
"""Columns of output that goes to a file or pipe: tables are not cut there."""


def say(line: str = "") -> None:
    """Print a line of ours to stdout."""
    click.echo(line)


def note(settings: Settings, line: str) -> None:
    """Print a remark to stderr: progress and advice, which --quiet drops."""
    if not settings.quiet:
        click.echo(line, err=True)


def emit(value: Any) -> None:
    """Print one object of the wire, or a dict of them, as JSON on stdout."""
    import json

    from vault.api import wire

    ascii_only = sys.stdout.encoding.lower().replace("-", "") != "utf8"
    say(plain.json_safe(json.dumps(wire.plain(value), ensure_ascii=ascii_only, indent=2)))


def console(stream: TextIO | None = None) -> Console:
    """Return a rich console on `stream` (stdout) that interprets no markup and no emoji codes."""
    from rich.console import Console

    stream = stream or sys.stdout
    return Console(
        file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False,
        width=None if stream.isatty() else UNBOUNDED, no_color=None if colourful(stream) else True,
    )  # fmt: skip


def colourful(stream: TextIO | None = None) -> bool:
    """Tell whether `stream` (stdout) is a terminal whose owner wants colour."""
    stream = stream or sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """Return the width for running text."""
    return min(shutil.get_terminal_size().columns, WIDEST)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """Print aligned columns. On a terminal the FOLDING ones fold; in a file or pipe nothing is cut.

    The columns in `numbers` are aligned to the right.
    """
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        side: Literal["left", "right"] = "right" if heading in numbers else "left"
        drawn.add_column(heading, overflow="fold", no_wrap=heading not in FOLDING, justify=side)
    for row in rows:
        drawn.add_row(*(Text(plain.one_line(cell)) for cell in row))
    target = console()
    with target.capture() as captured:
        target.print(drawn)
    for line in captured.get().splitlines():
        say(line.rstrip())


def fields(pairs: Iterable[tuple[str, str]]) -> None:
    """Print `name  value` lines, the names aligned; an empty value is left out."""
    shown = [(name, plain.one_line(value)) for name, value in pairs if value]
    longest = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f"{dim(name.ljust(longest))}  {value}")


def paragraph(words: str, indent: int = 0) -> None:
    """Print running text, harmless and folded between words."""
    _folded([("", words)], indent)


def facts(pairs: Iterable[tuple[str, str]], indent: int = 2) -> None:
    """Print `name  value` lines, the names aligned and the values folded; an empty value is left out."""
    _folded([pair for pair in pairs if pair[1]], indent)


def _folded(pairs: Sequence[tuple[str, str]], indent: int) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    named = any(name for name, _ in pairs)
    drawn = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2 if named else 1):
        drawn.add_column(overflow="fold")
    for name, words in pairs:
        cells = (Text(name, style="dim"), Text(plain.one_line(words))) if named else (Text(plain.one_line(words)),)
        drawn.add_row(*cells)
    target = console()
    target.width = min(columns(), LINE)
    with target.capture() as captured:
        target.print(Padding(drawn, (0, 0, 0, indent)))
    for line in captured.get().splitlines():
        say(line.rstrip())


def conditions(scope: Mapping[str, object]) -> str:
    """Return a scope's conditions in one line."""
    return "; ".join(f"{name} {_in_words(value)}" for name, value in scope.items())


def _in_words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_in_words(one) for one in value)
    return "yes" if value is True else str(value)


def dim(words: str) -> str:
    return click.style(words, dim=True) if colourful() else words


def bold(words: str) -> str:
    return click.style(words, bold=True) if colourful() else words


def day(moment: datetime | None) -> str:
    """Return the date in the reader's own time zone, or nothing."""
    return f"{_local(moment):%Y-%m-%d}" if moment else ""


def minute(moment: datetime | None) -> str:
    """Return date and time in the reader's own time zone, the date alone when no time is known, or nothing."""
    if moment is None or moment.time() == MIDNIGHT:
        return day(moment)
    return f"{_local(moment):%Y-%m-%d %H:%M}"


def _local(moment: datetime) -> datetime:
    """Midnight UTC is how a date without a time is kept: in any zone it stays that date."""
    try:
        return moment if moment.time() == MIDNIGHT else moment.astimezone()
    except (OverflowError, OSError, ValueError):  # the first and last day there are
        return moment


def marked(words: str, query: str) -> Text:
    """Return `words` with those marked that the query's words, folded and stemmed, also are."""
    from rich.text import Text

    shown = Text(words)
    for start, end in _found(words, query):
        shown.stylize("bold yellow", start, end)
    return shown


def window(words: str, query: str, size: int) -> str:
    """Return at most `size` characters of `words`: the part where most words of the query stand together."""
    if len(words) <= size:
        return words
    found = [start for start, _ in _found(words, query)]
    best = max(found, key=lambda at: (sum(at <= other < at + size * 2 // 3 for other in found), -at), default=0)
    start = max(0, min(best - size // 6, len(words) - size))
    if start:
        start = words.find(" ", start) + 1 or start
    cut = words[start : start + size]
    end = "" if start + size >= len(words) else " …"
    return ("… " if start else "") + (cut.rsplit(" ", 1)[0] if end and " " in cut else cut) + end


def _found(words: str, query: str) -> list[tuple[int, int]]:
    """Return where the query's words stand, by the same rules as lexical search."""
    from vault.embed.lexical import terms

    wanted = set(terms(query))
    return [match.span() for match in re.finditer(r"\w+", words) if not wanted.isdisjoint(terms(match[0]))]


@contextmanager
def waiting(settings: Settings, what: str) -> Iterator[None]:
    """Show a spinner on a terminal's stderr while the block runs."""
    if settings.quiet or settings.json or not sys.stderr.isatty():
        yield
        return
    with console(sys.stderr).status(what):
        yield
