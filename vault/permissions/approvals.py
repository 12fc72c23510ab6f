"""Approvals: what waits for the owner's decision, and what was decided. SPEC.md, "Request".

A request is pending, and then for good one of: approved (to be used once), standing (until its time is over), denied,
lapsed (nobody said anything in time). An approved one becomes used, or lapses when it is not used in time.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import rfc8785

from vault import limits
from vault.errors import BadRequest, Damaged, NotFound, Throttled
from vault.permissions import grants, scope
from vault.types import (
    EVERYTHING,
    Approval,
    Asked,
    Conditions,
    Connection,
    Grant,
    Lasting,
    Record,
    Request,
    Sensitivity,
    Status,
    Verdict,
    from_micros,
    micros,
)

KEY_LABEL = b"ownvault/v1/request\x00"

_UNDECIDED = (Verdict.PENDING, Verdict.LAPSED)

_COLUMNS = (
    "id, asked, grant_, client, key, action, query, purpose, terms, records, created, expires, verdict, decided,"
    " scope, until, granted"
)
_INSERT = f"INSERT INTO request ({_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608 - our own column names
_SELECT = f"SELECT {_COLUMNS} FROM request"  # noqa: S608
# What somebody wants to add is shown until it is decided and used; after that its words are the records' own.
_WORDLESS = "terms = CASE action WHEN 'add' THEN json_remove(terms, '$.titles') ELSE terms END"
_LAPSE = (
    f"UPDATE request SET verdict = ?, {_WORDLESS}"  # noqa: S608
    " WHERE (verdict = 'pending' AND expires <= ?) OR (verdict IN ('approved', 'standing') AND until <= ?)"
    f" RETURNING {_COLUMNS}"
)
_PRUNE = "DELETE FROM request WHERE verdict IN ('used', 'denied', 'lapsed') AND created < ?"
_FIND = (
    f"{_SELECT} WHERE grant_ = ? AND key = ? AND CASE verdict WHEN 'pending' THEN expires > ?"
    " WHEN 'approved' THEN until > ? WHEN 'denied' THEN until > ? ELSE 0 END"
    " ORDER BY decided IS NULL, decided DESC, verdict = 'denied' DESC, created DESC, id LIMIT 1"
)


# ---------------------------------------------------------------- what has to be asked


def needs(grant: Grant, record: Record) -> bool:
    """Say whether this record leaves under this grant with the owner's approval only."""
    if grant.approval is Approval.SENSITIVE:
        return record.sensitivity >= Sensitivity.SENSITIVE
    return grant.approval is not Approval.NEVER


def key(grant: str, action: str, request_json: str, where_json: str) -> str:
    """Return what equal requests share: the same action of the same grant, asked the same, by equally narrow tokens."""
    said = rfc8785.dumps([_well_formed(part) for part in (grant, action, request_json, where_json)])
    return hashlib.sha256(KEY_LABEL + said).hexdigest()


# ---------------------------------------------------------------- what there is


def get(conn: Connection, id: str) -> Request:
    """Return the request called `id`; NotFound if there is none, Damaged if its row is not what we wrote."""
    row = conn.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no request {id}", hint="list them with: ownvault requests")
    return _read(row)


def listed(conn: Connection, client: str | None = None, all: bool = False) -> tuple[Request, ...]:
    """Return the pending requests, of everybody or of one client, newest first; with `all` the decided ones too."""
    rows = conn.execute(
        f"{_SELECT} WHERE (? OR verdict = ?) AND (? IS NULL OR client = ?) ORDER BY created DESC, id",
        (all, Verdict.PENDING.value, client, client),
    )
    return tuple(map(_read, rows.fetchall()))


def waiting(conn: Connection, id: str) -> Request | None:
    """Return the request called `id` if it waits for the owner."""
    row = conn.execute(f"{_SELECT} WHERE id = ? AND verdict = ?", (id, Verdict.PENDING.value)).fetchone()
    return None if row is None else _read(row)


def find(conn: Connection, grant: str, key: str, now: datetime) -> Request | None:
    """Return what equal requests meet now: the newest decision that still holds, else the one that is pending.

    Only reads: one whose time is over is passed by, whether it has been lapsed or not.
    """
    row = conn.execute(_FIND, (grant, key, *[micros(now)] * 3)).fetchone()
    return None if row is None else _read(row)


