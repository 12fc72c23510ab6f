"""What importing is told in: limits, what is known of an importer, and what one yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vault import limits
from vault.types import Draft


@dataclass(frozen=True, slots=True)
class Limits:
    """What one import may use. The vault process keeps `line` bytes at most; the rest binds the child."""

    memory: int = 2 << 30
    """Bytes of address space."""
    cpu: int = 4 * 3600
    """Seconds of processor time for the whole run."""
    idle: float = 120.0
    """Seconds in which the importer must say something while we wait for it."""
    line: int = 32 << 20
    """Bytes of one protocol line."""
    text: int = limits.TEXT
    """Characters of one record's text."""
    noise: int = 1000
    """Lines that are not the protocol before the importer is given up."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that could not be read, or only in part: where it stands and why. Safe to print."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the importer is. `total` is None when it cannot tell cheaply."""

    done: int
    total: int | None
    unit: str = "files"


@dataclass(frozen=True, slots=True)
class ImporterInfo:
    """An importer as found on disk. `options` maps each option's name to what it means."""

    name: str
    summary: str
    options: dict[str, str]
    file: Path = field(repr=False)


Item = Draft | Failure | Progress
Read = Callable[[Path, dict[str, Any]], Iterator[Item]]
