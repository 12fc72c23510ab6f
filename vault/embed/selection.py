"""A scope applied to one generation: its rows, its statistics, its neighbours, and nothing of any other row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import Codes, Ints, Mask, Tables
from vault.embed.lexical import Floats, idf, pull, saturate
from vault.embed.segments import Generation, Segment
from vault.embed.vectors import Filter, Scorer, Vectors
from vault.types import Conditions

SHARES = (2, 1)
"""Quarters that a chunk's words count for in its neighbours' context: half one step away, a quarter two steps away.
Whole numbers, so that no order of adding can show. The reason: docs/decisions/search-fusion.md."""
WHOLE = 4

COMMON = 16
"""A term in more than one of so many rows is worked out for all rows at once."""
SPARSE = 32
"""In a segment where the scope has this many times fewer rows than the term, the rows are looked up in the postings."""
SLICE = 131_072
"""Chunks that one thread works on at a time: few enough for its cache, enough that threads seldom wait for Python."""

Quarters = NDArray[np.uint16]
Found = tuple[Codes, NDArray[np.uint8]]
"""Chunks that hold a term, ascending, and how often each does."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The chunks in scope, numbered 0 upwards so that neighbours in reading order have neighbouring numbers.

    `parts` has the rows of each segment; counted through, they are the places that `order` maps the numbers to (None
    when number and place are the same), and `places[s]` maps rows of segment s to numbers (-1 outside the scope;
    None: all of them, in turn).
    `links[d-1][i]` is the share, in quarters, of chunk i in the context of chunk i+d, and the reverse; 0 between
    strangers.
    """

    parts: tuple[tuple[Segment, Ints], ...]
    places: tuple[Codes | None, ...]
    order: Ints | None
    ends: Ints
    links: tuple[Quarters, ...]
    count: int
    collections: frozenset[int]

    @classmethod
    def of(cls, generation: Generation, where: Conditions, tables: Tables) -> Selection:
        parts: list[tuple[Segment, Ints]] = []
        groups: list[Codes] = []
        count, collections, before = 0, set[int](), 0
        for segment, alive in zip(generation.segments, generation.alive, strict=True):
            mask = segment.columns.mask(where, tables) & alive
            inside = int(np.count_nonzero(mask))
            if not inside:
                continue
            count += inside
            collections.update(np.flatnonzero(np.bincount(segment.columns.collections[mask])).tolist())
            rows = np.flatnonzero(mask[segment.records])
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
    def filters(self) -> tuple[tuple[Vectors, Filter], ...]:
        """What `Scorer.estimate` wants in order to estimate all chunks in scope."""
        return tuple((segment.vectors, Filter.of(rows, len(segment.ids))) for segment, rows in self.parts)

    def ordered(self, values: Floats) -> Floats:
        """Return by number what is given by place."""
        return values if self.order is None else values[self.order]

    def _located(self, chunks: Ints) -> list[tuple[Segment, Ints, Ints]]:
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

    def lexical(self, terms: Sequence[int], scorer: Scorer) -> Floats:
        """Return the BM25 score of every chunk for the terms, added up in the order given.

        A chunk's words are its own and, at their share, those of its neighbours: BM25F (Robertson et al., 2004) with
        the context as a field. In a conversation the answer seldom repeats the words of the question before it.
        """
        scores = np.zeros(len(self), np.float32)
        held = [found for found in scorer.run(self._postings, terms) if len(found[0])]
        weights = [idf(len(self), len(rows)) for rows, _ in held]
        pulled = self._pull if held else scores

        def work(start: int) -> None:
            end = min(start + SLICE, len(self))
            low, high = max(0, start - len(SHARES)), min(len(self), end + len(SHARES))
            felt = np.zeros(high - low, np.uint16)
            for (rows, counts), weight in zip(held, weights, strict=True):
                first, last = np.searchsorted(rows, (low, high))
                near, amounts = self._felt(felt, low, rows[first:last] - low, counts[first:last])
                inner = slice(*np.searchsorted(near, (start - low, end - low)))
                part = amounts[inner].astype(np.float32)
                at = near[inner] if len(near) < len(felt) else slice(start - low, end - low)
                scores[low:high][at] += saturate(part, pulled[low:high][at], weight)

        if held:
            scorer.run(work, range(0, len(self), SLICE))
        return scores

    def _felt(self, felt: Quarters, low: int, rows: Codes, counts: NDArray[np.uint8]) -> tuple[Codes, Quarters]:
        """Return the chunks that feel a term and how much; `rows`, counted from `low` as the result, hold it.

        `felt` is zero everywhere, before and after.
        """
        if len(rows) * COMMON > len(felt):
            felt[rows] = counts
            amounts = self._in_context(felt, low)
            felt[rows] = 0
            return np.arange(len(felt), dtype=np.int32), amounts
        near = [rows]
        felt[rows] = counts * np.uint16(WHOLE)
        for distance, link in enumerate(self.links, 1):
            for edge, to in ((rows, rows + distance), (rows - distance, rows - distance)):
                fits = (edge >= 0) & (edge + distance < len(felt))
                felt[to[fits]] += link[low + edge[fits]] * counts[fits]
                near.append(to[fits])
        found = np.unique(np.concatenate(near))
        amounts = felt[found]
        felt[found] = 0
        return found, amounts

    def _in_context(self, values: Quarters, low: int = 0) -> Quarters:
        """Return each chunk's value with its neighbours' shares of theirs, in quarters; `low` is the first's number."""
        total = values * np.uint16(WHOLE)
        for distance, link in enumerate(self.links, 1):
            share = link[low : low + max(0, len(values) - distance)]
            total[distance:] += share * values[:-distance]
            total[:-distance] += share * values[distance:]
        return total

    @cached_property
    def _pull(self) -> Floats:
        """BM25's denominator beside the count: how much a chunk's length, against the mean, holds its counts down."""
        own = np.concatenate([segment.postings.lengths[rows] for segment, rows in self.parts])
        lengths = self._in_context(own if self.order is None else own[self.order]).astype(np.float32)
        mean = max(float(WHOLE), float(lengths.sum(dtype=np.float64)) / len(self))
        return np.float32(WHOLE) * pull(lengths, mean)

    def _postings(self, term: int) -> Found:
        found, counted = [], []
        for (segment, rows), place, start in zip(self.parts, self.places, self.ends.tolist(), strict=False):
            held, counts = segment.postings.of(term)
            if place is None:
                at = held + np.int32(start)
            else:
                if len(rows) * SPARSE < len(held):
                    among = np.minimum(np.searchsorted(held, rows), len(held) - 1)
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


def _order(parts: Sequence[tuple[Segment, Ints]], groups: Codes, split: Mask | None) -> Ints | None:
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


def _places(parts: Sequence[tuple[Segment, Ints]], order: Ints | None) -> tuple[Codes | None, ...]:
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
        links.append(same * np.uint16(share))
    return tuple(links)
