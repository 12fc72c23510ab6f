"""Chunks on their way: from a text to what is stored, and from what is stored to what the index takes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from vault.errors import Damaged
from vault.store import records
from vault.store.nextvectors import Bare
from vault.types import Chunk, Connection, Draft, Provenance, Record, Sensitivity

if TYPE_CHECKING:
    from vault.embed.search import Entry

Encode = Callable[[Sequence[str]], Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chunk with all that is computed before the one writer is asked: its vector and its words."""

    chunk: Chunk
    vector: bytes
    words: Counter[str]


def prepared(texts: Mapping[int, Draft], encode: Encode) -> dict[int, list[Prepared]]:
    """Cut, embed and count the words of several texts in one go, so that the encoder can sort them by length."""
    from vault.embed import chunking, lexical

    cut = [(key, chunk) for key, text in texts.items() for chunk in chunking.split(text)]
    vectors = encode([chunking.passage(chunk) for _, chunk in cut]) if cut else ()
    made: dict[int, list[Prepared]] = {}
    for (key, chunk), vector in zip(cut, vectors, strict=True):
        made.setdefault(key, []).append(Prepared(chunk, vector.tobytes(), lexical.tally(chunking.passage(chunk))))
    return made


def passages(stored: Sequence[Bare], of: Mapping[int, Record]) -> dict[int, str]:
    """Return what an encoder reads for chunks that are stored already, by chunk; those whose record is gone are left
    out. A chunk that would be cut otherwise today keeps its cut."""
    from vault.embed import chunking

    found: dict[int, str] = {}
    for number, group in groupby(stored, key=lambda one: one.record):
        if (record := of.get(number)) is None:
            continue
        cuts = {(chunk.start, chunk.end): chunk for chunk in chunking.split(record)}
        about = chunking.header(record.title, record.people, record.date)
        for one in group:
            own = Chunk(one.ordinal, one.start, one.end, record.text[one.start : one.end], about)
            found[one.id] = chunking.passage(cuts.get((one.start, one.end), own))
    return found


def words(made: Iterable[Sequence[Prepared]]) -> set[str]:
    """Return the words of several texts."""
    return {word for some in made for one in some for word in one.words}


def coded(made: Sequence[Prepared], lexicon: Mapping[str, int]) -> list[tuple[Chunk, bytes, bytes]]:
    """Return chunks as they are stored. The lexicon has the numbers of all their words."""
    from vault.embed.lexical import encode_terms

    return [(one.chunk, one.vector, encode_terms(one.words, lexicon)) for one in made]


def entries(conn: Connection, numbers: Sequence[int] | None = None, *, coming: bool = False) -> Iterator[Entry]:
    """Yield records with their chunks as the index takes them in: all, or those of `numbers` that exist, by number.

    With the vectors of the next model, where it has made them, when those are `coming`.
    """
    from vault.embed.search import Entry, Piece

    pieces = groupby(records.pieces(conn, numbers, coming=coming), key=lambda piece: piece.record)
    for row, (n, group) in zip(records.rows(conn, numbers), pieces, strict=True):  # every record has a chunk
        if row.n != n:
            raise Damaged(f"record {row.n} has no chunks")
        yield Entry(
            n, row.collection, row.source, row.kind, row.people, row.labels, row.date, Sensitivity(row.sensitivity),
            Provenance(row.provenance), row.thread, row.position, tuple(Piece(p.id, p.vector, p.terms) for p in group),
        )  # fmt: skip


def spelled(conn: Connection, some: Iterable[Entry]) -> dict[str, int]:
    """Return the words that entries hold, with their numbers."""
    from vault.embed.lexical import decode_terms

    held = {int(n) for entry in some for piece in entry.pieces for n in decode_terms(piece.terms)[:, 0].tolist()}
    return records.words(conn, sorted(held))
