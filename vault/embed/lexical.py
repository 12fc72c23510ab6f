"""Words: text to terms, terms to postings, and BM25 whose statistics come only from the rows in scope.

BM25 after Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with the always
positive idf `log(1 + (N - df + .5) / (df + .5))`. N, df and the mean length are counted over the scope.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

K1 = 1.2
B = 0.75
LONGEST = 64
"""Characters of a word that count; what is longer is no word and would only swell the lexicon."""
MOST = 255
"""A term that a row holds more often counts as held so often."""

# Snowball's own English stop list (https://snowballstem.org/algorithms/english/stop.txt), contractions included.
STOP = frozenset(
    """
    i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself
    it its itself they them their theirs themselves what which who whom this that these those am is are was were be
    been being have has had having do does did doing would should could ought i'm you're he's she's it's we're
    they're i've you've we've they've i'd you'd he'd she'd we'd they'd i'll you'll he'll she'll we'll they'll isn't
    aren't wasn't weren't hasn't haven't hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't cannot
    couldn't mustn't let's that's who's what's here's there's when's where's why's how's a an the and but if or
    because as until while of at by for with about against between into through during before after above below to
    from up down in out on off over under again further then once here there when where why how all any both each
    few more most other some such no nor not only own same so than too very
    """.split()  # noqa: SIM905
)

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_MARKS = re.compile("[\u0300-\u036f]+")
# Scripts written without spaces: Han, kana, Thai, Lao, Myanmar, Khmer. Indexed by pairs of characters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_local = threading.local()


def terms(text: str) -> list[str]:
    """Return the index terms of `text` in reading order: case and accents folded, stop words gone, English stems.

    Numbers and the parts of addresses stay; scripts without spaces become overlapping pairs of characters.
    """
    return [term for word in words(text) for term in _term(word)]


def words(text: str) -> list[str]:
    """Return the words of `text`, folded, before stop words and stemming."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
        folded = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", folded)))
    return _WORD.findall(folded)


@lru_cache(maxsize=1 << 16)
def _term(word: str) -> tuple[str, ...]:
    if word in STOP:
        return ()
    if not word.isascii() and _UNSPACED.search(word):
        return tuple(pair for run in _runs(word) for pair in run)
    return (_stemmer().stemWord(word[:LONGEST]),)


def _runs(word: str) -> Iterable[tuple[str, ...]]:
    at = 0
    for match in _UNSPACED.finditer(word):
        if match.start() > at:
            yield _term(word[at : match.start()])
        run = match.group()
        yield tuple(run[i : i + 2] for i in range(max(1, len(run) - 1)))
        at = match.end()
    if at < len(word):
        yield _term(word[at:])


def _stemmer() -> Any:
    """One Snowball stemmer for each thread: the object keeps state while it works."""
    if not hasattr(_local, "stemmer"):
        import Stemmer  # deferred: start-up time

        _local.stemmer = Stemmer.Stemmer("english", 0)
    return _local.stemmer


def tally(*texts: str) -> Counter[str]:
    """Return how often each term occurs in the texts together."""
    return Counter(term for text in texts for term in terms(text))


def encode_terms(counts: Mapping[str, int], lexicon: Mapping[str, int]) -> bytes:
    """Return the stored form: uint32 pairs (term id, count), little endian, by term id.

    Every term must have its id in `lexicon`; KeyError says which has not.
    """
    pairs = sorted((lexicon[term], count) for term, count in counts.items())
    return np.array(pairs, dtype="<u4").tobytes()


def decode_terms(stored: bytes) -> NDArray[np.uint32]:
    """Return the pairs (n, 2) that `encode_terms` wrote."""
    return np.frombuffer(stored, dtype="<u4").reshape(-1, 2)


# ---------------------------------------------------------------- postings


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """An inverted index over some rows, never changed once built.

    `terms` is sorted; the postings of `terms[i]` are `rows[starts[i]:starts[i+1]]`, ascending, with their counts,
    none above `MOST`. `lengths` is the number of terms of each row.
    """

    terms: NDArray[np.uint32]
    starts: Ints
    rows: NDArray[np.int32]
    counts: NDArray[np.uint8]
    lengths: NDArray[np.int32]

    @classmethod
    def build(cls, stored: Sequence[bytes]) -> Postings:
        """Index rows 0, 1, 2 ... whose terms are `stored` (see `encode_terms`)."""
        sizes = np.fromiter((len(one) // 8 for one in stored), np.int64, len(stored))
        pairs = decode_terms(b"".join(stored))
        rows = np.repeat(np.arange(len(stored), dtype=np.int32), sizes)
        return cls._of(pairs[:, 0], rows, np.minimum(pairs[:, 1], MOST).astype(np.uint8), len(stored))

    @classmethod
    def _of(cls, terms: NDArray[np.uint32], rows: Any, counts: NDArray[np.uint8], size: int) -> Postings:
        order = np.argsort(terms.astype(np.int64) * max(1, size) + rows)
        found, first = np.unique(terms[order], return_index=True)
        lengths = np.bincount(rows, weights=counts, minlength=size).astype(np.int32)
        return cls(found, np.append(first, len(terms)), rows[order].astype(np.int32), counts[order], lengths)

    @classmethod
    def take(cls, parts: Sequence[Postings], rows: Ints) -> Postings:
        """Return the postings of the given rows of all parts, counted through, in the order given."""
        place = np.full(sum(len(part.lengths) for part in parts), -1, np.int64)
        place[rows] = np.arange(len(rows))
        terms, at, counts, size = [], [], [], 0
        for part in parts:
            now = place[part.rows.astype(np.int64) + size]
            kept = now >= 0
            terms.append(np.repeat(part.terms, np.diff(part.starts))[kept])
            at.append(now[kept])
            counts.append(part.counts[kept])
            size += len(part.lengths)
        return cls._of(np.concatenate(terms), np.concatenate(at), np.concatenate(counts), len(rows))

    def of(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the rows that hold the term, ascending, and how often each does."""
        at = int(np.searchsorted(self.terms, np.uint32(term)))
        if at == len(self.terms) or self.terms[at] != term:
            return self.rows[:0], self.counts[:0]
        span = slice(self.starts[at], self.starts[at + 1])
        return self.rows[span], self.counts[span]


def idf(size: int, frequency: int) -> float:
    """Return the weight of a term that `frequency` of `size` rows hold."""
    return math.log1p((size - frequency + 0.5) / (frequency + 0.5))


def pull(lengths: Floats, mean: float) -> Floats:
    """Return what holds each row's counts down: the more, the longer the row is against the mean."""
    return np.float32(K1 * (1.0 - B)) + np.float32(K1 * B / mean) * lengths


def saturate(counts: Floats, pulled: Floats, weight: float) -> Floats:
    """Turn counts into BM25's part of one term, in place: where a row stands cannot matter. `weight` is the idf."""
    counts /= counts + pulled
    counts *= np.float32((K1 + 1.0) * weight)
    return counts
