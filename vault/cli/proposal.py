"""What a client may see, as the owner proposes it: said with the options of `ownvault grant`, or asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from vault import sentences
from vault.cli import exposures, filters, plain, screen, suggestions, terms
from vault.cli.open import Open
from vault.errors import BadRequest, NotFound, VaultError
from vault.types import (
    UNLIMITED,
    Action,
    Approval,
    By,
    CountRequest,
    Detail,
    Exposure,
    Filter,
    GrantRequest,
    GrantView,
    Limits,
    Status,
    Usage,
)

F = TypeVar("F", bound=Callable[..., Any])
Seen = tuple[Exposure, exposures.Hidden | None]
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the options say. Of a proposal that names no records nothing is granted."""

    everything: bool = False
    actions: tuple[Action, ...] | None = None
    filter: Filter = field(default_factory=Filter)
    detail: Detail | None = None
    limited: Limits = UNLIMITED
    approval: Approval = Approval.NEVER
    expires: timedelta = MONTH
    purpose: str = ""
    anyway: bool = False

    @property
    def said(self) -> bool:
        """Whether any option says which records."""
        return self.everything or self.filter != Filter()

    def request(self, client: str) -> GrantRequest:
        """Return it as the request of a grant."""
        actions = terms.fitting(self.actions, self.detail)
        said = {"actions": actions, "detail": self.detail, "expires_in": terms.seconds(self.expires)}
        chosen: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
        return GrantRequest(
            client, filter=self.filter, all=self.everything, purpose=self.purpose, limits=self.limited,
            approval=self.approval, **chosen,
        )  # fmt: skip


def options(command: F) -> F:
    """Decorate a command with the options of `ownvault grant`; it receives them as one `proposal`."""

    @wraps(command)
    def gather(*arguments: Any, approval: str, **named: Any) -> Any:
        names = ("everything", "actions", "filter", "detail", "limited", "expires", "purpose", "anyway")
        said = {name: named.pop(name) for name in names}
        return command(*arguments, proposal=Proposal(approval=Approval(approval), **said), **named)

    decorated: Any = gather
    for option in reversed((
        click.option("--all", "everything", is_flag=True, help="The whole vault."),
        terms.actions("Default: search, read and count; with --detail answers count alone."),
        filters.which,
        terms.much,
        click.option("--approval", type=click.Choice([mode.value for mode in Approval]), default="never",
                     show_default=True, help="When you are asked before an answer leaves: at first use, for sensitive "
                                             "records, each time."),
        click.option("--expires", type=filters.Duration(), default="30d", show_default=True,
                     help="How long it lasts: 12h, 30d, 8w."),
        click.option("--purpose", default="", help="What it is for, for your own records."),
        click.option("--anyway", is_flag=True, help="Also with names that no record has yet."),
    )):  # fmt: skip
        decorated = option(decorated)
    result: F = decorated
    return result


def again(view: GrantView) -> GrantRequest:
    """Return the request of a grant like one that was made, for as long again.

    BadRequest for one that was narrowed in several steps, which no options say.
    """
    said = exposures.as_filter(view.scope)
    if said is None:
        raise BadRequest(
            "what this grant covers was narrowed in several steps", hint="say anew what it may see: --collection NAME"
        )
    return GrantRequest(
        view.client, view.actions, said, view.scope.get("collections") == "*", view.purpose,
        int((view.expires - view.created).total_seconds()), view.detail, view.limits, view.approval,
    )  # fmt: skip


def like(request: GrantRequest, view: GrantView) -> bool:
    """Tell whether a grant already is what is asked for, but for how long it lasts."""
    from vault.permissions import scope

    words = scope.in_words(scope.from_filter(request.filter, all=request.all))
    one = (set(request.actions), words, request.detail, request.limits, request.approval)
    return one == (set(view.actions), view.scope, view.detail, view.limits, view.approval)


def ask(vault: Open, title: str, first: Proposal) -> Proposal:
    """Ask on the terminal which records, how much of them and for how long, showing each time what that is now."""
    groups = vault.vault.count(vault.holder, CountRequest(by=By.COLLECTION)).groups
    if not groups and not first.anyway:
        raise NotFound(
            "the vault holds nothing yet", hint="first: ownvault import; or say it: --collection NAME --anyway"
        )
    screen.say(f"What may {title} see? Your collections:")
    screen.table(("collection", "records"), [(name, f"{groups[name]:,}") for name in sorted(groups)], ("records",))
    proposal = first
    while True:
        proposal = _asked(proposal)
        try:
            request = proposal.request(title)
            show(request, look(vault, request, proposal.anyway), may="could")
        except VaultError as error:
            screen.say(f"{plain.one_line(error.message)}; {plain.one_line(error.hint)}")
            continue
        if click.confirm("\nIs that right?", default=None, err=True):
            return proposal


def _asked(last: Proposal) -> Proposal:
    said = click.prompt("\nCollections, with commas between them", ", ".join(last.filter.collections or ()) or None,
                        err=True)  # fmt: skip
    chosen = tuple(dict.fromkeys(one.strip() for one in str(said).split(",") if one.strip()))
    levels = [level.name.lower() for level in reversed(Detail)]
    detail = click.prompt("How much of a record", (last.detail or Detail.FULL).name.lower(), err=True,
                          type=click.Choice(levels))  # fmt: skip
    expires = click.prompt("For how long", f"{last.expires.days}d" if last.expires.days else "12h", err=True,
                           type=filters.Duration())  # fmt: skip
    return replace(last, filter=replace(last.filter, collections=chosen), detail=Detail.parse(detail), expires=expires)


def look(vault: Open, request: GrantRequest, anyway: bool) -> Seen:
    """Return what a grant would show now and what it would not. Raises NotFound for names that no record has."""
    if not anyway:
        adds = Action.ADD in request.actions
        suggestions.known(vault, replace(request.filter, collections=None) if adds else request.filter)
    sees = vault.vault.preview(vault.holder, request)
    with suppress(VaultError):
        return sees, exposures.hidden(vault, request.filter, sees)
    return sees, None


def show(request: GrantRequest, seen: Seen, may: str = "may") -> None:
    """Print a grant in plain words, with what it sees and does not see."""
    screen.paragraph(sentences.allowed(_view(request), may) + ".")
    if set(request.actions) != {Action.ADD}:
        exposures.show(*seen, lead="It sees" if may == "may" else "It would see")


def _view(request: GrantRequest) -> GrantView:
    from vault.permissions import scope

    now = datetime.now(UTC)
    words = scope.in_words(scope.from_filter(request.filter, all=request.all))
    return GrantView(
        "", plain.one_line(request.client), request.purpose, request.actions, words, Status.ACTIVE, now,
        now + timedelta(seconds=request.expires_in), None, request.detail, request.limits, request.approval, "", "",
        Usage(),
    )  # fmt: skip
