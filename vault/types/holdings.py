"""What the owner's own view of the data is made of: holdings, a record with its surroundings, labels, and the map."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vault.types.grants import GrantView
from vault.types.listing import RecordLine
from vault.types.messages import Receipt
from vault.types.records import Record

# ---------------------------------------------------------------- what there is


@dataclass(frozen=True, slots=True)
class Holding:
    """What one source put into one collection. `bytes` is its text in UTF-8; `imported` when it last brought anything;
    `first` and `last` are when its records were written, as far as that is known."""

    collection: str
    source: str
    records: int
    bytes: int
    first: datetime | None
    last: datetime | None
    imported: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a day (`2026-03-01`, UTC) brought, as it stands now."""

    day: str
    records: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything there is, in numbers. `written` has the records of each month (`2026-03`) in which they were written,
    `undated` how many have no date; `arrived` what each day brought, oldest first."""

    holdings: tuple[Holding, ...]
    written: dict[str, int]
    undated: int
    arrived: tuple[Arrival, ...]
    sensitivity: dict[str, int]

    @property
    def records(self) -> int:
        return sum(one.records for one in self.holdings)

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.holdings)


# ---------------------------------------------------------------- one record, or some


@dataclass(frozen=True, slots=True)
class Sighting:
    """A client that was given a record, or told of it by a number: first, last and how often."""

    client: str
    first: datetime
    last: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can see some records now, and who was ever given one: `grants` are live, `sightings` one for each client."""

    records: tuple[RecordLine, ...]
    grants: tuple[GrantView, ...]
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """All that is known of a record. `before` and `after` are its neighbours in its thread, nearest last and first."""

    record: Record
    chunks: int
    before: tuple[RecordLine, ...]
    after: tuple[RecordLine, ...]
    reach: Reach
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """Labels to add and to take away, and a sensitivity to set, on records by their ids."""

    ids: tuple[str, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    sensitivity: str | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """`changed` are the records that are another now; the others were so already, or are gone."""

    changed: tuple[str, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ForgetRequest:
    """Records to delete for good, by their ids."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`forgotten` are the records that there were."""

    forgotten: tuple[str, ...]
    receipt: Receipt


# ---------------------------------------------------------------- the map


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the map: its middle (0 to 1), how many records, the words that set it apart, and its collections."""

    x: float
    y: float
    records: int
    words: tuple[str, ...]
    collections: dict[str, int]


@dataclass(frozen=True, slots=True)
class Atlas:
    """A map of the vault. `tag` names it: another one has other points.

    `points` holds for each of `size` points, little endian: all x, all y (uint16, the map's width is 65535), then for
    each its collection's place in `collections` (uint8; 255 for all beyond). `records` is how many there are: of very
    many every n-th is a point. Which record a point is, only the vault knows.
    """

    tag: str
    size: int
    records: int
    points: bytes = field(repr=False)
    collections: tuple[str, ...]
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the map and the record that it is."""

    point: int
    record: RecordLine


@dataclass(frozen=True, slots=True)
class Spots:
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Shade:
    """Which points of a map are in a grant's scope: one bit each, the first is the lowest of the first byte."""

    tag: str
    bits: bytes = field(repr=False)
    points: int
