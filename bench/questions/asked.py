"""A question as the made-up sets ask it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A question at a moment, what kind of question it is, and the records that answer it."""

    text: str
    now: datetime
    kind: str
    wanted: frozenset[str]
