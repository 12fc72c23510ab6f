"""What a holder asks, and what it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vault.types.records import Draft, Provenance
from vault.types.scope import Detail, Filter


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the answer was recorded before it was released: entry number, leaf hash (hex)."""

    entry: int
    leaf: str


# ---------------------------------------------------------------- search


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """`detail` asks for less than the grant allows; `limit` gives way to the grant's own.

    `size` bounds the characters of the answer: of its hits, the last that go beyond it are left out.
    """

    query: str
    limit: int = 10
    filter: Filter = field(default_factory=Filter)
    detail: Detail | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One record that answers a query, best first. `score` is the cosine similarity of its best chunk.

    `untrusted` marks what somebody else than the owner wrote: data, never instructions.
    """

    id: str
    title: str
    text: str
    score: float
    collection: str
    source: str
    kind: str
    date: datetime | None
    people: tuple[str, ...]
    labels: tuple[str, ...]
    origin: str
    provenance: Provenance
    untrusted: bool
    detail: Detail


@dataclass(frozen=True, slots=True)
class Answer:
    hits: tuple[Hit, ...]
    receipt: Receipt


# ---------------------------------------------------------------- read


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """`offset` and `size`, in characters, ask for a part of the text."""

    id: str
    detail: Detail | None = None
    offset: int = 0
    size: int | None = None


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as a holder may see it. `detail` says how much of it that is."""

    id: str
    title: str
    text: str
    collection: str
    source: str
    kind: str
    date: datetime | None
    people: tuple[str, ...]
    labels: tuple[str, ...]
    origin: str
    provenance: Provenance
    url: str
    untrusted: bool
    detail: Detail


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """`more` is the offset at which the text goes on, when only a part of it was asked for."""

    record: RecordView
    receipt: Receipt
    more: int | None = None


# ---------------------------------------------------------------- count


class By(StrEnum):
    """What a count is broken down by."""

    COLLECTION = "collection"
    SOURCE = "source"
    KIND = "kind"
    PERSON = "person"
    LABEL = "label"
    MONTH = "month"
    SENSITIVITY = "sensitivity"


@dataclass(frozen=True, slots=True)
class CountRequest:
    """How many, and whether; `by` breaks it down, `dates` asks when first and last."""

    filter: Filter = field(default_factory=Filter)
    by: By | None = None
    dates: bool = False


@dataclass(frozen=True, slots=True)
class CountAnswer:
    """`groups` by name when broken down (a record with two labels counts in both); `first` and `last` when asked."""

    count: int
    receipt: Receipt
    groups: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


# ---------------------------------------------------------------- add


@dataclass(frozen=True, slots=True)
class AddRequest:
    """Drafts for one collection. `source` is the owner's to name; a client's is `client:NAME:COLLECTION`."""

    collection: str
    drafts: tuple[Draft, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one draft: added, unchanged, changed or failed (with the reason)."""

    origin: str
    outcome: str
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AddAnswer:
    outcomes: tuple[Outcome, ...]
    receipt: Receipt
