"""The library of a vault: its records, and what finds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from vault import limits
from vault.errors import NotFound, VaultError
from vault.legible import legible
from vault.library.atlas import Maps
from vault.library.intake import Intake, Recorder
from vault.library.step import Step
from vault.store import records
from vault.store.database import Database
from vault.store.sealed import Files
from vault.types import (
    EVERYTHING,
    AddAnswer,
    Atlas,
    By,
    Conditions,
    Connection,
    Draft,
    Exposure,
    Outcome,
    Receipt,
    Record,
    Reembedding,
    Shade,
    from_micros,
)

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder
    from vault.embed.rerank import Reranker

C = TypeVar("C")
SHOWN_PEOPLE, SHOWN_TITLES = 10, 5
"""Of an exposure."""

TOGETHER = 250
"""Drafts in one transaction, where it may be several."""


@dataclass(frozen=True, slots=True)
class Found:
    """A ranked record: its number, the part of its text that answers, and that part's cosine similarity."""

    record: int
    start: int
    end: int
    score: float


class Library:
    """Records and their index. Thread-safe. Index and encoder load when first needed, or by `warm`."""

    def __init__(
        self, db: Database, hash_key: bytearray, sealed: Files, model: str, device: str, encoder: Encoder | None,
        rerank: str = "",
    ) -> None:  # fmt: skip
        self._db, self._hash_key = db, hash_key
        self._reranker = _reranker(rerank, device) if rerank else None
        self._step = Step(db, sealed, model, device, encoder)
        self._maps = Maps(self._texts)
        self.readiness = "idle"

    def close(self) -> None:
        """Let the index go; a snapshot of it stays, sealed, where that is worth it."""
        self._step.close()
        if self._reranker is not None:
            self._reranker.close()

    # ------------------------------------------------------------ loading

    def warm(self) -> None:
        """Load index and encoder; `readiness` says how far that is. What goes on in the background then begins."""
        try:
            self.readiness = "loading"
            space = self._step.space
            space.index.rank(EVERYTHING, space.vector("warm", ""), "warm", 1)  # loads what it searches on, too
            if self._reranker:
                self._reranker.warm()
            self.readiness = "ready"
        except VaultError as error:
            self.readiness = f"failed: {error.message}"
            raise
        self._step.go_on()

    @property
    def model(self) -> str:
        """The model whose vectors answer."""
        return self._step.model

    @property
    def device(self) -> str | None:
        """Return where the encoder runs, once it is loaded."""
        return self._step.device

    @property
    def encoder(self) -> Encoder | None:
        """The encoder whose vectors answer; None when it is gone and words alone do."""
        return self._step.space.encoder

    @property
    def loaded(self) -> str | None:
        """Say where the index came from, once it is loaded."""
        return self._step.loaded

    @property
    def reembedding(self) -> Reembedding | None:
        """How far another model's vectors are, while they are being made."""
        return self._step.reembedding

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what the owner should know about the models and the index, once they are loaded."""
        return self._step.notices + (self._reranker.notices if self._reranker else ())

    # ------------------------------------------------------------ finding

    def collections(self, where: Conditions = EVERYTHING) -> frozenset[str]:
        """Return the names of the collections that hold a record within `where`."""
        return self._step.index.collections(where)

    def rank(self, where: Conditions, query: str, limit: int, asker: str, now: datetime) -> list[Found]:
        """Return at most `limit` records within `where`, best first. Its time words are seen from `now`.

        A question that `asker` repeats is cheap."""
        looked_at = max(limit, self._reranker.depth) if self._reranker else limit
        space = self._step.space  # one model's question and vectors, whatever comes in between
        with self._step.courtesy.first():
            ranked = space.index.rank(where, space.vector(query, asker), query, looked_at, now)
        with self._db.read() as conn:
            spans = records.spans(conn, [one.chunk for one in ranked])
        found = [Found(one.record, *spans[one.chunk], one.score) for one in ranked if one.chunk in spans]
        return self._reranked(self._reranker, query, found)[:limit] if self._reranker else found

    def _reranked(self, reranker: Reranker, query: str, found: Sequence[Found]) -> list[Found]:
        stored = self.records([one.record for one in found[: reranker.depth]])
        looked_at = [(one, stored[one.record]) for one in found[: reranker.depth] if one.record in stored]
        texts = [f"{record.title}\n{record.text[one.start : one.end]}".strip() for one, record in looked_at]
        return [looked_at[n][0] for n in reranker.order(query, texts)] + list(found[reranker.depth :])

    def count(self, where: Conditions) -> int:
        """Return how many records are within `where`."""
        return self._step.index.count(where)

    def groups(self, where: Conditions, by: By) -> dict[str, int]:
        """Return how many records within `where` there are of each value; of very many values the most frequent."""
        told = self._step.index.tally(where, by.value)
        if len(told) <= limits.GROUPS:
            return told
        return dict(sorted(Counter(told).most_common(limits.GROUPS)))

    def span(self, where: Conditions) -> tuple[datetime | None, datetime | None]:
        """Return the first and the last date within `where`, None when nothing there is dated."""
        ends = self._step.index.span(where)
        return (from_micros(ends[0]), from_micros(ends[1])) if ends else (None, None)

    def numbers(self, where: Conditions) -> list[int]:
        """Return the numbers of the records within `where`."""
        return self._step.index.numbers(where)

    def ids(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Return the ids of the records with these numbers that still exist."""
        with self._db.read() as conn:
            return records.ids(conn, sorted(numbers))

    def standing(self, source: str, origins: Iterable[str]) -> list[Record]:
        """Return the records that drafts of these origins would replace."""
        with self._db.read() as conn:
            return records.of_origins(conn, source, origins)

    def exposure(self, where: Conditions) -> Exposure:
        """Return what `where` shows now, in numbers, with the titles of the records taken in last."""
        index = self._step.index
        people = Counter(index.tally(where, "person")).most_common(SHOWN_PEOPLE)
        latest = self.records(sorted(index.numbers(where))[-SHOWN_TITLES:])
        titles = tuple(legible(record.title) for record in reversed(latest.values()) if record.title)
        return Exposure(
            index.count(where), index.tally(where, "collection"), index.tally(where, "month"), dict(people),
            index.tally(where, "sensitivity"), titles, *self.span(where),
        )  # fmt: skip

    def added(self, where: Conditions, since: datetime) -> int:
        """Return how many records within `where` came or changed after `since`."""
        with self._db.read() as conn:
            young = records.imported_after(conn, since)
        return len(young.intersection(self._step.index.numbers(where)))

    def records(self, numbers: Iterable[int]) -> dict[int, Record]:
        """Return the records with these numbers that still exist."""
        with self._db.read() as conn:
            return records.by_number(conn, numbers)

    def record(self, id: str) -> Record | None:
        with self._db.read() as conn:
            return records.get(conn, id)

    # ------------------------------------------------------------ changing

    def take_in(
        self, given: Sequence[Draft], collection: str, source: str, now: datetime, record: Recorder, *,
        whole: bool = True,
    ) -> AddAnswer:  # fmt: skip
        """Store drafts with `record`'s audit entry in one transaction, then show them to searches.

        Not `whole`: in several, each with an entry of its own, so that nobody waits long for the one writer; the
        receipt is the last one's. A draft that cannot be taken is an outcome with its reason; its neighbours are taken.
        """
        outcomes: list[Outcome] = []
        while True:  # once more when another model took over between embedding and storing
            intake = Intake(self._db, self._step, self._hash_key, collection, source, now)
            receipt = intake.take(given[len(outcomes) :], record, len(given) if whole else TOGETHER)
            outcomes += intake.outcomes
            if receipt is not None and len(outcomes) == len(given):
                return AddAnswer(tuple(outcomes), receipt)

    def forget(self, id: str, record: Callable[[Connection], Receipt]) -> Receipt:
        """Remove a record for good, with `record`'s audit entry in the same transaction. NotFound if none.

        When this returns no answer can hold it, and neither its words nor its vectors are in any file of the vault.
        """

        def one(conn: Connection, gone: Sequence[str]) -> Receipt:
            if not gone:
                raise NotFound("no such record", reason="absent")
            return record(conn)

        return self.forget_many([id], one)

    def forget_many(self, ids: Sequence[str], record: Callable[[Connection, Sequence[str]], Receipt]) -> Receipt:
        """Remove those of several records that there are; `record` is told which. Else as `forget`."""

        def work(conn: Connection) -> tuple[set[int], Receipt]:
            gone = {n: id for id in ids if (n := records.forget(conn, id)) is not None}
            return set(gone), record(conn, list(gone.values()))

        with self._step.marks.change():
            numbers, receipt = self._db.write(work, urgent=True)
            if numbers:
                self._step.forgotten(numbers)
        self._db.checkpoint()  # nor is it left in the write-ahead log
        return receipt

    def change(self, work: Callable[[Connection], tuple[set[int], C]]) -> C:
        """Change records that stay: `work` does it in one transaction, and says which. When this returns, every
        search sees them so."""
        with self._step.marks.change():
            self._step.space  # noqa: B018  loaded before the write: the index follows, whatever it had read
            numbers, told = self._db.write(work, urgent=True)
            if numbers:
                self._step.changed(numbers, {})
        return told

    # ------------------------------------------------------------ the map

    @property
    def mapped(self) -> bool:
        """Whether the map is drawn and up to date."""
        return self._maps.current(self._step.index)

    @property
    def mapping(self) -> bool:
        """Whether the map is being drawn."""
        return self._maps.drawing

    def atlas(self) -> Atlas:
        """Return the map of all records."""
        return self._maps.atlas(self._step.index)

    def points(self, tag: str, points: Sequence[int]) -> dict[int, int]:
        """Return the numbers of the records behind points of the map with this tag."""
        return self._maps.numbers(self._step.index, tag, points)

    def _texts(self, numbers: Sequence[int]) -> list[str]:
        return [
            "\n".join((one.title, *one.people, f"{one.date:%B %A}" if one.date else "", one.text))
            for one in self.records(numbers).values()
        ]

    def shade(self, where: Conditions) -> Shade:
        """Return which points of the map are within `where`."""
        return self._maps.shade(self._step.index, where)


def _reranker(model: str, device: str) -> Reranker:
    from vault.embed.rerank import Reranker  # deferred: start-up time

    return Reranker(model, device)
