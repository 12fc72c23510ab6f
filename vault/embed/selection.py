"""A scope applied to one generation: its rows, its statistics, its neighbours, and nothing of any other row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from vault.embed.columns import Codes, Ints, Mask, Tables
from vault.embed.lexical import Floats, idf, pull
from vault.embed.segments import Generation, Segment
from vault.embed.spelling import Lexicon
from vault.embed.vectors import Filter, Scorer
from vault.embed.words import REACH, SHARES, WHOLE, Context, Found, Quarters, Words
from vault.types import Conditions

SPARSE = 8
"""In a segment where the scope has this many times fewer rows than the term, the rows are looked up in the postings."""

STRANGE = 4
"""Words of one question that are looked at for misspelling."""
GUESSES = 4
"""Terms that one misspelled word may stand for; of equally near ones the first in the alphabet."""
GUESSED = 0.75
"""What such a term counts for, against one that was spelled out."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The chunks in scope, numbered 0 upwards so that neighbours in reading order have neighbouring numbers.

    `parts` has the rows of each segment; counted through, they are the places that `order` maps the numbers to (None
    when number and place are the same), and `places[s]` maps rows of segment s to numbers (-1 outside the scope;
    None: all of them, in turn).
    `links` are those of `words.Context`.
    """

    parts: tuple[tuple[Segment, Codes], ...]
    places: tuple[Codes | None, ...]
    order: Ints | None
    ends: Ints
    links: tuple[Quarters, ...]
    count: int
    collections: frozenset[int]

    @classmethod
    def of(cls, generation: Generation, where: Conditions, tables: Tables) -> Selection:
        parts: list[tuple[Segment, Codes]] = []
        groups: list[Codes] = []
        count, collections, before = 0, set[int](), 0
        for segment, alive in zip(generation.segments, generation.alive, strict=True):
            mask = segment.columns.mask(where, tables) & alive
            inside = int(np.count_nonzero(mask))
            if not inside:
                continue
            count += inside
            collections.update(np.flatnonzero(np.bincount(segment.columns.collections[mask])).tolist())
            rows = np.flatnonzero(mask[segment.records]).astype(np.int32)  # as the postings have them
            parts.append((segment, rows))
            own = segment.groups[rows]
            groups.append(np.where(own < 0, own - before, own).astype(np.int32))
            before += len(mask)
        group = np.concatenate(groups) if groups else np.empty(0, np.int32)
        order = _order(parts, group, generation.split)
        return cls(
            parts=tuple(parts),
            places=_places(parts, order),
            order=order,
            ends=np.cumsum([0, *(len(rows) for _, rows in parts)]),
            links=_links(group if order is None else group[order]),
            count=count,
            collections=frozenset(collections),
        )

    def __len__(self) -> int:
        """The number of chunks."""
        return int(self.ends[-1])

    # ------------------------------------------------------------ chunks

    def records(self, chunks: Ints) -> Ints:
        """Return the numbers of the records that these chunks are part of."""
        return self._gather([(s.columns.numbers[s.records[rows]], at) for s, rows, at in self._located(chunks)])

    def ids(self, chunks: Ints) -> Ints:
        """Return the ids of these chunks."""
        return self._gather([(segment.ids[rows], at) for segment, rows, at in self._located(chunks)])

    def exact(self, chunks: Ints, query: Floats, scorer: Scorer) -> Floats:
        """Return the cosines of these chunks."""
        found = self._located(chunks)
        scores = scorer.exact([(segment.vectors, rows) for segment, rows, _ in found], query)()
        out = np.empty(len(chunks), np.float32)
        if found:
            out[np.concatenate([at for *_, at in found])] = scores
        return out

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        """What `Scorer.estimate` wants in order to estimate all chunks in scope."""
        return tuple(Filter(segment.vectors, rows) for segment, rows in self.parts)

    @cached_property
    def dates(self) -> Ints:
        """The date of every chunk in microseconds since 1970, or UNDATED."""
        places = [segment.columns.dates[segment.records[rows]] for segment, rows in self.parts]
        dates = np.concatenate(places)
        return dates if self.order is None else dates[self.order]

    def ordered(self, values: Floats) -> Floats:
        """Return by number what is given by place."""
        return values if self.order is None else values[self.order]

    def _located(self, chunks: Ints) -> list[tuple[Segment, Codes, Ints]]:
        """Return the segments' rows of these chunks, each with where in `chunks` it stands."""
        places = chunks if self.order is None else self.order[chunks]
        home = np.searchsorted(self.ends, places, "right") - 1
        found = []
        for s, (segment, rows) in enumerate(self.parts):
            at = np.flatnonzero(home == s)
            if len(at):
                found.append((segment, rows[places[at] - self.ends[s]], at))
        return found

    @staticmethod
    def _gather(found: Sequence[tuple[Ints, Ints]]) -> Ints:
        out = np.empty(sum(len(at) for _, at in found), np.int64)
        for values, at in found:
            out[at] = values
        return out

    # ------------------------------------------------------------ words

    def words(self, terms: Sequence[str], lexicon: Lexicon) -> Words:
        """Return what the terms, each counted once, are worth in this scope."""
        shared = self._held(list(dict.fromkeys(terms)), lexicon)
        return Words(self.context, [(found, share * idf(len(self), len(found[0]))) for found, share in shared])

    def _held(self, terms: Sequence[str], lexicon: Lexicon) -> list[tuple[Found, float]]:
        """Return the chunks that hold each term, and what it counts for. A term that no chunk in scope holds may be
        misspelled: those nearest to it that do occur stand in for it."""
        held: list[tuple[Found, float]] = []
        strange = 0
        for term in terms:
            number = lexicon.get(term)
            found = self._postings(number) if number is not None else None
            if found is not None and len(found[0]):
                held.append((found, 1.0))
            elif strange < STRANGE:
                strange += 1
                held += self._meant(term, lexicon)
        return held

    def _meant(self, term: str, lexicon: Lexicon) -> list[tuple[Found, float]]:
        near = [(self._postings(number), distance) for number, distance in lexicon.near(term)]
        inside = [(found, distance) for found, distance in near if len(found[0])]
        nearest = min((distance for _, distance in inside), default=0)
        return [(found, GUESSED) for found, distance in inside if distance == nearest][:GUESSES]

    def told(self, terms: Sequence[str], lexicon: Lexicon) -> Ints:
        """Return the dates of the chunks that hold all of these terms, as they are spelled."""
        numbers = [lexicon.get(term) for term in terms]
        held = [self._postings(number)[0] for number in numbers if number is not None]
        if not held or len(held) < len(terms):
            return self.dates[:0]
        chunks = reduce(lambda some, more: np.intersect1d(some, more, assume_unique=True), held)
        return self.dates[chunks]

    @cached_property
    def context(self) -> Context:
        """How the chunks are linked, and how much a chunk's length, against the mean, holds its counts down."""
        own = np.concatenate([segment.postings.lengths[rows] for segment, rows in self.parts])
        own = own if self.order is None else own[self.order]
        total = own * WHOLE
        for distance, link in enumerate(self.links, 1):
            share = link[REACH : REACH + max(0, len(own) - distance)]
            total[distance:] += share * own[:-distance]
            total[:-distance] += share * own[distance:]
        lengths = total.astype(np.float32)
        mean = max(float(WHOLE), float(lengths.sum(dtype=np.float64)) / len(self))
        return Context(self.links, np.float32(WHOLE) * pull(lengths, mean))

    def _postings(self, term: int) -> Found:
        found, counted = [], []
        for (segment, rows), place, start in zip(self.parts, self.places, self.ends.tolist(), strict=False):
            held, counts = segment.postings.of(term)
            if place is None:
                at = held + np.int32(start)
            else:
                if len(rows) * SPARSE < len(held):
                    among = np.minimum(held.searchsorted(rows), len(held) - 1)
                    among = among[held[among] == rows]
                    held, counts = held[among], counts[among]
                at = place[held]
                inside = at >= 0
                at, counts = at[inside], counts[inside]
            found.append(at)
            counted.append(counts)
        numbers, amounts = np.concatenate(found), np.concatenate(counted)
        if self.order is None:
            return numbers, amounts
        order = np.argsort(numbers, kind="stable")
        return numbers[order], amounts[order]


