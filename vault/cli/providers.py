"""`ownvault providers`: the language models that may answer for you, and what each is shown."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from vault import sentences
from vault.cli import exposures, filters, plain, screen, suggestions, terms
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest
from vault.types import (
    Action,
    Approval,
    Detail,
    Filter,
    GrantRequest,
    Limits,
    OrderRequest,
    ProviderRequest,
    ProviderView,
    Status,
)


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def providers(context: click.Context) -> None:
    """List, add, remove and order the language models.

    A provider is a client like any other: it has a grant, and is shown nothing but what that allows.
    """
    if context.invoked_subcommand is not None:
        return
    settings = context.ensure_object(Settings)
    with opened(settings) as vault:
        known = vault.vault.providers(vault.holder)
    if settings.json:
        screen.emit({"providers": known})
    elif not known:
        screen.say("no language model is configured: nothing of yours is sent anywhere")
        screen.note(settings, "next: ownvault providers add NAME --url http://127.0.0.1:11434/v1 --model MODEL"
                              " --collection NAME")  # fmt: skip
    for number, view in enumerate(() if settings.json else known, 1):
        _tell(number, view)


@providers.command()
@click.argument("name")
@click.option("--url", required=True, help="Where it answers, up to /v1: https, or http on this machine.")
@click.option("--model", required=True, help="The model, as the provider calls it.")
@click.option("--key-file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE",
              help="Read the provider's secret from FILE; - is stdin. It is kept in the vault.")  # fmt: skip
@click.option("--window", type=int, default=24_000, show_default=True, help="Characters of a prompt that it takes.")
@click.option("--all", "everything", is_flag=True, help="Show it the whole vault. Without it, name a collection.")
@filters.which
@terms.much
@click.option("--approval", type=click.Choice([mode.value for mode in Approval]), default="never", show_default=True,
              help="When you are asked before anything leaves.")  # fmt: skip
@click.option("--expires", type=filters.Duration(), default="30d", show_default=True, help="How long: 12h, 30d, 8w.")
@pass_settings
def add(
    settings: Settings, name: str, url: str, model: str, key_file: str | None, window: int, everything: bool,
    filter: Filter, detail: Detail | None, limited: Limits, approval: str, expires: timedelta,
) -> None:  # fmt: skip
    """Add a language model, and grant it what it may be shown.

    The same NAME again replaces it: that is also how an expired grant is renewed.
    """
    wanted = GrantRequest(
        name, (Action.SEARCH,), filter, everything, f"answers questions with {model}",
        terms.seconds(expires) or 0, detail or Detail.FULL, limited, Approval(approval),
    )  # fmt: skip
    request = ProviderRequest(url, model, wanted, _secret(key_file), window)
    with opened(settings) as vault:
        suggestions.known(vault, filter)
        done = vault.vault.provide(vault.holder, request)
    if settings.json:
        screen.emit(done)
        return
    screen.paragraph(sentences.allowed(done.provider.grant) + ".")
    exposures.show(done.sees)
    screen.paragraph(f"What it is shown goes to {plain.one_line(done.provider.url)}.")
    screen.note(settings, f"see what would be sent: ownvault ask 'a question' --provider {name} --dry-run")


def _secret(file: str | None) -> str:
    """Return the provider's secret, which no argument holds: arguments are visible to others on this machine."""
    if file is None:
        return ""
    try:
        raw = sys.stdin.buffer.read(8192) if file == "-" else Path(file).read_bytes()[:8192]
        return raw.decode("ascii").strip()
    except OSError as error:
        raise BadRequest(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{file} holds no key") from None


@providers.command()
@click.argument("name")
@pass_settings
def remove(settings: Settings, name: str) -> None:
    """Forget a provider and its key, and revoke its grant."""
    with opened(settings) as vault:
        gone = vault.vault.withdraw(vault.holder, name)
    if settings.json:
        screen.emit(gone)
    else:
        screen.say(f"removed {plain.one_line(gone.name)}: its key is forgotten, its grant {gone.grant.id} revoked")


@providers.command()
@click.argument("names", nargs=-1, required=True)
@pass_settings
def order(settings: Settings, names: tuple[str, ...]) -> None:
    """Say whom to ask first. Those not named follow as they stood."""
    with opened(settings) as vault:
        known = vault.vault.prefer(vault.holder, OrderRequest(names))
    if settings.json:
        screen.emit({"providers": known})
    else:
        screen.say(", ".join(plain.one_line(one.name) for one in known))


def _tell(number: int, view: ProviderView) -> None:
    state = "" if view.grant.status is Status.ACTIVE else f"  {view.grant.status}"
    if number > 1:
        screen.say()
    screen.say(f"{number}. {screen.bold(plain.one_line(view.name))}{state}")
    screen.facts([
        ("model", view.model), ("at", view.url), ("key", "kept in the vault" if view.keyed else ""),
        ("may", sentences.allowed(view.grant)),
    ])  # fmt: skip
