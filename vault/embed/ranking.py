"""The ranking of a scope for one query, and the planner: every chunk exactly, or estimates first.

The estimated way gives the exact answer as long as no estimate is off by more than `SURE` standard deviations. Which
chunks it looks at follows from the chunks in scope alone, so it lets nothing else be felt either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vault.embed import fusion
from vault.embed.columns import Ints
from vault.embed.lexical import Floats
from vault.embed.selection import Selection
from vault.embed.spelling import Lexicon
from vault.embed.vectors import Scorer
from vault.embed.when import Credit
from vault.embed.words import Words

EXACT = 4_096
"""Up to so many chunks in scope, all are scored exactly: as fast as estimating. Measured in docs/decisions/index.md."""
SURE = 2.5
CREST = 1.4
"""The best cosine may be estimated too low and another too high at once: so much further down it is looked for."""
SLICE = 131_072
"""Chunks that one thread works on at a time: few enough for its cache, enough that threads seldom wait for Python."""
FIRST, STRIDE = 512, 16
"""The most promising chunks, which are looked at first; they show how good an answer has to be."""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is looked for: a unit vector, terms (once each, in the order of their first), and times if it names any."""

    vector: Floats
    terms: Sequence[str]
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A record that answers, by its best chunk: `score` is that chunk's cosine, `relevance` what it was ranked by."""

    record: int
    chunk: int
    score: float
    relevance: float


def rank(
    scope: Selection, query: Query, limit: int, lexicon: Lexicon, scorer: Scorer, exact: int = EXACT
) -> list[Ranked]:
    """Return at most `limit` records of a scope that is not empty, best first; equals by the cosine, then by the lower
    chunk id.

    With at most `exact` chunks in scope every one is scored exactly.
    """
    with scorer.search():
        return _ranked(scope, query, limit, lexicon, scorer, exact)


def _ranked(
    scope: Selection, query: Query, limit: int, lexicon: Lexicon, scorer: Scorer, exact: int
) -> list[Ranked]:  # fmt: skip
    words = scope.words(query.terms, lexicon)
    if len(scope) <= exact:
        chunks, lexical = np.arange(len(scope)), words.scores()
        dense, most = scope.exact(chunks, query.vector, scorer), float(lexical.max())
    else:
        chunks, dense, lexical, most = _refined(scope, words, query, limit, scorer)
    relevance = fusion.fuse(dense, lexical, float(dense.max()), most, _dated(scope, query, chunks))
    best = _best(scope, chunks, relevance, dense, limit)
    found = zip(scope.records(chunks[best]), scope.ids(chunks[best]), dense[best], relevance[best], strict=True)
    return [Ranked(int(record), int(id), float(score), float(worth)) for record, id, score, worth in found]


def _refined(
    scope: Selection, words: Words, query: Query, limit: int, scorer: Scorer
) -> tuple[Ints, Floats, Floats, float]:
    """Return the chunks that may be among the best, their exact cosines and words, and the best words of all."""
    estimated = scorer.estimate(scope.filters, query.vector)
    lexical = words.scores()  # in this thread: NumPy's threads would only wait for each other, FAISS's run meanwhile
    dense = scope.ordered(estimated())
    most, doubt = float(lexical.max()), SURE * scorer.error
    sure = np.zeros(len(scope), bool)  # of these `dense` is exact by now, of the others estimated

    def look(wanted: Ints) -> Ints:
        fresh = wanted[~sure[wanted]]
        dense[fresh] = scope.exact(fresh, query.vector, scorer)
        sure[fresh] = True
        return np.flatnonzero(sure)

    best = look(np.flatnonzero(dense >= dense.max() - CREST * doubt))
    top = float(dense[best].max())
    promise = _promise(scope, dense, lexical, query, top, most, scorer)
    chunks = look(np.flatnonzero(promise >= _nth(promise, FIRST)))
    relevance = fusion.fuse(dense[chunks], lexical[chunks], top, most, _dated(scope, query, chunks))
    found = _best(scope, chunks, relevance, dense[chunks], limit)
    if len(found) < limit or top <= 0.0:
        chunks = look(np.arange(len(scope)))
    else:
        chunks = look(np.flatnonzero(promise >= relevance[found[-1]] - fusion.DENSE * doubt / top))
    return chunks, dense[chunks], lexical[chunks], most


def _best(scope: Selection, chunks: Ints, relevance: fusion.Relevance, dense: Floats, limit: int) -> Ints:
    """Return where the best chunk of each of the `limit` best records stands in `chunks`."""
    return fusion.best(
        relevance, dense, lambda at: scope.records(chunks[at]), lambda at: scope.ids(chunks[at]), limit
    )  # fmt: skip


def _dated(scope: Selection, query: Query, chunks: Ints | slice) -> Floats | None:
    """Return what the dates of these chunks are worth, None when the query names no time."""
    return query.credit.shares_of(scope.dates[chunks]) if query.credit else None


def _promise(
    scope: Selection, dense: Floats, lexical: Floats, query: Query, top: float, most: float, scorer: Scorer
) -> Floats:
    """Return what the relevance of a chunk is, if its estimate is right."""
    out = np.empty(len(dense), np.float32)
    weights = [
        np.float32(weight / best if best > 0.0 else 0.0)
        for weight, best in ((fusion.DENSE, top), (1.0 - fusion.DENSE, most))
    ]

    def work(start: int) -> None:
        some = slice(start, start + SLICE)
        out[some] = np.maximum(dense[some], np.float32(0.0)) * weights[0]
        out[some] += lexical[some] * weights[1]
        if (dated := _dated(scope, query, some)) is not None:
            out[some] += np.float32(fusion.DATED) * dated

    scorer.run(work, range(0, len(out), SLICE))
    return out


def _nth(values: Floats, n: int) -> np.float32:
    """Return about the n-th largest value, or the least of fewer: judged by some of them, and never much too large."""
    n = min(n, len(values))
    some = values[:: max(1, min(STRIDE, len(values) // (STRIDE * n)))]
    share = max(1, n * len(some) // len(values))
    found = np.float32(np.partition(some, -share)[-share])
    if np.count_nonzero(values >= found) * 4 >= n:
        return found
    return np.float32(np.partition(values, -n)[-n])
