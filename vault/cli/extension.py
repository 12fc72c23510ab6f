"""`ownvault extension`: the browser extension. Where it lies, which browsers are paired, what ails it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from vault import __version__, sentences
from vault.cli import browsers, exposures, filters, screen, terms
from vault.cli import open as open_
from vault.cli.open import opened
from vault.cli.root import Group, Settings
from vault.cli.screen import pass_settings
from vault.errors import BadRequest, NotFound
from vault.types import Action, Approval, Detail, Exposure, Filter, GrantRequest, PairApproval, PairingView, SiteRequest

KINDS = ("chromium", "firefox")
NOTHING = Filter()


@click.group(cls=Group)
def extension() -> None:
    """Pair a browser that has the extension; list and unpair them.

    A browser that is paired can save pages into the vault; nothing more, unless you say so. In the extension choose
    "Pair", then type here the three words that it shows: ownvault extension pair WORD WORD WORD
    """


@extension.command()
@click.argument("kind", type=click.Choice(KINDS), default="chromium")
@pass_settings
def path(settings: Settings, kind: str) -> None:
    """Print the folder of the extension, to load it into a browser.

    Chromium: chrome://extensions, "Developer mode", "Load unpacked". Firefox: about:debugging, "Load Temporary Add-on".
    """
    folder = _built(kind)
    if not (folder / "manifest.json").is_file():
        raise NotFound(f"the extension is not built in {folder}", hint="in plugins/browser: npm ci, then npm run build")
    if settings.json:
        screen.emit({"path": str(folder), "kind": kind})
    else:
        screen.say(str(folder))


@extension.command()
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@click.option("--into", multiple=True, metavar="NAME", help="A collection that it may save into. May be repeated. "
              "Default: web.")  # fmt: skip
@click.option("--no-capture", is_flag=True, help="It may save nothing.")
@click.option("--search", is_flag=True, help="It may also search in what the following options name.")
@click.option("--all", "everything", is_flag=True, help="With --search: the whole vault.")
@filters.which
@click.option("--detail", type=click.Choice(["full", "snippet", "redacted"]), default="full", show_default=True,
              help="With --search: how much of a record it gets.")  # fmt: skip
@click.option("--approval", type=click.Choice([mode.value for mode in Approval]), default="never", show_default=True,
              help="With --search: when you are asked first.")  # fmt: skip
@click.option("--decide", is_flag=True, help="You may also approve there what is not sensitive.")
@click.option("--no-tell", is_flag=True, help="It is not told which clients will see what it saved.")
@click.option("--name", help="What to call it here.")
@click.option("--expires", type=filters.Duration(), default="365d", show_default=True, help="How long it lasts.")
@click.option("--deny", is_flag=True, help="Send it away.")
@click.option("--dry-run", is_flag=True, help="Only say what it could search now.")
@pass_settings
def pair(
    settings: Settings, words: tuple[str, ...], into: tuple[str, ...], no_capture: bool, search: bool, everything: bool,
    filter: Filter, detail: str, approval: str, decide: bool, no_tell: bool, name: str | None, expires: timedelta,
    deny: bool, dry_run: bool,
) -> None:  # fmt: skip
    """List the browsers that wait to be paired, or pair the one that shows these three words.

    Type the WORDS that the extension shows. Another browser, or a program that only pretends to be one, has others.
    """
    if not search and (everything or filter != NOTHING):
        raise BadRequest("what may be searched needs --search", hint="add --search, or say with --into where it saves")
    if no_capture and into:
        raise BadRequest("--into and --no-capture contradict each other")
    request = PairApproval(
        name, () if no_capture else into or ("web",), filter if search else None, everything, Detail.parse(detail),
        Approval(approval), decide, no_tell, terms.seconds(expires) or 0,
    )  # fmt: skip
    with opened(settings, remind=False) as vault:
        waiting = vault.vault.browsers(vault.holder).waiting
        if not words:
            _list_waiting(settings, waiting)
            return
        found = _of(words, waiting, deny)
        if deny:
            left = vault.vault.refuse_browser(vault.holder, found.id)
            screen.emit(left) if settings.json else screen.say(f"{found.name} is sent away")
            return
        if dry_run:
            sees = vault.vault.preview(vault.holder, _searching(request, found)) if search else None
            _tell_sees(settings, sees, "It could search")
            return
        done = vault.vault.pair_browser(vault.holder, found.id, request)
    if settings.json:
        screen.emit(done)
        return
    browsers.paired(done.browser)
    _tell_sees(settings, done.sees, "It can search")
    screen.note(settings, f"\nto end it: ownvault extension unpair '{done.browser.name}'")


@extension.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were unpaired.")
@pass_settings
def list_(settings: Settings, everything: bool) -> None:
    """List the paired browsers, what each may do, and extensions that tried without being paired."""
    with opened(settings) as vault:
        found = vault.vault.browsers(vault.holder)
    shown = replace(found, browsers=tuple(one for one in found.browsers if everything or one.ended is None))
    if settings.json:
        screen.emit(shown)
        return
    for number, one in enumerate(shown.browsers):
        if number:
            screen.say()
        browsers.paired(one)
    if not shown.browsers:
        screen.say("no browser is paired")
    browsers.strangers(shown.strangers)
    if shown.waiting:
        screen.note(settings, f"\n{sentences.plural(len(shown.waiting), 'browser')} waits: ownvault extension pair")


@extension.command()
@click.argument("browser", metavar="NAME")
@pass_settings
def unpair(settings: Settings, browser: str) -> None:
    """Unpair a browser, by name or id: it can do nothing from now on. What it saved stays."""
    with opened(settings) as vault:
        ended = vault.vault.unpair(vault.holder, browser)
    screen.emit(ended) if settings.json else browsers.paired(ended)


@extension.command()
@click.argument("browser", metavar="NAME")
@click.argument("site")
@pass_settings
def allow(settings: Settings, browser: str, site: str) -> None:
    """Let a browser insert again at a SITE (https://…) where you had ended that."""
    with opened(settings) as vault:
        view = vault.vault.allow_site(vault.holder, browser, SiteRequest(site))
    screen.emit(view) if settings.json else browsers.paired(view)


@extension.command()
@pass_settings
def doctor(settings: Settings) -> None:
    """Say what is needed for the extension to reach the vault, and what is missing. Asks for nothing."""
    checks = [*(_check_built(kind) for kind in KINDS), *_check_server(settings)]
    if settings.json:
        screen.emit({"checks": [{"name": name, "good": good, "said": said} for name, good, said in checks]})
        return
    for name, good, said in checks:
        screen.say(f"{'ok ' if good else 'NO '} {name}: {said}")


# ---------------------------------------------------------------- looking


def _built(kind: str) -> Path:
    from vault.plugins import packs

    return packs.home() / "built" / kind


def _check_built(kind: str) -> tuple[str, bool, str]:
    manifest = _built(kind) / "manifest.json"
    try:
        version = str(json.loads(manifest.read_text("utf-8")).get("version", ""))
    except (OSError, ValueError):
        return f"extension for {kind}", False, f"not built in {manifest.parent}"
    if version.split(".")[:2] != __version__.split(".")[:2]:
        return f"extension for {kind}", False, f"is {version}, the vault {__version__}: load it anew from its folder"
    return f"extension for {kind}", True, str(manifest.parent)


def _check_server(settings: Settings) -> list[tuple[str, bool, str]]:
    server = open_.remote(open_.existing(settings))
    if server is None:
        return [("server", False, "none runs: ownvault serve")]
    state = str(server.health()["state"])
    locked = ("vault", False, f"{state}: ownvault unlock") if state == "locked" else ("vault", True, state)
    return [("server", True, f"give this address to the extension: {server.address}"), locked]


def _list_waiting(settings: Settings, views: tuple[PairingView, ...]) -> None:
    if settings.json:
        screen.emit({"waiting": views})
    elif not views:
        screen.say("no browser waits to be paired")
        screen.note(settings, 'in the extension choose "Pair" while `ownvault serve` runs; it waits two minutes')
    else:
        browsers.waiting(views)
        screen.note(settings, "\ncompare the words with those in the browser; then type them:"
                              "\n    ownvault extension pair WORD WORD WORD")  # fmt: skip


def _of(words: tuple[str, ...], views: tuple[PairingView, ...], deny: bool) -> PairingView:
    """Return the browser that shows these words. To send one away its id will do; to let one in it will not."""
    said = tuple(word.lower() for part in words for word in part.replace(",", " ").split())
    for one in views:
        if (one.words and said == one.words) or (deny and words == (one.id,)):
            return one
    raise NotFound(
        "no browser waits with these words",
        hint="if your browser shows them, something else is in between: do not pair. See: ownvault extension pair",
    )


def _searching(request: PairApproval, found: PairingView) -> GrantRequest:
    where = request.search or NOTHING
    return GrantRequest(found.name, (Action.SEARCH, Action.READ), where, request.all, expires_in=request.expires_in)


def _tell_sees(settings: Settings, sees: Exposure | None, lead: str) -> None:
    if settings.json:
        screen.emit({"sees": sees})
    elif sees is None:
        screen.say("It can read nothing that is in the vault.")
    else:
        exposures.show(sees, lead=lead)