def _order(parts: Sequence[tuple[Segment, Codes]], groups: Codes, split: Mask | None) -> Ints | None:
    """Segments are in reading order. Only threads that are spread over several are put together, at the end."""
    if split is None:
        return None
    apart = split[np.maximum(groups, 0)] & (groups >= 0)
    late = np.flatnonzero(apart)
    if not len(late):
        return None
    numbers, positions = (
        np.concatenate([getattr(segment.columns, name)[segment.records[rows]] for segment, rows in parts])[late]
        for name in ("numbers", "positions")
    )
    return np.concatenate([np.flatnonzero(~apart), late[np.lexsort((numbers, positions, groups[late]))]])


def _places(parts: Sequence[tuple[Segment, Codes]], order: Ints | None) -> tuple[Codes | None, ...]:
    size = sum(len(rows) for _, rows in parts)
    number = np.arange(size, dtype=np.int32)
    if order is not None:
        number[order] = np.arange(size, dtype=np.int32)
    places: list[Codes | None] = []
    at = 0
    for segment, rows in parts:
        place = None
        if order is not None or len(rows) < len(segment.ids):
            place = np.full(len(segment.ids), -1, np.int32)
            place[rows] = number[at : at + len(rows)]
        places.append(place)
        at += len(rows)
    return tuple(places)


def _links(groups: Codes) -> tuple[Quarters, ...]:
    """Return none at all where no chunk has a neighbour."""
    links = []
    for distance, share in enumerate(SHARES, 1):
        same = groups[distance:] == groups[:-distance]
        if not same.any():
            break
        links.append(np.pad(same * np.uint16(share), (REACH, REACH + distance)))
    return tuple(links)
