"""What the vault holds and can find: the record store and the search index, kept in step.

Knows nothing of tokens or grants: whoever calls has a resolved `Conditions` already.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from threading import Lock, RLock
from typing import TYPE_CHECKING

from vault import limits
from vault.errors import BadRequest, Damaged, NotFound, VaultError
from vault.legible import legible
from vault.store import records
from vault.store.database import Database
from vault.types import (
    EVERYTHING,
    AddAnswer,
    By,
    Chunk,
    Conditions,
    Connection,
    Draft,
    Exposure,
    Outcome,
    Provenance,
    Receipt,
    Record,
    Sensitivity,
    from_micros,
    utc,
)

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder
    from vault.embed.queries import Queries
    from vault.embed.search import Entry, Index

BOUNDS = {
    "origin": limits.ORIGIN, "text": limits.TEXT, "title": limits.TITLE, "kind": limits.KIND,
    "language": limits.LANGUAGE, "url": limits.URL, "thread": limits.THREAD,
}  # fmt: skip
"""Characters in each text of a draft."""
SHOWN_PEOPLE, SHOWN_TITLES = 10, 5
"""Of an exposure."""
EMBED_AT_ONCE = 2048
"""Chunks embedded between two commits when the model has changed."""

Recorder = Callable[[Connection, Sequence[Outcome]], Receipt]


@dataclass(frozen=True, slots=True)
class Found:
    """A ranked record: its number, the part of its text that answers, and that part's cosine similarity."""

    record: int
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chunk with all that is computed before the one writer is asked: its vector and its words."""

    chunk: Chunk
    vector: bytes
    words: Counter[str]


class Library:
    """Records and their index. Thread-safe. Index and encoder load when first needed, or by `warm`."""

    def __init__(self, db: Database, hash_key: bytearray, model: str, device: str, encoder: Encoder | None) -> None:
        self.model, self._wanted_device = model, device
        self._db, self._hash_key, self._encoder = db, hash_key, encoder
        self._index: Index | None = None
        self._queries: Queries | None = None
        self._loading = RLock()
        self._following = Lock()  # the index follows the store one change at a time
        self.readiness = "idle"

    def close(self) -> None:
        """Let the index go."""
        if self._index is not None:
            self._index.close()

    # ------------------------------------------------------------ loading

    def warm(self) -> None:
        """Load index and encoder; `readiness` says how far that is."""
        try:
            self.readiness = "loading"
            self.encoder.encode_query("warm")
            self.index  # noqa: B018 - the property loads it
            self.readiness = "ready"
        except VaultError as error:
            self.readiness = f"failed: {error.message}"
            raise

    @property
    def device(self) -> str | None:
        """Return where the encoder runs, once it is loaded."""
        return self._encoder.device if self._encoder else None

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what the owner should know about the encoder, once it is loaded."""
        return self._encoder.notices if self._encoder else ()

    @property
    def encoder(self) -> Encoder:
        with self._loading:
            if self._encoder is None:
                from vault.embed import encoder  # deferred: start-up time

                self._encoder = encoder.load(self.model, self._wanted_device)
            return self._encoder

    @property
    def queries(self) -> Queries:
        with self._loading:
            if self._queries is None:
                from vault.embed.queries import Queries  # deferred: start-up time

                self._queries = Queries(self.encoder)
            return self._queries

    @property
    def index(self) -> Index:
        with self._loading:
            if self._index is None:
                self._index = self._load_index()
            return self._index

    def _load_index(self) -> Index:
        """Fill a new index from the store; embed everything anew first if another model made the vectors."""
        from vault.embed.search import Index  # deferred: start-up time

        with self._db.read() as conn:
            made_by = records.setting(conn, "encoder")
        if made_by is not None and made_by != self._signature():
            self._embed_again()
        with self._db.read() as conn:
            index = Index(int((records.setting(conn, "encoder") or self._signature()).rpartition("/")[2]))
            index.learn(records.lexicon(conn))
            index.add(_entries(conn))
        return index

    def _signature(self) -> str:
        """Return what must stay the same for vectors to be comparable: the model and its dimension."""
        known = self._encoder
        if known is None and self.model == "all-MiniLM-L6-v2":  # spares a command that only counts the loading
            return f"{self.model}/384"
        return f"{self.encoder.name}/{self.encoder.dim}"

    def _embed_again(self) -> None:
        """Replace every vector with the present model's. Interrupted, it starts again: the signature comes last."""
        with self._db.read() as conn:
            numbers = [row.n for row in records.rows(conn)]
        for at in range(0, len(numbers), EMBED_AT_ONCE):
            with self._db.read() as conn:
                some = records.by_number(conn, numbers[at : at + EMBED_AT_ONCE])
            made = self._prepare(some)

            def work(conn: Connection, made: dict[int, list[Prepared]] = made) -> None:
                for n, prepared in made.items():
                    records.replace_chunks(conn, n, _coded(conn, prepared, {}))

            self._db.write(work)
        self._db.write(lambda conn: records.set_setting(conn, "encoder", self._signature()))

    # ------------------------------------------------------------ finding

    def collections(self, where: Conditions = EVERYTHING) -> frozenset[str]:
        """Return the names of the collections that hold a record within `where`."""
        return self.index.collections(where)

    def rank(self, where: Conditions, query: str, limit: int, asker: str, now: datetime) -> list[Found]:
        """Return at most `limit` records within `where`, best first. Its time words are seen from `now`.

        A question that `asker` repeats is cheap."""
        ranked = self.index.rank(where, self.queries.vector(query, asker), query, limit, now)
        with self._db.read() as conn:
            spans = records.spans(conn, [one.chunk for one in ranked])
        return [Found(one.record, *spans[one.chunk], one.score) for one in ranked if one.chunk in spans]

    def count(self, where: Conditions) -> int:
        """Return how many records are within `where`."""
        return self.index.count(where)

    def groups(self, where: Conditions, by: By) -> dict[str, int]:
        """Return how many records within `where` there are of each value; of very many values the most frequent."""
        told = self.index.tally(where, by.value)
        if len(told) <= limits.GROUPS:
            return told
        return dict(sorted(Counter(told).most_common(limits.GROUPS)))

    def span(self, where: Conditions) -> tuple[datetime | None, datetime | None]:
        """Return the first and the last date within `where`, None when nothing there is dated."""
        ends = self.index.span(where)
        return (from_micros(ends[0]), from_micros(ends[1])) if ends else (None, None)

    def numbers(self, where: Conditions) -> list[int]:
        """Return the numbers of the records within `where`."""
        return self.index.numbers(where)

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
        index = self.index
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
        return len(young.intersection(self.index.numbers(where)))

    def records(self, numbers: Iterable[int]) -> dict[int, Record]:
        """Return the records with these numbers that still exist."""
        with self._db.read() as conn:
            return records.by_number(conn, numbers)

    def record(self, id: str) -> Record | None:
        with self._db.read() as conn:
            return records.get(conn, id)

    # ------------------------------------------------------------ changing

    def take_in(
        self, drafts: Sequence[Draft], collection: str, source: str, now: datetime, record: Recorder
    ) -> AddAnswer:
        """Store drafts with `record`'s audit entry in one transaction, then show them to searches.

        A draft that cannot be taken is an outcome with its reason; its neighbours are taken.
        """
        refused = {i: reason for i, draft in enumerate(drafts) if (reason := _objection(draft))}
        good = {i: draft for i, draft in enumerate(drafts) if i not in refused}
        with self._db.read() as conn:
            same = records.unchanged(conn, good.values(), source=source, collection=collection, hash_key=self._hash_key)
        prepared = self._prepare({i: draft for i, draft in good.items() if draft.origin not in same})
        index = self.index  # loaded before the write, so that it cannot already hold what is added below
        stored: set[int] = set()
        lexicon: dict[str, int] = {}

        def put(conn: Connection, i: int, draft: Draft) -> Outcome:
            kept = records.put(
                conn, draft, collection=collection, source=source, id=_new_id(), now=now, hash_key=self._hash_key
            )
            if kept.outcome != "unchanged":  # unchanged a moment ago, changed by another since: prepared only now
                chunks = prepared.get(i) or self._prepare({i: draft})[i]
                records.put_chunks(conn, kept.n, _coded(conn, chunks, lexicon))
                stored.add(kept.n)
            return Outcome(draft.origin, kept.outcome, kept.id)

        def work(conn: Connection) -> AddAnswer:
            outcomes = tuple(
                put(conn, i, draft) if i in good else Outcome(draft.origin, "failed", reason=refused[i])
                for i, draft in enumerate(drafts)
            )
            if stored and records.setting(conn, "encoder") is None:
                records.set_setting(conn, "encoder", self._signature())
            return AddAnswer(outcomes, record(conn, outcomes))

        answer = self._db.write(work)
        if stored:
            index.learn(lexicon)
            with self._following, self._db.read() as conn:  # what the store says now, not what this call wrote
                index.remove(stored)
                index.add(_entries(conn, sorted(stored)))
        return answer

    def forget(self, id: str, record: Callable[[Connection], Receipt]) -> Receipt:
        """Remove a record for good, with `record`'s audit entry in the same transaction. NotFound if none."""

        def work(conn: Connection) -> tuple[int, Receipt]:
            n = records.forget(conn, id)
            if n is None:
                raise NotFound("no such record", reason="absent")
            return n, record(conn)

        n, receipt = self._db.write(work, urgent=True)
        with self._loading, self._following:  # an index being loaded now may have read the record before it was gone
            if self._index is not None:
                self._index.remove([n])
        self._db.checkpoint()  # nor is it left in the write-ahead log
        return receipt

    def _prepare(self, texts: Mapping[int, Draft] | Mapping[int, Record]) -> dict[int, list[Prepared]]:
        """Cut, embed and count the words of several records in one go, so that the encoder can sort them by length."""
        from vault.embed import chunking, lexical

        cut = [(key, chunk) for key, text in texts.items() for chunk in chunking.split(text)]
        vectors = self.encoder.encode([chunking.passage(chunk) for _, chunk in cut]) if cut else ()
        made: dict[int, list[Prepared]] = {}
        for (key, chunk), vector in zip(cut, vectors, strict=True):
            made.setdefault(key, []).append(Prepared(chunk, vector.tobytes(), lexical.tally(chunking.passage(chunk))))
        return made


