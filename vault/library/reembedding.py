"""Another encoder: its vectors are made in the background while the old ones answer (store/SPEC.md).

Everything it knows is in the database (`store.nextvectors`), so that it goes on where it was after a crash.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vault.errors import Locked, VaultError
from vault.library.chunks import passages
from vault.library.courtesy import Courtesy
from vault.library.space import model, signature
from vault.store import changes, nextvectors, records
from vault.store.database import Database
from vault.types import Connection

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder

STORED = 512
"""Chunks whose vectors are stored in one transaction."""
TOGETHER = 32
"""Chunks that are embedded together: a question that comes meanwhile has to bear no more than that."""
PATIENCE = 1.0
"""Seconds that it waits for others, before each of them."""
STOPPING = 2.0
"""Seconds that closing waits for the thread; without its database it ends by itself."""
MOVED = 2000
"""Vectors moved or dropped in one transaction."""

_log = logging.getLogger("ownvault.index")

Rest = Callable[[int], int]
Switch = Callable[["Encoder", Rest, int], None]


class Stopped(Exception):
    """The vault is being closed."""


class Reembedding:
    """The way of one vault from the vectors it has to those of the encoder it shall have. One thread does the work."""

    def __init__(self, db: Database, load: Callable[[], Encoder], switch: Switch, courtesy: Courtesy) -> None:
        """`switch(encoder, rest, at)` lets the new vectors answer: `rest(at)` makes those of chunks after `at` that
        have none, and returns the last of them."""
        self._db, self._load, self._switch, self._courtesy = db, load, switch, courtesy
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.target, self.problem = "", ""
        self.done = self.total = 0

    @property
    def under_way(self) -> bool:
        """Whether vectors of another model are being made."""
        return bool(self.target)

    def start(self) -> None:
        """Begin, or go on, in a thread; nothing when that has been done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="reembedding", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Come to an end after the batch under way, and do not wait long for one that takes long. What was done is
        kept."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOPPING)

    def wait(self) -> None:
        """Return when it has come to its end."""
        if self._thread is not None:
            self._thread.join()

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            self.work()
        except (Stopped, Locked):
            pass
        except VaultError as error:
            self.problem = error.message
            _log.warning("embedding with another model stopped: %s", error.message)

    def work(self) -> None:
        """Do what there is to do. Raises VaultError, Stopped."""
        encoder = self._load()
        wanted = signature(encoder)
        with self._db.read() as conn:
            made_by, coming = nextvectors.made_by(conn)
        if coming is not None and coming == made_by:  # the switch was made: what is left is to tidy up
            self._all(nextvectors.move)
            coming = None
        elif coming not in (None, wanted):
            self._all(nextvectors.discard)
            coming = None
        if made_by in (None, wanted):
            if coming is not None:  # the owner went back to the model that still answers
                self._all(nextvectors.discard)
            return
        self._replace(encoder, wanted)

    def _replace(self, encoder: Encoder, wanted: str) -> None:
        self.target = model(wanted)
        self._db.write(lambda conn: nextvectors.begin(conn, wanted))
        with self._db.read() as conn:
            self.done, (_, self.total) = nextvectors.done(conn), changes.counts(conn)
        at = self._embedded(encoder, 0, PATIENCE)
        self._switch(encoder, lambda after: self._embedded(encoder, after, 0.0), at)
        self.target = ""
        self._all(nextvectors.move)

    def _embedded(self, encoder: Encoder, at: int, patience: float) -> int:
        """Make the vectors of all chunks after `at` that have none; return the last chunk looked at."""
        while True:
            with self._db.read() as conn:
                bare = nextvectors.bare(conn, at, STORED)
                of = records.by_number(conn, {one.record for one in bare})
            if not bare:
                return at
            texts = passages(bare, of)
            order = sorted(texts, key=lambda chunk: len(texts[chunk]))
            vectors: dict[int, bytes] = {}
            for start in range(0, len(order), TOGETHER):
                some = order[start : start + TOGETHER]
                vectors |= self._vectors(encoder, some, [texts[chunk] for chunk in some], patience)
            self._db.write(lambda conn, made=vectors: nextvectors.put(conn, made), patient=True)  # type: ignore[misc]
            at = bare[-1].id

    def _vectors(
        self, encoder: Encoder, chunks: Sequence[int], texts: Sequence[str], patience: float
    ) -> dict[int, bytes]:
        if self._stop.is_set():
            raise Stopped
        self._courtesy.wait(patience)
        made = encoder.encode(texts)
        self.done += len(texts)
        return {chunk: vector.tobytes() for chunk, vector in zip(chunks, made, strict=True)}

    def _all(self, step: Callable[[Connection, int], bool]) -> None:
        while self._db.write(lambda conn: step(conn, MOVED), patient=True):
            if self._stop.is_set():
                raise Stopped
