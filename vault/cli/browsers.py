"""How paired browsers, and those that wait, are printed."""

from __future__ import annotations

from collections.abc import Sequence

from vault import sentences
from vault.cli import plain, screen
from vault.types import BrowserView, PairingView, Right, Stranger

RIGHTS = {
    Right.CAPTURE: "save what you choose to save",
    Right.SEARCH: "search, and insert what you choose into a page",
    Right.DECIDE: "show requests that are not sensitive and take your answer",
}


def waiting(views: Sequence[PairingView]) -> None:
    """Print the browsers that wait, with the words to compare."""
    for number, one in enumerate(views):
        if number:
            screen.say()
        shown = " ".join(one.words) if one.words else "(not yet: look again in a moment)"
        screen.say(f"{screen.bold(one.id)}  {plain.one_line(one.name)}  waits until {screen.minute(one.expires)}")
        screen.facts([
            ("words", shown),
            ("extension", one.origin),
            ("asks to", sentences.listed(RIGHTS[right] for right in one.asks)),
        ])  # fmt: skip


def paired(view: BrowserView) -> None:
    """Print one browser."""
    state = "unpaired" if view.ended else "paired" if view.fetched else "approved, did not come for its tokens yet"
    screen.say(f"{screen.bold(plain.one_line(view.name))}  {state} {screen.day(view.ended or view.created)}")
    told = "" if view.quiet or Right.CAPTURE not in view.rights else "who will see what it saves"
    screen.facts([
        ("id", view.id),
        ("extension", view.origin),
        ("may", sentences.listed(RIGHTS[right] for right in view.rights) or "nothing any more"),
        ("is told", told),
        ("last used", screen.minute(view.last_used)),
        *((one.id, f"{sentences.allowed(one)} ({one.status})") for one in view.grants),
        *(("inserts at", f"{one.origin}{' (ended)' if one.blocked else ''}") for one in view.sites),
    ])  # fmt: skip


def strangers(seen: Sequence[Stranger]) -> None:
    """Print the extensions that tried and are not paired."""
    for one in seen:
        times = "once" if one.times == 1 else f"{one.times} times"
        screen.paragraph(f"{one.origin} is not paired and tried {times}, last {screen.minute(one.last)}.")
