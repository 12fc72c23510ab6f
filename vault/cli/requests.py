"""`ownvault requests`: what assistants ask for and the owner has not decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from vault import sentences
from vault.cli import exposures, plain, screen
from vault.cli.open import opened
from vault.cli.root import Command, Settings
from vault.cli.screen import pass_settings
from vault.types import Asked, Line, RequestView, Verdict

_MARKS = dict.fromkeys(map(ord, "“”„‟«»"), "'") | {0x2800: " "}
LINES = 8
"""Records of a request that are shown one by one."""


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="Also those that are decided or have lapsed.")
@pass_settings
def requests(settings: Settings, everything: bool) -> None:
    """List what assistants ask for and you have not decided.

    An answer is asked for when a grant says that you approve first; access, when an assistant wants more than
    it has. Whatever you do not approve within the hour is denied.
    """
    with opened(settings, remind=False) as vault:
        asked = vault.vault.requests(vault.holder, everything)
    if settings.json:
        screen.emit({"requests": asked})
        return
    if not asked:
        screen.say("nothing was ever asked for" if everything else "nothing waits for you")
    for number, view in enumerate(asked):
        if number:
            screen.say()
        _tell(view)
    if waiting := [view for view in asked if view.verdict is Verdict.PENDING]:
        first = waiting[0]
        how = "--once (or --for 1h, --always)" if first.asked is Asked.ANSWER else "--expires 7d"
        how = f"--collection NAME {how}" if first.asker else how
        screen.note(settings, f"\nto decide: ownvault approve {first.id} {how}\n       or: ownvault deny {first.id}")


def _tell(view: RequestView) -> None:
    screen.say(f"{screen.bold(view.id)}  {plain.one_line(view.client)}  {_state(view)}")
    if view.asked is Asked.ACCESS:
        screen.paragraph(sentences.wanted(view.client, view.terms) + ".", indent=2)
        screen.facts([*_asker(view), ("it says", _quoted(view.purpose) if view.purpose else "")])
        if view.sees is not None and view.verdict is Verdict.PENDING:
            exposures.show(view.sees, lead="It would see", indent=2)
        return
    screen.facts([
        ("asks to", _subject(view)),
        ("purpose", view.purpose),
        ("releases", _releases(view)),
        *(("", _line(one)) for one in _worst_first(view.records)[:LINES]),
        *(("adds", _quoted(title)) for title in view.terms.get("titles", ())),
        ("", f"and {len(view.records) - LINES} more" if len(view.records) > LINES else ""),
    ])  # fmt: skip


def _asker(view: RequestView) -> list[tuple[str, str]]:
    """Return what is known of a client that has no grant yet."""
    if view.asker is None:
        return []
    one = view.asker
    who = "a program that ownvault knows" if one.known else "registered itself; its name is what it calls itself"
    where = f"{plain.one_line(one.redirect)}{', on this machine' if one.here else ''}" if one.redirect else ""
    shows = f"{one.user_code}; say yes only if it shows the same" if one.user_code else ""
    return [("who", who), ("answer to", where), ("its code", shows)]


def _releases(view: RequestView) -> str:
    """Return what would leave, by sensitivity, the highest first; a question can hide one record among many."""
    if not view.records:
        added = view.terms.get("records", 0)
        what = {"count": "a number, no text", "add": f"nothing; {sentences.plural(added, 'record')} would come in"}
        return what.get(view.action, "nothing that is there now")
    levels = Counter(one.sensitivity for one in view.records)
    each = ", ".join(f"{levels[level]} {level.name.lower()}" for level in sorted(levels, reverse=True))
    return f"{sentences.plural(len(view.records), 'record')}: {each}"


def _worst_first(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda one: -one.sensitivity)


def _subject(view: RequestView) -> str:
    """Return what an answer is asked for: the action, the query, and what the question itself narrows."""
    query, where = _quoted(view.query) if view.query else "", narrowing(view.terms.get("filter") or {})
    by = f"by {view.terms['by']}" if view.terms.get("by") else ""
    to = f"to {plain.one_line(str(view.terms['collection']))}" if view.terms.get("collection") else ""
    return " ".join(filter(None, (view.action, query, to, where, by)))


def narrowing(filter: Mapping[str, Any]) -> str:
    """Return a request's own filter in words, nothing when it narrows nothing."""
    said = {name: value for name, value in filter.items() if value}
    ceiling = f"up to {plain.one_line(str(said.pop('sensitivity')))}" if "sensitivity" in said else ""
    where = sentences.conditions({"collections": "*", **said}).removeprefix("in the whole vault").removeprefix(", ")
    return ", ".join(part for part in (where, ceiling) if part)


def _state(view: RequestView) -> str:
    decided, until = screen.minute(view.decided), screen.minute(view.until)
    return {
        Verdict.PENDING: f"waits until {screen.minute(view.expires)}",
        Verdict.APPROVED: f"approved {decided}"
        + (", not collected yet" if view.granted else f", usable until {until}"),
        Verdict.STANDING: f"approved {decided}, holds until {until}",
        Verdict.USED: f"approved {decided}, used",
        Verdict.DENIED: f"denied {decided}",
        Verdict.LAPSED: "lapsed: nobody answered in time",
    }[view.verdict]


def _line(one: Line) -> str:
    about = ", ".join(filter(None, (one.collection, screen.day(one.date), one.sensitivity.name.lower())))
    return f"{_quoted(one.title or '(untitled)')} ({about})"


def _quoted(text: str) -> str:
    """Return others' words between quotation marks that are ours alone."""
    return f"“{plain.one_line(text.translate(_MARKS))}”"
