"""Budgets: the limits of a grant, and what a client used, whatever grants and tokens it came by. SPEC.md, "Limits".

Requests and bytes are kept by the minute, records one by one. What was used at a time that is yet to come (the clock
was set back since) counts, too: no clock gives an allowance anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

import rfc8785

from vault import limits
from vault.errors import BadRequest
from vault.types import Connection, Grant, Limits, Usage, from_micros, micros

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEPT = timedelta(days=7)
"""How far back the store knows the minutes. A clock that was further ahead makes a client look busier, never idler."""
MOST = 2**53 - 1
"""The largest limit: the last whole number that every JSON reader keeps exact."""

_VERSION = 1
_MINUTE = 60 * 10**6
_END = 2**62


# ---------------------------------------------------------------- limits


def checked(bounds: Limits) -> Limits:
    """Return the limits if each is a whole number from 1 on, or None; else BadRequest."""
    for name, bound in asdict(bounds).items():
        if bound is not None and (type(bound) is not int or not 1 <= bound <= MOST):
            raise BadRequest(f"{name} is a whole number from 1 to {MOST}", hint="pause the grant to give nothing")
    return bounds


def limits_json(bounds: Limits) -> str:
    """Return the canonical JSON (RFC 8785) of SPEC.md; equal limits give equal text."""
    return rfc8785.dumps({"v": _VERSION, **asdict(bounds)}).decode()


def limits_read(text: str) -> Limits:
    """Read what `limits_json` wrote, and nothing else: an unknown key, version or another spelling is BadRequest."""
    try:
        body = json.loads(text)
        version = body.pop("v")
        bounds = checked(Limits(**body))
        # Spelled again and compared: every missing key, duplicate or disorder shows here.
        same = version == _VERSION and limits_json(bounds) == text
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadRequest(f"these are no limits of version {_VERSION}") from None
    if not same:
        raise BadRequest(f"these are no canonical limits of version {_VERSION}")
    return bounds


# ---------------------------------------------------------------- what was used


def usage(conn: Connection, client: str, now: datetime, fresh: datetime | None) -> Usage:
    """Return what the client used by `now` and since `fresh`. Of requests and bytes the first minute counts whole."""
    hour, day = _since(HOUR, now, fresh), _since(DAY, now, fresh)
    queries, _, _ = _spent(conn, client, hour)
    _, _, bytes = _spent(conn, client, day)
    (records,) = conn.execute("SELECT count(*) FROM released WHERE client = ? AND last >= ?", (client, day)).fetchone()
    return Usage(queries, records, bytes)


def exceeded(conn: Connection, grant: Grant, now: datetime, records: Collection[str], bytes: int) -> str:
    """Return the name of the limit that one more answer with these records and bytes would exceed, '' for none."""
    bounds, client = grant.limits, grant.client
    hour, day = _since(HOUR, now, grant.fresh), _since(DAY, now, grant.fresh)
    if bounds.queries_per_hour is not None and _spent(conn, client, hour)[0] + 1 > bounds.queries_per_hour:
        return "queries_per_hour"
    if bounds.bytes_per_day is not None and _spent(conn, client, day)[2] + bytes > bounds.bytes_per_day:
        return "bytes_per_day"
    if bounds.records_per_day is not None and _crowded(conn, client, day, set(records), bounds.records_per_day):
        return "records_per_day"
    return ""


def charge(conn: Connection, client: str, now: datetime, records: Iterable[str], bytes: int) -> None:
    """Write down one answer: a request, its bytes, and each of its records once."""
    moment, different = micros(now), list(dict.fromkeys(records))
    minute = moment // _MINUTE
    opened = conn.execute(_OPEN, (client, minute, *_total(conn, client, minute + 1)))
    if opened.rowcount:
        conn.execute(_PRUNE, (client, client, micros(now - KEPT) // _MINUTE))
    conn.execute(_SPEND, (len(different), bytes, client, minute))
    conn.execute(_RELEASE, (client, moment, moment, json.dumps(different)))


def renew(conn: Connection, client: str, now: datetime) -> None:
    """Count all that the client used so far as used before this minute, even if the clock was ahead meanwhile.

    So nothing of it counts for a grant whose `fresh` is `now`; the client's other grants see it a minute older.
    """
    minute = micros(now) // _MINUTE
    total = _total(conn, client, _END)
    conn.execute("DELETE FROM spent WHERE client = ? AND minute >= ?", (client, minute - 1))
    conn.execute(_OPEN, (client, minute - 1, *total))
    conn.execute(
        "UPDATE released SET last = ? WHERE client = ? AND last >= ?", (minute * _MINUTE - 1, client, minute * _MINUTE)
    )


def had(conn: Connection, client: str, record: str) -> datetime | None:
    """Return when a record last left for a client, in whatever wording; None when it never did."""
    row = conn.execute("SELECT last FROM released WHERE client = ? AND record = ?", (client, record)).fetchone()
    return None if row is None else from_micros(row[0])


def sweeps(conn: Connection, client: str, now: datetime) -> dict[str, int] | None:
    """Return the numbers of the last hour if the client goes through the vault record by record, else None."""
    hour = micros(now - HOUR)
    _, hits, _ = _spent(conn, client, hour)
    if hits < limits.SWEEP_RECORDS:
        return None
    (new,) = conn.execute("SELECT count(*) FROM released WHERE client = ? AND first >= ?", (client, hour)).fetchone()
    swept = new >= limits.SWEEP_RECORDS and new >= limits.SWEEP_SHARE * hits
    return {"new": new, "hits": hits} if swept else None


# ---------------------------------------------------------------- rows

# A row of `spent` holds running totals: all that the client had used by the end of that minute. What it used since
# some minute is one subtraction, however much that is. Of what is older than KEPT one row stays, to subtract.
_OPEN = "INSERT OR IGNORE INTO spent (client, minute, queries, hits, bytes) VALUES (?, ?, ?, ?, ?)"
_SPEND = "UPDATE spent SET queries = queries + 1, hits = hits + ?, bytes = bytes + ? WHERE client = ? AND minute >= ?"
_PRUNE = (
    "DELETE FROM spent WHERE client = ? AND minute < (SELECT max(minute) FROM spent WHERE client = ? AND minute < ?)"
)
_HAD = "SELECT count(*) FROM (SELECT 1 FROM released WHERE client = ? AND last >= ? LIMIT ?)"
_KNOWN = "SELECT 1 FROM released WHERE client = ? AND record = ? AND last >= ?"
_RELEASE = (
    "INSERT INTO released (client, record, first, last, times) SELECT ?, value, ?, ?, 1 FROM json_each(?) WHERE true"
    " ON CONFLICT DO UPDATE SET last = max(last, excluded.last), times = times + 1"
)


def _since(age: timedelta, now: datetime, fresh: datetime | None) -> int:
    """Return from when on usage counts. A fresh start that is yet to come is none: the clock was set back since."""
    return micros(now - age if fresh is None or fresh > now else max(now - age, fresh))


def _spent(conn: Connection, client: str, since: int) -> tuple[int, int, int]:
    """Return requests, hits and bytes of the minute of `since` and all later ones."""
    then, now = _total(conn, client, since // _MINUTE), _total(conn, client, _END)
    return now[0] - then[0], now[1] - then[1], now[2] - then[2]


def _total(conn: Connection, client: str, minute: int) -> tuple[int, int, int]:
    """Return requests, hits and bytes of all minutes before this one."""
    row = conn.execute(
        "SELECT queries, hits, bytes FROM spent WHERE client = ? AND minute < ? ORDER BY minute DESC LIMIT 1",
        (client, minute),
    ).fetchone()
    return (0, 0, 0) if row is None else row


def _crowded(conn: Connection, client: str, day: int, records: Collection[str], most: int) -> bool:
    """Say whether these records and those since `day`, each once, are more than `most`. Counts no further than that."""
    if _spent(conn, client, day)[1] + len(records) <= most:
        return False  # not even if every hit was another record
    (had,) = conn.execute(_HAD, (client, day, most + 1)).fetchone()
    if had + len(records) <= most:
        return False  # not even if all of these are new
    known = sum(conn.execute(_KNOWN, (client, record, day)).fetchone() is not None for record in records)
    return bool(had + len(records) - known > most)
