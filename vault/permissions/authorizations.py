"""OAuth clients on their way to a grant: from the wish that is put before the owner to the code that is redeemed.

SPEC.md, "OAuth". Of every secret only its SHA-256 is stored. Each stage is left once, whoever asks how often.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from vault import limits
from vault.errors import Damaged, FlowRefused
from vault.permissions import registrations
from vault.types import Asker, Authorization, Connection, Flow, Registration, Stage, Verdict, from_micros, micros

_COLUMNS = (
    "id, flow, client, secret, issuer, resource, redirect, state, challenge, holder, stage, created, expires, code,"
    " user_code"
)
_SELECT = f"SELECT {_COLUMNS} FROM authorization"  # noqa: S608 - our own column names
_INSERT = f"INSERT INTO authorization ({_COLUMNS}) VALUES ({', '.join('?' * 15)})"  # noqa: S608


# ---------------------------------------------------------------- what there is


def get(conn: Connection, id: str) -> Authorization | None:
    """Return the authorization that a request belongs to; None when it is not one of OAuth."""
    return _one(conn, "id = ?", id)


def of_secret(conn: Connection, digest: bytes) -> Authorization | None:
    """Return the one whose page, or whose device, has this secret."""
    return _one(conn, "secret = ?", digest)


def of_code(conn: Connection, digest: bytes) -> Authorization | None:
    """Return the one whose code this is, redeemed or not."""
    return _one(conn, "code = ?", digest)


def of_user_code(conn: Connection, user_code: str, now: datetime) -> Authorization | None:
    """Return the one whose device shows this code, as long as it waits."""
    return _one(conn, "user_code = ? AND stage = 'waiting' AND expires > ?", user_code, micros(now))


def _one(conn: Connection, which: str, *values: Any) -> Authorization | None:
    row = conn.execute(f"{_SELECT} WHERE {which}", values).fetchone()
    return None if row is None else _read(row)


def asker(found: Authorization, name: str) -> Asker:
    """Return who asks, as the owner and the page that waits show it."""
    here = not found.redirect or registrations.here(found.redirect)
    known = found.client in registrations.known()
    return Asker(found.client, name, known, found.redirect, here, found.user_code)


# ---------------------------------------------------------------- the way


def begin(conn: Connection, wanted: Authorization, registration: Registration) -> None:
    """Store a new one. FlowRefused while too many wait, of this client or of all, or its owner has just said no."""
    since = micros(wanted.created - timedelta(hours=1))
    (waiting, own) = conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE a.client = ?) FROM authorization a JOIN request r ON r.id = a.id"
        " WHERE r.verdict = ? AND r.expires > ?",
        (registration.id, Verdict.PENDING.value, micros(wanted.created)),
    ).fetchone()
    (refused,) = conn.execute(
        "SELECT count(*) FROM authorization a JOIN request r ON r.id = a.id"
        " WHERE a.client = ? AND r.verdict = ? AND r.decided > ?",
        (registration.id, Verdict.DENIED.value, since),
    ).fetchone()
    if waiting >= limits.CONSENTS or own >= limits.CONSENTS_EACH or refused >= limits.DENIALS:
        raise FlowRefused("too much waits for the owner, or was just denied", "temporarily_unavailable",
                          hint="try again later")  # fmt: skip
    conn.execute(_INSERT, _row(wanted))


def issue(conn: Connection, found: Authorization, code: bytes, now: datetime) -> None:
    """Note the code that was made for it; it is good for limits.CODE_SECONDS."""
    until = now + timedelta(seconds=limits.CODE_SECONDS)
    conn.execute(
        "UPDATE authorization SET stage = ?, code = ?, expires = ? WHERE id = ?",
        (Stage.ISSUED.value, code, micros(until), found.id),
    )


def move(conn: Connection, id: str, stage: Stage) -> None:
    """Note that it is redeemed, or over."""
    conn.execute("UPDATE authorization SET stage = ? WHERE id = ?", (stage.value, id))


def prolong(conn: Connection, id: str, until: datetime) -> None:
    """Give its client time to come for the answer, at least until then."""
    conn.execute("UPDATE authorization SET expires = max(expires, ?) WHERE id = ?", (micros(until), id))


def overdue(conn: Connection, now: datetime) -> tuple[Authorization, ...]:
    """Return those whose time is over while they wait, or their code does. What is long over is forgotten."""
    rows = conn.execute(
        f"{_SELECT} WHERE stage IN (?, ?) AND expires <= ?", (Stage.WAITING.value, Stage.ISSUED.value, micros(now))
    ).fetchall()
    conn.execute(
        "DELETE FROM authorization WHERE stage IN (?, ?) AND created < ?",
        (Stage.OVER.value, Stage.REDEEMED.value, micros(now - timedelta(days=limits.CONSENT_DAYS))),
    )
    return tuple(map(_read, rows))


# ---------------------------------------------------------------- rows


def _row(one: Authorization) -> tuple[Any, ...]:
    return (
        one.id, one.flow.value, one.client, one.secret, one.issuer, one.resource, one.redirect, one.state,
        one.challenge, one.holder, one.stage.value, micros(one.created), micros(one.expires), one.code,
        one.user_code,
    )  # fmt: skip


def _read(row: Any) -> Authorization:
    (id, flow, client, secret, issuer, resource, redirect, state, challenge, holder, stage, created, expires, code,
     user_code) = row  # fmt: skip
    try:
        return Authorization(
            id, Flow(flow), client, bytes(secret), issuer, resource, redirect, state, challenge, holder, Stage(stage),
            from_micros(created), from_micros(expires), None if code is None else bytes(code), user_code,
        )  # fmt: skip
    except (ValueError, TypeError, OverflowError):
        raise Damaged(f"the stored authorization {id} cannot be read") from None
