"""What the importers share: finding files safely, bytes to text, clean names, dates. No importer itself."""

from __future__ import annotations

import os
import re
import signal
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any

from vault import limits
from vault.embed import stamps
from vault.errors import BadRequest, ImportFailed
from vault.plugins import Failure, Item, Progress
from vault.types import Provenance, utc

MAX_BYTES = 4 * limits.TEXT
"""Bytes of one text file: what the longest allowed text can take in UTF-8."""
NAME, TITLE = limits.NAME, 512
"""Characters of a person, label or kind, and of a title."""
ITEM_SECONDS = 10.0
"""Processor seconds for one item, so that one made to be slow does not cost the rest."""


# ---------------------------------------------------------------- files


class Unreadable(ValueError):
    """An item that cannot be read. Its message is the reason in our own words, never the item's."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file. `origin` is its path below the root, POSIX separators, Unicode NFC."""

    path: Path
    origin: str


def files(root: Path, suffixes: Iterable[str]) -> Iterator[Found | Failure]:
    """Yield `root` itself when it is a file, else the files below it with one of `suffixes`, in name order.

    Hidden files and folders are left out. Links are not followed: what a link inside the tree points to
    is read where it lies; one that leads out, or nowhere, is a Failure. So is what is no regular file.
    """
    if not root.is_dir():
        yield Found(Path(os.path.realpath(root)), readable(root.name))
        return
    wanted, real = tuple(suffixes), Path(os.path.realpath(root))
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted((e for e in listing if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            yield Failure(readable(os.path.relpath(folder, root)), f"folder not read: {error.strerror}")
            continue
        folders = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.is_symlink():
                yield from _link(entry, root, real, wanted)
            elif entry.name.lower().endswith(wanted):
                yield Found(Path(entry.path), readable(os.path.relpath(entry.path, root)))
        waiting += reversed(folders)


def _link(entry: os.DirEntry[str], root: Path, real: Path, wanted: tuple[str, ...]) -> Iterator[Failure]:
    target = Path(os.path.realpath(entry.path))
    exists = os.path.exists(target)  # noqa: PTH110 - unlike Path.exists, it raises nothing for what may not be looked at
    place = readable(os.path.relpath(entry.path, root))
    if target.is_relative_to(real) and exists:
        return
    if os.path.isdir(target) or entry.name.lower().endswith(wanted):  # noqa: PTH112
        yield Failure(place, "a link out of the folder: not followed" if exists else "a link to nothing")


def readable(name: str) -> str:
    """Return a file name as Unicode NFC; bytes that are not UTF-8 show as \\xNN, so that names stay distinct."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        c if ord(c) >= 32 and c != "\x7f" else f"\\x{ord(c):02x}" for c in unicodedata.normalize("NFC", text)
    )


def opened(path: Path) -> IO[bytes]:
    """Open a regular file. Never waits on a pipe or device, never follows a last link: OSError, Unreadable."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb", 1 << 20)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Unreadable("not a regular file")
    return file


def slurp(path: Path) -> tuple[bytes, os.stat_result]:
    """Return a text file's bytes and state; OSError, or Unreadable when it is no regular file or too large."""
    with opened(path) as file:
        state = os.fstat(file.fileno())
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES >> 20} MiB")
    return data, state


def modified(state: os.stat_result) -> datetime:
    """Return the time of the last change, in whole seconds: what survives a copy to any file system."""
    return datetime.fromtimestamp(int(state.st_mtime), UTC)


# ---------------------------------------------------------------- text

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"),
)  # fmt: skip
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufeff]")


