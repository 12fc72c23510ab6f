"""JSON lines in ownvault's own open format: one record a line, .jsonl or .jsonl.gz."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from _source import Unreadable, clean, date, names, provenance, title
from _turns import conversation, file_of, numbered, written

from vault import limits
from vault.errors import ImportFailed
from vault.plugins import Failure, Item, Progress, serve
from vault.types import Draft, Provenance, Sensitivity

OPTIONS = {"provenance": "who wrote what does not say so itself: third_party (default) or owner"}
LINE_BYTES = 24 << 20
"""Bytes of one line; longer ones are skipped without being held in memory."""
KNOWN = {
    "id", "text", "title", "date", "updated", "people", "kind", "labels", "sensitivity", "url", "thread", "lang",
    "provenance",
}  # fmt: skip


def read(path: Path, options: dict[str, Any]) -> Iterator[Item]:
    """Yield a draft for each line of the file; the origin is its id."""
    written_by = provenance(options, Provenance.THIRD_PARTY)
    if path.is_dir():
        raise ImportFailed("it reads one file, not a folder", hint="import each .jsonl file, as its own collection")
    size = path.stat().st_size
    lines = _Lines(written_by, file_of(path))
    with path.open("rb") as file:
        magic = file.peek(4)[:4]
        if magic.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ImportFailed("the file is UTF-16", hint="save it as UTF-8")
        told = 0
        for number, line in _split(gzip.GzipFile(fileobj=file) if magic.startswith(b"\x1f\x8b") else file):
            if (done := file.tell()) - told >= 1 << 20:
                told = done
                yield Progress(done, size, "bytes")
            if item := lines.take(f"line {number}", line):
                yield item
    if lines.unknown:
        shown = ", ".join(sorted(title(key, 40) for key in lines.unknown)[:10])
        yield Failure("unknown keys", f"ignored wherever they occur: {shown}")
    yield Progress(size, size, "bytes")


def _split(file: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, bytes | Unreadable]]:
    """Yield (number, line) from 1; in the place of a line that cannot be had, the reason."""
    number = 0
    try:
        while line := file.readline(LINE_BYTES + 1):
            number += 1
            if len(line) <= LINE_BYTES:
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(1 << 20)
            yield number, Unreadable(f"longer than {LINE_BYTES >> 20} MiB")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield number + 1, Unreadable("the compressed file is damaged from here on")
    except OSError as error:
        yield number + 1, Unreadable(f"the rest could not be read: {error.strerror}")


class _Lines:
    """What must be remembered from line to line: ids, positions in threads, keys nobody knows."""

    def __init__(self, written_by: Provenance, file: str) -> None:
        self.unknown: set[str] = set()
        self._written_by, self._file = written_by, file
        self._ids: set[int] = set()
        self._next: dict[str, int] = {}

    def take(self, place: str, line: bytes | Unreadable) -> Draft | Failure | None:
        """Return the record on a line, None for a blank one. The first of several with one id counts."""
        try:
            if isinstance(line, Unreadable):
                raise line
            if not line.strip(b" \t\r\n\xef\xbb\xbf"):
                return None
            fields = _object(line)
            draft = self._draft(fields)
        except Unreadable as error:
            return Failure(place, str(error))
        key = hash(draft.origin)
        if key in self._ids:
            return Failure(place, "its id is used on an earlier line; the first was kept")
        self._ids.add(key)
        if draft.thread:
            self._next[draft.thread] = draft.position + 1
        if len(self.unknown) < 1000:
            self.unknown |= fields.keys() - KNOWN
        return draft

    def _draft(self, fields: dict[str, Any]) -> Draft:
        """Return the record; Unreadable with the reason when a field is not what it must be."""
        origin, text, named = _id(fields), _text(fields), _line(fields, "title", 512, cut=True)
        kind = _line(fields, "kind", limits.KIND) or "note"
        thread = _exact(fields, "thread", limits.THREAD) or conversation(self._file, kind, named, text)
        return Draft(
            origin=origin,
            text=text,
            title=named,
            kind=kind,
            created=_moment(fields, "date") or written(text, named),
            updated=_moment(fields, "updated"),
            people=_names(fields, "people"),
            labels=_names(fields, "labels"),
            sensitivity=_choice(fields, "sensitivity", Sensitivity.parse, Sensitivity.PERSONAL),
            language=_line(fields, "lang", limits.LANGUAGE),
            provenance=_choice(fields, "provenance", Provenance, self._written_by),
            url=_exact(fields, "url", limits.URL),
            thread=thread,
            position=self._next.get(thread, 0) if thread else 0,
        )


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError:
        raise Unreadable("not JSON: a number is out of range") from None
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    return found


def _no_constant(name: str) -> Any:
    raise Unreadable(name)


def _id(fields: dict[str, Any]) -> str:
    found = fields.get("id")
    if type(found) is int:
        return str(found)
    if not (name := _exact(fields, "id", limits.ORIGIN)).strip():
        raise Unreadable("id is missing")
    return name


def _text(fields: dict[str, Any]) -> str:
    text = fields.get("text")
    if text is None:
        raise Unreadable("text is missing")
    if not isinstance(text, str):
        raise Unreadable("text must be a string")
    if not (text := clean(text)).strip():
        raise Unreadable("text is empty")
    return text


def _line(fields: dict[str, Any], key: str, most: int, *, cut: bool = False) -> str:
    """Return a string on one line; longer than `most` is cut or refused."""
    found = fields.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Unreadable(f"{key} must be a string")
    line = title(found, most if cut else most + 1)
    if len(line) > most:
        raise Unreadable(f"{key} is longer than {most} characters")
    return line


def _exact(fields: dict[str, Any], key: str, most: int) -> str:
    """Return a string as it stands: ids must stay distinct."""
    found = fields.get(key)
    if found is None:
        return ""
    if (
        not isinstance(found, str)
        or len(found) > most
        or re.search(r"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", found)
    ):
        raise Unreadable(f"{key} must be a string of at most {most} characters without control characters")
    return found


def _names(fields: dict[str, Any], key: str) -> tuple[str, ...]:
    found = fields.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise Unreadable(f"{key} must be a list of strings")
    return names(found)


def _moment(fields: dict[str, Any], key: str) -> Any:
    said = fields.get(key)
    if isinstance(said, int | float) and (moment := numbered(said)):
        return moment
    found = _line(fields, key, 100)
    if found and (moment := date(found)) is None:
        raise Unreadable(f"{key} is not a date in ISO 8601")
    return moment if found else None


def _choice(fields: dict[str, Any], key: str, parse: Callable[[str], Any], default: Any) -> Any:
    found = _line(fields, key, 64)
    if not found:
        return default
    try:
        return parse(found.lower().replace("-", "_"))
    except ValueError:
        raise Unreadable(f"{key} is not a known one") from None


if __name__ == "__main__":
    serve(read)
