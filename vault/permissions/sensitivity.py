"""How private a record is, judged by what it says: raised, never lowered. SPEC.md, "Sensitivity"."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from vault.permissions.identifiers import Kind, find
from vault.permissions.secrets import holds_secret
from vault.permissions.words import words
from vault.types import Sensitivity

NEAR = 25
"""Within how many words of a word for a person a term is about that person."""
PASSAGE = 60
"""Within how many words the hints must stand."""
HINTS = 3

_RAISING = frozenset({Kind.IBAN, Kind.CARD, Kind.ID})


def raised(title: str, text: str, given: Sensitivity) -> Sensitivity:
    """Return how sensitive a record of this title and text is: at least `given`.

    SECRET when it holds something that opens something; SENSITIVE when it holds a number that identifies a person or
    an account, or speaks of somebody's health or money. An address or a telephone number alone raises nothing.
    """
    if given >= Sensitivity.SECRET:
        return given
    whole = f"{title}\n{text}"
    spoken = words(whole)
    different = frozenset(spoken)
    if holds_secret(whole, spoken, different):
        return Sensitivity.SECRET
    if given >= Sensitivity.SENSITIVE:
        return given
    if (_terms().any(different) and _private(spoken)) or any(one.kind in _RAISING for one in find(whole)):
        return Sensitivity.SENSITIVE
    return given


# ---------------------------------------------------------------- terms


@dataclass(frozen=True, slots=True)
class _Term:
    """A term: its words, which of them is the longest (by that it is looked up), and whether the last may go on."""

    topic: str
    weight: str
    words: tuple[str, ...]
    longest: int
    open: bool

    def said(self, spoken: Sequence[str], place: int) -> bool:
        """Return whether `words` say this term, its longest word at `place`."""
        start = place - self.longest
        if start < 0 or start + len(self.words) > len(spoken):
            return False
        *first, last = spoken[start : start + len(self.words)]
        return tuple(first) == self.words[:-1] and (
            last.startswith(self.words[-1]) if self.open else last == self.words[-1]
        )


@dataclass(frozen=True, slots=True)
class _Terms:
    """The lists of `terms.toml`, by the longest word of each term or, where that may go on, its first five letters."""

    persons: frozenset[str]
    whole: Mapping[str, Sequence[_Term]]
    begun: Mapping[str, Sequence[_Term]]

    def any(self, different: frozenset[str]) -> bool:
        """Return whether one of the different words `different` may be part of a term."""
        return not (
            self.whole.keys().isdisjoint(different) and self.begun.keys().isdisjoint({word[:5] for word in different})
        )

    def found(self, spoken: Sequence[str]) -> Iterator[tuple[int, _Term]]:
        """Give each term said in `spoken`, and where."""
        whole, begun = self.whole, self.begun
        for place, word in enumerate(spoken):
            if word not in whole and word[:5] not in begun:
                continue
            for term in (*whole.get(word, ()), *begun.get(word[:5], ())):
                if term.said(spoken, place):
                    yield place, term


@cache
def _terms() -> _Terms:
    lists = tomllib.loads(files("vault.permissions").joinpath("terms.toml").read_text("utf-8"))
    persons = frozenset(lists.pop("persons"))
    whole: dict[str, list[_Term]] = {}
    begun: dict[str, list[_Term]] = {}
    for topic, weights in lists.items():
        for weight, terms in weights.items():
            for said in terms:
                parts = tuple(words(said))
                key = max(range(len(parts)), key=lambda part: len(parts[part]))
                term = _Term(topic, weight, parts, key, said.endswith("*"))
                if term.open and key == len(parts) - 1:
                    begun.setdefault(parts[key][:5], []).append(term)
                else:
                    whole.setdefault(parts[key], []).append(term)
    return _Terms(persons, whole, begun)


def _private(spoken: Sequence[str]) -> bool:
    """Return whether `spoken` speaks of somebody's health or money."""
    terms = _terms()
    hints: dict[str, dict[tuple[str, ...], int]] = {}
    for place, term in terms.found(spoken):
        if term.weight == "alone":
            return True
        if terms.persons.isdisjoint(spoken[max(0, place - NEAR) : place + NEAR]):
            continue
        if term.weight == "own":
            return True
        said = hints.setdefault(term.topic, {})
        said[term.words] = place
        if sum(place - before <= PASSAGE for before in said.values()) >= HINTS:
            return True
    return False
