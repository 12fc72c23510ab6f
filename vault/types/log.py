"""The log as its owner reads it: what became of each request, over time, and one entry with all that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.types.ending import Ending
from vault.types.grants import GrantView
from vault.types.history import AuditEntry, Wording
from vault.types.records import Sensitivity


class Period(StrEnum):
    """How far back to look, up to now."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class TimelineRequest:
    """How many entries there were, and when. Without a client, an outcome or an action: of every one."""

    period: Period = Period.WEEK
    client: str | None = None
    outcome: tuple[Ending, ...] = ()
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """How many entries of one client with one outcome. The client is '' for somebody unknown."""

    client: str
    outcome: Ending
    entries: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time, `end` not in it, and what was written in it; hours are counted whole."""

    start: datetime
    end: datetime
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Slots without a gap, oldest first, in the vault's time zone. `clients` and `actions` are all the log knows."""

    period: Period
    slots: tuple[Slot, ...]
    clients: tuple[str, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """A record that an entry names, as it is now: None where it was forgotten since."""

    id: str
    title: str
    collection: str | None
    sensitivity: Sensitivity | None
    wording: Wording | None


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry with its records, its grant as it stands now, its neighbours, and the size of the log.

    `earlier` and `later` are the nearest entries, newest first; `previous` and `next` the nearest of the same client.
    """

    entry: AuditEntry
    records: tuple[EntryRecord, ...]
    grant: GrantView | None
    earlier: tuple[AuditEntry, ...]
    later: tuple[AuditEntry, ...]
    previous: int | None
    next: int | None
    size: int
