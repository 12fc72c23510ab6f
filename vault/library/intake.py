"""Drafts on their way in: cut, embedded and counted before the one writer is asked, stored, then shown to searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from vault.library import chunks, drafts
from vault.library.chunks import Prepared
from vault.library.space import Space
from vault.library.step import Step
from vault.store import records
from vault.store.database import Database
from vault.types import Connection, Draft, Outcome, Receipt

FEW = 20
"""Drafts that are stored in no time; more let those who wait for their answers' records go first."""

Recorder = Callable[[Connection, Sequence[Outcome]], Receipt]


@dataclass(slots=True)
class Stored:
    """What one transaction did; nothing of it counts before that is committed."""

    lexicon: dict[str, int]
    outcomes: list[Outcome] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    receipt: Receipt | None = None


class Intake:
    """The drafts of one request, for one source and collection. Used once, by one thread.

    `outcomes` are those of the drafts that were stored or refused, from the first on.
    """

    def __init__(
        self, db: Database, step: Step, hash_key: bytearray, collection: str, source: str, now: datetime
    ) -> None:
        self._db, self._step, self._hash_key = db, step, hash_key
        self._collection, self._source, self._now = collection, source, now
        self._ready: dict[int, list[Prepared]] = {}
        self._lexicon: dict[str, int] = {}
        self._stored: set[int] = set()
        self.outcomes: list[Outcome] = []

    def take(self, given: Sequence[Draft], record: Recorder, together: int) -> Receipt | None:
        """Store drafts, so many in one transaction, each with its audit entry; return the last receipt.

        When another model's vectors answer by then, the rest is left. What was stored is shown to searches in any case.
        """
        receipt = None
        with self._step.marks.change():
            space = self._step.space  # loaded before the write, so that it cannot already hold what is added below
            self._prepare(given, space)
            try:
                for start in range(0, max(1, len(given)), max(1, together)):
                    part = range(start, min(start + max(1, together), len(given)))
                    work = partial(self._store, given=given, part=part, space=space, record=record)
                    if (done := self._db.write(work, patient=len(part) > FEW)) is None:
                        break
                    receipt = done.receipt
                    self.outcomes += done.outcomes
                    self._lexicon |= done.lexicon
                    self._stored |= done.numbers
            finally:
                if self._stored:
                    self._step.changed(self._stored, self._lexicon)
        return receipt

    def _prepare(self, given: Sequence[Draft], space: Space) -> None:
        """Embed what can be stored and is not stored just so already."""
        good = {i: draft for i, draft in enumerate(given) if not drafts.objection(draft)}
        with self._db.read() as conn:
            same = records.unchanged(
                conn, good.values(), source=self._source, collection=self._collection, hash_key=self._hash_key
            )
        with self._step.courtesy.first():
            fresh = {i: draft for i, draft in good.items() if draft.origin not in same}
            self._ready = chunks.prepared(fresh, space.encode)

    def _store(
        self, conn: Connection, given: Sequence[Draft], part: range, space: Space, record: Recorder
    ) -> Stored | None:
        made_by = records.setting(conn, "encoder")
        if made_by not in (None, space.made_by):
            return None
        stored = Stored(records.add_terms(conn, chunks.words(self._ready[i] for i in part if i in self._ready)))
        for i in part:
            stored.outcomes.append(self._put(conn, i, given[i], space, stored))
        if stored.numbers and made_by is None:
            records.set_setting(conn, "encoder", space.made_by)
        stored.receipt = record(conn, stored.outcomes)
        return stored

    def _put(self, conn: Connection, i: int, draft: Draft, space: Space, stored: Stored) -> Outcome:
        if reason := drafts.objection(draft):
            return Outcome(draft.origin, "failed", reason=reason)
        kept = records.put(
            conn, draft, collection=self._collection, source=self._source, id=drafts.new_id(), now=self._now,
            hash_key=self._hash_key,
        )  # fmt: skip
        if kept.outcome != "unchanged":
            if i not in self._ready:  # unchanged a moment ago, changed by another since: prepared only now
                self._ready |= chunks.prepared({i: draft}, space.encode)
                stored.lexicon |= records.add_terms(conn, chunks.words([self._ready[i]]))
            records.put_chunks(conn, kept.n, chunks.coded(self._ready[i], stored.lexicon))
            stored.numbers.add(kept.n)
        return Outcome(draft.origin, kept.outcome, kept.id)
