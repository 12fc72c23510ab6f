"""Granting and narrowing: two forms over the same terms, each with what it would show before it is sent."""

from __future__ import annotations

import secrets
import shlex
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import render_template, request
from werkzeug.datastructures import MultiDict

from vault import connect, limits, sentences
from vault.api.console.terms import DAYS, Form, granting, narrowing
from vault.connect import Machine
from vault.errors import BadRequest, VaultError
from vault.types import CountRequest, Detail, Granted, GrantView, Sensitivity, Status

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

ENDED = (Status.REVOKED, Status.EXPIRED)
WHOLE = "owner"
"""The owner's own grant, which shows the whole vault."""
OFFERED = 24
"""Names of one dimension that a form offers; the others are written."""
SENT = 64
"""Forms of which is remembered that they were sent: a page that is loaded again grants nothing again."""
FIRST: Form = MultiDict([
    *(("actions", one) for one in ("search", "read", "count")), ("reach", "some"), ("sensitivity", "personal"),
    ("detail", "full"), ("approval", "never"), ("expires", "30d"),
])  # fmt: skip
"""What the form of a new grant says at first."""
ACTIONS = {
    "search": "search", "read": "read whole records", "count": "count, and be told dates", "add": "add records",
}  # fmt: skip
DETAILS = {
    "full": ("Whole records", "everything that a record says"),
    "snippet": ("Passages", f"at most {limits.SNIPPET} characters of a record"),
    "redacted": ("Passages, masked", "the same, with names of accounts, numbers and addresses masked"),
    "answers": ("Numbers only", "how many and when; no text leaves"),
}
LEVELS = {
    "public": "only what is public", "personal": "what is personal, nothing sensitive",
    "sensitive": "also what is sensitive", "secret": "also what is secret",
}  # fmt: skip
APPROVALS = {
    "never": "never", "sensitive": "before anything sensitive leaves", "first": "once, at first use",
    "each": "each time",
}  # fmt: skip
STRICTNESS = tuple(APPROVALS)
NAMES = (
    ("sources", "Sources"), ("kinds", "Kinds"), ("labels", "Labels"), ("without_labels", "Labels that are left out"),
    ("people", "People"),
)  # fmt: skip


def add(console: Console) -> None:
    """Add the two forms."""
    forms = Wizard(console)
    console.page("/clients/new", forms.asked)
    console.form("/clients/new", forms.sent)
    console.form("/clients/new/preview", forms.previewed)
    console.page("/clients/<id>/narrow", forms.narrowing)
    console.form("/clients/<id>/narrow", forms.narrowed)
    console.form("/clients/<id>/narrow/preview", forms.foreseen)


