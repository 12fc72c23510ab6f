"""What the vault holds and can find: the record store and the search index, kept in step.

Knows nothing of tokens or grants: whoever calls has a resolved `Conditions` already.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, RLock
from typing import TYPE_CHECKING

from vault.errors import NotFound, VaultError
from vault.store import records
from vault.store.database import Database
from vault.types import Conditions, Connection, Draft, Outcome, Receipt, Record

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder
    from vault.embed.search import Index

MAX_TEXT = 4 * 2**20
"""Characters in one record."""


@dataclass(frozen=True, slots=True)
class Found:
    """A ranked record: its number, the part of its text that answers, and the cosine similarity of that part."""

    record: int
    start: int
    end: int
    score: float
