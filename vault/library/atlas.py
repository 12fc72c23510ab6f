"""The map of the vault: where its records' vectors stand, which words are where, and which points a scope holds.

Kept in memory alone, for as long as nothing changes. After a small change the old layout takes the new records in, so
that the map stays the one that its owner knows.
"""

from __future__ import annotations

import calendar
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vault.types import Atlas, Conditions, Region, Shade

if TYPE_CHECKING:
    from vault.embed.projection import Layout
    from vault.embed.search import Index
    from vault.embed.segments import Generation

MOST = 250_000
"""Points of a map; of more records every n-th is one."""
REGIONS, RECORDS_EACH = 16, 12
"""Regions at most, and records that each has at least on average."""
WORDS, LEAST = 4, 3
"""Words that name a region, and records of it that must hold each."""
SAMPLES, READ = 40, 4_000
"""Records of a region, and characters of each, that are read for how its words are spelled."""
DATES = frozenset(calendar.month_name[1:]) | frozenset(calendar.day_name)
"""What stands with every dated record, and sets no region apart."""
AHEAD = 16
"""Chunks of a record that say what it is about."""
GROWTH = 0.1
"""The share of records by which a vault may have changed before its map is laid out anew."""
OTHER = 255
"""Stands for every collection that is not among the first 255."""


@dataclass(frozen=True, eq=False)
class _Map:
    """A map as the vault keeps it: `numbers` says which record each point is."""

    atlas: Atlas
    numbers: Any
    generation: int
    layout: Layout | None
    laid_for: int
    regions: tuple[tuple[tuple[int, ...], Region], ...] = ()
    """While it is drawn: some records of each region, by their numbers."""


