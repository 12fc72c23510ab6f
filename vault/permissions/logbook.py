"""Looking through the log: pages of the entries that are asked for, newest first, and one entry with its neighbours.

A page is found in bounded work. Client and outcome are looked up where entries are filed; what only the entry itself
tells is read, of so many entries for one page and no more.
"""

from __future__ import annotations

import heapq
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from vault import limits
from vault.errors import BadRequest, NotFound
from vault.permissions import filing
from vault.permissions.entries import read
from vault.types import AuditEntry, AuditRequest, Connection, Entry, Sensitivity, from_micros, micros

_CHUNK = 500
"""Entries that are looked at together."""
_END = 2**63 - 1


class Found(NamedTuple):
    """The numbers of a page, newest first, and where the next begins, None at the end of the log."""

    numbers: list[int]
    more: int | None


def check(request: AuditRequest) -> None:
    """Raise BadRequest for a page that there cannot be."""
    if not 1 <= request.limit <= limits.PAGE:
        raise BadRequest(f"a page has 1 to {limits.PAGE} entries")
    if request.before is not None and not 0 <= request.before < _END:
        raise BadRequest("`before` is the number of an entry")
    if request.text is not None and not 1 <= len(request.text) <= limits.QUERY:
        raise BadRequest(f"a text to look for has 1 to {limits.QUERY} characters")


def look(conn: Connection, request: AuditRequest, before: int) -> Found:
    """Return the newest entries before a number that are asked for, of at most `limits.LOOKED_AT` that may be."""
    numbers: list[int] = []
    looked = 0
    candidates = _candidates(conn, request, before)
    while some := list(islice(candidates, _CHUNK)):
        numbers += _matching(conn, request, some)
        looked += len(some)
        if len(numbers) > request.limit:
            return Found(numbers[: request.limit], numbers[request.limit - 1])
        if looked >= limits.LOOKED_AT and some[-1] > 0:
            return Found(numbers, some[-1])
    return Found(numbers, None)


def entries(conn: Connection, numbers: Sequence[int]) -> list[AuditEntry]:
    """Return the entries with these numbers, in their order. AuditFailed for one that cannot be read."""
    rows = conn.execute(
        "SELECT number, leaf, time, body FROM entry WHERE number IN (SELECT value FROM json_each(?))",
        (json.dumps(numbers),),
    ).fetchall()
    found = {number: _entry(number, leaf, time, body) for number, leaf, time, body in rows}
    return [found[number] for number in numbers if number in found]


def one(conn: Connection, number: int) -> AuditEntry:
    """Return the entry with this number; NotFound when there is none."""
    found = entries(conn, [number]) if 0 <= number < _END else []
    if not found:
        raise NotFound(f"there is no audit entry {number}")
    return found[0]


def around(conn: Connection, number: int, most: int) -> tuple[list[AuditEntry], list[AuditEntry]]:
    """Return the entries before and after one, newest first each."""
    earlier = conn.execute("SELECT number FROM entry WHERE number < ? ORDER BY number DESC LIMIT ?", (number, most))
    later = conn.execute("SELECT number FROM entry WHERE number > ? ORDER BY number LIMIT ?", (number, most))
    before, after = ([n for (n,) in found.fetchall()] for found in (earlier, later))
    return entries(conn, before), entries(conn, after[::-1])


def beside(conn: Connection, number: int, client: str) -> tuple[int | None, int | None]:
    """Return the numbers of the entries of a client before and after one."""
    (before,) = conn.execute(
        "SELECT max(number) FROM entry WHERE client = ? AND number < ?", (client, number)
    ).fetchone()
    (after,) = conn.execute(
        "SELECT min(number) FROM entry WHERE client = ? AND number > ?", (client, number)
    ).fetchone()
    return before, after


