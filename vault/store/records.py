"""Records and their chunks: functions on a connection, inside the caller's transaction.

Nothing here knows of scopes or ranks. Times are stored as integer microseconds since 1970 UTC.
"""

from __future__ import annotations

import hmac
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from vault.errors import BadRequest
from vault.store.labels import over
from vault.types import Chunk, CollectionView, Connection, Draft, Provenance, Record, Sensitivity, from_micros, micros

T = TypeVar("T")

_MANY = 500
"""Names or numbers in one statement."""
_COLUMNS = (
    "id, collection, source, origin, kind, title, text, created, updated, imported, people, labels, "
    "sensitivity, language, provenance, url, thread, position, version"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a draft: its record's number and id, and "added", "unchanged" or "changed"."""

    n: int
    id: str
    outcome: str


class Row(NamedTuple):
    """What the index must know of a record to tell whether it is in a scope, and where it stands in its thread."""

    n: int
    collection: str
    source: str
    kind: str
    date: datetime | None
    people: tuple[str, ...]
    labels: tuple[str, ...]
    sensitivity: int
    provenance: str
    thread: str
    position: int


class Piece(NamedTuple):
    """What the index must know of one chunk: vector and terms as stored."""

    record: int
    id: int
    vector: bytes
    terms: bytes


# ---------------------------------------------------------------- taking in


def put(
    conn: Connection, draft: Draft, *, collection: str, source: str, id: str, now: datetime, hash_key: bytearray
) -> Stored:
    """Store a draft under (`source`, its origin). The same draft again changes nothing.

    A changed one becomes the next version of the same record: it keeps its id, its chunks are deleted, and its
    sensitivity is never lowered. `id` is for a new record: random, "r" and 26 base32 characters.
    Raises BadRequest for text that is not valid Unicode and for a position over 63 bits.
    """
    fields = _fields(draft, collection, source)
    digest = _digest(fields, hash_key)
    found = conn.execute(
        "SELECT n, id, content_hash, sensitivity FROM record WHERE source = ? AND origin = ?", (source, draft.origin)
    ).fetchone()
    if found is None:
        names = (*fields, "id", "imported", "version", "content_hash")
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO record ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - our own column names
        n = conn.execute(statement, (*fields.values(), id, micros(now), 1, digest)).lastrowid
        return Stored(n, id, "added")
    n, kept_id, before, level = found
    if before == digest:
        return Stored(n, kept_id, "unchanged")
    fields["sensitivity"] = max(level, fields["sensitivity"])
    fields["labels"] = over(conn, n, fields["labels"])
    conn.execute("DELETE FROM chunk WHERE record = ?", (n,))
    changes = ", ".join(f"{name} = ?" for name in fields)
    statement = f"UPDATE record SET {changes}, imported = ?, version = version + 1, content_hash = ? WHERE n = ?"  # noqa: S608
    conn.execute(statement, (*fields.values(), micros(now), digest, n))
    return Stored(n, kept_id, "changed")


def put_chunks(conn: Connection, n: int, chunks: Sequence[tuple[Chunk, bytes, bytes]]) -> list[int]:
    """Store the chunks of record `n`, each with its vector and terms, and return their ids in order."""
    statement = 'INSERT INTO chunk (record, ordinal, start, "end", vector, terms) VALUES (?, ?, ?, ?, ?, ?)'
    return [
        conn.execute(statement, (n, chunk.ordinal, chunk.start, chunk.end, vector, terms)).lastrowid
        for chunk, vector, terms in chunks
    ]


def unchanged(
    conn: Connection, drafts: Iterable[Draft], *, source: str, collection: str, hash_key: bytearray
) -> set[str]:
    """Return the origins of those drafts that are stored exactly so already, and need no embedding."""
    same: set[str] = set()
    for some in _slices(list(drafts)):
        marks = _marks(some)
        query = f"SELECT origin, content_hash FROM record WHERE source = ? AND origin IN ({marks})"  # noqa: S608
        stored = dict(conn.execute(query, (source, *(draft.origin for draft in some))).fetchall())
        known = (draft for draft in some if draft.origin in stored)
        same |= {d.origin for d in known if stored[d.origin] == _digest(_fields(d, collection, source), hash_key)}
    return same


def forget(conn: Connection, id: str) -> int | None:
    """Remove a record and its chunks; return its number, or None when there is no such record."""
    rows = conn.execute("DELETE FROM record WHERE id = ? RETURNING n", (id,)).fetchall()
    return int(rows[0][0]) if rows else None


# ---------------------------------------------------------------- giving out


def get(conn: Connection, id: str) -> Record | None:
    """Return one record whole."""
    row = conn.execute(f"SELECT {_COLUMNS} FROM record WHERE id = ?", (id,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def by_number(conn: Connection, ns: Iterable[int]) -> dict[int, Record]:
    """Return the records with these numbers; those that are gone are left out."""
    found: dict[int, Record] = {}
    for some in _slices(list(ns)):
        query = f"SELECT n, {_COLUMNS} FROM record WHERE n IN ({_marks(some)})"  # noqa: S608
        found |= {row[0]: _record(row[1:]) for row in conn.execute(query, some).fetchall()}
    return found


def ids(conn: Connection, ns: Sequence[int]) -> tuple[str, ...]:
    """Return the ids of the records with these numbers that exist."""
    found: list[str] = []
    for some in _slices(ns):
        found += [id for (id,) in conn.execute(f"SELECT id FROM record WHERE n IN ({_marks(some)})", some)]  # noqa: S608
    return tuple(found)


def of_origins(conn: Connection, source: str, origins: Iterable[str]) -> list[Record]:
    """Return the records of a source that have one of these origins."""
    statement = f"SELECT {_COLUMNS} FROM record WHERE source = ? AND origin = ?"  # noqa: S608 - our own column names
    rows = (conn.execute(statement, (source, one)).fetchone() for one in dict.fromkeys(origins) if encodes(one))
    return [_record(row) for row in rows if row is not None]


def current(conn: Connection, versions: Mapping[str, int]) -> bool:
    """Say whether every one of these records (id to version) is still stored in just that version."""
    ids = list(versions)
    found: dict[str, int] = {}
    for some in _slices(ids):
        found |= dict(conn.execute(f"SELECT id, version FROM record WHERE id IN ({_marks(some)})", some).fetchall())  # noqa: S608
    return found == versions


def origins(conn: Connection, source: str) -> set[str]:
    """Return every origin known of a source."""
    return {origin for (origin,) in conn.execute("SELECT origin FROM record WHERE source = ?", (source,))}


def collections(conn: Connection) -> list[CollectionView]:
    """Return the collections by name, with how many records they hold and the first and last date."""
    query = (
        "SELECT collection, count(*), min(created), max(created) FROM record GROUP BY collection ORDER BY collection"
    )
    return [
        CollectionView(name, count, _moment(first), _moment(last)) for name, count, first, last in conn.execute(query)
    ]


def imported_after(conn: Connection, moment: datetime) -> set[int]:
    """Return the numbers of the records that were taken in, new or changed, after `moment`."""
    return {n for (n,) in conn.execute("SELECT n FROM record WHERE imported > ?", (micros(moment),))}


def chunk_count(conn: Connection) -> int:
    """Return how many chunks there are."""
    return int(conn.execute("SELECT count(*) FROM chunk").fetchone()[0])


# ---------------------------------------------------------------- for the index


def rows(conn: Connection, ns: Sequence[int] | None = None) -> Iterator[Row]:
    """Yield what the index must know of every record, or of those numbered `ns`, by number."""
    columns = "n, collection, source, kind, created, people, labels, sensitivity, provenance, thread, position"
    query = f"SELECT {columns} FROM record"  # noqa: S608 - our own column names
    for n, collection, source, kind, created, people, labels, *rest in _by_record(conn, query, "n", "n", ns):
        yield Row(n, collection, source, kind, _moment(created), _names(people), _names(labels), *rest)


def pieces(conn: Connection, ns: Sequence[int] | None = None, *, coming: bool = False) -> Iterator[Piece]:
    """Yield the chunks of every record, or of those numbered `ns`, by record and place in it; with the vectors of the
    next model, where it has made them, when those are `coming`."""
    query = "SELECT record, id, vector, terms FROM chunk"
    if coming or setting(conn, "encoder_next") == (setting(conn, "encoder") or ""):  # nextvectors.py says what counts
        query = (
            "SELECT record, id, coalesce(next_vector.vector, chunk.vector), terms "
            "FROM chunk LEFT JOIN next_vector ON next_vector.chunk = id"
        )
    yield from map(Piece._make, _by_record(conn, query, "record", "record, ordinal", ns))


def spans(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return where in its record's text each of these chunks lies; those that are gone are left out."""
    found: dict[int, tuple[int, int]] = {}
    for some in _slices(ids):
        query = f'SELECT id, start, "end" FROM chunk WHERE id IN ({_marks(some)})'  # noqa: S608
        found |= {id: (start, end) for id, start, end in conn.execute(query, some)}
    return found


def _by_record(conn: Connection, query: str, key: str, order: str, ns: Sequence[int] | None) -> Iterator[Any]:
    if ns is None:
        yield from conn.execute(f"{query} ORDER BY {order}")
        return
    for some in _slices(sorted(ns)):
        yield from conn.execute(f"{query} WHERE {key} IN ({_marks(some)}) ORDER BY {order}", some)


def lexicon(conn: Connection) -> dict[str, int]:
    """Return the number of every word that was ever indexed."""
    return dict(conn.execute("SELECT word, id FROM term").fetchall())


def words(conn: Connection, ids: Iterable[int]) -> dict[str, int]:
    """Return the words that have these numbers, with their numbers."""
    found: dict[str, int] = {}
    for some in _slices(list(ids)):
        found |= dict(conn.execute(f"SELECT word, id FROM term WHERE id IN ({_marks(some)})", some).fetchall())  # noqa: S608
    return found


def add_terms(conn: Connection, words: Iterable[str]) -> dict[str, int]:
    """Return the numbers of `words`, giving new words the next ones."""
    wanted = list(dict.fromkeys(words))
    known = _numbers(conn, wanted)
    new = [(word,) for word in wanted if word not in known]
    if new:
        conn.executemany("INSERT INTO term (word) VALUES (?)", new)
        known |= _numbers(conn, [word for (word,) in new])
    return known


def _numbers(conn: Connection, words: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _slices(words):
        found |= dict(conn.execute(f"SELECT word, id FROM term WHERE word IN ({_marks(some)})", some).fetchall())  # noqa: S608
    return found


# ---------------------------------------------------------------- settings


def setting(conn: Connection, key: str) -> str | None:
    """Return what the vault remembers under `key`, such as the name of the model that made its vectors."""
    row = conn.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_setting(conn: Connection, key: str, value: str) -> None:
    """Remember `value` under `key`."""
    conn.execute(
        "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


# ---------------------------------------------------------------- columns


def _fields(draft: Draft, collection: str, source: str) -> dict[str, Any]:
    """Return every imported column. Its order is part of the content hash (SPEC.md)."""
    if not -(2**63) <= draft.position < 2**63:
        raise BadRequest("position: not a 64-bit number")
    fields = {
        "collection": collection, "source": source, "origin": draft.origin, "kind": _composed(draft.kind),
        "title": draft.title, "text": draft.text, "url": draft.url, "thread": draft.thread, "position": draft.position,
        "created": draft.created and micros(draft.created), "updated": draft.updated and micros(draft.updated),
        "people": _listed(draft.people), "labels": _listed(draft.labels), "sensitivity": int(draft.sensitivity),
        "language": draft.language, "provenance": draft.provenance.value,
    }  # fmt: skip
    for name, value in fields.items():
        if isinstance(value, str) and not encodes(value):
            raise BadRequest(f"{name}: not valid Unicode text")
    return fields


def imagined(draft: Draft, collection: str, source: str) -> Record:
    """Return the record that a draft would become, without id or version. BadRequest for one that cannot be stored."""
    f = _fields(draft, collection, source)
    return _record([
        "", collection, source, f["origin"], f["kind"], f["title"], f["text"], f["created"], f["updated"], 0,
        f["people"], f["labels"], f["sensitivity"], f["language"], f["provenance"], f["url"], f["thread"],
        f["position"], 0,
    ])  # fmt: skip


def _digest(fields: dict[str, Any], hash_key: bytearray) -> bytes:
    """Return the keyed hash of a record's imported fields: HMAC-SHA256 over a JSON array of them in column order."""
    canonical = json.dumps(list(fields.values()), ensure_ascii=False, separators=(",", ":"))
    return hmac.digest(hash_key, b"ownvault/v1/content\0" + canonical.encode("utf-8"), "sha256")


def _record(row: Sequence[Any]) -> Record:
    (id, collection, source, origin, kind, title, text, created, updated, imported, people, labels,
     level, language, provenance, url, thread, position, version) = row  # fmt: skip
    return Record(
        id, collection, source, origin, kind, title, text,
        _moment(created), _moment(updated), from_micros(imported), _names(people), _names(labels),
        Sensitivity(level), language, Provenance(provenance), url, thread, position, version,
    )  # fmt: skip


def _listed(names: Iterable[str]) -> str:
    """Return people or labels as stored, each once, in their order."""
    once = dict.fromkeys(map(_composed, names))
    return json.dumps([name for name in once if name], ensure_ascii=False, separators=(",", ":"))


def _composed(name: str) -> str:
    """Return a kind, person or label as scopes and requests spell it (permissions/SPEC.md, "Names"): NFC, ends trimmed.

    Every record passes here, whoever brings it; collection and source come composed, as `permissions.names` made them.
    """
    return unicodedata.normalize("NFC", name).strip()


def _names(stored: str) -> tuple[str, ...]:
    return () if stored == "[]" else tuple(json.loads(stored))


def encodes(text: str) -> bool:
    """Tell whether `text` can be stored: whether it is valid Unicode."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, from a broken file name or JSON escape
        return False
    return True


def _moment(stored: int | None) -> datetime | None:
    return None if stored is None else from_micros(stored)


def _slices(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[i : i + _MANY] for i in range(0, len(items), _MANY))


def _marks(items: Sequence[object]) -> str:
    return ", ".join("?" * len(items))