def standing(conn: Connection, grant: str, action: str, now: datetime) -> tuple[Conditions, ...]:
    """Return the conditions under which answers of this grant to this action leave without asking, until their time is
    over: who approved a number did not approve text."""
    rows = conn.execute(
        f"{_SELECT} WHERE grant_ = ? AND action = ? AND verdict = ? AND asked = ? AND until > ? ORDER BY decided, id",
        (grant, action, Verdict.STANDING.value, Asked.ANSWER.value, micros(now)),
    )
    found = map(_read, rows.fetchall())
    return tuple(scope.from_json(one.scope) if one.scope else EVERYTHING for one in found)


# ---------------------------------------------------------------- what the client does


def ask(conn: Connection, request: Request) -> Request:
    """Put a request before the owner, or return the equal one that is pending. Throttled over limits.PENDING."""
    if request.verdict is not Verdict.PENDING:
        raise BadRequest("a new request is pending")
    lapse(conn, request.created)
    row = conn.execute(
        f"{_SELECT} WHERE grant_ = ? AND key = ? AND verdict = ?", (request.grant, request.key, Verdict.PENDING.value)
    ).fetchone()
    if row is not None:
        return _read(row)
    (waiting,) = conn.execute(
        "SELECT count(*) FROM request WHERE verdict = ? AND client = ?", (Verdict.PENDING.value, request.client)
    ).fetchone()
    (refused,) = conn.execute(
        "SELECT count(*) FROM request WHERE verdict = ? AND grant_ = ? AND decided > ?",
        (Verdict.DENIED.value, request.grant, micros(request.created - timedelta(hours=1))),
    ).fetchone()
    if refused >= limits.DENIALS and request.grant:  # new clients have bounds of their own: authorizations.begin
        raise Throttled("the owner said no several times", hint="wait an hour")
    if waiting >= limits.PENDING:
        raise Throttled("too many requests wait for the owner", hint="wait until some are decided")
    asked = replace(request, query=_well_formed(request.query))
    conn.execute(_INSERT, _row(asked))
    return asked


def use(conn: Connection, id: str, now: datetime) -> bool:
    """Use up an approval for one answer. True exactly once, while its time is not over."""
    row = conn.execute(
        f"UPDATE request SET verdict = ?, {_WORDLESS} WHERE id = ? AND verdict = ? AND asked = ? AND until > ?"  # noqa: S608
        " RETURNING id",
        (Verdict.USED.value, id, Verdict.APPROVED.value, Asked.ANSWER.value, micros(now)),
    ).fetchone()
    return row is not None


def collected(conn: Connection, id: str) -> bool:
    """Note that the client has fetched what was granted to it. True exactly once."""
    row = conn.execute(
        "UPDATE request SET verdict = ? WHERE id = ? AND verdict = ? AND asked = ? AND granted != '' RETURNING id",
        (Verdict.USED.value, id, Verdict.APPROVED.value, Asked.ACCESS.value),
    ).fetchone()
    return row is not None


# ---------------------------------------------------------------- what the owner decides


def approve(conn: Connection, id: str, lasting: Lasting, scope_json: str, until: datetime, now: datetime) -> Request:
    """Let it go, for the conditions of `scope_json` ('' for as asked): one answer by `until`, or all until then.

    BadRequest for one that is decided or lapsed, or whose grant has ended.
    """
    request = _undecided(conn, id, now)
    status = grants.live(grants.get(conn, request.grant), now) if request.grant else Status.ACTIVE
    if status in (Status.REVOKED, Status.EXPIRED):
        raise BadRequest(f"grant {request.grant} is {status}: nobody could use it", hint="make a new grant")
    if request.asked is Asked.ACCESS and lasting is not Lasting.ONCE:
        raise BadRequest("access is granted for a time of its own", hint="say --expires 7d")
    if until <= now:
        raise BadRequest("the approval would be over at once")
    if scope_json:
        scope.from_json(scope_json)
    verdict = Verdict.APPROVED if lasting is Lasting.ONCE else Verdict.STANDING
    return _decide(conn, id, verdict, now, until, scope_json)


def deny(conn: Connection, id: str, now: datetime) -> Request:
    """Refuse it, and the same for limits.DENIED_SECONDS. BadRequest for one that is decided or lapsed."""
    _undecided(conn, id, now)
    return _decide(conn, id, Verdict.DENIED, now, now + timedelta(seconds=limits.DENIED_SECONDS), "")


