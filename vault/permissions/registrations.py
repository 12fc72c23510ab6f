"""OAuth clients: those that the vault knows by a description of its own, and those that registered themselves.

SPEC.md, "OAuth". Nothing is ever fetched: a client id that is an address is one of `clients/known.json`, or nothing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from vault import limits
from vault.errors import BadRequest, Damaged, FlowRefused
from vault.legible import legible
from vault.permissions import names
from vault.types import Connection, RegisterRequest, Registration, from_micros, micros

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
APP_SCHEMES = frozenset({"cursor", "vscode", "vscode-insiders", "windsurf", "zed", "warp", "raycast"})
"""Schemes of well-known programs; others have a dot in them (RFC 8252, section 7.1)."""
_SUFFIX = 8
"""Characters at the end of a name that tell apart who calls itself the same."""
_ANSWERS = frozenset({"code", "state", "iss", "error", "error_description"})
"""What an answer adds to an address: one that says it already could pass another answer off as ours."""

_COLUMNS = "id, name, redirects, bound, created, expires"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,63}:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+", re.ASCII)
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?((?:[/?].*)?)", re.ASCII)


# ---------------------------------------------------------------- who there is


@cache
def known() -> Mapping[str, Registration]:
    """Return the clients whose descriptions came with the vault, by client id."""
    told = json.loads((files("vault.permissions") / "clients" / "known.json").read_text("utf-8"))
    return {one["client_id"]: _described(one) for one in told}


def _described(told: Mapping[str, Any]) -> Registration:
    return Registration(
        told["client_id"], names.name(told["client_name"]), tuple(map(checked_redirect, told["redirect_uris"])),
        bound=bool(told.get("dpop_bound_access_tokens")), devices=DEVICE_GRANT in told.get("grant_types", ()),
        known=True,
    )  # fmt: skip


def find(conn: Connection, id: str, now: datetime) -> Registration:
    """Return the client of this id; FlowRefused(invalid_client) when there is none, or its time is over."""
    if id in known():
        return known()[id]
    row = conn.execute(f"SELECT {_COLUMNS} FROM registration WHERE id = ?", (id,)).fetchone()  # noqa: S608
    found = None if row is None else _read(row)
    if found is None or (found.expires is not None and found.expires <= now):
        raise FlowRefused("this client is not known here", "invalid_client", hint="it can register while you let it: "
                          "ownvault pairing open")  # fmt: skip
    return found


def listed(conn: Connection) -> tuple[Registration, ...]:
    """Return the clients that registered themselves, newest first."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM registration ORDER BY created DESC, id")  # noqa: S608
    return tuple(map(_read, rows.fetchall()))


# ---------------------------------------------------------------- registering


def checked(request: RegisterRequest, id: str, now: datetime, expires: datetime) -> Registration:
    """Return the registration that a client asks for. FlowRefused for addresses that are none and a name that is none.

    Its name ends in four characters of its id, so it is nobody else's, whatever it calls itself.
    """
    redirects = tuple(dict.fromkeys(map(checked_redirect, request.redirects)))
    if len(redirects) > limits.REDIRECTS:
        raise FlowRefused(f"at most {limits.REDIRECTS} addresses", "invalid_redirect_uri")
    if any(_ANSWERS & dict(parse_qsl(urlsplit(one).query, keep_blank_values=True)).keys() for one in redirects):
        raise FlowRefused("redirect_uris: what an answer says is not for the address to say", "invalid_redirect_uri")
    name = f"{_named(request.name)} ({id[-4:]})"
    return Registration(id, name, redirects, request.bound, devices=True, created=now, expires=expires)


def _named(text: str) -> str:
    """Return what a client calls itself as a name here: only what a person can read of it."""
    said = unicodedata.normalize("NFC", legible(text[: 4 * limits.NAME]))
    kept = "".join(c if unicodedata.category(c)[0] in "LM" or c.isdecimal() or c in names.PUNCTUATION else " "
                   for c in said)  # fmt: skip
    short = " ".join(kept.split())[: limits.NAME - _SUFFIX].strip()
    try:
        return names.name(short)
    except BadRequest:
        raise FlowRefused("client_name: say what the client is called", "invalid_client_metadata") from None


