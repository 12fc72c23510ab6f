"""TOML edited in place: a table put at the end of the file, or taken out from where it stands.

The end is the one place where a table can always stand without moving anybody else's. What is read before and after,
by the standard library, proves each edit. (tomlkit, which edits TOML too, loses the comments that follow a table
it deletes, and headers of tables that are out of order.)
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from vault.connect.form import Broken, at, proven, with_, without

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def read(text: str) -> Any:
    """Return what the text says. Raises Broken."""
    try:
        return tomllib.loads(text.replace("\r\n", "\n"), parse_float=str)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _LINE.search(str(error))
        said = _LINE.sub("", str(error)).strip() or "it is nested too deeply"
        raise Broken(said[:1].lower() + said[1:], int(found[1]) if found else 0) from None


def put(text: str, keys: Sequence[str], value: Any) -> str:
    """Return the text with the table `value` under the path `keys`, which is not there yet. Raises Broken."""
    expected = with_(read(text), keys, value)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = [f"[{'.'.join(map(_key, keys))}]", *(f"{_key(name)} = {_value(one)}" for name, one in value.items())]
    gap = "" if not text.strip() else newline if text.endswith("\n") else newline * 2
    changed = text + gap + newline.join(lines) + newline
    return proven(changed, read(changed), expected)


def take(text: str, keys: Sequence[str], prune: int = 0) -> str:
    """Return the text without the table under `keys`; the text as it is when there is none. Raises Broken.

    Its statements go, under all headers that name it or what is in it, with the blank line before each (after it, for
    the first of a file). Comments after the last statement stay, for they speak of what follows. A table around it
    that only its name made goes with it, so there is nothing to `prune`.
    """
    said = read(text)
    if at(said, keys) is None:
        return text
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    headers = [*_headers(lines), (len(lines), ())]
    dropped: set[int] = set()
    for index, (start, path) in enumerate(headers):
        if path[: len(keys)] != tuple(keys) or not _whole(lines[:start]):
            continue
        end = next(number for number, _ in headers[index + 1 :] if _whole(lines[:number]))
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        blank = start > 0 and not lines[start - 1].strip()
        end += start == 0 and end < len(lines) and not lines[end].strip()
        dropped.update(range(start - blank, end))
    changed = "".join(line for number, line in enumerate(lines) if number not in dropped)
    expected = without(said, keys)
    if not at(expected, keys[:-1]) and at(now := read(changed), keys[:-1]) is None:
        return proven(changed, now, without(expected, keys[:-1]))
    return proven(changed, read(changed), expected)


def _headers(lines: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the lines that look like headers of tables, with their paths; () for an array's."""
    for number, line in enumerate(lines):
        if line.lstrip(" \t").startswith("["):
            with suppress(Broken):
                yield number, _path(read(line))


def _whole(lines: Sequence[str]) -> bool:
    """Tell whether a file could end here: a line within a string or an array may look like a header, and is none."""
    try:
        read("".join(lines))
    except Broken:
        return False
    return True


def _path(said: Any) -> tuple[str, ...]:
    path: tuple[str, ...] = ()
    while isinstance(said, dict) and said:
        [(name, said)] = said.items()
        path += (name,)
    return path if isinstance(said, dict) else ()


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _value(value: Any) -> str:
    """Return a value of an entry: JSON's strings, lists of strings, numbers and booleans are TOML's too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
