"""`ownvault approve · deny`: what the owner says to an assistant's request."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta

import click

from vault import sentences
from vault.cli import exposures, filters, grant, ids, plain, requests, screen, terms
from vault.cli.open import Open, opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest
from vault.types import Action, Approved, ApproveRequest, Asked, Detail, Filter, Lasting, Limits, Sensitivity


@click.command(cls=Command)
@click.argument("id")
@click.option("--once", is_flag=True, help="For this one answer (the default).")
@click.option("--for", "time", type=filters.Duration(), help="For all its answers to this action, for so long: 1h, 7d.")
@click.option("--always", is_flag=True, help="For all its answers to this action, until the grant ends.")
@terms.actions("Of access: only these of what is asked.")
@filters.which
@terms.much
@click.option("--expires", type=filters.Duration(), help="Of access: how long the grant lasts, at most as asked.")
@click.option("--all", "everything", is_flag=True, help="Of access that names no part: the whole vault.")
@pass_settings
def approve(
    settings: Settings, id: str, once: bool, time: timedelta | None, always: bool, actions: tuple[Action, ...] | None,
    filter: Filter, detail: Detail | None, limited: Limits, expires: timedelta | None, everything: bool,
) -> None:  # fmt: skip
    """Approve what an assistant asks for, or less.

    ID is the request's, or its first characters, from `ownvault requests`. An answer is approved once, for a
    time, or always. For access a new grant is made. Whatever else is named narrows what was asked.
    """
    if once + always + (time is not None) > 1:
        raise click.UsageError("choose one of --once, --for and --always", click.get_current_context())
    lasting = Lasting.ALWAYS if always else Lasting.WHILE if time else Lasting.ONCE
    request = ApproveRequest(lasting, int(time.total_seconds()) if time else None, filter, actions, detail, limited,
                             terms.seconds(expires), everything)  # fmt: skip
    with opened(settings) as vault:
        chosen = ids.request(vault, id)
        _sensible(vault, chosen, filter, once)
        done = vault.vault.approve(vault.holder, chosen, request)
    if settings.json:
        screen.emit(done)
    else:
        _approved(settings, done, lasting, filter)


def _sensible(vault: Open, id: str, filter: Filter, once: bool) -> None:
    """Raise BadRequest, with the nearest right, for access `once`, and when nothing of a held answer would be left."""
    if filter == Filter() and not once:
        return
    view = next((one for one in vault.vault.requests(vault.holder) if one.id == id), None)
    if once and view is not None and view.asked is Asked.ACCESS:
        raise BadRequest("access is granted for a time, not once", hint="say --expires 7d, or less")
    if filter == Filter() or view is None or not view.records:
        return
    ceiling = Sensitivity.parse(filter.sensitivity) if filter.sensitivity else Sensitivity.SECRET
    left = [
        one for one in view.records
        if (filter.collections is None or one.collection in filter.collections) and one.sensitivity <= ceiling
        and (not filter.since or (one.date and one.date >= filter.since))
        and (not filter.until or (one.date and one.date < filter.until))
    ]  # fmt: skip
    if not left:
        there = sorted({one.collection for one in view.records})
        levels = sorted({one.sensitivity for one in view.records})
        raise BadRequest(
            "narrowed like that, nothing of the answer would leave",
            hint=f"its records are in {sentences.listed(map(plain.one_line, there))}, "
            f"{sentences.listed(level.name.lower() for level in levels)}; to let nothing go: ownvault deny {id}",
        )


def _approved(settings: Settings, done: Approved, lasting: Lasting, filter: Filter) -> None:
    view, client = done.request, plain.one_line(done.request.client)
    if done.granted:
        screen.paragraph(f"Approved: {sentences.allowed(done.granted.grant)}.")
        exposures.show(done.granted.sees)
        if not done.granted.token:
            screen.note(settings, f"{client} gets tokens of its own, a quarter of an hour long each")
            return
        grant.token(done.granted)
        screen.note(settings, f"{client} can fetch this token itself, once; you need not hand it over")
        return
    until = screen.minute(view.until)
    screen.paragraph({
        Lasting.ONCE: f"Approved once: {client} gets this answer when it asks the same again, until {until}.",
        Lasting.WHILE: f"Approved until {until}: {client} is answered without asking you.",
        Lasting.ALWAYS: f"Approved for as long as its grant: {client} is answered without asking you until {until}.",
    }[lasting] + _only(filter))  # fmt: skip


def _only(filter: Filter) -> str:
    """Return what an approval was narrowed to."""
    where = requests.narrowing(asdict(replace(filter, since=None, until=None)) | {
        name: moment.isoformat() for name in ("since", "until") if (moment := getattr(filter, name))
    })  # fmt: skip
    return f" Only records {where}." if where else ""


@click.command(cls=Command)
@click.argument("id")
@pass_settings
def deny(settings: Settings, id: str) -> None:
    """Deny what an assistant asks for.

    For a day the same is not asked again. ID is the request's, or its first characters, from `ownvault requests`.
    """
    with opened(settings) as vault:
        view = vault.vault.deny(vault.holder, ids.request(vault, id))
    if settings.json:
        screen.emit(view)
    else:
        screen.say(f"denied: {plain.one_line(view.client)} is told no; the same does not come up again for a day")