def grant_made(conn: Connection, id: str, grant: str) -> None:
    """Note which grant was made of an approved request for access."""
    row = conn.execute(
        "UPDATE request SET granted = ? WHERE id = ? AND asked = ? AND verdict = ? AND granted = '' RETURNING id",
        (grant, id, Asked.ACCESS.value, Verdict.APPROVED.value),
    ).fetchone()
    if row is None:
        raise BadRequest(f"request {id} has not just been approved for access")


def forgo(conn: Connection, id: str) -> None:
    """End what was approved for access and never fetched."""
    conn.execute(
        "UPDATE request SET verdict = ? WHERE id = ? AND verdict = ? AND asked = ?",
        (Verdict.LAPSED.value, id, Verdict.APPROVED.value, Asked.ACCESS.value),
    )


def lapse(conn: Connection, now: datetime) -> list[Request]:
    """End what nobody decided, what was approved and not used in time, and what no longer stands; return those.

    What is long over goes altogether: the audit log has it."""
    ended = list(map(_read, conn.execute(_LAPSE, (Verdict.LAPSED.value, micros(now), micros(now))).fetchall()))
    conn.execute(_PRUNE, (micros(now - timedelta(days=limits.REQUEST_DAYS)),))
    return ended


def end(conn: Connection, grant: str) -> None:
    """End what still waits under a grant that is over: nobody could use it any more."""
    conn.execute(
        f"UPDATE request SET verdict = ?, {_WORDLESS} WHERE grant_ = ? AND verdict IN (?, ?)",  # noqa: S608
        (Verdict.LAPSED.value, grant, Verdict.PENDING.value, Verdict.APPROVED.value),
    )


def _undecided(conn: Connection, id: str, now: datetime) -> Request:
    request = get(conn, id)
    if request.verdict is Verdict.LAPSED or (request.verdict is Verdict.PENDING and request.expires <= now):
        raise BadRequest(f"request {id} has lapsed", hint="its client may ask again")
    if request.verdict is not Verdict.PENDING:
        raise BadRequest(f"request {id} is decided: {request.verdict}", hint="see: ownvault requests --all")
    return request


def _decide(conn: Connection, id: str, verdict: Verdict, now: datetime, until: datetime, scope_json: str) -> Request:
    conn.execute(
        "UPDATE request SET verdict = ?, decided = ?, until = ?, scope = ? WHERE id = ?",
        (verdict.value, micros(now), micros(until), scope_json, id),
    )
    return get(conn, id)


# ---------------------------------------------------------------- rows


def _row(request: Request) -> tuple[Any, ...]:
    return (
        request.id, request.asked.value, request.grant, request.client, request.key, request.action, request.query,
        request.purpose, request.terms, rfc8785.dumps(list(request.records)).decode(), micros(request.created),
        micros(request.expires), request.verdict.value, _stored(request.decided), request.scope,
        _stored(request.until), request.granted,
    )  # fmt: skip


def _read(row: Any) -> Request:
    (id, asked, grant, client, key, action, query, purpose, terms, records, created, expires, verdict, decided, where,
     until, granted) = row  # fmt: skip
    try:
        request = Request(
            id, Asked(asked), grant, client, key, action, query, purpose, terms, tuple(json.loads(records)),
            from_micros(created), from_micros(expires), Verdict(verdict), _time(decided), where, _time(until), granted,
        )  # fmt: skip
        if where:
            scope.from_json(where)
        sound = _row(request) == tuple(row) and isinstance(json.loads(terms), dict)
        if not sound or not all(isinstance(record, str) for record in request.records):
            raise ValueError
        if request.verdict not in _UNDECIDED and None in (request.decided, request.until):
            raise ValueError
    except (ValueError, TypeError, OverflowError, RecursionError, rfc8785.CanonicalizationError, BadRequest):
        raise Damaged(f"the stored request {id} cannot be read") from None
    return request


def _well_formed(text: str) -> str:
    """Replace halves of surrogate pairs: JSON can say them, UTF-8 cannot, and the owner must see what was asked."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _stored(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _time(stored: int | None) -> datetime | None:
    return None if stored is None else from_micros(stored)