def _coded(conn: Connection, chunks: Sequence[Prepared], lexicon: dict[str, int]) -> list[tuple[Chunk, bytes, bytes]]:
    """Return chunks as they are stored, numbering words that are new; `lexicon` learns the numbers used."""
    from vault.embed.lexical import encode_terms

    numbers = records.add_terms(conn, {word for chunk in chunks for word in chunk.words})
    lexicon.update(numbers)
    return [(one.chunk, one.vector, encode_terms(one.words, numbers)) for one in chunks]


def _entries(conn: Connection, numbers: Sequence[int] | None = None) -> Iterator[Entry]:
    """Yield records with their chunks as the index takes them in."""
    from vault.embed.search import Entry, Piece

    pieces = groupby(records.pieces(conn, numbers), key=lambda piece: piece.record)
    for row, (n, group) in zip(records.rows(conn, numbers), pieces, strict=True):  # every record has a chunk
        if row.n != n:
            raise Damaged(f"record {row.n} has no chunks")
        yield Entry(
            n, row.collection, row.source, row.kind, row.people, row.labels, row.date, Sensitivity(row.sensitivity),
            Provenance(row.provenance), row.thread, row.position, tuple(Piece(p.id, p.vector, p.terms) for p in group),
        )  # fmt: skip


def _objection(draft: Draft) -> str:
    """Return why a draft cannot be taken, or nothing."""
    texts = {name: str(getattr(draft, name)) for name in BOUNDS}
    if not draft.origin or not draft.kind.strip():
        return "it has no origin or no kind"
    if not draft.text.strip() and not draft.title.strip():
        return "it is empty"
    for name, most in BOUNDS.items():
        if len(texts[name]) > most:
            return f"its {name} is longer than {most} characters"
    for names in (draft.people, draft.labels):
        if len(names) > limits.NAMES or any(len(name) > limits.LABEL for name in names):
            return f"it has more than {limits.NAMES} people or labels, or one longer than {limits.LABEL} characters"
    if not all(map(records.encodes, (*texts.values(), *draft.people, *draft.labels))):
        return "it is not valid Unicode"
    if not 0 <= draft.position <= limits.POSITION:
        return f"its position is not a number from 0 to {limits.POSITION}"
    return _date_objection(draft)


def _date_objection(draft: Draft) -> str:
    try:
        for moment in (draft.created, draft.updated):
            if moment is not None:
                utc(moment)
    except BadRequest as error:
        return error.message
    return ""


def _new_id() -> str:
    """Return a record id: "r" and 128 random bits in base32."""
    return "r" + b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