class Maps:
    """Thread-safe. One map at a time; who asks while it is drawn waits for it."""

    def __init__(self, texts: Callable[[Sequence[int]], Iterable[str]]) -> None:
        """`texts` returns the texts of records by their numbers: words are shown as they are written there."""
        self._texts = texts
        self._drawing = threading.Lock()
        self._map: _Map | None = None
        self._of: Index | None = None

    def current(self, index: Index) -> bool:
        """Say whether the map of this index is drawn and up to date."""
        return self._map is not None and self._of is index and self._map.generation == index.state[0].number

    @property
    def drawing(self) -> bool:
        """Whether a map is being drawn just now."""
        return self._drawing.locked()

    def atlas(self, index: Index) -> Atlas:
        """Return the map of this index, drawn now if need be: two seconds for 100,000 records."""
        return self._present(index).atlas

    def _present(self, index: Index) -> _Map:
        with self._drawing:
            known = self._map if self._of is index else None
            generation = index.state[0]
            if known is None or known.generation != generation.number:
                known = self._drawn(index, generation, known)
                self._map, self._of = known, index
            return known

    def _drawn(self, index: Index, generation: Generation, before: _Map | None) -> _Map:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        # In one thread: the bits do not depend on the machine then, and on a busy one several would wait for each other
        # at every small step (63 seconds in place of 3).
        with threadpool_limits(1, "blas"):
            drawn = _drawn(index, generation, before)
        told = tuple(replace(one, words=self._spelled(one.words, drawn, home)) for home, one in drawn.regions)
        return replace(drawn, atlas=replace(drawn.atlas, regions=told), regions=())

    def _spelled(self, terms: Sequence[str], drawn: _Map, samples: Sequence[int]) -> tuple[str, ...]:
        """Return words as some records of the region spell them, for an index knows only their stems."""
        from vault.embed import lexical

        seen: dict[str, Counter[str]] = {term: Counter() for term in terms}
        for text in self._texts(samples):
            for word in lexical.words(text[:READ]):
                for term in lexical.terms(word):
                    if term in seen:
                        seen[term][word] += 1
        return tuple(forms.most_common(1)[0][0] if forms else term for term, forms in seen.items())

    def numbers(self, index: Index, tag: str, points: Sequence[int]) -> dict[int, int]:
        """Return the records behind points of the map with this tag; none when it is another by now."""
        known = self._map if self._of is index else None
        if known is None or known.atlas.tag != tag:
            return {}
        return {point: int(known.numbers[point]) for point in points if 0 <= point < len(known.numbers)}

    def shade(self, index: Index, where: Conditions) -> Shade:
        """Return which points are within `where`, rolling window resolved."""
        import numpy as np  # deferred: start-up time

        known = self._present(index)
        held = np.isin(known.numbers, np.array(index.numbers(where), np.int64))
        return Shade(known.atlas.tag, np.packbits(held, bitorder="little").tobytes(), int(held.sum()))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The living records that are points, in the order of the segments: numbers and collections."""

    taken: list[Any]
    numbers: Any
    collections: Any
    records: int


def _drawn(index: Index, generation: Generation, before: _Map | None) -> _Map:
    import numpy as np

    from vault.embed.projection import SAMPLE, Layout, regions

    rows = _rows(generation)
    size = len(rows.numbers)
    if size == 0:
        return _Map(Atlas(_tag(), 0, 0, b"", (), ()), rows.numbers, generation.number, None, 0)
    kept = (
        before is not None
        and before.layout is not None
        and abs(rows.records - before.laid_for) <= (GROWTH * before.laid_for)
    )
    if kept and before is not None and before.layout is not None:
        layout, laid_for = before.layout, before.laid_for
    else:
        stride = max(1, size // SAMPLE)
        sample = np.concatenate([_means(segment, taken[::stride]) for segment, taken in _parts(generation, rows)])
        layout, laid_for = Layout.of(sample), rows.records
    placed = [layout.place(_means(segment, taken)) for segment, taken in _parts(generation, rows)]
    places, nearest = (np.concatenate(some) for some in zip(*placed, strict=True))
    crowd = np.bincount(nearest, minlength=len(layout.places)).astype(np.float32)
    home = regions(layout.places, crowd, min(REGIONS, max(1, size // RECORDS_EACH)))[nearest]
    shown, codes = _collections(index, rows)
    told = _told(index, generation, rows, places, home, codes, shown)
    points = (places * 65535).astype("<u2").T.tobytes() + codes.astype(np.uint8).tobytes()
    atlas = Atlas(_tag(), size, rows.records, points, shown, ())
    return _Map(atlas, rows.numbers, generation.number, layout, laid_for, tuple(told))


def _tag() -> str:
    return secrets.token_hex(8)


def _rows(generation: Generation) -> _Rows:
    """Return the records that are points. Of each segment `taken` are their places in its columns."""
    import numpy as np

    living = [np.flatnonzero(alive) for alive in generation.alive]
    records = sum(map(len, living))
    stride = max(1, -(-records // MOST))
    taken = [some[::stride] for some in living]
    columns = [segment.columns for segment in generation.segments]
    nothing = np.empty(0, np.int64)
    return _Rows(
        taken,
        np.concatenate([nothing, *(one.numbers[some] for one, some in zip(columns, taken, strict=True))]),
        np.concatenate([nothing, *(one.collections[some] for one, some in zip(columns, taken, strict=True))]),
        records,
    )


def _parts(generation: Generation, rows: _Rows) -> list[tuple[Any, Any]]:
    return [(s, some) for s, some in zip(generation.segments, rows.taken, strict=True) if len(some)]


def _means(segment: Any, taken: Any) -> Any:
    """Return the mean vector of each of these records' first chunks, AHEAD at most."""
    import numpy as np

    place = np.full(len(segment.columns.numbers), -1, np.int64)
    place[taken] = np.arange(len(taken))
    of = place[segment.records]
    chunks = np.flatnonzero(of >= 0)
    chunks = chunks[np.argsort(of[chunks], kind="stable")]
    held = np.bincount(of[chunks], minlength=len(taken))
    starts = np.cumsum([0, *held[:-1]])  # every record has a chunk
    values, scales = segment.vectors.values, segment.vectors.scales
    total = values[chunks[starts]] * scales[chunks[starts], None]
    for more in range(1, min(AHEAD, int(held.max()))):
        longer = np.flatnonzero(held > more)
        rows = chunks[starts[longer] + more]
        total[longer] += values[rows] * scales[rows, None]
    return np.asarray(total / np.minimum(held, AHEAD)[:, None], np.float32)


