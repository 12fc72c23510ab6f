"""Refresh tokens: families of them, each token good once. SPEC.md, "OAuth". Only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault import limits
from vault.types import Connection, from_micros, micros

PREFIX = "ovr_"
"""What a refresh token begins with, so that it is never taken for another secret."""
_LABEL = b"ownvault/v1/refresh\x00"
_ALPHABET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Family:
    """All refresh tokens that came of one authorization, whose id it shares. `holder` is the key that they need."""

    id: str
    client: str
    grant: str
    issuer: str
    resource: str
    holder: str
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """One refresh token: whose family, and when it was used, if it was."""

    family: str
    used: datetime | None


def digest(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def fresh(random: bytes) -> str:
    """Return the first token of a family; `random` are 32 bytes that nobody else knows."""
    assert len(random) == _ALPHABET_BYTES
    return PREFIX + random.hex()


def successor(token: str, key: bytes | bytearray) -> str:
    """Return the token that follows this one. Always the same, so that a lost answer can be given again; and only the
    vault, which has the key, can tell it."""
    return PREFIX + hmac.new(key, _LABEL + token.encode(), hashlib.sha256).hexdigest()


# ---------------------------------------------------------------- families


def start(conn: Connection, family: Family) -> None:
    """Store a family; it has no token yet."""
    conn.execute(
        "INSERT INTO family (id, client, grant_, issuer, resource, holder, ended) VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (family.id, family.client, family.grant, family.issuer, family.resource, family.holder),
    )


def family(conn: Connection, id: str) -> Family | None:
    """Return the family of this id, if there is one."""
    return _family(conn, "id = ?", id)


def of_grant(conn: Connection, grant: str) -> Family | None:
    """Return the family that belongs to a grant; None when that was not made over OAuth."""
    return _family(conn, "grant_ = ?", grant)


def _family(conn: Connection, which: str, value: str) -> Family | None:
    row = conn.execute(
        f"SELECT id, client, grant_, issuer, resource, holder, ended FROM family WHERE {which}",  # noqa: S608
        (value,),
    ).fetchone()
    if row is None:
        return None
    id, client, grant, issuer, resource, holder, ended = row
    return Family(id, client, grant, issuer, resource, holder, ended is not None)


def end(conn: Connection, id: str, now: datetime) -> None:
    """End a family: none of its tokens is good any more, and they are forgotten."""
    conn.execute("UPDATE family SET ended = ? WHERE id = ? AND ended IS NULL", (micros(now), id))
    conn.execute("DELETE FROM refresh WHERE family = ?", (id,))


# ---------------------------------------------------------------- tokens


def put(conn: Connection, token: str, family: str, now: datetime) -> None:
    """Store a token that was not used yet."""
    conn.execute("INSERT INTO refresh (secret, family, created) VALUES (?, ?, ?)", (digest(token), family, micros(now)))


def get(conn: Connection, token: str) -> Refresh | None:
    """Return what is known of a token."""
    row = conn.execute("SELECT family, used FROM refresh WHERE secret = ?", (digest(token),)).fetchone()
    return None if row is None else Refresh(row[0], None if row[1] is None else from_micros(row[1]))


def use(conn: Connection, token: str, now: datetime) -> None:
    """Note that a token was used."""
    conn.execute("UPDATE refresh SET used = ? WHERE secret = ?", (micros(now), digest(token)))


def repeatable(conn: Connection, token: str, used: datetime, next_token: str, now: datetime) -> bool:
    """Say whether a used token may have its answer once more: shortly after, and while nobody used that answer."""
    following = get(conn, next_token)
    soon = used <= now < used + timedelta(seconds=limits.RETRY_SECONDS)
    return soon and following is not None and following.used is None


def lately(conn: Connection, family: str, now: datetime) -> int:
    """Return how many tokens of a family were made in the last hour."""
    (made,) = conn.execute(
        "SELECT count(*) FROM refresh WHERE family = ? AND created > ?", (family, micros(now - timedelta(hours=1)))
    ).fetchone()
    return int(made)