def records(conn: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str, Sensitivity]]:
    """Return title, collection and sensitivity of those of these records that there still are."""
    rows = conn.execute(
        "SELECT id, title, collection, sensitivity FROM record WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    ).fetchall()
    return {id: (title, collection, Sensitivity(level)) for id, title, collection, level in rows}


def name(text: str) -> str:
    """Return a client's name as the log has it."""
    return unicodedata.normalize("NFC", text)


# ---------------------------------------------------------------- candidates: by client, outcome and time

_STREAMS = {
    (False, False): "SELECT number FROM entry WHERE number >= ? AND number < ? ORDER BY number DESC LIMIT ?",
    (True, False): "SELECT number FROM entry WHERE client = ? AND number >= ? AND number < ?"
    " ORDER BY number DESC LIMIT ?",
    (False, True): "SELECT number FROM filed WHERE outcome = ? AND number >= ? AND number < ?"
    " ORDER BY number DESC LIMIT ?",
    (True, True): "SELECT number FROM filed WHERE client = ? AND outcome = ? AND number >= ? AND number < ?"
    " ORDER BY number DESC LIMIT ?",
}


def _candidates(conn: Connection, request: AuditRequest, before: int) -> Iterator[int]:
    """Yield the numbers of the entries that may be asked for, newest first."""
    low, high = _window(conn, request, before)
    client = [] if request.client is None else [name(request.client)]
    if not request.outcome:
        return _stream(conn, _STREAMS[bool(client), False], client, low, high)
    each = (
        _stream(conn, _STREAMS[bool(client), True], [*client, outcome.value], low, high)
        for outcome in sorted(set(request.outcome))
    )
    return heapq.merge(*each, reverse=True)


def _stream(conn: Connection, statement: str, filed: Sequence[Any], low: int, high: int) -> Iterator[int]:
    """Yield numbers by a statement for a chunk of them. Nothing stays open in between."""
    while numbers := conn.execute(statement, (*filed, low, high, _CHUNK)).fetchall():
        yield from (number for (number,) in numbers)
        high = numbers[-1][0]


def _window(conn: Connection, request: AuditRequest, before: int) -> tuple[int, int]:
    """Return between which numbers the entries of the asked time are. Others may stand among them where a clock
    went back."""
    if request.since is None and request.until is None:
        return 0, before
    since = 1 if request.since is None else micros(request.since)
    until = _END if request.until is None else micros(request.until)
    first, last = conn.execute(
        "SELECT min(number), max(number) FROM entry WHERE time >= ? AND time < ?", (since, until)
    ).fetchone()
    return (0, 0) if first is None else (first, min(before, last + 1))


# ---------------------------------------------------------------- what the entry itself tells

_ACTION = "(SELECT action FROM filed WHERE number = e.number) = ?"
# CROSS JOIN: from the few records that an entry names to where they are, and not from all of a collection.
_RECORD = "EXISTS (SELECT 1 FROM json_each(e.body, '$.records') WHERE value = ?)"
_COLLECTION = (
    "(EXISTS (SELECT 1 FROM json_each(e.body, '$.records') named CROSS JOIN record ON record.id = named.value"
    " WHERE record.collection = ?) OR json_extract(e.body, '$.detail.collection') = ?)"
)
_SENSITIVITY = (
    "EXISTS (SELECT 1 FROM json_each(e.body, '$.records') named CROSS JOIN record ON record.id = named.value"
    " WHERE record.sensitivity = ?)"
)
_BOTH = (
    "EXISTS (SELECT 1 FROM json_each(e.body, '$.records') named CROSS JOIN record ON record.id = named.value"
    " WHERE record.collection = ? AND record.sensitivity = ?)"
)


def _matching(conn: Connection, request: AuditRequest, numbers: Sequence[int]) -> list[int]:
    """Return those of the numbers whose entries are asked for, in their order."""
    conditions, said = _conditions(request)
    if not conditions and request.text is None and request.client != "":  # erased entries are nobody's, either
        return list(numbers)
    where = " AND ".join(["e.body IS NOT NULL", *conditions])
    rows = conn.execute(
        "SELECT e.number, json_extract(e.body, '$.query') FROM json_each(?) one JOIN entry e ON e.number = one.value"  # noqa: S608 - our own conditions
        f" WHERE {where}",
        (json.dumps(numbers), *said),
    ).fetchall()
    wanted = _folded(request.text or "")
    hits = {number for number, query in rows if wanted in _folded(query)}
    return [number for number in numbers if number in hits]


def _conditions(request: AuditRequest) -> tuple[list[str], list[Any]]:
    collection, level = request.collection, request.sensitivity
    collection = None if collection is None else name(collection)
    told: Iterable[tuple[str, bool, tuple[Any, ...]]] = (
        (_ACTION, request.action is not None, (request.action,)),
        ("e.time >= ?", request.since is not None, (request.since and micros(request.since),)),
        ("e.time < ?", request.until is not None, (request.until and micros(request.until),)),
        (_COLLECTION, collection is not None and level is None, (collection, collection)),
        (_SENSITIVITY, collection is None and level is not None, (level,)),
        (_BOTH, collection is not None and level is not None, (collection, level)),
        (_RECORD, request.record is not None, (request.record,)),
    )
    asked = [(condition, values) for condition, holds, values in told if holds]
    return [condition for condition, _ in asked], [value for _, values in asked for value in values]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _entry(number: int, leaf: bytes, time: int, body: str | None) -> AuditEntry:
    if body is None:
        gone = Entry(from_micros(time), "", "", "", "", "erased", "erased")
        return AuditEntry(number, leaf.hex(), gone)
    entry = read(body)
    return AuditEntry(number, leaf.hex(), entry, filing.ending(entry))
