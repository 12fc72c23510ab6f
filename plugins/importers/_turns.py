"""What a line tells in its text where its fields are silent: its date, and its conversation. No importer itself."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from _source import title as title_of

from vault import limits
from vault.embed import stamps  # pure, and light: the vault reads the same lines when it cuts them

TURN = 1000
"""Characters of a message; what is longer is told, not said, and stands for itself."""
EPOCH_SECONDS, EPOCH_MILLISECONDS = 10**8, 10**11
"""From here on a number is a time in seconds, or in milliseconds, since 1970; smaller ones may be anything."""


def written(text: str, title: str) -> datetime | None:
    """Return the time that a text without a date begins with, else the one that is its title."""
    return stamps.read(text).moment or stamps.moment(title)


def numbered(number: float) -> datetime | None:
    """Return the time that a number names, None when it is too small to be one."""
    if not EPOCH_SECONDS <= number < 10**14:
        return None
    return datetime.fromtimestamp(number / (1000 if number >= EPOCH_MILLISECONDS else 1), UTC)


def file_of(path: Path) -> str:
    """Return what tells a file's threads from another's: its name, and a digest of where it lies."""
    return f"{title_of(path.name)} {hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def conversation(file: str, kind: str, title: str, text: str) -> str:
    """Return the thread of a message that names none: its file's, one for each title; nothing for what is none."""
    stamp = stamps.read(text)
    said = stamps.is_talk(kind) or (stamp.moment and stamp.speaker)
    return f"{file}: {title}"[: limits.THREAD] if said and len(text) <= TURN else ""
