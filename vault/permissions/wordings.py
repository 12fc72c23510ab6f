"""Wordings: records in the very words in which they left, each once, and the answers that they left in.

SPEC.md, "Wording". The audit entry names the digests; forgetting a record takes its words, never the digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import rfc8785

from vault import limits
from vault.errors import BadRequest, Damaged
from vault.permissions import entries
from vault.types import Connection, Entry, Release, Replay, Wording

LABEL = b"ownvault/v1/wording\x00"


def digest(record: str, title: str, text: str) -> bytes:
    """Return the SHA-256 that stands for a record in these words."""
    return hashlib.sha256(LABEL + rfc8785.dumps([record, title, text])).digest()


def keep(conn: Connection, entry: int, left: Sequence[tuple[str, str, str]], digests: Sequence[str]) -> None:
    """Store what left with the audit entry of this number: record id, title and text of each, in order, and the
    digest of each in hex."""
    if not left:
        return
    named = json.dumps([(record, one) for (record, *_), one in zip(left, digests, strict=True)])
    known = {at for (at,) in conn.execute(_KNOWN, (named,))}
    fresh = [(*left[at], bytes.fromhex(digests[at])) for at in range(len(left)) if at not in known]
    conn.executemany("INSERT OR IGNORE INTO wording (record, title, text, digest) VALUES (?, ?, ?, ?)", fresh)
    conn.execute(_DEPART, (entry, named))


# A statement for all of an answer, not one for each record: the interpreter is given up and taken back many times a
# statement, and a busy server's threads then wait for one another. docs/decisions/load.md.
_NAMED = "FROM json_each(?) AS j JOIN wording AS w ON w.record = j.value ->> 0 AND w.digest = unhex(j.value ->> 1)"
_KNOWN = f"SELECT j.key {_NAMED}"
_DEPART = f"INSERT INTO departure (entry, ordinal, wording) SELECT ?, j.key, w.n {_NAMED}"


def forget(conn: Connection, record: str) -> None:
    """Erase every wording of a record. Replay then says that there was one."""
    conn.execute("DELETE FROM wording WHERE record = ?", (record,))


def replay(conn: Connection, client: str, limit: int, before: int | None) -> Replay:
    """Return a page of what the client was given, newest first, and how much it was given in all.

    BadRequest for a bad page, AuditFailed for an entry and Damaged for a wording that is not what we wrote.
    """
    if not 1 <= limit <= limits.PAGE:
        raise BadRequest(f"a page holds 1 to {limits.PAGE} entries")
    if before is not None and not 0 <= before < 2**63:
        raise BadRequest("`before` is the number of an entry")
    rows = conn.execute(
        "SELECT number, body FROM entry WHERE client = ? AND number < ? AND body IS NOT NULL"
        " AND EXISTS (SELECT 1 FROM departure WHERE entry = number) ORDER BY number DESC LIMIT ?",
        (client, 2**63 - 1 if before is None else before, limit),
    ).fetchall()
    releases = tuple(_release(conn, number, body) for number, body in rows)
    records, bytes = _given(conn, client)
    return Replay(client, releases, records, bytes)


def left(conn: Connection, number: int, entry: Entry) -> tuple[Wording, ...]:
    """Return the words in which the records of an entry left; nothing when it says that none did.

    Damaged for words that are not what we wrote.
    """
    return _named(conn, number, entry) if "wording" in entry.detail else ()


def _release(conn: Connection, number: int, body: str) -> Release:
    entry = entries.read(body)
    wordings = _named(conn, number, entry)
    return Release(number, entry.time, entry.grant, entry.action, entry.via, entry.query, wordings)


def _named(conn: Connection, number: int, entry: Entry) -> tuple[Wording, ...]:
    digests = entry.detail.get("wording")
    if not isinstance(digests, list) or len(digests) != len(entry.records):
        raise Damaged(f"audit entry {number} does not say in which words its records left")
    return tuple(_wording(conn, *pair) for pair in zip(entry.records, digests, strict=True))


def _wording(conn: Connection, record: str, named: Any) -> Wording:
    try:
        wanted = bytes.fromhex(named)
    except (TypeError, ValueError):
        raise Damaged(f"the digest of a wording of {record} cannot be read") from None
    row = conn.execute("SELECT title, text FROM wording WHERE record = ? AND digest = ?", (record, wanted)).fetchone()
    if row is None:
        return Wording(record, "", "", named, erased=True)
    title, text = row
    if digest(record, title, text) != wanted:
        raise Damaged(f"the stored wording of {record} is not the one that left")
    return Wording(record, title, text, named)


def _given(conn: Connection, client: str) -> tuple[int, int]:
    """Return how many records the client ever got or was told of, and the bytes of all its wordings, each once."""
    (records,) = conn.execute("SELECT count(*) FROM released WHERE client = ?", (client,)).fetchone()
    (bytes,) = conn.execute(
        "SELECT coalesce(sum(octet_length(title) + octet_length(text)), 0) FROM wording WHERE n IN"
        " (SELECT wording FROM departure JOIN entry ON number = entry WHERE client = ?)",
        (client,),
    ).fetchone()
    return records, bytes
