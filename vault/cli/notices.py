"""`ownvault notices`: what the owner should know and has not dismissed."""

from __future__ import annotations

import click

from vault import sentences
from vault.cli import plain, screen
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.types import Notice, Notices

LIMITS = {
    "queries_per_hour": "its questions of the hour",
    "records_per_day": "its records of the day",
    "bytes_per_day": "its text of the day",
}


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def notices(context: click.Context) -> None:
    """List what you should know and have not dismissed.

    Limits that were reached, grants that ended, assistants that ask for approval or sweep through the vault.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings, remind=False) as vault:
        told = vault.vault.notices(vault.holder)
    _show(settings, told)


@notices.command()
@click.argument("numbers", type=int, nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "everything", is_flag=True, help="Every notice there is now.")
@pass_settings
def dismiss(settings: Settings, numbers: tuple[int, ...], everything: bool) -> None:
    """Take notices away that you have read."""
    if bool(numbers) == everything:
        raise click.UsageError("name a notice's number, or say --all", click.get_current_context())
    with opened(settings, remind=False) as vault:
        told = vault.vault.notices(vault.holder) if everything else Notices(())
        for number in [one.number for one in told.notices] if everything else numbers:
            told = vault.vault.dismiss(vault.holder, number)
    _show(settings, told)


def _show(settings: Settings, told: Notices) -> None:
    if settings.json:
        screen.emit(told)
    elif not told.notices:
        screen.say("no notices")
    else:
        for one in told.notices:
            screen.say(f"{screen.dim(str(one.number))}  {screen.minute(one.time)}  {plain.one_line(one.client)}")
            screen.paragraph(words(one), indent=2)
        screen.note(settings, "\nread: ownvault notices dismiss NUMBER, or --all")


def words(notice: Notice) -> str:
    """Return what happened and what can be done, by the notice's kind."""
    client, said = plain.one_line(notice.client), notice.detail
    match notice.kind:
        case "limit":
            used = LIMITS.get(str(said.get("limit")), "a limit of its grant")
            return f"{client} used up {used}; its grant is paused. To go on: ownvault grants resume {notice.grant}"
        case "extension":
            return (
                f"the browser extension {client} tried to reach the vault and is not paired. If it is none of yours, "
                "remove it from the browser"
            )
        case "sweep":
            return (
                f"{client} went through {said.get('new')} records within an hour that it never had before. "
                f"To see them: ownvault audit replay {client}. To stop it: ownvault grants pause {notice.grant}"
            )
        case "approval":
            return f"{client} asked for an answer that you approve first: ownvault requests --all"
        case "access":
            return f"{client} asked for more access: ownvault requests --all"
        case "replay":
            return (
                f"A secret of {client} came twice, so somebody else may have it; its grant {notice.grant} is revoked. "
                "If you want it to go on, let it connect again."
            )
        case "knock":
            name = plain.one_line(str(said.get("name")))
            return f"“{name}” tried to register. If you want that: ownvault pairing open"
        case "idle":
            return f"The grant {notice.grant} of {client} was not used for a month and has ended."
        case "expired":
            return f"The grant {notice.grant} of {client} has ended by its date."
    return f"{plain.one_line(notice.kind)}: {client} {_detail(notice)}"


def _detail(notice: Notice) -> str:
    return sentences.listed(f"{plain.one_line(str(key))} {plain.one_line(str(value))}" for key, value in
                            notice.detail.items())  # fmt: skip
