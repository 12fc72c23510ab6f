"""Answers to requests that came with an idempotency key: the same key and request again gets the same answer.

A key belongs to a grant, and is kept for limits.ONCE_SECONDS. SPEC.md, "Idempotency keys".
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vault import limits
from vault.errors import BadRequest, Damaged, KeyReused, Throttled
from vault.types import AddAnswer, Connection, Outcome, Receipt, micros

LIFE = timedelta(seconds=limits.ONCE_SECONDS)


def check(key: str) -> None:
    """Raise BadRequest for what cannot be a key: 1 to 255 printable ASCII characters."""
    if not (0 < len(key) <= limits.ONCE_KEY and key.isascii() and key.isprintable()):
        raise BadRequest(f"an idempotency key has 1 to {limits.ONCE_KEY} printable ASCII characters")


def find(conn: Connection, grant: str, key: str, digest: bytes, now: datetime) -> AddAnswer | None:
    """Return the answer that was given, None if there was no such request. KeyReused if it was another one."""
    row = conn.execute(
        "SELECT digest, answer FROM once WHERE grant_ = ? AND key = ? AND time > ?",
        (grant, key, micros(now - LIFE)),
    ).fetchone()
    if row is None:
        return None
    if row[0] != digest:
        raise KeyReused("this idempotency key came with another request")
    return _read(row[1])


def keep(conn: Connection, grant: str, key: str, digest: bytes, answer: AddAnswer, now: datetime) -> None:
    """Keep an answer, in the transaction that does what it tells of. Throttled when the grant has too many already."""
    conn.execute("DELETE FROM once WHERE time <= ?", (micros(now - LIFE),))
    text = _text(answer)
    held, size = conn.execute(
        "SELECT count(*), coalesce(sum(length(CAST(answer AS BLOB))), 0) FROM once WHERE grant_ = ?", (grant,)
    ).fetchone()
    if held >= limits.ONCE_KEYS or size + len(text.encode()) > limits.ONCE_BYTES:
        raise Throttled("too many idempotency keys within a day", hint="ask without a key", seconds=3600)
    conn.execute(
        "INSERT INTO once (grant_, key, digest, time, answer) VALUES (?, ?, ?, ?, ?)",
        (grant, key, digest, micros(now), text),
    )


def forget(conn: Connection, record: str) -> None:
    """Take what a forgotten record was called at its source out of the answers; that it was added once stays known."""
    rows = conn.execute("SELECT grant_, key, answer FROM once WHERE instr(answer, ?)", (record,)).fetchall()
    for grant, key, text in rows:
        said = _read(text)
        kept = tuple(replace(one, origin="") if one.id == record else one for one in said.outcomes)
        answer = _text(AddAnswer(kept, said.receipt))
        conn.execute("UPDATE once SET answer = ? WHERE grant_ = ? AND key = ?", (answer, grant, key))


def _text(answer: AddAnswer) -> str:
    outcomes = [[one.origin, one.outcome, one.id, one.reason] for one in answer.outcomes]
    said = {"outcomes": outcomes, "entry": answer.receipt.entry, "leaf": answer.receipt.leaf}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _read(text: str) -> AddAnswer:
    try:
        said: dict[str, Any] = json.loads(text)
        outcomes = tuple(Outcome(*map(str, one)) for one in said["outcomes"])
        return AddAnswer(outcomes, Receipt(int(said["entry"]), str(said["leaf"])))
    except (ValueError, TypeError, KeyError):
        raise Damaged("a stored answer cannot be read") from None
