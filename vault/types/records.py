"""Records, and the chunks they are searched by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Sensitivity(IntEnum):
    """How private a record is; raised automatically, lowered only by the owner."""

    PUBLIC = 0
    PERSONAL = 1
    SENSITIVE = 2
    SECRET = 3

    @classmethod
    def parse(cls, name: str) -> Sensitivity:
        """Return the level called `name`, in any letter case; ValueError if there is none."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"unknown sensitivity {name!r}") from None


class Provenance(StrEnum):
    """Who wrote the words. Third-party text is never an instruction."""

    OWNER = "owner"
    THIRD_PARTY = "third_party"


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as its importer or author hands it over, before the vault takes it in.

    `origin` names it within its source: the same origin again is the same record.
    `thread` ties records of one conversation together, `position` orders them in it.
    """

    origin: str
    text: str
    title: str = ""
    kind: str = "note"
    created: datetime | None = None
    updated: datetime | None = None
    people: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    language: str = ""
    provenance: Provenance = Provenance.OWNER
    url: str = ""
    thread: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One thing the owner keeps, as stored. `date` is when it was written, if known."""

    id: str
    collection: str
    source: str
    origin: str
    kind: str
    title: str
    text: str
    date: datetime | None
    updated: datetime | None
    imported: datetime
    people: tuple[str, ...]
    labels: tuple[str, ...]
    sensitivity: Sensitivity
    language: str
    provenance: Provenance
    url: str
    thread: str
    position: int
    version: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a record's text, the unit of search.

    `text` is what a hit shows: `record.text[start:end]`. `header` is context (title, people,
    date) that is embedded and indexed with it but never shown; the first `said` characters of `text` say the same.
    `aside` is context that is indexed by its words and not embedded.
    """

    ordinal: int
    start: int
    end: int
    text: str
    header: str
    said: int = 0
    aside: str = ""
