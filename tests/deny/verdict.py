"""What is held against what: answers without what differs from vault to vault, bytes without what the asker said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.deny.said import Said
from tests.deny.table import Ask, Record

REQUEST = re.compile(rb"q[0-9a-f]{16}")
NUMBERED = re.compile(rb'(\\?"entry\\?": ?)\d+|(\\?"leaf\\?": ?\\?")[0-9a-f]{64}|content-length: \d+')
"""What numbers an answer: its receipt, and the length that comes of it."""


def visible_in_notes(records: Iterable[Record]) -> list[str]:
    """Return the names of the records that a plain grant of the notes shows."""
    return [one.name for one in records if one.collection == "notes" and one.sensitivity in ("public", "personal")]


def lacks(said: Said, word: str) -> None:
    """AssertionError when any byte of what was seen tells `word`."""
    assert word.encode() not in said.seen, f"{word!r} is told\n{said.seen!r}"


def plain(answer: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return an answer without receipts and addresses, its records called by their names in the table."""
    said = {name: value for name, value in answer.items() if name != "receipt"}
    hits = said.pop("results", said.pop("hits", None))
    if hits is None:
        return said
    about = [{name: value for name, value in hit.items() if name != "url"} for hit in hits]
    return said | {"hits": [hit | {"id": names.get(hit["id"], hit["id"])} for hit in about]}


def equal(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """AssertionError unless `got` says what is `wanted`, hit by hit and score by score; it may have more fields."""
    assert got.keys() >= wanted.keys(), f"{got}\ninstead of\n{wanted}"
    cut = {name: got[name] for name in wanted}
    if wanted.get("hits"):
        cut["hits"] = [{name: hit.get(name) for name in wanted["hits"][0]} for hit in got["hits"]]
    assert cut == wanted, f"{cut}\ninstead of\n{wanted}"


def neutral(ask: Ask, said: Said, given: bool) -> bytes:
    """Return what was seen, without what the asker said itself and, in an answer, without what numbers it."""
    seen = said.seen
    for word in _words([ask.subject, *ask.more.values()]):
        seen = seen.replace(word.encode(), b"~")
    seen = REQUEST.sub(b"~", seen)
    return NUMBERED.sub(b"~", seen) if given else seen


def _words(said: Any) -> Iterator[str]:
    if isinstance(said, str) and said:
        yield said
    elif isinstance(said, Mapping):
        yield from _words(list(said.values()))
    elif isinstance(said, list | tuple):
        for one in said:
            yield from _words(one)
