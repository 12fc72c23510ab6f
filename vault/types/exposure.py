"""What clients were ever given, counted: who saw how much of what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.types.records import Sensitivity


class Axis(StrEnum):
    """What the records of a matrix are told apart by."""

    COLLECTION = "collection"
    SENSITIVITY = "sensitivity"


@dataclass(frozen=True, slots=True)
class MatrixRequest:
    """Clients by collections, or by levels of sensitivity."""

    by: Axis = Axis.COLLECTION


@dataclass(frozen=True, slots=True)
class Cell:
    """How many different records of one column ever left, or were told of by a number, and when one last did."""

    column: str
    records: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Column:
    """A collection or a level: how many records it holds now, and how many of them anybody ever got.

    The column of no name is for records that were forgotten since they left.
    """

    name: str
    held: int
    exposed: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """What one client ever got. `live` says whether it has a grant that is neither over nor revoked."""

    client: str
    live: bool
    records: int
    last: datetime
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Clients × columns, each record once in each number. `held` and `exposed` are of the whole vault.

    Only cells with records are there. `exposed` does not count what was forgotten since.
    """

    by: Axis
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    held: int
    exposed: int


@dataclass(frozen=True, slots=True)
class ExposedRequest:
    """A page of the records that a client ever got, latest first, or of the clients that ever got a record.

    `collection` '' stands for records forgotten since. `before` is the `more` of an earlier page.
    """

    client: str | None = None
    record: str | None = None
    collection: str | None = None
    sensitivity: Sensitivity | None = None
    limit: int = 100
    before: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class ExposedRecord:
    """A record that a client got: from when to when, and in how many answers. Without a title once it is forgotten."""

    id: str
    client: str
    title: str
    collection: str
    sensitivity: Sensitivity | None
    first: datetime
    last: datetime
    times: int
    forgotten: bool


@dataclass(frozen=True, slots=True)
class Exposed:
    """`more` is where the next page begins, None for no more."""

    records: tuple[ExposedRecord, ...]
    more: tuple[int, str] | None
