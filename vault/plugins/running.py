"""Runs one importer over one path and sorts what it says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vault.errors import ImportFailed
from vault.plugins.child import Child
from vault.plugins.finding import importers
from vault.plugins.items import Failure, ImporterInfo, Item, Limits
from vault.plugins.protocol import PROTOCOL, End, Noise, Refused, item_of, plain
from vault.types import Draft


def run(
    name: str,
    path: Path,
    options: dict[str, Any] | None = None,
    limits: Limits | None = None,
    *,
    directory: Path | None = None,
) -> Iterator[Item]:
    """Read `path` with importer `name`: drafts, failures and progress as they come.

    Raises ImportFailed at once for an unknown importer or option and an unreadable path, and while
    iterating when the importer declines the whole input. Whatever else goes wrong (a crash, a hang,
    no memory, garbage) ends in a Failure, and what came before it stands. No origin comes twice.
    Closing the iterator ends the child.
    """
    info = _named(name, importers(directory))
    unknown = sorted(set(options or {}) - set(info.options))
    if unknown:
        raise ImportFailed(
            f"importer {name} has no option {plain(unknown[0], 64)!r}",
            hint=f"its options: {', '.join(sorted(info.options)) or 'none'}",
        )
    source = _readable(path)
    request = json.dumps({"protocol": PROTOCOL, "path": os.fspath(source), "options": options or {}})
    if len(request) > _REQUEST:
        raise ImportFailed("path and options together are too long")
    return _items(info, request, limits or Limits())


_REQUEST = 32 << 10  # fits into a pipe, so that writing it never blocks


def _named(name: str, known: dict[str, ImporterInfo]) -> ImporterInfo:
    if name not in known:
        raise ImportFailed(f"no importer called {plain(name, 64)!r}", hint=f"known importers: {', '.join(known)}")
    return known[name]


def _readable(path: Path) -> Path:
    source = Path(path).expanduser().absolute()
    try:
        kind = "folder" if source.is_dir() else "file" if source.is_file() else ""
        exists = bool(kind) or source.exists()
    except (OSError, ValueError) as error:
        raise ImportFailed(f"cannot look at {plain(str(path), 300)}: {_os_reason(error)}") from None
    shown = plain(str(path), 300)
    if not exists:
        raise ImportFailed(f"{shown}: no such file or folder", hint="check the path")
    if not kind:
        raise ImportFailed(f"{shown} is neither a file nor a folder", hint="save its content to a file first")
    if not os.access(source, os.R_OK | (os.X_OK if kind == "folder" else 0)):
        raise ImportFailed(f"{shown}: this {kind} may not be read", hint="check who owns it and its permissions")
    return source


def _os_reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _items(info: ImporterInfo, request: str, limits: Limits) -> Iterator[Item]:
    child = Child(info, limits)
    seen: set[int] = set()
    try:
        child.ask(request)
        for number, line in enumerate(child.lines(), start=1):
            item = item_of(line, number, limits)
            if isinstance(item, Refused):
                raise ImportFailed(f"{info.name}: {item.reason}", hint=item.hint)
            if isinstance(item, End):
                return
            if isinstance(item, Draft):
                # 64 random-keyed bits per origin, not the names: ten million of them still fit.
                if hash(item.origin) in seen:
                    item = Failure(item.origin, "another record of this import has the same origin; the first was kept")
                else:
                    seen.add(hash(item.origin))
            if isinstance(item, Noise):
                child.noise += 1
                if child.noise > limits.noise:
                    child.why = f"stopped: more than {limits.noise} lines that are not the protocol"
                    break
                item = Failure(f"{info.name}, line {number} of its output", item.reason)
            if item is not None:
                yield item
        yield Failure(info.name, f"ended early: {child.reason()}; what was read before is kept")
    finally:
        child.end()
