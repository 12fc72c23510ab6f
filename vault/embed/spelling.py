"""The terms a vault knows, and which of them a misspelled word may have been meant to be.

Damerau's distance in its restricted form (an edit is a letter more, less or other, or two neighbours exchanged). The
letters of a term, as bits, leave few to measure: one edit changes at most two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

SHORTEST = 5
"""Letters of a word that is looked at: with fewer, too many words are neighbours of others (`know`, `snow`)."""
LONG = 8
"""From so many letters on, two edits are allowed."""
LONGEST = 24
"""Letters of a term that can be meant; what is longer is hardly a word."""

Signs = NDArray[np.uint32]
Bits = NDArray[np.uint64]


class Lexicon:
    """Term ids by term. Grows only; reading needs no lock while one thread learns."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._terms: list[str] = []
        self._letters = np.empty(0, np.uint64)
        self._lengths = np.empty(0, np.int8)

    def __len__(self) -> int:
        return len(self._ids)

    def learn(self, ids: Mapping[str, int]) -> None:
        """Take in terms with their ids."""
        self._ids.update(ids)

    def all(self) -> dict[str, int]:
        """Return every term with its id."""
        return dict(self._ids)

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    def get(self, term: str) -> int | None:
        """Return the id of a term, None of an unknown one."""
        return self._ids.get(term)

    def near(self, term: str) -> Sequence[tuple[int, int]]:
        """Return other terms that are one edit away, of long ones two: their ids and distances, nearest first, then
        by the alphabet. None for short words and for what has digits: a number has no spelling.

        The terms are those of the whole vault: whoever asks must leave out what does not occur in scope.
        """
        if not SHORTEST <= len(term) <= LONGEST or not term.isalpha():
            return []
        self._grow()
        terms, letters, lengths = self._terms, self._letters, self._lengths
        edits = 2 if len(term) >= LONG else 1
        own = _signs([term])
        near = np.bitwise_count(letters ^ _letters_of(own)[0]) <= 2 * edits
        near &= np.abs(lengths - np.int8(len(term))) <= edits
        some = [terms[at] for at in np.flatnonzero(near)]
        if not some:
            return []
        away = _distances(own[0][: len(term)], _signs(some), edits)
        found = sorted((int(d), one) for d, one in zip(away, some, strict=True) if 0 < d <= edits)
        return [(self._ids[one], distance) for distance, one in found]

    def _grow(self) -> None:
        """Take up what was learned since the last question: when two threads do, both do the same."""
        if len(self._ids) == len(self._terms):
            return
        terms = list(self._ids)
        fresh = terms[len(self._letters) :]
        usable = [one if len(one) <= LONGEST and one.isalpha() else "" for one in fresh]
        letters = np.concatenate([self._letters, _letters_of(_signs(usable))])
        lengths = np.concatenate([self._lengths, np.fromiter(map(len, usable), np.int8, len(usable))])
        self._letters, self._lengths, self._terms = letters, lengths, terms


def _signs(terms: Sequence[str]) -> Signs:
    """Return the letters of terms, one row for each, zeros after the last."""
    return np.array(terms, f"<U{LONGEST}").view(np.uint32).reshape(len(terms), LONGEST)


def _letters_of(signs: Signs) -> Bits:
    """Return for each row a bit for every letter it has, and another for every letter it has twice."""
    ordered = np.sort(signs, axis=1)
    bits = np.where(ordered > 0, np.uint64(1) << (ordered & np.uint32(31)).astype(np.uint64), np.uint64(0))
    bits[:, 1:] <<= np.where(ordered[:, 1:] == ordered[:, :-1], np.uint64(32), np.uint64(0))
    found: Bits = np.bitwise_or.reduce(bits, axis=1)
    return found


def _distances(word: Signs, others: Signs, edits: int) -> NDArray[np.int8]:
    """Return the restricted Damerau distance of `word` to each row of `others`, by dynamic programming over all rows
    at once; exact up to `edits`, above that only known to be above."""
    ends = np.count_nonzero(others, axis=1)
    far = np.int8(edits + 1)
    last, row = np.full((2, LONGEST + 1, len(others)), far, np.int8)
    row[: edits + 1] = np.arange(edits + 1, dtype=np.int8)[:, None]
    for i in range(1, len(word) + 1):
        before, last = last, row
        row = np.full_like(row, far)
        if i <= edits:
            row[0] = i
        for j in range(max(1, i - edits), min(LONGEST, i + edits) + 1):
            same = others[:, j - 1] == word[i - 1]
            row[j] = np.minimum(last[j - 1] + ~same, np.minimum(last[j], row[j - 1]) + np.int8(1))
            if i > 1 and j > 1:
                swapped = (others[:, j - 1] == word[i - 2]) & (others[:, j - 2] == word[i - 1])
                row[j] = np.where(swapped, np.minimum(row[j], before[j - 2] + np.int8(1)), row[j])
    found: NDArray[np.int8] = row[ends, np.arange(len(others))]
    return found