def _collections(index: Index, rows: _Rows) -> tuple[tuple[str, ...], Any]:
    """Return the collections' names, the fullest first, and for each point its own's place among them."""
    import numpy as np

    names = index.state[1].collections.all()
    held = np.bincount(rows.collections, minlength=len(names))
    order = [code for code in np.argsort(-held, kind="stable").tolist() if held[code]]
    place = np.full(len(names), OTHER, np.int64)
    place[order[:OTHER]] = np.arange(len(order[:OTHER]))
    return tuple(names[code] for code in order[:OTHER]), place[rows.collections]


def _told(
    index: Index, generation: Generation, rows: _Rows, places: Any, home: Any, codes: Any, names: Sequence[str]
) -> list[tuple[tuple[int, ...], Region]]:
    """Return the regions, the fullest first, each with the words that it has and others have not, and some records."""
    import numpy as np

    count = int(home.max()) + 1
    words = _words(index, generation, rows, home, count)
    told = []
    for one in range(count):
        inside = home == one
        held = np.bincount(codes[inside], minlength=OTHER + 1)
        by_name = {names[code]: int(held[code]) for code in np.argsort(-held, kind="stable")[: len(names)] if
                   code < len(names) and held[code]}  # fmt: skip
        x, y = np.median(places[inside], axis=0)
        samples = rows.numbers[inside][:: max(1, int(inside.sum()) // SAMPLES)][:SAMPLES]
        region = Region(float(x), float(y), int(inside.sum()), words[one], by_name)
        told.append((tuple(samples.tolist()), region))
    return sorted(told, key=lambda one: -one[1].records)


def _words(index: Index, generation: Generation, rows: _Rows, home: Any, count: int) -> list[tuple[str, ...]]:
    """Return for each region the terms by which it differs most from the rest of the map."""
    import numpy as np

    spelled = {number: term for term, number in index.state[2].all().items()}
    if not spelled:
        return [()] * count
    table, start = np.zeros((max(spelled) + 1, count), np.float32), 0
    for segment, taken in zip(generation.segments, rows.taken, strict=True):
        region = np.full(len(segment.columns.numbers), -1, np.int64)
        region[taken] = home[start : start + len(taken)]
        start += len(taken)
        postings = segment.postings
        terms = np.repeat(postings.terms.astype(np.int64), np.diff(postings.starts))
        at = region[segment.records[postings.rows]]
        seen = at >= 0
        table += np.bincount(terms[seen] * count + at[seen], minlength=table.size).reshape(table.shape)
    every = table.sum(1)
    share = np.bincount(home, minlength=count).astype(np.float32)
    expected = every[:, None] * (share / share.sum())
    worth = np.where(table >= LEAST, table * np.log(np.maximum(table, 1) / np.maximum(expected, 1e-6)), 0)
    return [_best(spelled, worth[:, one]) or _best(spelled, table[:, one]) for one in range(count)]


def _best(spelled: dict[int, str], worth: Any) -> tuple[str, ...]:
    import numpy as np

    from vault.embed import lexical

    dates = set(lexical.terms(" ".join(DATES)))
    found: list[str] = []
    for number in np.argsort(-worth)[: 16 * WORDS].tolist():
        term = spelled.get(number, "")
        if worth[number] > 0 and len(term) > 2 and not term.isdigit() and term not in dates:
            found.append(term)
    return tuple(found[:WORDS])
