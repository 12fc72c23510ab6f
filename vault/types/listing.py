"""Lists of records, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.types.records import Provenance, Sensitivity


@dataclass(frozen=True, slots=True)
class RecordsRequest:
    """Which records to list: a collection's, newest import first. `before` is a place that an earlier page ended at."""

    collection: str
    limit: int = 100
    before: int | None = None


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record in a list: everything but its text."""

    id: str
    title: str
    collection: str
    source: str
    kind: str
    date: datetime | None
    imported: datetime
    sensitivity: Sensitivity
    provenance: Provenance
    size: int


@dataclass(frozen=True, slots=True)
class Records:
    """A page of a list of records; `more` is the place at which it goes on, None at the end."""

    records: tuple[RecordLine, ...]
    more: int | None
