"""Grants: the owner's stored decisions. The row is the authority; a token is only a ceiling under it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from vault import limits
from vault.errors import BadRequest, Damaged, NotFound, Overloaded
from vault.permissions import budgets, names, scope
from vault.permissions.budgets import limits_json, limits_read
from vault.permissions.narrowing import narrow, within
from vault.types import (
    EVERYTHING,
    GRANTABLE,
    Action,
    Approval,
    Connection,
    Detail,
    Grant,
    GrantView,
    Status,
    Usage,
    from_micros,
    micros,
)

__all__ = [
    "LONGEST", "OWNER", "all", "create", "expire", "get", "limits_json", "limits_read", "live", "narrow", "owner",
    "pause", "resume", "revoke_token", "set_status", "token_revoked", "touch", "update", "view",
]  # fmt: skip

OWNER = "owner"
"""Id and client of the built-in grant that the owner's own tokens belong to."""
LONGEST = timedelta(days=limits.GRANT_DAYS)
IDLE = timedelta(days=limits.IDLE_DAYS)

_COLUMNS = (
    "id, client, purpose, actions, scope, detail, limits, approval, holder, status, paused_for, created, expires,"
    " last_used, fresh, records_then, version"
)
_INSERT = f"INSERT INTO grant_ ({_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608 - our own column names
_SELECT = f"SELECT {_COLUMNS} FROM grant_"  # noqa: S608
_EXPIRE = (
    "UPDATE grant_ SET status = ? WHERE status IN (?, ?) AND id != ?"  # noqa: S608
    " AND (expires <= ? OR max(created, coalesce(last_used, created), coalesce(fresh, created)) <= ?)"
    f" RETURNING {_COLUMNS}"
)
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


# ---------------------------------------------------------------- making and reading


def create(conn: Connection, grant: Grant) -> None:
    """Store a new grant. BadRequest for a bad id, name, action, limit or expiry, and for an id that is taken."""
    check(grant)
    if conn.execute("SELECT 1 FROM grant_ WHERE id = ?", (grant.id,)).fetchone():
        raise BadRequest(f"there is a grant {grant.id} already")
    conn.execute(_INSERT, _row(grant))


def owner(now: datetime) -> Grant:
    """Return the built-in grant: every action on everything, without end. Its tokens are short-lived instead."""
    return Grant(
        id=OWNER, client=OWNER, purpose="the owner", actions=frozenset(Action), where=EVERYTHING,
        status=Status.ACTIVE, created=now, expires=_FOREVER, last_used=None,
    )  # fmt: skip


