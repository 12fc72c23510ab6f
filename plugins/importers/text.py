"""Text files: one file, or a folder of .txt, .log, .org, .rst and the like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _source import (
    Found,
    clean,
    date_in_name,
    decode,
    each,
    modified,
    provenance,
    slurp,
    title,
)

from vault.plugins import Failure, Item, serve
from vault.types import Draft, Provenance

OPTIONS = {"provenance": "who wrote them: owner (default) or third_party"}
SUFFIXES = (".txt", ".text", ".log", ".org", ".rst", ".adoc", ".asciidoc", ".tex", ".csv", ".tsv", ".srt", ".vtt")


def read(path: Path, options: dict[str, Any]) -> Iterator[Item]:
    """Yield a draft for each file below `path`; the origin is the path relative to it."""
    written_by = provenance(options, Provenance.OWNER)
    yield from each(path, SUFFIXES, lambda found: _file(found, written_by))


def _file(found: Found, written_by: Provenance) -> Iterator[Item]:
    data, state = slurp(found.path)
    text, damaged = decode(data)
    if damaged:
        yield Failure(found.origin, f"imported, with {damaged} unreadable characters marked")
    name = found.path.stem
    created = date_in_name(name) or modified(state)
    yield Draft(
        found.origin, clean(text), title=title(name), kind="file", created=created, provenance=written_by
    )  # fmt: skip


if __name__ == "__main__":
    serve(read)
