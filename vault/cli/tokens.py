"""`ownvault token`: a capability token in its holder's hands. Needs no vault and no passphrase."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vault import sentences
from vault.cli import bearer, filters, screen, terms
from vault.cli import open as open_
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest, Refused
from vault.types import GRANTABLE, Action, Detail, Filter, Sensitivity

if TYPE_CHECKING:
    from vault.permissions.tokens import Inspection, Published

NOT_KNOWN = "only the vault can tell whether it was revoked since, or its grant paused or narrowed"
WHY = {
    "token_expired": "this token has expired",
    "token_signature": "this token was not signed by that key, or was changed",
    "token_unknown_key": "this token was signed by a key that is not among those of the vault",
    "token_audience": "this token is for another vault",
}
"""What a holder may be told offline, where whoever has the key can find it out. The vault itself tells nobody."""
_KEY = click.option(
    "--key", metavar="KEY",
    help="The vault's public token key, ed25519/…; or a file with it, or with what the server shows at "
    "/.well-known/vault-keys.json. Asked of the running server otherwise.",
)  # fmt: skip


@click.group(cls=Group)
def token() -> None:
    """Narrow, inspect or verify a capability token, offline.

    The token is read from OWNVAULT_TOKEN or from FILE (- is stdin), never from the command line,
    which other programs can see.
    """


@token.command()
@click.argument("file", required=False)
@click.option(
    "--action", "actions", multiple=True, type=click.Choice(sorted(action.value for action in GRANTABLE)),
    help="Keep this action. May be repeated.",
)  # fmt: skip
@filters.which
@terms.with_detail("How much of a record leaves, at most.")
@click.option("--per-query", "results", type=terms.Quantity(), help="Records in one answer, at most.")
@click.option("--expires", type=filters.Duration(), help="End in this time from now at the latest: 12h, 30d.")
@_KEY
@pass_settings
def attenuate(
    settings: Settings, file: str | None, actions: tuple[str, ...], filter: Filter, detail: str | None,
    results: int | None, expires: timedelta | None, key: str | None,
) -> None:  # fmt: skip
    """Print a narrower token, to hand on.

    It can do at most what the given one can, and ends with it. Nobody can widen it again.
    """
    from vault.permissions import tokens

    given = bearer.obtain(file)
    narrower = {
        "actions": tuple(Action(action) for action in actions) or None,
        "collections": filter.collections,
        "sources": filter.sources,
        "kinds": filter.kinds,
        "labels": filter.labels,
        "without_labels": filter.without_labels or None,
        "people": filter.people,
        "since": filter.since,
        "until": filter.until,
        "last": filter.last,
        "sensitivity": Sensitivity.parse(filter.sensitivity) if filter.sensitivity else None,
        "owner_written": filter.owner_written,
        "detail": Detail.parse(detail) if detail else None,
        "results": results,
        "expires": datetime.now(UTC) + expires if expires else None,
    }
    tokens.fitting(given, **narrower)
    published = _published(settings, key)
    with _explained():
        narrowed = tokens.attenuate(given, published.key(tokens.inspect(given).key), **narrower)
    if settings.json:
        screen.emit({"token": narrowed})
    else:
        screen.say(narrowed)


@token.command()
@click.argument("file", required=False)
@pass_settings
def inspect(settings: Settings, file: str | None) -> None:
    """Show what a token says. It proves nothing: see `verify`."""
    from vault.permissions import tokens

    seen = tokens.inspect(bearer.obtain(file))
    if settings.json:
        screen.emit(seen)
    else:
        _print(seen)


@token.command()
@click.argument("file", required=False)
@_KEY
@pass_settings
def verify(settings: Settings, file: str | None, key: str | None) -> None:
    """Check that the vault signed a token and that it has not expired.

    Prints what it allows, or says why it is no good and exits with 4. Only the vault can tell whether it was revoked.
    """
    from vault.permissions import tokens

    given, published = bearer.obtain(file), _published(settings, key)
    with _explained():
        tokens.verify_offline(given, published, datetime.now(UTC))
    seen = tokens.inspect(given)
    if settings.json:
        checked = {"signature": True, "expiry": True, "audience": bool(published.audience), "revocation": False}
        screen.emit({"checked": checked, "token": seen})
        return
    signer = "this vault's" if published.audience else "the given"
    screen.say(f"signed by {signer} key{f' {seen.key}' if published.audience else ''}, not expired")
    _print(seen)
    screen.say(NOT_KNOWN)


@token.command("key")
@click.argument("file", type=click.Path(path_type=Path))
@pass_settings
def key_(settings: Settings, file: Path) -> None:
    """Make a key that a token can be bound to, in a new FILE.

    Prints its thumbprint, for `ownvault grant --holder`. A token bound to it is no good without the file: name that in
    OWNVAULT_KEY_FILE, beside OWNVAULT_TOKEN.
    """
    from vault.api.proving import Prover

    made = Prover.make(file)
    if settings.json:
        screen.emit({"holder": made.thumbprint, "file": str(file)})
    else:
        screen.say(made.thumbprint)


@contextmanager
def _explained() -> Iterator[None]:
    """Say why a token is no good."""
    try:
        yield
    except Refused as error:
        raise Refused(WHY.get(error.reason, "this is no token of a vault"), reason=error.reason) from None


def _print(seen: Inspection) -> None:
    screen.fields(
        [
            ("client", seen.client),
            ("grant", seen.grant),
            ("vault", seen.audience),
            ("may", ", ".join(seen.actions) or "nothing"),
            ("scope", sentences.conditions(seen.scope)),
            ("detail", seen.detail),
            ("per query", "" if seen.results is None else sentences.plural(seen.results, "record")),
            ("holder", seen.holder),
            ("until", screen.minute(seen.expires)),
            ("narrowed", sentences.plural(seen.blocks - 1, "time") if seen.blocks > 1 else "never"),
            ("other checks", f"{seen.other_checks}, so the vault does not accept it" if seen.other_checks else ""),
        ]
    )


def _published(settings: Settings, key: str | None) -> Published:
    """Return the keys that --key names or holds, else those that the running server publishes."""
    from vault.permissions.tokens import Published

    if key is None:
        server = open_.remote(open_.config(settings))
        if not server:
            raise BadRequest(
                "the vault's public key is not known",
                hint="name it with --key; the server shows it at /.well-known/vault-keys.json",
            )
        return Published.parse(json.dumps(server.public_keys()))
    return Published.parse(key if key.startswith("ed25519/") else bearer.read(key))
