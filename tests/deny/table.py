"""Reads `cases.toml`: records, scopes and cases, strictly, so that no word of the table goes unheard."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("cases.toml")
FACES = ("service", "cli", "rest", "mcp", "stdio")
FILTER = frozenset({
    "collections", "sources", "kinds", "labels", "without_labels", "people", "since", "until", "last", "sensitivity",
    "owner_written",
})  # fmt: skip
ONLY, NOTHING, ANSWER = "only", "nothing", "answer"
ALL = {"search": "roof", "limit": 20}
"""A search that finds every record of the table: each tells of a roof."""


@dataclass(frozen=True)
class Ask:
    """A verb of the vault and what is said with it. `subject` is what the verb is about: a query, an id, a number."""

    verb: str
    subject: Any
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, said: Mapping[str, Any], verbs: frozenset[str]) -> Ask:
        (verb,) = verbs & said.keys()
        return cls(verb, said[verb], {name: value for name, value in said.items() if name != verb})


@dataclass(frozen=True)
class Record:
    """A record of the vault that the cases are played in."""

    name: str
    collection: str
    source: str
    text: str
    kind: str = "note"
    date: str | None = None
    people: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sensitivity: str = "personal"
    by: str = "owner"

    @property
    def marker(self) -> str:
        """Return the word that no answer may hold to which this record does not belong."""
        return f"marker{self.name}"


@dataclass(frozen=True)
class Case:
    """One way to ask for what was not granted; when `good`, for what was. `cases.toml` says what the fields mean."""

    name: str
    story: str
    ask: Mapping[str, Any]
    must: tuple[str, ...]
    grant: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, Any] | None = None
    token: Any = "granted"
    before: tuple[Mapping[str, Any], ...] = ()
    because: tuple[str, ...] = ()
    sees: tuple[str, ...] | None = None
    same_as: Mapping[str, Any] | None = None
    shows: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    most: int | None = None
    most_text: int | None = None
    unchanged: str = ""
    vault: str = "open"
    published: str = ""
    unrecorded: Mapping[str, str] = field(default_factory=dict)
    not_by: Mapping[str, str] = field(default_factory=dict)
    good: bool = False

    @property
    def faces(self) -> tuple[str, ...]:
        """Return the interfaces that can say it."""
        return tuple(face for face in FACES if face not in self.not_by)


@dataclass(frozen=True)
class Scope:
    """A dimension of a scope, from which cases are made. `narrow` is what a token of everything is narrowed by."""

    name: str
    story: str
    grant: Mapping[str, Any]
    sees: tuple[str, ...]
    hidden: str
    outside: Mapping[str, Any]
    widen: Mapping[str, Any]
    narrow: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[Mapping[str, Any], ...] = ()
    outside_must: str = NOTHING
    widen_must: str = ONLY
    widen_sees: tuple[str, ...] | None = None

    def cases(self) -> list[Case]:
        """Return ten cases: five ways to ask, each with the dimension in the grant and in a narrowed token."""
        narrow = self.narrow or {name: value for name, value in self.grant.items() if name != "all"}
        everything = {"all": True, "sensitivity": "sensitive" if "sensitivity" in narrow else "personal"}
        in_grant = self._asked(self.name, "The grant says so.", grant=self.grant)
        in_token = self._asked(
            f"{self.name}-narrowed", "The grant is of everything, a narrowed token says so.",
            grant=everything, token={"narrowed": narrow},
        )  # fmt: skip
        return in_grant + in_token

    def _asked(self, name: str, how: str, **given: Any) -> list[Case]:
        base = Case(name, f"{self.story} {how}", {}, (), before=self.before, **given)
        asked: list[tuple[str, Mapping[str, Any], str, tuple[str, ...] | None]] = [
            ("search", ALL, ONLY, self.sees),
            ("count", {"count": {}}, ONLY, self.sees),
            ("outside", {**ALL, **self.outside}, self.outside_must, None),
            ("widened", {**ALL, **self.widen}, self.widen_must, self.widen_sees or self.sees),
        ]
        made = [
            replace(base, name=f"{name}-{way}", ask=ask, must=(must,), sees=sees if must == ONLY else None,
                    because=("out_of_scope",) if must == "not_found" else ())
            for way, ask, must, sees in asked
        ]  # fmt: skip
        return [*made, replace(
            base, name=f"{name}-read", ask={"read": f"${self.hidden}"}, must=("not_found",), because=("out_of_scope",),
            same_as={"read": "$absent"},
        )]  # fmt: skip


@dataclass(frozen=True)
class Table:
    today: datetime
    records: tuple[Record, ...]
    scopes: tuple[Scope, ...]
    cases: tuple[Case, ...]


@cache
def read() -> Table:
    """Return the table with every case made. TypeError for a word that it does not know."""
    said = tomllib.loads(PATH.read_text("utf-8"))
    cannot: dict[str, dict[str, str]] = said.pop("cannot")
    today = datetime.fromisoformat(said.pop("today"))
    records = tuple(Record(**_tuples(one)) for one in said.pop("record"))
    scopes = tuple(Scope(**_tuples(one)) for one in said.pop("scope"))
    told = [_case(one) for one in said.pop("case")]
    assert not said, f"unknown: {', '.join(said)}"
    cases = [case for one in scopes for case in one.cases()] + told
    return Table(today, records, scopes, tuple(_with(case, cannot) for case in cases))


def _case(said: dict[str, Any]) -> Case:
    said = _tuples(said)
    for name in ("must", "because"):
        if isinstance(said.get(name), str):
            said[name] = (said[name],)
    return Case(**said)


def _tuples(said: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


def _with(case: Case, cannot: Mapping[str, Mapping[str, str]]) -> Case:
    """Return the case with the interfaces that lack its verb."""
    lacking = {
        face: why for face, verbs in cannot.items() for verb, why in verbs.items() if verb in case.ask
    }  # fmt: skip
    return replace(case, not_by={**lacking, **case.not_by})
