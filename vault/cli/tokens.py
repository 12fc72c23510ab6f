"""`ownvault token`: a capability token in its holder's hands. Needs no vault and no passphrase."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from vault.cli import filters, screen
from vault.cli import open as open_
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest
from vault.types import GRANTABLE, Action, Filter, Sensitivity

LONGEST = 64 * 1024
"""Characters of what may stand where a token is expected; the token's own limit is far below."""


@click.group(cls=Group)
def token() -> None:
    """Narrow or inspect a capability token, offline.

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
@click.option("--expires", type=filters.Duration(), help="End in this time from now at the latest: 12h, 30d.")
@click.option(
    "--key", metavar="KEY", help="The vault's public token key, ed25519/…; asked of the running server otherwise."
)
@pass_settings
def attenuate(
    settings: Settings,
    file: str | None,
    actions: tuple[str, ...],
    filter: Filter,
    expires: timedelta | None,
    key: str | None,
) -> None:
    """Print a narrower token, to hand on.

    It can do at most what the given one can, and ends with it. Nobody can widen it again.
    """
    from vault.permissions import tokens

    given = _token(file)
    now = datetime.now(UTC)
    narrowed = tokens.attenuate(
        given,
        tokens.public_key(key or _published(settings)),
        actions=tuple(Action(action) for action in actions) or None,
        collections=filter.collections,
        expires=now + expires if expires else None,
        sources=filter.sources,
        kinds=filter.kinds,
        labels=filter.labels,
        without_labels=filter.without_labels or None,
        people=filter.people,
        since=_since(filter, now),
        until=filter.until,
        sensitivity=Sensitivity.parse(filter.sensitivity) if filter.sensitivity else None,
        owner_written=filter.owner_written,
    )
    if settings.json:
        screen.emit({"token": narrowed})
    else:
        screen.say(narrowed)


@token.command()
@click.argument("file", required=False)
@pass_settings
def inspect(settings: Settings, file: str | None) -> None:
    """Show what a token says. It proves nothing: only the vault can tell whether it is good."""
    from vault.permissions import tokens

    seen = tokens.inspect(_token(file))
    if settings.json:
        screen.emit(seen)
        return
    screen.fields(
        [
            ("client", seen.client),
            ("grant", seen.grant),
            ("vault", seen.audience),
            ("may", ", ".join(seen.actions) or "nothing"),
            ("collections", ", ".join(seen.collections)),
            ("until", screen.minute(seen.expires)),
            ("narrowed", screen.plural(seen.blocks - 1, "time") if seen.blocks > 1 else "never"),
            ("narrowed to", screen.conditions(seen.scope) if seen.blocks > 1 else ""),
            ("other checks", str(seen.other_checks or "")),
        ]
    )


def _since(filter: Filter, now: datetime) -> datetime | None:
    """A caveat knows no rolling window: one that is asked for begins to count now."""
    window = now - timedelta(days=filter.last) if filter.last else None
    return max(filter.since, window) if filter.since and window else filter.since or window


def _published(settings: Settings) -> str:
    server = open_.remote(open_.config(settings))
    if not server:
        raise BadRequest(
            "the vault's public key is not known",
            hint="name it with --key; the server shows it at /.well-known/vault-keys.json",
        )
    published: Any = server.public_keys()
    return str(published["token_keys"][0]["public_key"])


def _token(file: str | None) -> str:
    if file is None:
        found = os.environ.get("OWNVAULT_TOKEN", "")
    else:
        try:
            with open(0, "rb", closefd=False) if file == "-" else Path(file).open("rb") as source:
                found = source.read(LONGEST).decode("ascii", "replace").strip()
        except OSError as error:
            raise BadRequest(f"cannot read {file}: {(error.strerror or 'unreadable').lower()}") from None
    if not found:
        raise BadRequest("there is no token", hint="set OWNVAULT_TOKEN, or name a file that holds it; - is stdin")
    return found
