"""What the owner's own surfaces are told as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class EventKind(StrEnum):
    """What happened, as far as somebody who looks on must tell it apart."""

    RELEASE = "release"
    REFUSAL = "refusal"
    ADDED = "added"
    FORGOTTEN = "forgotten"
    REQUEST = "request"
    DECISION = "decision"
    GRANT = "grant"
    PAUSE = "pause"
    LOCK = "lock"
    NOTICE = "notice"


class Position(NamedTuple):
    """How far somebody has seen: audit entries before this number, and notices up to that one."""

    entries: int
    notices: int


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. It says who did what to which grant, and never what was asked or answered.

    `number` is the audit entry's, or the notice's; `what` is the entry's action or change, or the notice's kind.
    `records` is how many left or were added.
    """

    kind: EventKind
    number: int
    time: datetime
    client: str
    grant: str
    what: str
    via: str = ""
    reason: str = ""
    records: int = 0
    request: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """Events in their order, and the position after the last."""

    events: tuple[Event, ...]
    position: Position