def decode(data: bytes) -> tuple[str, int]:
    """Return bytes as text, and how many places were damaged.

    A byte order mark decides; else UTF-8; else UTF-8 with a few wrong bytes marked; else Windows-1252.
    Raises Unreadable when it is no text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return text, text.count("\ufffd")
    if b"\0" in data:
        raise Unreadable("not text")
    try:
        return data.decode("utf-8"), 0
    except UnicodeDecodeError:
        marked = data.decode("utf-8", "replace")
    wrong = marked.count("\ufffd")
    right = sum(1 for _ in re.finditer("[\u0080-\ufffc\U00010000-\U0010ffff]", marked))
    if right > 2 * wrong:
        return marked, wrong
    text = data.decode("cp1252", "replace")
    odd = sum(map(len, re.findall("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]+", text)))
    if odd * 50 > len(text):
        raise Unreadable("not text")
    return text.replace("\ufffd", ""), 0


def clean(text: str) -> str:
    """Return text with newlines as \\n and without NUL, other control characters, surrogates and blank ends."""
    text = re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text)
    return re.sub("(?<![ \t])[ \t]++\n", "\n", _CONTROL.sub("", text)).strip("\n").rstrip()


def title(text: str, most: int = TITLE) -> str:
    """Return one clean line of at most `most` characters, in Unicode form NFC."""
    text = unicodedata.normalize("NFC", " ".join(_CONTROL.sub("", text).split())[: 4 * most])
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn"))[:most].strip()


def names(values: Iterable[str], most: int = 1000) -> tuple[str, ...]:
    """Return clean, distinct, non-empty names in the order given, without characters that cannot be seen."""
    return tuple(dict.fromkeys(filter(None, (title(_UNSEEN.sub("", value), NAME) for value in values))))[:most]


# ---------------------------------------------------------------- dates

_REDUCED = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
_CLOCK = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T]+(\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(.*)", re.IGNORECASE)
_IN_NAME = re.compile(r"(?<!\d)(\d{4})([-_. ]?)(\d{2})\2(\d{2})(?:[-_T ]?([0-2]\d)[-_.:h]?([0-5]\d))?(?!\d{3})")


def date(text: str) -> datetime | None:
    """Return the instant that `text` names, in UTC: ISO 8601 in its common spellings, RFC 5322, or as people write it.

    A time without a zone is UTC; a date without a time is its midnight. None when it names none.
    """
    text = text.strip()
    for reading in (_iso, _spelled, _reduced, stamps.moment, parsedate_to_datetime):
        try:
            moment = reading(text)
            if moment is not None:
                return utc(moment)
        except (ValueError, TypeError, IndexError, OverflowError, BadRequest):
            continue
    return None


def _iso(text: str) -> datetime | None:
    return datetime.fromisoformat(text.upper()) if len(text) > 7 else None


def _spelled(text: str) -> datetime | None:
    if not (match := _CLOCK.fullmatch(text)):
        return None
    year, month, day, clock, zone = match.groups()
    zone = "+00:00" if zone.upper() in ("", "Z", "UTC", "GMT") else zone
    return datetime.fromisoformat(f"{year}-{month:>02}-{day:>02}T{clock:0>5}{zone}")


def _reduced(text: str) -> datetime | None:
    if not (match := _REDUCED.fullmatch(text)):
        return None
    year, month, day = (int(part or 1) for part in match.groups())
    return datetime(year, month, day, tzinfo=UTC)


def date_in_name(name: str) -> datetime | None:
    """Return the date that a file name tells (2023-05-07, 20230507, 202305071430 ...), None if it tells none."""
    for year, _, month, day, hour, minute in _IN_NAME.findall(name):
        if "1900" <= year < "2100":
            try:
                return datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
            except ValueError:
                continue
    return None


# ---------------------------------------------------------------- running


@contextmanager
def bounded(seconds: float = ITEM_SECONDS) -> Iterator[None]:
    """Raise TimeoutError in the block when it takes more than `seconds` of processor time."""
    signal.signal(signal.SIGVTALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _out_of_time(*_: Any) -> None:
    raise TimeoutError


def explain(error: Exception) -> str:
    """Return why an item failed, without quoting it: only our own and the system's words, else the kind."""
    if isinstance(error, FileNotFoundError):
        return "gone while it was read"
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"it took more than {ITEM_SECONDS:g} seconds"
    if isinstance(error, OSError):
        return error.strerror or "not readable"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, MemoryError):
        return "too large for the memory allowed"
    return f"malformed ({type(error).__name__})"


def provenance(options: dict[str, Any], default: Provenance) -> Provenance:
    """Return the option `provenance`; ImportFailed when it is not one."""
    try:
        return Provenance(str(options.get("provenance", default)).replace("-", "_"))
    except ValueError:
        raise ImportFailed("option provenance is owner or third_party", hint="provenance=owner") from None


def steps(found: Iterable[Found | Failure]) -> Iterator[Found | Failure | Progress]:
    """Yield what was found, and now and then how many of all files are done."""
    everything = list(found)
    stride = max(1, len(everything) // 200)
    for done, item in enumerate(everything):
        if done % stride == 0:
            yield Progress(done, len(everything))
        yield item
    yield Progress(len(everything), len(everything))


def each(path: Path, suffixes: Iterable[str], one: Callable[[Found], Iterable[Item]]) -> Iterator[Item]:
    """Yield what `one` makes of every file below `path`, and how far it is. A file that fails is a Failure, whole."""
    for found in steps(files(path, suffixes)):
        if not isinstance(found, Found):
            yield found
            continue
        try:
            with bounded():
                items = list(one(found))
        except Exception as error:
            items = [Failure(found.origin, explain(error))]
        yield from items