class Wizard:
    """The views of granting and narrowing."""

    def __init__(self, console: Console) -> None:
        self._console, self._vault = console, console.vault
        self._sent: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    # ------------------------------------------------------------ granting

    def asked(self, session: Session) -> Answer:
        """Show the form of a new grant."""
        return self._form(session, FIRST)

    def previewed(self, session: Session) -> Answer:
        """Return what the form would grant and show, as a part of the page."""
        return render_template("console/clients/preview.html", **self._proposed(session, request.form))

    def sent(self, session: Session) -> Answer:
        """Grant what the form says, or only show what that would be."""
        form = request.form
        try:
            if form.get("verdict") != "grant":
                return self._form(session, form, **self._proposed(session, form))
            return self._grant(session, form)
        except VaultError as error:
            return self._form(session, form, error=error), error.status

    def _grant(self, session: Session, form: Form) -> Answer:
        asked = granting(form)
        if Sensitivity.parse(asked.filter.sensitivity or "personal") > Sensitivity.PERSONAL:
            self._console.prove(session)  # a script in the page cannot do this
        once = form.get("once", "")
        with self._lock:  # two at once are one
            if once in self._sent:
                raise BadRequest(
                    f"this form was sent before, and made the grant {self._sent[once]}", hint="its token was shown then"
                )
            made = self._vault.grant(session.holder, asked)
            self._sent[once] = made.grant.id
            while len(self._sent) > SENT:
                self._sent.popitem(last=False)
        return self._granted(session, made, form.get("program", ""))

    def _granted(self, session: Session, made: Granted, program: str) -> Answer:
        of = self._vault.count(session.holder, CountRequest()).count
        return render_template(
            "console/clients/granted.html", made=made, cautions=sentences.cautions(made.grant, made.sees, of), of=of,
            use=use(program, made.grant.id, self._vault.directory), port=request.host.rpartition(":")[2],
        )  # fmt: skip

    def _proposed(self, session: Session, form: Form) -> dict[str, Any]:
        try:
            effect = self._vault.propose(session.holder, granting(_named(form)))
        except VaultError as error:
            return {"said": error}
        return {"effect": effect, "cautions": sentences.cautions(effect.grant, effect.sees, effect.of)}

    def _form(self, session: Session, form: Form, **more: Any) -> str:
        return render_template(
            "console/clients/new.html", form=form, choices=self._vault.choices(session.holder, WHOLE),
            once=secrets.token_urlsafe(16), programs={name: one.title for name, one in connect.clients().items()},
            **WORDS, **more,
        )  # fmt: skip

    # ------------------------------------------------------------ narrowing

    def narrowing(self, session: Session, id: str) -> Answer:
        """Show the form that takes something away from a grant."""
        return self._narrower(session, self._vault.see(session.holder, id), MultiDict())

    def foreseen(self, session: Session, id: str) -> Answer:
        """Return what the form would leave of a grant, as a part of the page."""
        return render_template("console/clients/foreseen.html", **self._left(session, id, request.form))

    def narrowed(self, session: Session, id: str) -> Answer:
        """Take away what the form says, or only show what that would leave."""
        form = request.form
        try:
            if form.get("verdict") != "narrow":
                view = self._vault.see(session.holder, id)
                return self._narrower(session, view, form, **self._left(session, id, form))
            effect = self._vault.foresee(session.holder, id, narrowing(form))
            self._vault.narrow(session.holder, id, narrowing(form), form.get("match"))
        except VaultError as error:
            return self._narrower(session, self._vault.see(session.holder, id), form, error=error), error.status
        seen = f"It sees {effect.sees.records:,} of {sentences.plural(effect.of, 'record')} now"
        fewer = effect.before - effect.sees.records
        said = f"{seen}, {fewer:,} fewer than before." if fewer else f"{seen}, as many as before."
        return self._console.go(session, f"/clients/{id}", f"Narrowed. {said}")

    def _left(self, session: Session, id: str, form: Form) -> dict[str, Any]:
        try:
            return {"effect": self._vault.foresee(session.holder, id, narrowing(form))}
        except VaultError as error:
            return {"said": error}

    def _narrower(self, session: Session, view: GrantView, form: Form, **more: Any) -> str:
        return render_template(
            "console/clients/narrow.html", view=view, form=form, tab="narrow",
            choices=self._vault.choices(session.holder, view.id), ended=ENDED,
            over=view.status in ENDED, paused=sentences.paused, **WORDS | _less(view), **more,
        )  # fmt: skip


# ---------------------------------------------------------------- words


def _named(form: Form) -> Form:
    """Return the form with a name for its client, for what is shown before one is written."""
    said = MultiDict(form)
    if not said.get("client", "").strip():
        said["client"] = "it"
    return said


def _less(view: GrantView) -> dict[str, Any]:
    """Return what a grant can be narrowed to."""
    ceiling, stands = Sensitivity.parse(view.scope["sensitivity"]), STRICTNESS.index(view.approval)
    return {
        "actions": {name: words for name, words in ACTIONS.items() if name in set(map(str, view.actions))},
        "levels": {name: words for name, words in LEVELS.items() if Sensitivity.parse(name) < ceiling},
        "details": {name: words for name, words in DETAILS.items() if Detail.parse(name) < view.detail},
        "approvals": {name: APPROVALS[name] for name in STRICTNESS[stands + 1 :]},
    }


@dataclass(frozen=True, slots=True)
class Use:
    """How a program comes to use a token: what it is called, the file for the token (as a shell takes it), where its
    entry goes and what that is, how it takes notice; or what to do instead."""

    title: str
    file: str
    place: str
    entry: str
    reading: str
    instead: str


def use(program: str, id: str, directory: Path) -> Use:
    """Return how a kind of program is given the token of a grant, so that no configuration holds a secret."""
    kinds = connect.clients()
    kind = kinds.get(program) or kinds["generic"]
    file = str(Path.home() / f".ownvault-{id}.token")
    place = kind.file(Machine.here(), lambda path: Path(path).exists())
    entry = connect.snippet(kind, connect.ENTRY, connect.bridge(connect.command(), file, str(directory)))
    return Use(kind.title, shlex.quote(file), str(place or ""), entry, kind.reading, kind.instead)


WORDS: dict[str, Any] = {
    "actions": ACTIONS, "details": DETAILS, "levels": LEVELS, "approvals": APPROVALS, "names": NAMES, "times": DAYS,
    "offered": OFFERED,
}  # fmt: skip
