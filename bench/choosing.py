"""The choice of the search's constants, each set left out once: what the others choose, and what that is worth on it.

A conversation of the chats counts as a set of its own. The best choice is the one with the highest mean over sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from typing import Any
from unittest import mock

import numpy as np

from bench import retrieval
from bench.machine import table
from bench.questions.sets import Collection, Question
from vault.embed import fusion, lexical, selection, words
from vault.embed.credit import credit
from vault.embed.search import Index
from vault.types import EVERYTHING

SHARES = ((2, 1), (2, 2, 1, 1), (2, 2, 2, 1, 1, 1))
DENSE = (0.45, 0.5, 0.55, 0.6, 0.65)
DATED = (0.15, 0.25, 0.35)

Choice = tuple[tuple[int, ...], float, float]
KEPT: Choice = (words.SHARES, fusion.DENSE, fusion.DATED)


def left_out(sets: Sequence[Collection], model: Any) -> dict[str, dict[str, Any]]:
    """Return for each set what the others chose, its figure then, and its figure with what we keep."""
    figures: dict[str, dict[Choice, float]] = {}
    for shares in SHARES:
        with _sharing(shares):
            for one in sets:
                for group, scores in _scores(one, model).items():
                    figures.setdefault(group, {}).update({(shares, *rest): score for rest, score in scores.items()})
    told: dict[str, dict[str, Any]] = {}
    for name in figures:
        others = [scores for other, scores in figures.items() if other != name]
        chosen = max(figures[name], key=lambda choice: float(np.mean([scores[choice] for scores in others])))
        told[name] = {"chosen": chosen, "then": round(figures[name][chosen], 4), "kept": round(figures[name][KEPT], 4)}
    table(
        f"one set left out, {len(SHARES) * len(DENSE) * len(DATED)} choices; kept: {KEPT}",
        [
            (name, f"chosen {one['chosen']}", f"then {one['then']:.3f}, kept {one['kept']:.3f}")
            for name, one in told.items()
        ],
    )
    return told


@contextmanager
def _sharing(shares: tuple[int, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for module in (words, selection):
            stack.enter_context(mock.patch.object(module, "SHARES", shares))
            stack.enter_context(mock.patch.object(module, "REACH", len(shares)))
        yield


def _scores(one: Collection, model: Any) -> dict[str, dict[tuple[float, float], float]]:
    """Return the figure of each choice of weights, by conversation for the chats, else for the whole set."""
    index = retrieval.index_of(one.drafts, model)
    vectors = model.questions([question.text for question in one.questions])
    found: dict[str, dict[tuple[float, float], list[float]]] = {}
    for question, vector in zip(one.questions, vectors, strict=True):
        group = question.group if one.name == "chats" else one.name
        for choice, score in _each(one, index, vector, question):
            found.setdefault(group, {}).setdefault(choice, []).append(score)
    index.close()
    return {group: {choice: float(np.mean(some)) for choice, some in scores.items()} for group, scores in found.items()}


def _each(
    one: Collection, index: Index, vector: np.ndarray, question: Question
) -> Iterator[tuple[tuple[float, float], float]]:
    scope = index._select(EVERYTHING)
    every = np.arange(len(scope))
    records, ids = scope.records(every), scope.ids(every)
    dense = scope.exact(every, vector, index._scorer)
    said = scope.words(list(dict.fromkeys(lexical.terms(question.text))), index._lexicon).scores()
    worth = None
    if question.now:
        worth = credit(
            question.text, question.now, lambda: scope.dates, lambda terms: scope.told(terms, index._lexicon)
        )
    dates = worth.shares_of(scope.dates) if worth else None
    for weight, dated in product(DENSE, DATED):
        with mock.patch.object(fusion, "DENSE", weight), mock.patch.object(fusion, "DATED", dated):
            relevance = fusion.fuse(dense, said, float(dense.max()), float(said.max()), dates)
        best = fusion.best(relevance, dense, records, ids, retrieval.TOP)
        yield (weight, dated), retrieval.measured(one, [int(n) for n in records[best]], question)
