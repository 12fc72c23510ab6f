"""The ranking of a scope for one query, and the planner: every chunk exactly, or estimates first.

The estimated way gives the exact answer as long as no estimate is off by more than `SURE` standard deviations. Which
chunks it looks at follows from the chunks in scope alone, so it lets nothing else be felt either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vault.embed import fusion
from vault.embed.columns import Ints, Mask
from vault.embed.lexical import Floats
from vault.embed.selection import SLICE, Selection
from vault.embed.vectors import Scorer

EXACT = 8192
"""Up to so many chunks in scope, all are scored exactly: as fast as estimating. Measured in docs/decisions/index.md."""
SURE = 2.5
CREST = 1.4
"""The best cosine may be estimated too low and another too high at once: so much further down it is looked for."""
FIRST = 512
"""The most promising chunks, which are looked at first; they show how good an answer has to be."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A record that answers, by its best chunk: `score` is that chunk's cosine, `relevance` what it was ranked by."""

    record: int
    chunk: int
    score: float
    relevance: float


def rank(
    scope: Selection, query: Floats, terms: Sequence[int], limit: int, scorer: Scorer, exact: int = EXACT
) -> list[Ranked]:
    """Return at most `limit` records of a scope that is not empty, best first; equals by the cosine, then by the lower
    chunk id.

    With at most `exact` chunks in scope every one is scored exactly.
    """
    if len(scope) <= exact:
        chunks = np.arange(len(scope))
        words = scope.lexical(terms, scorer)
        dense, best = scope.exact(chunks, query, scorer), words.max()
    else:
        estimates = scorer.estimate(scope.filters, query)
        words = scope.lexical(terms, scorer)
        best = words.max()
        chunks, dense = _refined(scope, scope.ordered(estimates()), words, query, limit, scorer)
        words = words[chunks]
    relevance = fusion.fuse(dense, words, float(dense.max()), float(best))
    records, ids = scope.records(chunks), scope.ids(chunks)
    return [
        Ranked(int(records[at]), int(ids[at]), float(dense[at]), float(relevance[at]))
        for at in fusion.best(relevance, dense, records, ids, limit)
    ]


def _refined(
    scope: Selection, estimates: Floats, words: Floats, query: Floats, limit: int, scorer: Scorer
) -> tuple[Ints, Floats]:
    """Return the chunks that may be among the best, and their exact cosines."""
    doubt = SURE * scorer.error
    seen = np.zeros(len(scope), bool)
    chunks, dense = np.empty(0, np.int64), np.empty(0, np.float32)

    def look(wanted: Mask) -> None:
        nonlocal chunks, dense
        fresh = np.flatnonzero(wanted)
        fresh = fresh[~seen[fresh]]
        seen[fresh] = True
        chunks = np.concatenate([chunks, fresh])
        dense = np.concatenate([dense, scope.exact(fresh, query, scorer)])

    look(estimates >= estimates.max() - CREST * doubt)  # the best cosine is among these
    top, most = float(dense.max()), float(words.max())
    promise = _promise(estimates, words, top, most, scorer)
    look(promise >= _nth(promise, FIRST, scorer))
    relevance = fusion.fuse(dense, words[chunks], top, most)
    found = fusion.best(relevance, dense, scope.records(chunks), scope.ids(chunks), limit)
    enough = len(found) == limit and top > 0.0
    look(promise >= relevance[found[-1]] - fusion.DENSE * doubt / top if enough else ~seen)
    return chunks, dense


def _promise(estimates: Floats, words: Floats, top: float, most: float, scorer: Scorer) -> Floats:
    """Return the relevance of every chunk if its estimate is right."""
    out = np.empty(len(words), np.float32)
    weights = [
        np.float32(weight / best if best > 0.0 else 0.0)
        for weight, best in ((fusion.DENSE, top), (1.0 - fusion.DENSE, most))
    ]

    def work(start: int) -> None:
        some = slice(start, start + SLICE)
        out[some] = np.maximum(estimates[some], np.float32(0.0)) * weights[0] + words[some] * weights[1]

    scorer.run(work, range(0, len(out), SLICE))
    return out


def _nth(values: Floats, n: int, scorer: Scorer) -> np.float32:
    """Return the n-th largest value."""

    def work(start: int) -> Floats:
        some = values[start : start + SLICE]
        return np.partition(some, -n)[-n:] if n < len(some) else some

    tops = np.concatenate(scorer.run(work, range(0, len(values), SLICE)))
    return np.float32(np.partition(tops, -min(n, len(tops)))[-min(n, len(tops))])
