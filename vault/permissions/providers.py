"""The language models that the owner let answer: where they are, and by which grant. SPEC.md, "Providers"."""

from __future__ import annotations

import unicodedata
from ipaddress import ip_address
from urllib.parse import urlsplit

from vault import limits
from vault.errors import BadRequest, NotFound
from vault.types import Connection, Provider


def check(provider: Provider) -> None:
    """Raise BadRequest for an address that is none, or one to which the prompt would travel readable by others."""
    try:
        place = urlsplit(provider.url)
        host, _ = place.hostname or "", place.port
    except ValueError:
        place, host = urlsplit(""), ""
    odd = "@" in place.netloc or any(mark in provider.url for mark in "?# ")
    if place.scheme not in ("http", "https") or not host or odd:
        raise BadRequest("this is no provider's address", hint="it looks like http://127.0.0.1:11434/v1")
    if place.scheme == "http" and not local(host):
        raise BadRequest("what is sent there could be read on the way", hint="use https, or a tunnel to this machine")
    if len(provider.url) > limits.URL or not provider.url.isascii() or not provider.url.isprintable():
        raise BadRequest("this is no provider's address")
    if "/" in provider.name:  # it is a part of a path over REST
        raise BadRequest("a provider's name has no slash", hint=f"say {provider.name.replace('/', '-')}")
    if not 1 <= len(provider.model) <= limits.MODEL or not provider.model.isprintable():
        raise BadRequest("name the model as the provider calls it")
    if len(provider.key) > limits.KEY or not (provider.key.isascii() and provider.key.isprintable()):
        raise BadRequest("this is no provider's key")
    if not limits.LEAST_WINDOW <= provider.window <= limits.WINDOW:
        raise BadRequest(f"a prompt has {limits.LEAST_WINDOW:,} to {limits.WINDOW:,} characters")


def local(host: str) -> bool:
    """Say whether a host is this very machine: what goes there passes no network."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def put(conn: Connection, provider: Provider) -> None:
    """Store a provider; one of the same name is replaced, and keeps its place."""
    conn.execute(
        "INSERT INTO provider (name, url, model, key, window, grant_, place)"
        " VALUES (?, ?, ?, ?, ?, ?, (SELECT ifnull(max(place), 0) + 1 FROM provider))"
        " ON CONFLICT (name) DO UPDATE SET url = excluded.url, model = excluded.model, key = excluded.key,"
        " window = excluded.window, grant_ = excluded.grant_",
        (provider.name, provider.url, provider.model, provider.key, provider.window, provider.grant),
    )


def get(conn: Connection, name: str) -> Provider:
    """Return one provider; NotFound if there is none of this name."""
    row = conn.execute(
        "SELECT name, url, model, key, window, grant_, place FROM provider WHERE name = ?",
        (unicodedata.normalize("NFC", name),),  # as it was stored
    ).fetchone()
    if row is None:
        raise NotFound(f"no provider {name!r}", hint="see: ownvault providers")
    return Provider(*row)


def listed(conn: Connection) -> tuple[Provider, ...]:
    """Return the providers in the order in which they are asked."""
    rows = conn.execute("SELECT name, url, model, key, window, grant_, place FROM provider ORDER BY place, name")
    return tuple(Provider(*row) for row in rows)


def remove(conn: Connection, name: str) -> None:
    """Forget a provider and its key."""
    conn.execute("DELETE FROM provider WHERE name = ?", (name,))


def order(conn: Connection, names: tuple[str, ...]) -> None:
    """Put these first, in this order; the others follow as they stood. NotFound if one is none."""
    if len(set(names)) < len(names):
        raise BadRequest("a provider is named twice")
    first = [get(conn, name).name for name in names]
    rest = [one.name for one in listed(conn) if one.name not in first]
    rows = [(place, name) for place, name in enumerate([*first, *rest], 1)]
    conn.executemany("UPDATE provider SET place = ? WHERE name = ?", rows)
