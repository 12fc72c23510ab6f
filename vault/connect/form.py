"""What every form of configuration file can do: be read, and have one entry put in or taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol


class Broken(ValueError):
    """A file that does not say what it should, or cannot be edited in place. `line` counts from 1; 0 is no line."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"{message} (line {line})" if line else message)


class Form(Protocol):
    """A form of file. Its edits change the text where the entry stands and nowhere else, and are proven by reading."""

    def read(self, text: str) -> Any:
        """Return what the text says, None when that is nothing. Raises Broken."""

    def put(self, text: str, keys: Sequence[str], value: Any) -> str:
        """Return the text with `value` under the path `keys`, where nothing is yet. Raises Broken."""

    def take(self, text: str, keys: Sequence[str], prune: int = 0) -> str:
        """Return the text without what stands under `keys`, and without up to `prune` tables around it left empty.

        The text as it is when nothing stands there. Raises Broken.
        """


def at(said: Any, keys: Sequence[str]) -> Any:
    """Return what stands under a path, None for nothing."""
    for key in keys:
        said = said.get(key) if isinstance(said, dict) else None
    return said


def depth(said: Any, keys: Sequence[str]) -> int:
    """Return how many of the tables on the way to the last of `keys` are there."""
    there = 0
    while there < len(keys) - 1 and isinstance(at(said, keys[: there + 1]), dict):
        there += 1
    return there


def nested(keys: Sequence[str], value: Any) -> Any:
    """Return `value` within one object for each of `keys`."""
    for key in reversed(keys):
        value = {key: value}
    return value


def with_(said: Any, keys: Sequence[str], value: Any) -> Any:
    """Return what is said with `value` under a path, sharing the rest. Raises Broken where a part of it is no table."""
    first, *rest = keys
    if said and first in said:
        if not rest:
            raise Broken(f"{first!r} is there already")
        value = with_(said[first], rest, value) if isinstance(said[first], dict) else _no_table(first)
        return {**said, first: value}
    return {**(said or {}), first: nested(rest, value)}


def without(said: Any, keys: Sequence[str]) -> Any:
    """Return what is said without what stands under a path that is there, sharing the rest."""
    first, *rest = keys
    if rest:
        return {**said, first: without(said[first], rest)}
    return {name: value for name, value in said.items() if name != first}


def _no_table(key: str) -> NoReturn:
    raise Broken(f"{key!r} is no table of settings")


def proven(text: str, said: Any, expected: Any) -> str:
    """Return the text that says this, if that is what is expected. Raises Broken: then the edit was wrong."""
    try:
        if same(said, expected):
            return text
    except RecursionError:
        pass
    raise Broken("it cannot be edited safely")


def same(one: Any, other: Any) -> bool:
    """Tell whether two readings are equal, the order of members included."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)
