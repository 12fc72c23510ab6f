"""Finds mailboxes and streams their raw messages, never a whole box in memory. No importer itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from _source import Found, Unreadable, date, explain, files, opened, readable

from vault.plugins import Failure

MESSAGE_BYTES = 32 << 20
"""Bytes of one message that are read. Text comes first in a message; what is cut is attachments."""
_LINE = 64 << 10


@dataclass(frozen=True, slots=True)
class Raw:
    """One message as it lies there. `date` is the mailbox's own note of its arrival, `cut` the limit that cut it."""

    data: bytes
    place: str
    date: datetime | None = None
    labels: tuple[str, ...] = ()
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """A file of many messages, or of one."""

    found: Found
    single: bool
    label: str = ""


def boxes(path: Path) -> Iterator[Box | Failure]:
    """Yield what holds mail at `path`: the file itself, a Maildir's files, or .mbox and .eml files below it."""
    if path.is_file():
        yield Box(Found(path, readable(path.name)), _is_single(path))
    elif (path / "cur").is_dir():
        yield from _maildir(path, path)
    else:
        for item in files(path, (".eml", ".mbox", "mbox")):
            yield item if isinstance(item, Failure) else Box(item, _is_single(item.path))


def _maildir(path: Path, root: Path) -> Iterator[Box | Failure]:
    """A Maildir, with its subfolders (Maildir++: .Name, nested .Name.Sub); a subfolder's name is a label."""
    label = "/".join(readable(path.name).strip(".").split(".")) if path != root else ""
    for part in ("cur", "new"):
        for item in files(path / part, ("",)) if (path / part).is_dir() else ():
            below = f"{readable(os.path.relpath(path, root))}/{part}/".removeprefix("./")
            if isinstance(item, Failure):
                yield Failure(below + item.place, item.reason)
            else:
                yield Box(Found(item.path, below + item.origin), True, label)
    for inner in sorted(path.glob(".[!.]*")) if path == root else ():
        if (inner / "cur").is_dir() and not inner.is_symlink():
            yield from _maildir(inner, root)


def _is_single(path: Path) -> bool:
    """A file that does not begin with a mailbox's `From ` line is one message, when it is called so."""
    return path.suffix.lower() == ".eml"


def messages(box: Box) -> Iterator[Raw | Failure]:
    """Yield the box's messages in file order; a Failure where reading ends early."""
    place = box.found.origin
    labels = (box.label,) if box.label else ()
    try:
        if box.single:
            with opened(box.found.path) as file:
                data = file.read(MESSAGE_BYTES + 1)
            yield Raw(data[:MESSAGE_BYTES], place, labels=labels, cut=MESSAGE_BYTES * (len(data) > MESSAGE_BYTES))
            return
        with opened(box.found.path) as file:
            yield from _split(file, place)
    except (OSError, ValueError) as error:
        yield Failure(place, explain(error))


# `From jane@example.org Tue Mar  7 12:00:00 2023`, with any sender and an optional zone.
_FROM = re.compile(
    rb"From .{0,300}?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +"
    rb"(?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2})\b.{0,40}?\d{2}:\d{2}"
)
_HEADER = re.compile(rb">?[!-9;-~]{1,100}:|>From ")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def _split(file: IO[bytes], box: str) -> Iterator[Raw]:
    """Cut an mbox at its `From ` lines.

    Such a line counts after a blank line when it carries a date or a header follows, and without a
    blank line when both hold: bodies with an unquoted `From ` at the start of a line are common.
    """
    number, start, offset, size = 0, 0, 0, 0
    opening, lines = b"", list[bytes]()
    blank, line = True, file.readline(_LINE)
    while line:
        after = file.readline(_LINE)
        if line.startswith(b"From ") and _begins(line, after, blank):
            if opening:
                number += 1
                yield _message(box, number, start, opening, lines, size)
            opening, start, size = line, offset, 0
            lines.clear()
        elif opening:
            if size < MESSAGE_BYTES:
                lines.append(line)
            size += len(line)
        elif not blank or line.strip(b"\xef\xbb\xbf \t\r\n"):
            raise Unreadable("not a mailbox: it does not begin with a line `From ...`")
        blank = line in (b"\n", b"\r\n")
        offset += len(line)
        line = after
    if opening:
        yield _message(box, number + 1, start, opening, lines, size)


def _begins(line: bytes, after: bytes, blank: bool) -> bool:
    dated, headed = bool(_FROM.match(line)), bool(_HEADER.match(after))
    return (dated or headed) if blank else (dated and headed)


def _message(box: str, number: int, start: int, opening: bytes, lines: list[bytes], size: int) -> Raw:
    data = _QUOTED.sub(rb"\1", b"".join(lines))
    arrived = re.search(rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun).{10,60}$", opening.strip())
    place = f"{box}, message {number} (byte {start})"
    return Raw(
        data,
        place,
        _arrival(arrived[0].decode("latin-1")) if arrived else None,
        (),
        MESSAGE_BYTES * (size > MESSAGE_BYTES),
    )


def _arrival(text: str) -> datetime | None:
    """Return the date of a `From ` line: asctime order, `Tue Mar 07 12:00:00 +0000 2023`."""
    match = re.fullmatch(
        r"\w{3},? +(\w{3}) +(\d{1,2}) +(\d{2}:\d{2}(?::\d{2})?) *([+-]\d{4}|[A-Z]{3,4})? *(\d{4})(?: *([+-]\d{4}))?",
        text,
    )
    if not match:
        return date(text)
    month, day, clock, zone, year, late = match.groups()
    return date(f"{day} {month} {year} {clock} {late or zone or '+0000'}")
