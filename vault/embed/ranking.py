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
from vault.embed.words import SLACK, Words

EXACT = 16_384
"""Up to so many chunks in scope, all are scored exactly: as fast as estimating. Measured in docs/decisions/index.md."""
SURE = 2.5
CREST = 1.4
"""The best cosine may be estimated too low and another too high at once: so much further down it is looked for."""
SLICE = 131_072
"""Chunks that one thread works on at a time: few enough for its cache, enough that threads seldom wait for Python."""
FIRST = 512
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
    words = scope.words(query.terms, lexicon)
    if len(scope) <= exact:
        chunks, lexical = np.arange(len(scope)), words.scores()
        dense, most = scope.exact(chunks, query.vector, scorer), float(lexical.max())
    else:
        chunks, dense, lexical, most = _refined(scope, words, query, limit, scorer)
    relevance = fusion.fuse(dense, lexical, float(dense.max()), most, _dated(scope, query, chunks))
    records, ids = scope.records(chunks), scope.ids(chunks)
    return [
        Ranked(int(records[at]), int(ids[at]), float(dense[at]), float(relevance[at]))
        for at in fusion.best(relevance, dense, records, ids, limit)
    ]


def _refined(
    scope: Selection, words: Words, query: Query, limit: int, scorer: Scorer
) -> tuple[Ints, Floats, Floats, float]:
    """Return the chunks that may be among the best, their exact cosines and words, and the best words of all."""
    estimated = scorer.estimate(scope.filters, query.vector)
    ceilings, most = words.ceilings()  # while other threads estimate
    estimates = scope.ordered(estimated())
    doubt = SURE * scorer.error
    seen = np.zeros(len(scope), bool)
    chunks, dense, lexical = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32)

    def look(wanted: Ints) -> None:
        nonlocal chunks, dense, lexical
        fresh = wanted[~seen[wanted]]
        seen[fresh] = True
        chunks = np.concatenate([chunks, fresh])
        dense = np.concatenate([dense, scope.exact(fresh, query.vector, scorer)])
        lexical = np.concatenate([lexical, words.scores(fresh)])

    look(np.flatnonzero(estimates >= estimates.max() - CREST * doubt))  # the best cosine is among these
    top = float(dense.max())
    promise = _promise(scope, estimates, ceilings, query, top, most, scorer)
    look(np.flatnonzero(promise >= _nth(promise, FIRST, scorer)))
    relevance = fusion.fuse(dense, lexical, top, most, _dated(scope, query, chunks))
    found = fusion.best(relevance, dense, scope.records(chunks), scope.ids(chunks), limit)
    if len(found) < limit or top <= 0.0:
        look(np.flatnonzero(~seen))
        return chunks, dense, lexical, most
    bar = relevance[found[-1]] - fusion.DENSE * doubt / top
    open_ = np.flatnonzero(promise >= bar)
    open_ = open_[~seen[open_]]
    likely = fusion.fuse(estimates[open_], words.scores(open_), top, most, _dated(scope, query, open_))
    look(open_[likely >= bar])
    return chunks, dense, lexical, most


def _dated(scope: Selection, query: Query, chunks: Ints | slice) -> Floats | None:
    """Return what the dates of these chunks are worth, None when the query names no time."""
    return query.credit.shares_of(scope.dates[chunks]) if query.credit else None


def _promise(
    scope: Selection, estimates: Floats, ceilings: Floats, query: Query, top: float, most: float, scorer: Scorer
) -> Floats:
    """Return what the relevance of a chunk cannot exceed, if its estimate is right."""
    out = np.empty(len(ceilings), np.float32)
    weights = [
        np.float32(weight / best if best > 0.0 else 0.0)
        for weight, best in ((fusion.DENSE, top), (1.0 - fusion.DENSE, most))
    ]

    def work(start: int) -> None:
        some = slice(start, start + SLICE)
        out[some] = np.maximum(estimates[some], np.float32(0.0)) * weights[0]
        out[some] += np.minimum(ceilings[some], np.float32(most * SLACK)) * weights[1]
        if (dated := _dated(scope, query, some)) is not None:
            out[some] += np.float32(fusion.DATED) * dated

    scorer.run(work, range(0, len(out), SLICE))
    return out


def _nth(values: Floats, n: int, scorer: Scorer) -> np.float32:
    """Return the n-th largest value."""

    def work(start: int) -> Floats:
        some = values[start : start + SLICE]
        return np.partition(some, -n)[-n:] if n < len(some) else some

    tops = np.concatenate(scorer.run(work, range(0, len(values), SLICE)))
    return np.float32(np.partition(tops, -min(n, len(tops)))[-min(n, len(tops))])