def add(conn: Connection, registration: Registration) -> None:
    """Store a client that registered itself. FlowRefused when there are too many that are in use."""
    (there,) = conn.execute("SELECT count(*) FROM registration").fetchone()
    if there >= limits.REGISTERED:
        conn.execute(
            "DELETE FROM registration WHERE id IN (SELECT id FROM registration WHERE expires IS NULL AND id NOT IN"
            " (SELECT client FROM family WHERE ended IS NULL) ORDER BY created LIMIT 1)"
        )
        (there,) = conn.execute("SELECT count(*) FROM registration").fetchone()
    if there >= limits.REGISTERED or registration.created is None or registration.expires is None:
        raise FlowRefused("too many clients are registered", "temporarily_unavailable")
    conn.execute(
        f"INSERT INTO registration ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
        (registration.id, registration.name, json.dumps(registration.redirects), registration.bound,
         micros(registration.created), micros(registration.expires)),
    )  # fmt: skip


def keep(conn: Connection, id: str) -> None:
    """Note that the owner granted this client something: it is not forgotten by itself any more."""
    conn.execute("UPDATE registration SET expires = NULL WHERE id = ?", (id,))


def hold(conn: Connection, id: str, until: datetime) -> None:
    """Keep this client at least until then: it has asked for something."""
    conn.execute(
        "UPDATE registration SET expires = max(expires, ?) WHERE id = ? AND expires IS NOT NULL", (micros(until), id)
    )


def prune(conn: Connection, now: datetime) -> None:
    """Forget the clients that were granted nothing in time."""
    conn.execute("DELETE FROM registration WHERE expires <= ?", (micros(now),))


# ---------------------------------------------------------------- where answers are sent


def sends_to(registration: Registration, uri: str) -> bool:
    """Say whether this client may have its answer sent to `uri`: exactly an address that it named.

    Of a loopback address the port is free (RFC 8252, section 7.3): for the two literals always, for `localhost` only
    where a known client's own description leaves it out.
    """
    if uri in registration.redirects:
        return True
    wanted = _LOOPBACK.fullmatch(uri)
    if not wanted or not _URI.fullmatch(uri):
        return False
    for one in registration.redirects:
        named = _LOOPBACK.fullmatch(one)
        if named and named.groups() == wanted.groups() and (named[1] != "localhost" or registration.known):
            return True
    return False


def checked_redirect(uri: str) -> str:
    """Return `uri` if an answer may be sent there: https, http to this very machine, or a program's own scheme."""
    try:
        place = urlsplit(uri if isinstance(uri, str) and _URI.fullmatch(uri) and len(uri) <= limits.URL else "")
        host, _ = place.hostname, place.port
    except ValueError:
        place, host = urlsplit(""), None
    scheme = place.scheme
    good = (
        (scheme == "https" and bool(host) and "@" not in place.netloc)
        or (scheme == "http" and _LOOPBACK.fullmatch(uri) is not None)
        or ((scheme in APP_SCHEMES or "." in scheme) and "@" not in place.netloc)
    )
    if not good:
        raise FlowRefused("redirect_uris: https, http to this machine, or a program's own scheme",
                          "invalid_redirect_uri")  # fmt: skip
    return uri


def host(uri: str) -> str:
    """Return where a redirect goes, for a person: its host, or the scheme of the program that it opens."""
    place = urlsplit(uri)
    return place.netloc if place.scheme in ("http", "https") else f"{place.scheme}:"


def here(uri: str) -> bool:
    """Say whether an answer sent there stays on this machine, with whichever program listens."""
    return urlsplit(uri).scheme != "https"


def _read(row: Any) -> Registration:
    id, name, redirects, bound, created, expires = row
    try:
        return Registration(
            id, name, tuple(map(checked_redirect, json.loads(redirects))), bool(bound), devices=True,
            created=from_micros(created), expires=None if expires is None else from_micros(expires),
        )  # fmt: skip
    except (ValueError, TypeError, FlowRefused):
        raise Damaged(f"the stored registration {id} cannot be read") from None
