"""`ownvault grant · grants · revoke`: what assistants may do."""

from __future__ import annotations

import json
import unicodedata
from datetime import timedelta

import click

from vault.cli import filters, plain, screen
from vault.cli.open import Open, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import NotFound
from vault.types import GRANTABLE, Action, Exposure, Filter, Granted, GrantRequest, GrantView, Status

ENDED = (Status.REVOKED, Status.EXPIRED)


@click.command(cls=Command)
@click.argument("client")
@click.option("--all", "everything", is_flag=True, help="The whole vault. Without it, name at least a collection.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(sorted(action.value for action in GRANTABLE)),
    help="What CLIENT may do; may be repeated. Default: search, read and count.",
)
@filters.which
@click.option(
    "--expires", type=filters.Duration(), default="30d", show_default=True, help="How long it lasts: 12h, 30d, 8w."
)
@click.option("--purpose", default="", help="What it is for, for your own records.")
@click.option("--dry-run", is_flag=True, help="Only say what it would show now.")
@pass_settings
def grant(
    settings: Settings, client: str, everything: bool, actions: tuple[str, ...], filter: Filter,
    expires: timedelta, purpose: str, dry_run: bool,
) -> None:  # fmt: skip
    """Grant an assistant access to part of the vault.

    Prints the capability token once. All conditions must hold together; nothing named means nothing granted.
    Records above the sensitivity `personal` stay out unless --sensitivity says more.
    """
    request = GrantRequest(
        client, filter=filter, all=everything, purpose=purpose, expires_in=int(expires.total_seconds())
    )
    if actions:
        request = GrantRequest(
            client, tuple(Action(a) for a in actions), filter, everything, purpose, request.expires_in
        )
    with opened(settings) as vault, screen.waiting(settings, "counting"):
        if dry_run:
            sees = vault.vault.preview(vault.holder, request)
        else:
            made = vault.vault.grant(vault.holder, request)
    if settings.json:
        screen.emit(sees if dry_run else made)
    elif dry_run:
        screen.say(f"{plain.one_line(client)} would see {_seen(sees)}")
    elif settings.quiet:
        screen.say(made.token)
    else:
        _print(made)


def _print(made: Granted) -> None:
    view = made.grant
    screen.say(f"granted {screen.bold(plain.one_line(view.client))} {_actions(view)} until {screen.day(view.expires)}")
    screen.fields(
        [
            ("grant", view.id),
            ("scope", screen.conditions(view.scope)),
            ("sees now", _seen(made.sees)),
            ("purpose", view.purpose),
        ]
    )
    screen.say("\ncapability token, shown this once:\n")
    screen.say(made.token)
    config = {"mcpServers": {"ownvault": {"command": "ownvault", "args": ["mcp"], "env": {"OWNVAULT_TOKEN": "TOKEN"}}}}
    screen.say("\nhow to use it, with a running `ownvault serve`:")
    screen.say("  MCP    " + json.dumps(config))
    screen.say("  shell  export OWNVAULT_TOKEN=TOKEN; ownvault search 'a question'")
    screen.say("  HTTP   Authorization: Bearer TOKEN")


def _seen(sees: Exposure) -> str:
    each = ", ".join(f"{name} {number:,}" for name, number in sees.collections.items())
    return plain.one_line(screen.plural(sees.records, "record") + (f" ({each})" if each else ""))


def _actions(view: GrantView) -> str:
    words = [str(action) for action in view.actions]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="Also those that were revoked or have expired.")
@pass_settings
def grants(settings: Settings, everything: bool) -> None:
    """List the grants."""
    with opened(settings) as vault:
        made = vault.vault.grants(vault.holder)
    shown = [view for view in made if everything or view.status not in ENDED]
    if settings.json:
        screen.emit({"grants": shown})
    elif shown:
        rows = [_row(view) for view in shown]
        screen.table(("grant", "client", "status", "may", "scope", "expires", "last used"), rows)
    else:
        screen.say("no live grants" if made else "no grants")


def _row(view: GrantView) -> tuple[str, ...]:
    used = screen.minute(view.last_used) or "never"
    scope = screen.conditions(view.scope)
    return view.id, view.client, view.status, ", ".join(view.actions), scope, screen.day(view.expires), used


@click.command(cls=Command)
@click.argument("id", required=False)
@click.option("--client", help="Every live grant of this client.")
@pass_settings
def revoke(settings: Settings, id: str | None, client: str | None) -> None:
    """Revoke a grant, at once and everywhere.

    ID is the grant's, from `ownvault grants`. All tokens made from it are refused from the next request on.
    """
    if (id is None) == (client is None):
        raise click.UsageError("name one grant, or --client NAME", click.get_current_context())
    with opened(settings) as vault:
        ids = [id] if id else _live(vault, client or "")
        if not ids:
            raise NotFound(f"{client} has no live grant", hint="see: ownvault grants --all")
        revoked = [vault.vault.revoke(vault.holder, one) for one in ids]
    if settings.json and id:
        screen.emit(revoked[0])
    elif settings.json:
        screen.emit({"grants": revoked})
    else:
        for view in revoked:
            screen.say(f"revoked {view.id} of {plain.one_line(view.client)}")


def _live(vault: Open, client: str) -> list[str]:
    composed = unicodedata.normalize("NFC", client)  # as the vault keeps it; some terminals send letter and mark apart
    return [
        view.id for view in vault.vault.grants(vault.holder) if view.client == composed and view.status not in ENDED
    ]
