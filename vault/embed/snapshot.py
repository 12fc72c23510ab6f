"""An index as arrays, and back: what a sealed snapshot holds (SPEC.md). Knows nothing of files, keys or the database.

A segment's arrays are found by the names of its fields, so that a snapshot from before a field came or went does not
fit, instead of meaning something else. What a field *means* is told by `LAYOUT` and by a probe of the codes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from vault.embed import vectors
from vault.embed.columns import Columns, Ints, Mask, Numbering, Pairs, Tables
from vault.embed.lexical import Postings
from vault.embed.rotation import Rotation
from vault.embed.segments import Segment
from vault.embed.spelling import Lexicon
from vault.embed.vectors import Vectors
from vault.errors import Damaged

LAYOUT = 1
"""Of what the arrays mean. Another number: another snapshot."""
HEAD = 2**26
"""Bytes that a head may have."""
TABLES = ("collections", "sources", "kinds", "people", "labels", "threads")
PARTS = {"columns": Columns, "people": Pairs, "labels": Pairs, "vectors": Vectors, "postings": Postings}
"""What the fields of a segment are that are no arrays themselves."""

Arrays = Mapping[str, Any]


class Source(Protocol):
    """Content that is read from its beginning (`store.sealed.Reader`)."""

    def into(self, buffer: Any) -> None: ...
    def take(self, size: int) -> bytearray: ...


@dataclass(frozen=True, slots=True)
class Bundle:
    """Named arrays, and a head of what JSON can say."""

    head: Mapping[str, Any]
    arrays: Arrays

    def pieces(self) -> Iterator[Any]:
        """Yield the buffers to be written: length of the head, head, arrays one after the other."""
        shapes = [[name, one.dtype.str, list(one.shape)] for name, one in self.arrays.items()]
        head = json.dumps({"layout": LAYOUT, **self.head, "arrays": shapes}, ensure_ascii=False).encode()
        yield len(head).to_bytes(8, "little")
        yield head
        for one in self.arrays.values():
            if one.size:
                yield np.ascontiguousarray(one).reshape(-1).view(np.uint8)

    @property
    def size(self) -> int:
        """About how many bytes that will be."""
        return HEAD // 64 + sum(int(one.nbytes) for one in self.arrays.values())

    @classmethod
    def read(cls, source: Source) -> Bundle:
        """Raises Damaged for another layout and for what no writer wrote."""
        size = int.from_bytes(source.take(8), "little")
        if size > HEAD:
            raise Damaged("the head of a snapshot is too long", reason="head")
        head = json.loads(bytes(source.take(size)))
        if head.pop("layout", None) != LAYOUT:
            raise Damaged("a snapshot has another layout", reason="layout")
        found: dict[str, Any] = {}
        for name, kind, shape in head.pop("arrays"):
            dtype = np.dtype(kind)
            if dtype.kind not in "biuf":
                raise Damaged("a snapshot holds what is no number", reason="array")
            found[name] = np.empty(shape, dtype)
            if found[name].size:
                source.into(found[name].reshape(-1).view(np.uint8))
        return cls(head, found)


# ---------------------------------------------------------------- segments


def packed(segment: Segment) -> Bundle:
    """Return a segment as arrays, named by its fields: `columns.people.rows`."""
    return Bundle({"chunks": len(segment.ids)}, dict(_arrays(segment, "")))


def unpacked(bundle: Bundle, rotation: Rotation) -> Segment:
    """Return the segment. Damaged when an array is missing or of another size than its neighbours."""
    try:
        segment = _part(Segment, bundle.arrays, "", rotation)
    except (KeyError, TypeError, ValueError) as error:
        raise Damaged(f"a snapshot does not fit this version ({type(error).__name__})", reason="fields") from None
    chunks, records = len(segment.ids), len(segment.columns.numbers)
    own = (segment.records, segment.groups, segment.vectors.values, segment.postings.lengths)
    columns = [getattr(segment.columns, f.name) for f in fields(Columns) if f.name not in PARTS]
    if {len(one) for one in own} != {chunks} or {len(one) for one in columns} != {records}:
        raise Damaged("the arrays of a segment do not belong together", reason="sizes")
    return segment  # type: ignore[no-any-return]


def _arrays(part: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in fields(part):
        value, name = getattr(part, field.name), prefix + field.name
        if is_dataclass(value):
            yield from _arrays(value, name + ".")
        else:
            yield name, value if isinstance(value, np.ndarray) else vectors.codes_to_array(value)


def _part(kind: Any, arrays: Arrays, prefix: str, rotation: Rotation) -> Any:
    found = {}
    for field in fields(kind):
        name = prefix + field.name
        if field.name in PARTS:
            found[field.name] = _part(PARTS[field.name], arrays, name + ".", rotation)
        elif name == "vectors.codes":
            found[field.name] = vectors.codes_from_array(arrays[name], rotation.size)
        else:
            found[field.name] = arrays[name]
    return kind(**found)


def probe(rotation: Rotation) -> str:
    """Return what this version makes of one fixed vector: another way of making codes has another answer."""
    one = (np.arange(rotation.dim) * 37 % 64 - 31.5).astype(np.float32)[None] / np.float32(1024)
    made = _arrays(Vectors.build(one, rotation), "")
    return sha256(b"".join(np.ascontiguousarray(array).tobytes() for _, array in made)).hexdigest()


# ---------------------------------------------------------------- names and words


def names(tables: Tables, segments: Sequence[Segment]) -> Arrays:
    """Return the names that these segments use. A name that nothing uses any more is not kept: a number marks its
    place."""
    found = {}
    for table in TABLES:
        known = list(getattr(tables, table).all())
        used = np.zeros(len(known), bool)
        for segment in segments:
            codes = getattr(segment.columns, table)
            codes = codes.codes if isinstance(codes, Pairs) else codes
            used[codes[codes >= 0]] = True
        found[table] = _text([name if kept else None for name, kept in zip(known, used.tolist(), strict=True)])
    return found


def numbered(arrays: Arrays) -> Tables:
    """Return the tables that `names` took down."""
    tables = Tables()
    for table in TABLES:
        numbering: Numbering = getattr(tables, table)
        for place, name in enumerate(_told(arrays[table])):
            numbering.add(f"\0\0{place}" if name is None else name)  # no name begins so
    return tables


def words(lexicon: Lexicon, segments: Iterable[Segment]) -> Arrays:
    """Return the terms that these segments hold, with their ids."""
    used = [segment.postings.terms for segment in segments]
    held = np.unique(np.concatenate(used)) if used else np.empty(0, np.uint32)
    known = lexicon.all()
    ids = np.fromiter(known.values(), np.uint32, len(known))
    kept = np.isin(ids, held)
    return {"ids": ids[kept], "terms": _text([term for term, here in zip(known, kept.tolist(), strict=True) if here])}


def spelled(arrays: Arrays) -> dict[str, int]:
    """Return the term ids that `words` took down."""
    return dict(zip(_told(arrays["terms"]), arrays["ids"].tolist(), strict=True))


def alive_among(numbers: Ints, segment: Segment, alive: Mask) -> Mask:
    """Return which of `numbers`, records that a segment was written with, live in it now."""
    return np.isin(numbers, segment.columns.numbers[alive])


def _text(items: Sequence[str | None]) -> Any:
    return np.frombuffer(json.dumps(items, ensure_ascii=False).encode(), np.uint8)


def _told(array: Any) -> list[Any]:
    return list(json.loads(array.tobytes()))
