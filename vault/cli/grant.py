"""`ownvault grant`: what an assistant gets, said back in plain words, with what it sees and what it does not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click

from vault import sentences
from vault.cli import exposures, filters, plain, screen, suggestions, terms
from vault.cli.open import opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import VaultError
from vault.types import (
    Action,
    Approval,
    Detail,
    Exposure,
    Filter,
    Granted,
    GrantRequest,
    GrantView,
    Limits,
    Status,
    Usage,
)


@click.command(cls=Command)
@click.argument("client")
@click.option("--all", "everything", is_flag=True, help="The whole vault. Without it, name at least a collection.")
@terms.actions("Default: search, read and count; with --detail answers count alone.")
@filters.which
@terms.much
@click.option(
    "--approval", type=click.Choice([mode.value for mode in Approval]), default="never", show_default=True,
    help="When you are asked before an answer leaves: at first use, for sensitive records, each time.",
)  # fmt: skip
@click.option(
    "--expires", type=filters.Duration(), default="30d", show_default=True, help="How long it lasts: 12h, 30d, 8w."
)
@click.option("--purpose", default="", help="What it is for, for your own records.")
@click.option("--holder", default="", metavar="THUMBPRINT",
              help="The key that its bearer must prove: see `ownvault token key`.")  # fmt: skip
@click.option("--anyway", is_flag=True, help="Also with names that no record has yet.")
@click.option("--dry-run", is_flag=True, help="Only say what it would allow and show now.")
@pass_settings
def grant(
    settings: Settings, client: str, everything: bool, actions: tuple[Action, ...] | None, filter: Filter,
    detail: Detail | None, limited: Limits, approval: str, expires: timedelta, purpose: str, holder: str,
    anyway: bool, dry_run: bool,
) -> None:  # fmt: skip
    """Grant an assistant access to part of the vault.

    Says in plain words what CLIENT may do, sees now and does not see, and prints its capability token once.
    All conditions must hold together; nothing named means nothing granted. Of several --label, --person or
    other names one is enough. Records above the sensitivity `personal` stay out unless --sensitivity says more.
    """
    from vault.permissions import scope

    request = _request(client, terms.fitting(actions, detail), filter, everything, purpose, expires, detail, limited,
                       Approval(approval))  # fmt: skip
    request = replace(request, holder=holder)
    said = _view(request, scope.in_words(scope.from_filter(filter, all=everything)))
    rest: exposures.Hidden | None = None
    reasons: list[str] = []
    with opened(settings) as vault, screen.waiting(settings, "counting"):
        if not anyway:  # what is added may go into a collection that is not there yet
            suggestions.known(vault, replace(filter, collections=None) if Action.ADD in request.actions else filter)
        made = None if dry_run else vault.vault.grant(vault.holder, request)
        sees = made.sees if made else vault.vault.preview(vault.holder, request)
        with suppress(VaultError):  # the token is shown this once, whatever else can be told or not
            if _sees(request) and not (settings.json or settings.quiet):
                rest = exposures.hidden(vault, filter, sees)
            if _sees(request) and not sees.records:
                reasons = exposures.blocking(vault, filter) or ["no record meets all of these conditions"]
    if settings.json:
        screen.emit(made or sees)
    elif made and settings.quiet:
        screen.say(made.token)
    else:
        _answer(made.grant if made else said, sees, rest, "may" if made else "could")
        if made:
            token(made)
            screen.note(settings, f"\nwhat would it get? ownvault search 'a question' --as {made.grant.id}")
    if reasons:
        screen.note(settings, f"it sees nothing now: {'; '.join(reasons)}")


def _answer(view: GrantView, sees: Exposure, hidden: exposures.Hidden | None, may: str) -> None:
    screen.paragraph(sentences.allowed(view, may) + ".")
    if _sees(view):
        exposures.show(sees, hidden, lead="It sees" if may == "may" else "It would see")


def token(made: Granted) -> None:
    """Print the token, this once, and how to use it."""
    screen.say()
    screen.facts([("grant", made.grant.id), ("purpose", made.grant.purpose)], indent=0)
    screen.say("\ncapability token, shown this once:\n")
    screen.say(made.token)
    screen.say("\nhow to use it, with a running `ownvault serve`:")
    screen.say('  MCP    {"mcpServers": {"ownvault": {"command": "ownvault", "args": ["mcp"],')
    screen.say('         "env": {"OWNVAULT_TOKEN": "TOKEN"}}}}')
    screen.say("  shell  export OWNVAULT_TOKEN=TOKEN; ownvault search 'a question'")
    screen.say("  HTTP   Authorization: Bearer TOKEN")


def _sees(what: GrantRequest | GrantView) -> bool:
    """Whether anything of records is shown: adding alone shows none."""
    return set(what.actions) != {Action.ADD}


def _request(
    client: str, actions: tuple[Action, ...] | None, filter: Filter, everything: bool, purpose: str,
    expires: timedelta, detail: Detail | None, limited: Limits, approval: Approval,
) -> GrantRequest:  # fmt: skip
    said = {"actions": actions, "detail": detail, "expires_in": terms.seconds(expires)}
    chosen = {name: value for name, value in said.items() if value is not None}
    return GrantRequest(client, filter=filter, all=everything, purpose=purpose, limits=limited, approval=approval,
                        **chosen)  # type: ignore[arg-type]  # fmt: skip


def _view(request: GrantRequest, words: dict[str, object]) -> GrantView:
    """Return the grant as it would be, to be told of before it is made."""
    now = datetime.now(UTC)
    return GrantView(
        "", plain.one_line(request.client), request.purpose, request.actions, words, Status.ACTIVE, now,
        now + timedelta(seconds=request.expires_in), None, request.detail, request.limits, request.approval, "", "",
        Usage(),
    )  # fmt: skip
