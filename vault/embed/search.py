"""The index: every chunk of an unlocked vault in memory, ranked inside a scope.

Non-interference: nothing that `rank` computes reads a row outside the scope. Document frequencies, lengths,
counts, normalisation, neighbours and ties all come from the rows inside, so an answer has the same bits
as from a vault that holds only them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vault.embed import lexical, ranking, tallies
from vault.embed.columns import Entry, Mask, Piece, Tables
from vault.embed.credit import credit
from vault.embed.device import scorer
from vault.embed.ranking import EXACT, Query, Ranked
from vault.embed.rotation import Rotation
from vault.embed.segments import Generation, Segment, batches
from vault.embed.selection import Selection
from vault.embed.spelling import Lexicon
from vault.types import Conditions

__all__ = ["Entry", "Index", "Piece", "Ranked"]

KEPT_ROWS = 2_000_000
"""Rows of all selections kept for the next search, some 30 bytes each, and 56 more for the codes of a part."""


class Index:
    """Searches and changes from any thread. A change is visible when its call returns; a search sees one
    generation throughout and never waits for a change."""

    def __init__(self, dim: int, threads: int = 0, exact: int = EXACT, device: str = "cpu") -> None:
        """`dim` of the vectors; `threads` for one query, 0 = as many as there are cores; up to `exact` chunks in scope
        are all scored exactly, beyond that estimates come first, from `device`. Missing without FAISS."""
        self.dim = dim
        self._exact = exact
        self._scorer = scorer(dim, threads, device)
        self._tables = Tables()
        self._lexicon = Lexicon()
        self._generation = Generation(0, (), ())
        self._changing = threading.Lock()
        self._selections: OrderedDict[tuple[int, Conditions], Selection] = OrderedDict()
        self._selecting = threading.Lock()

    # ------------------------------------------------------------ changes

    def learn(self, lexicon: Mapping[str, int]) -> None:
        """Take in term ids. Those of an entry's terms must be known before the entry can be found by its words."""
        self._lexicon.learn(lexicon)

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in records, replacing those with the same number in one step."""
        taken = list(entries)
        with self._changing:
            fresh = [Segment.build(some, self._scorer.rotation, self._tables) for some in batches(taken)]
            alive = self._generation.without([entry.record for entry in taken])
            self._advance(self._generation.next(alive, fresh))

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget these records; unknown numbers are nothing to forget."""
        with self._changing:
            self._advance(self._generation.next(self._generation.without(list(numbers))))

    def _advance(self, generation: Generation) -> None:
        self._scorer.hold([segment.vectors for segment in generation.segments])
        self._generation = generation
        with self._selecting:
            self._selections.clear()

    @property
    def state(self) -> tuple[Generation, Tables, Lexicon]:
        """Return what there is to be taken down: segments never change, tables and lexicon only grow."""
        return self._generation, self._tables, self._lexicon

    @property
    def size(self) -> int:
        """About how many records there are: those that went may be counted for a while."""
        return sum(len(segment.columns.numbers) for segment in self._generation.segments)

    @property
    def rotation(self) -> Rotation:
        """The one turn of all vectors here."""
        return self._scorer.rotation

    def begin(self, tables: Tables, lexicon: Mapping[str, int], segments: Sequence[tuple[Segment, Mask]]) -> None:
        """Begin with segments that were taken down, in the place of nothing."""
        with self._changing:
            self._tables = tables
            self._lexicon.learn(lexicon)
            self._advance(Generation(1, tuple(one for one, _ in segments), tuple(alive for _, alive in segments)))

    def close(self) -> None:
        """Let go of the threads and of everything known."""
        self._scorer.close()
        self._advance(Generation(0, (), ()))
        self._lexicon.clear()

    @property
    def notices(self) -> tuple[str, ...]:
        """Return what the owner should know about where searches run."""
        return self._scorer.notices

    # ------------------------------------------------------------ questions

    def collections(self, where: Conditions) -> frozenset[str]:
        """Return the names of the collections that hold a record in scope."""
        return frozenset(self._tables.collections.names(self._select(where).collections))

    def count(self, where: Conditions) -> int:
        """Return how many records are in scope."""
        return self._select(where).count

    def numbers(self, where: Conditions) -> list[int]:
        """Return the numbers of the records in scope, in the order they were taken in."""
        found: list[int] = []
        for columns, mask in tallies.scoped(self._generation, where, self._tables):
            found += columns.numbers[mask].tolist()
        return found

    def tally(self, where: Conditions, by: tallies.By) -> dict[str, int]:
        """Return how many records in scope have each value of an attribute (see `tallies.tally`)."""
        return tallies.tally(self._generation, where, self._tables, by)

    def span(self, where: Conditions) -> tuple[int, int] | None:
        """Return the first and last date in scope in microseconds since 1970; None when none is dated."""
        return tallies.span(self._generation, where, self._tables)

    def rank(
        self, where: Conditions, vector: NDArray[np.float32], text: str, limit: int, now: datetime | None = None
    ) -> list[Ranked]:
        """Return at most `limit` records in scope for a query, best first; equals by the cosine, then by the
        lower chunk id.

        `vector` is the query's unit vector (dim,), `text` its words; with `now`, the times that they
        name lift what is dated then. A rolling window must be resolved: BadRequest.
        """
        scope = self._select(where)
        if not len(scope) or limit < 1:
            return []
        worth = credit(text, now, lambda: scope.dates, lambda terms: scope.told(terms, self._lexicon)) if now else None
        query = Query(vector, lexical.terms(text), worth)
        return ranking.rank(scope, query, limit, self._lexicon, self._scorer, self._exact)

    def _select(self, where: Conditions) -> Selection:
        """Return the rows in scope of the present generation, kept for the next question."""
        generation = self._generation
        key = (generation.number, where)
        with self._selecting:
            if key in self._selections:
                self._selections.move_to_end(key)
                return self._selections[key]
        made = Selection.of(generation, where, self._tables)
        with self._selecting:
            if generation is self._generation:
                self._selections[key] = made
                while len(self._selections) > 1 and sum(map(len, self._selections.values())) > KEPT_ROWS:
                    self._selections.popitem(last=False)
        return made