def get(conn: Connection, id: str) -> Grant:
    """Return the grant called `id`; NotFound if there is none, Damaged if its row is not what we wrote."""
    row = conn.execute(f"{_SELECT} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise NotFound(f"there is no grant {id}", hint="list them with: ownvault grants")
    return _read(row)


def all(conn: Connection) -> tuple[Grant, ...]:
    """Return every grant but the built-in one, newest first."""
    rows = conn.execute(f"{_SELECT} WHERE id != ? ORDER BY created DESC, id", (OWNER,))
    return tuple(map(_read, rows.fetchall()))


def view(grant: Grant, now: datetime, used: Usage) -> GrantView:
    """Return the grant as its owner sees it at `now`."""
    return GrantView(
        id=grant.id, client=grant.client, purpose=grant.purpose, actions=tuple(sorted(grant.actions)),
        scope=scope.in_words(grant.where), status=live(grant, now), created=grant.created, expires=grant.expires,
        last_used=grant.last_used, detail=grant.detail, limits=grant.limits, approval=grant.approval,
        holder=grant.holder, paused_for=grant.paused_for, used=used, tag=tag(grant, now),
    )  # fmt: skip


def tag(grant: Grant, now: datetime) -> str:
    """Return what is another with every change of what the grant allows and of whether it answers."""
    return f"{grant.version}-{live(grant, now)}"


# ---------------------------------------------------------------- changing


def update(conn: Connection, narrower: Grant) -> Grant:
    """Store what `narrow` made of the grant and return it with its new version. The row only ever shrinks.

    BadRequest for anything wider or a grant that has ended, Overloaded when the row has changed since it was read.
    """
    stored = _changeable(conn, narrower.id)
    if stored.version != narrower.version:
        raise Overloaded("the grant has changed meanwhile", reason="changed_meanwhile")
    if not within(narrower, stored):
        raise BadRequest(f"grant {stored.id} cannot be made wider", hint="make a new grant")
    actions, where, detail, bounds = _allows(narrower)
    conn.execute(
        "UPDATE grant_ SET actions = ?, scope = ?, detail = ?, limits = ?, approval = ?, expires = ?,"
        " version = version + 1 WHERE id = ?",
        (actions, where, detail, bounds, narrower.approval.value, micros(narrower.expires), narrower.id),
    )
    return get(conn, narrower.id)


def pause(conn: Connection, id: str, reason: str) -> Grant:
    """Let the grant answer nothing until it is resumed; the newest reason stands. BadRequest for one that has ended."""
    _changeable(conn, id)
    conn.execute("UPDATE grant_ SET status = ?, paused_for = ? WHERE id = ?", (Status.PAUSED.value, reason, id))
    return get(conn, id)


def resume(conn: Connection, id: str, now: datetime) -> Grant:
    """Let a paused grant answer again, with an allowance that starts anew. BadRequest for one that is not paused."""
    grant = _changeable(conn, id)
    if grant.status is not Status.PAUSED:
        raise BadRequest(f"grant {id} is not paused")
    if now >= grant.expires:
        raise BadRequest(f"grant {id} has expired, which is final", hint="make a new grant")
    budgets.renew(conn, grant.client, now)
    conn.execute(
        "UPDATE grant_ SET status = ?, paused_for = '', fresh = ?, version = version + 1 WHERE id = ?",
        (Status.ACTIVE.value, micros(now), id),
    )
    return get(conn, id)


def set_status(conn: Connection, id: str, status: Status) -> Grant:
    """Revoke the grant and return it; twice is no error. Every other status has an operation of its own."""
    if id == OWNER:
        raise BadRequest("the owner's own grant cannot be changed")
    if status is not Status.REVOKED:
        raise BadRequest(f"a grant is not made {status} by hand", hint="pause it, resume it, or let it expire")
    get(conn, id)
    conn.execute("UPDATE grant_ SET status = ?, paused_for = '' WHERE id = ?", (status.value, id))
    return get(conn, id)


def touch(conn: Connection, id: str, now: datetime) -> None:
    """Note that the grant was used."""
    conn.execute("UPDATE grant_ SET last_used = ? WHERE id = ?", (micros(now), id))


def _changeable(conn: Connection, id: str) -> Grant:
    grant = get(conn, id)
    if id == OWNER:
        raise BadRequest("the owner's own grant cannot be changed")
    if grant.status in (Status.REVOKED, Status.EXPIRED):
        ended = "is revoked" if grant.status is Status.REVOKED else "has expired"
        raise BadRequest(f"grant {id} {ended}, which is final", hint="make a new grant")
    return grant


# ---------------------------------------------------------------- time


def live(grant: Grant, now: datetime) -> Status:
    """Return where the grant stands at `now`: only ACTIVE answers. Unused for limits.IDLE_DAYS is EXPIRED, too."""
    if grant.status is not Status.ACTIVE or grant.id == OWNER:
        return grant.status
    return Status.EXPIRED if now >= min(grant.expires, _idle_from(grant)) else Status.ACTIVE


def expire(conn: Connection, now: datetime) -> list[Grant]:
    """Store EXPIRED for every grant whose time is over at `now`, by its date or unused for too long; return these.

    Once stored, a clock set back revives none of them.
    """
    rows = conn.execute(
        _EXPIRE,
        (Status.EXPIRED.value, Status.ACTIVE.value, Status.PAUSED.value, OWNER, micros(now), micros(now - IDLE)),
    )
    return list(map(_read, rows.fetchall()))


def _idle_from(grant: Grant) -> datetime:
    return max(moment for moment in (grant.created, grant.last_used, grant.fresh) if moment is not None) + IDLE


# ---------------------------------------------------------------- single tokens


def revoke_token(conn: Connection, revocation_id: str, grant: str, now: datetime) -> None:
    """End the token of this revocation id and all that were narrowed from it; twice is no error."""
    conn.execute("INSERT OR IGNORE INTO revoked_token VALUES (?, ?, ?)", (revocation_id, grant, micros(now)))


def token_revoked(conn: Connection, revocation_ids: Sequence[str]) -> bool:
    """Say whether a token with these revocation ids, its own and those of all it came from, has been revoked."""
    return any(conn.execute("SELECT 1 FROM revoked_token WHERE id = ?", (id,)).fetchone() for id in revocation_ids)


# ---------------------------------------------------------------- rows


def check(grant: Grant) -> None:
    """Raise BadRequest for a grant that cannot be stored: a bad id, name, action, limit or end."""
    names.grant_id(grant.id)
    if scope.name(grant.client) != grant.client:
        raise BadRequest(f"{grant.client!r} is not in Unicode's NFC form")
    if len(grant.purpose) > limits.PURPOSE:
        raise BadRequest(f"a purpose has at most {limits.PURPOSE} characters")
    if not grant.actions:
        raise BadRequest("a grant of no action grants nothing")
    if grant.holder:
        names.grant_id(grant.holder)
    budgets.checked(grant.limits)
    if grant.id == OWNER:
        return
    if grant.client == OWNER:
        raise BadRequest("the name 'owner' is taken")
    if not grant.actions <= GRANTABLE:
        raise BadRequest(f"only the owner may {', '.join(sorted(grant.actions - GRANTABLE))}")
    if not grant.created < grant.expires <= grant.created + LONGEST:
        raise BadRequest(f"a grant lasts at least a moment and at most {LONGEST.days} days")


def _row(grant: Grant) -> tuple[Any, ...]:
    return (
        grant.id, grant.client, grant.purpose, *_allows(grant), grant.approval.value, grant.holder,
        grant.status.value, grant.paused_for, micros(grant.created), micros(grant.expires), _stored(grant.last_used),
        _stored(grant.fresh), grant.records_then, grant.version,
    )  # fmt: skip


def _allows(grant: Grant) -> tuple[str, str, str, str]:
    actions = json.dumps(sorted(grant.actions))
    return actions, scope.to_json(grant.where), grant.detail.name.lower(), limits_json(grant.limits)


def _read(row: Any) -> Grant:
    (id, client, purpose, actions, where, detail, bounds, approval, holder, status, paused_for, created, expires,
     last_used, fresh, records_then, version) = row  # fmt: skip
    try:
        return Grant(
            id=id, client=client, purpose=purpose, actions=frozenset(map(Action, json.loads(actions))),
            where=_scope(where), status=Status(status), created=from_micros(created),
            expires=from_micros(expires), last_used=_time(last_used), detail=Detail.parse(detail),
            limits=_limits(bounds), approval=Approval(approval), holder=holder, paused_for=paused_for,
            fresh=_time(fresh), records_then=records_then, version=version,
        )  # fmt: skip
    except (ValueError, TypeError, OverflowError, RecursionError, BadRequest):
        raise Damaged(f"the stored grant {id} cannot be read") from None


_scope, _limits = lru_cache(1024)(scope.from_json), lru_cache(1024)(limits_read)
"""A grant's row is read twice for every answer; what stands in it seldom changes."""


def _stored(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _time(stored: int | None) -> datetime | None:
    return None if stored is None else from_micros(stored)
