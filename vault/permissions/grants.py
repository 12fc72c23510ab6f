"""Grants: the owner's stored decisions. The row is the authority; a token is only a ceiling under it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from vault import limits
from vault.errors import BadRequest, Damaged, NotFound
from vault.permissions import names, scope
from vault.types import EVERYTHING, GRANTABLE, Action, Connection, Grant, GrantView, Status, from_micros, micros

OWNER = "owner"
"""Id and client of the built-in grant that the owner's own tokens belong to."""
LONGEST = timedelta(days=limits.GRANT_DAYS)

_COLUMNS = "id, client, purpose, actions, scope, status, created, expires, last_used"
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


def create(conn: Connection, grant: Grant) -> None:
    """Store a new grant. BadRequest for a bad id, name, action or expiry, and for an id that is taken."""
    _check(grant)
    if conn.execute("SELECT 1 FROM grant_ WHERE id = ?", (grant.id,)).fetchone():
        raise BadRequest(f"there is a grant {grant.id} already")
    conn.execute(
        f"INSERT INTO grant_ ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own column names
        (
            grant.id, grant.client, grant.purpose, json.dumps(sorted(grant.actions)), scope.to_json(grant.where),
            grant.status.value, micros(grant.created), micros(grant.expires),
            None if grant.last_used is None else micros(grant.last_used),
        ),
    )  # fmt: skip


def owner(now: datetime) -> Grant:
    """Return the built-in grant: every action on everything, without end. Its tokens are short-lived instead."""
    return Grant(
        id=OWNER, client=OWNER, purpose="the owner", actions=frozenset(Action), where=EVERYTHING,
        status=Status.ACTIVE, created=now, expires=_FOREVER, last_used=None,
    )  # fmt: skip


def get(conn: Connection, id: str) -> Grant:
    """Return the grant called `id`; NotFound if there is none, Damaged if its row is not what we wrote."""
    row = conn.execute(f"SELECT {_COLUMNS} FROM grant_ WHERE id = ?", (id,)).fetchone()  # noqa: S608
    if row is None:
        raise NotFound(f"there is no grant {id}", hint="list them with: ownvault grants")
    return _read(row)


def all(conn: Connection) -> tuple[Grant, ...]:
    """Return every grant but the built-in one, newest first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM grant_ WHERE id != ? ORDER BY created DESC, id",  # noqa: S608
        (OWNER,),
    )
    return tuple(map(_read, rows.fetchall()))


def set_status(conn: Connection, id: str, status: Status) -> Grant:
    """Store a new status and return the grant. Revoked and expired are final; the owner's grant stays as it is."""
    grant = get(conn, id)
    if id == OWNER:
        raise BadRequest("the owner's own grant cannot be changed")
    if grant.status is Status.REVOKED and status is not Status.REVOKED:
        raise BadRequest(f"grant {id} is revoked, which is final", hint="make a new grant")
    if grant.status is Status.EXPIRED and status in (Status.ACTIVE, Status.PAUSED):
        raise BadRequest(f"grant {id} has expired, which is final", hint="make a new grant")
    if status is Status.EXPIRED:
        raise BadRequest("a grant expires by its date, not by hand")
    conn.execute("UPDATE grant_ SET status = ? WHERE id = ?", (status.value, id))
    return get(conn, id)


def expire(conn: Connection, now: datetime) -> None:
    """Store EXPIRED for every grant whose time is over at `now`: a clock set back revives none of them."""
    conn.execute(
        "UPDATE grant_ SET status = ? WHERE status IN (?, ?) AND expires <= ? AND id != ?",
        (Status.EXPIRED.value, Status.ACTIVE.value, Status.PAUSED.value, micros(now), OWNER),
    )


def touch(conn: Connection, id: str, now: datetime) -> None:
    """Note that the grant was used."""
    conn.execute("UPDATE grant_ SET last_used = ? WHERE id = ?", (micros(now), id))


def live(grant: Grant, now: datetime) -> Status:
    """Return where the grant stands at `now`: only ACTIVE answers."""
    return Status.EXPIRED if grant.status is Status.ACTIVE and now >= grant.expires else grant.status


def view(grant: Grant, now: datetime) -> GrantView:
    """Return the grant as its owner sees it at `now`."""
    return GrantView(
        id=grant.id, client=grant.client, purpose=grant.purpose, actions=tuple(sorted(grant.actions)),
        scope=scope.in_words(grant.where), status=live(grant, now), created=grant.created, expires=grant.expires,
        last_used=grant.last_used,
    )  # fmt: skip


def _check(grant: Grant) -> None:
    names.grant_id(grant.id)
    if scope.name(grant.client) != grant.client:
        raise BadRequest(f"{grant.client!r} is not in Unicode's NFC form")
    if len(grant.purpose) > limits.PURPOSE:
        raise BadRequest(f"a purpose has at most {limits.PURPOSE} characters")
    if not grant.actions:
        raise BadRequest("a grant of no action grants nothing")
    if grant.id == OWNER:
        return
    if grant.client == OWNER:
        raise BadRequest("the name 'owner' is taken")
    if not grant.actions <= GRANTABLE:
        raise BadRequest(f"only the owner may {', '.join(sorted(grant.actions - GRANTABLE))}")
    if not grant.created < grant.expires <= grant.created + LONGEST:
        raise BadRequest(f"a grant lasts at least a moment and at most {LONGEST.days} days")


def _read(row: Any) -> Grant:
    id, client, purpose, actions, where, status, created, expires, last_used = row
    try:
        return Grant(
            id=id, client=client, purpose=purpose, actions=frozenset(map(Action, json.loads(actions))),
            where=scope.from_json(where), status=Status(status), created=from_micros(created),
            expires=from_micros(expires), last_used=None if last_used is None else from_micros(last_used),
        )  # fmt: skip
    except (ValueError, TypeError, OverflowError, BadRequest):
        raise Damaged(f"the stored grant {id} cannot be read") from None
