"""The vectors of questions asked lately, in memory only, so that a repeated question costs nothing."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from vault.embed.runtimes.base import Encoder, Vectors

KEPT = 2048
"""Questions remembered, some 2 kB each."""


class Queries:
    """Embeds questions, the least recently asked forgotten first. Thread-safe.

    An asker shares nothing with another: whether a question comes back fast would tell one what the other asked. The
    words of a question are not kept, only their digest.
    """

    def __init__(self, encoder: Encoder, kept: int = KEPT) -> None:
        self._encoder, self._kept = encoder, kept
        self._vectors: OrderedDict[bytes, Vectors] = OrderedDict()
        self._changing = threading.Lock()

    def vector(self, text: str, asker: str) -> Vectors:
        """Return the question's vector (dim,), read-only; `asker` names the client, or the owner."""
        key = hashlib.sha256(f"{len(asker)} {asker}{text}".encode("utf-8", "surrogatepass")).digest()
        with self._changing:
            known = self._vectors.get(key)
            if known is not None:
                self._vectors.move_to_end(key)
                return known
        made = self._encoder.encode_query(text)
        made.setflags(write=False)
        with self._changing:
            self._vectors[key] = made
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        return made
