"""`ownvault grants`: what assistants may do; looking at a grant, stopping it for a while, making it narrower."""

from __future__ import annotations

from datetime import timedelta

import click

from vault import sentences
from vault.cli import exposures, filters, ids, plain, screen, terms
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.types import Action, Approval, Detail, Filter, GrantView, Limits, NarrowRequest, Status, Usage

PAUSES = {
    "owner": "paused by you",
    "queries_per_hour": "paused: its questions of the hour are used up",
    "records_per_day": "paused: its records of the day are used up",
    "bytes_per_day": "paused: its text of the day is used up",
}


@click.group(cls=Group, invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Also those that were revoked or have expired.")
@click.pass_context
def grants(context: click.Context, everything: bool) -> None:
    """List the grants; preview, pause, resume or narrow one.

    Without a command, lists them in plain words. Where a command takes ID, the first four characters
    are enough, or the name of a client that has one live grant.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings) as vault:
        made = vault.vault.grants(vault.holder)
    shown = [view for view in made if everything or view.status not in ids.ENDED]
    if settings.json:
        screen.emit({"grants": shown})
    elif not shown:
        screen.say("no live grants" if made else "no grants")
        screen.note(settings, "ownvault grants --all shows the ended ones" if made else
                    "next: ownvault grant claude --collection NAME --dry-run")  # fmt: skip
    for number, view in enumerate(() if settings.json else shown):
        if number:
            screen.say()
        tell(view)


def tell(view: GrantView) -> None:
    """Print a grant: its id and state, what it allows, what was used of it."""
    state = PAUSES.get(view.paused_for, "paused") if view.status is Status.PAUSED else str(view.status)
    last = f"last used {screen.minute(view.last_used)}" if view.last_used else "never used"
    screen.say(f"{screen.bold(view.id)}  {plain.one_line(view.client)}  {state}, {last}")
    screen.paragraph(sentences.allowed(view) + ".", indent=2)
    used = sentences.used(view.limits, view.used) if view.used != Usage() else ""
    screen.facts([("used", used), ("purpose", view.purpose)])


@grants.command()
@click.argument("id")
@pass_settings
def preview(settings: Settings, id: str) -> None:
    """Show what a grant shows now, and what came since it was made."""
    with opened(settings) as vault:
        seen = vault.vault.expose(vault.holder, ids.grant(vault, id))
        filter = exposures.as_filter(seen.grant.scope)
        rest = exposures.hidden(vault, filter, seen.sees) if filter and not settings.json else None
    if settings.json:
        screen.emit(seen)
        return
    tell(seen.grant)
    since = f"it saw {sentences.plural(seen.then, 'record')} when it was made; {seen.added:,} of today's came since"
    exposures.show(seen.sees, rest, more=[("at first", since)])


@grants.command()
@click.argument("id")
@pass_settings
def pause(settings: Settings, id: str) -> None:
    """Let a grant answer nothing until it is resumed."""
    with opened(settings) as vault:
        view = vault.vault.pause(vault.holder, ids.grant(vault, id))
    _changed(settings, view, f"paused {view.id} of {plain.one_line(view.client)}: it answers nothing")
    screen.note(settings, f"to let it answer again: ownvault grants resume {view.id}")


@grants.command()
@click.argument("id")
@pass_settings
def resume(settings: Settings, id: str) -> None:
    """Let a paused grant answer again; what it used before does not count any more."""
    with opened(settings) as vault:
        view = vault.vault.resume(vault.holder, ids.grant(vault, id))
    _changed(settings, view, f"resumed {view.id}: {sentences.allowed(view)}.")


@grants.command()
@click.argument("id")
@terms.actions("What is not named is taken away.")
@filters.which
@terms.much
@click.option("--approval", type=click.Choice([mode.value for mode in Approval]), help="Ask you more often.")
@click.option("--expires", type=filters.Duration(), help="End in this time from now: 12h, 30d.")
@pass_settings
def narrow(
    settings: Settings, id: str, actions: tuple[Action, ...] | None, filter: Filter, detail: Detail | None,
    limited: Limits, approval: str | None, expires: timedelta | None,
) -> None:  # fmt: skip
    """Take something away from a grant, for all its tokens at once.

    What is named here is what stays of it; what is not named stays as it was. Nothing can widen a grant.
    """
    request = NarrowRequest(filter, actions, detail, limited, terms.seconds(expires),
                            Approval(approval) if approval else None)  # fmt: skip
    with opened(settings) as vault:
        chosen = ids.grant(vault, id)
        before = vault.vault.expose(vault.holder, chosen)
        view = vault.vault.narrow(vault.holder, chosen, request)
        after = vault.vault.expose(vault.holder, chosen)
    _changed(settings, view, f"narrowed {view.id}: {sentences.allowed(view)}.")
    if not settings.json:
        was, now = before.sees.records, after.sees.records
        fewer = f"{was - now:,} fewer than before" if was > now else "as many as before"
        screen.say(f"It sees {sentences.plural(now, 'record')} now, {fewer}.")
        if was and not now:
            screen.note(
                settings, "that leaves nothing to see, and no grant is ever widened: if it was not meant, grant anew"
            )


def _changed(settings: Settings, view: GrantView, words: str) -> None:
    if settings.json:
        screen.emit(view)
    else:
        screen.paragraph(words)
