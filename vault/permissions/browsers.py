"""Paired browsers, their tokens, and the sites they insert into. plugins/browser/SPEC.md, "Pairing and tokens"."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from vault import limits
from vault.errors import BadRequest, NotFound, PairingOver
from vault.types import Browser, Connection, Site, from_micros, micros

ACCESS, REFRESH = "ovb_", "ovp_"
"""What the two tokens begin with, so that neither is ever taken for another secret."""
SUFFIX = " (browser)"
"""Ends the name of a browser's client: no other client is called so by its own will."""
SITE_SUFFIX = " (site)"
_COLUMNS = "id, name, client, origin, key, adds, finds, decides, quiet, created, ended, refresh IS NOT NULL"
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\]", re.ASCII)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def digest(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


# ---------------------------------------------------------------- browsers


def add(conn: Connection, browser: Browser) -> None:
    """Store a browser that its owner let in. BadRequest when a live one has its name."""
    named = "SELECT 1 FROM browser WHERE client = ? AND ended IS NULL"
    if conn.execute(named, (browser.client,)).fetchone():
        raise BadRequest(f"there is a browser {browser.name!r} already", hint="name this one otherwise: --name NAME")
    (there,) = conn.execute("SELECT count(*) FROM browser WHERE ended IS NULL").fetchone()
    if there >= limits.BROWSERS:
        raise BadRequest(f"{limits.BROWSERS} browsers are paired", hint="unpair one: ownvault extension unpair NAME")
    conn.execute(
        "INSERT INTO browser (id, name, client, origin, key, adds, finds, decides, quiet, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (browser.id, browser.name, browser.client, browser.origin, browser.key, browser.adds, browser.finds,
         browser.decides, browser.quiet, micros(browser.created)),
    )  # fmt: skip


def get(conn: Connection, id: str) -> Browser:
    """Return the browser of this id or, if it is live, of this name. NotFound if there is none."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM browser WHERE id = ? OR (name = ? AND ended IS NULL)",  # noqa: S608
        (id, id),
    ).fetchone()
    if row is None:
        raise NotFound(f"there is no browser {id!r}", hint="see: ownvault extension list")
    return _read(row)


def listed(conn: Connection) -> tuple[Browser, ...]:
    """Return every browser, live ones first, the newest first."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM browser ORDER BY ended IS NOT NULL, created DESC, id")  # noqa: S608
    return tuple(map(_read, rows.fetchall()))


def known(conn: Connection, origin: str) -> bool:
    """Say whether an extension of this origin was ever paired."""
    return conn.execute("SELECT 1 FROM browser WHERE origin = ? LIMIT 1", (origin,)).fetchone() is not None


def end(conn: Connection, id: str, now: datetime) -> None:
    """End a browser: none of its tokens is good any more."""
    conn.execute("UPDATE browser SET ended = ? WHERE id = ? AND ended IS NULL", (micros(now), id))
    conn.execute("DELETE FROM browser_token WHERE browser = ?", (id,))


# ---------------------------------------------------------------- tokens


def fetch(conn: Connection, id: str, refresh: str) -> None:
    """Store the refresh token of a browser, once. PairingOver when it has one, or was ended."""
    done = conn.execute(
        "UPDATE browser SET refresh = ? WHERE id = ? AND refresh IS NULL AND ended IS NULL RETURNING id",
        (digest(refresh), id),
    ).fetchone()
    if done is None:
        raise PairingOver("this pairing was used already", reason="pairing_used")


def put_token(conn: Connection, id: str, token: str, expires: datetime, now: datetime) -> None:
    """Store an access token. Those that are over go, and of a browser that renews too often the first."""
    conn.execute("DELETE FROM browser_token WHERE expires <= ?", (micros(now),))
    conn.execute(
        "DELETE FROM browser_token WHERE secret IN (SELECT secret FROM browser_token WHERE browser = ?"
        " ORDER BY expires DESC LIMIT -1 OFFSET ?)",
        (id, limits.BROWSER_TOKENS - 1),
    )
    conn.execute(
        "INSERT INTO browser_token (secret, browser, expires) VALUES (?, ?, ?)", (digest(token), id, micros(expires))
    )


def of_token(conn: Connection, token: str, now: datetime) -> Browser | None:
    """Return the live browser whose access token this is, if its time is not over."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM browser WHERE ended IS NULL AND id ="  # noqa: S608
        " (SELECT browser FROM browser_token WHERE secret = ? AND expires > ?)",
        (digest(token), micros(now)),
    ).fetchone()
    return None if row is None else _read(row)


def of_refresh(conn: Connection, token: str) -> Browser | None:
    """Return the browser whose refresh token this is, also one that was ended."""
    row = conn.execute(f"SELECT {_COLUMNS} FROM browser WHERE refresh = ?", (digest(token),)).fetchone()  # noqa: S608
    return None if row is None else _read(row)


def _read(row: Any) -> Browser:
    id, name, client, origin, key, adds, finds, decides, quiet, created, ended, fetched = row
    return Browser(id, name, client, origin, key, adds, finds, bool(decides), bool(quiet), from_micros(created),
                   None if ended is None else from_micros(ended), bool(fetched))  # fmt: skip


# ---------------------------------------------------------------- sites


def site(origin: str) -> str:
    """Return the origin of a site if something may be inserted there: https, or this machine. BadRequest otherwise."""
    try:
        parts = urlsplit(origin) if len(origin) <= limits.NAME and origin.isascii() else urlsplit("")
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    shown = f"[{host}]" if ":" in host else host
    exact = f"{parts.scheme}://{shown}{f':{port}' if port is not None else ''}"
    good = parts.scheme == "https" or (parts.scheme == "http" and shown in _LOOPBACK)
    if not good or exact != origin or not _HOST.fullmatch(shown):
        raise BadRequest("site: should be the origin of a page, like https://example.org")
    return origin


def host(origin: str) -> str:
    """Return a site as a person names it: its host, and its port where that says something."""
    return urlsplit(origin).netloc


def sites(conn: Connection, browser: str) -> tuple[Site, ...]:
    """Return the sites of a browser, by origin."""
    rows = conn.execute(
        "SELECT origin, client, grant_, blocked FROM site WHERE browser = ? ORDER BY origin", (browser,)
    )
    return tuple(Site(origin, client, grant, bool(blocked)) for origin, client, grant, blocked in rows)


def keep_site(conn: Connection, browser: str, site: Site) -> None:
    """Store what is known of a site. BadRequest when one browser has too many."""
    (there,) = conn.execute(
        "SELECT count(*) FROM site WHERE browser = ? AND origin != ?", (browser, site.origin)
    ).fetchone()  # fmt: skip
    if there >= limits.SITES:
        raise BadRequest(f"a browser inserts into at most {limits.SITES} sites")
    conn.execute(
        "INSERT OR REPLACE INTO site (browser, origin, client, grant_, blocked) VALUES (?, ?, ?, ?, ?)",
        (browser, site.origin, site.client, site.grant, site.blocked),
    )


def had(conn: Connection, clients: Sequence[str]) -> list[tuple[str, datetime, int]]:
    """Return the records that any of these clients was given, with when last and how often, the last first."""
    found: dict[str, tuple[int, int]] = {}
    for client in clients:
        for record, last, times in conn.execute("SELECT record, last, times FROM released WHERE client = ?", (client,)):
            before = found.get(record, (0, 0))
            found[record] = max(before[0], last), before[1] + times
    ordered = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))
    return [(record, from_micros(last), times) for record, (last, times) in ordered]
