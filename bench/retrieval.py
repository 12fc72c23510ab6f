"""How well the search finds: `python -m bench.retrieval [--ablate] [--choose] [--data DIR]`.

Chats: every turn of every LoCoMo conversation is one record of one vault; recall@10 of the turns that answer a
question, adversarial questions left out. The same chats as other sources would hand them over, through `import jsonl`.
Documents: SciFact and Cranfield, one record each; nDCG@10. The data is for evaluation only: figures, no text. Made up
(`bench.questions`): a life, group chats, lifelogs; recall@10, by kind of question. Beside the search: its halves, and
their reciprocal rank fusion, over the same chunks. `--ablate` takes away one part at a time, `--choose` repeats the
choice of the constants with one set left out (`bench.choosing`).
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from bench.machine import keep, table
from bench.questions.sets import Collection, Question, as_exported, chats, documents, invented, origin
from vault.embed import chunking, encoder, fusion, lexical, selection
from vault.embed.search import Entry, Index, Piece
from vault.embed.stamps import Stamp
from vault.types import EVERYTHING, Draft

__all__ = ["DATA", "chats", "documents", "evaluate"]

DATA = Path(__file__).parents[2] / "shared" / "data" / "retrieval"
TOP = 10
GAIN_BAR, BEST_KNOWN = 0.08, 0.665
NDCG_BARS = {"scifact": 0.73, "cranfield": 0.41}

Way = Callable[[Index, np.ndarray, Question], Sequence[int]]
"""From an index, a question's vector and the question to the places of the best records."""


class Remembering:
    """An encoder that computes each text once."""

    def __init__(self, model: encoder.Encoder) -> None:
        self.dim, self._model = model.dim, model
        self._known: dict[str, np.ndarray] = {}

    def questions(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of questions, each asked alone, as it is in life."""
        for text in texts:
            if f"?{text}" not in self._known:
                self._known[f"?{text}"] = self._model.encode_query(text)
        return np.array([self._known[f"?{text}"] for text in texts])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        if fresh:
            self._known.update(zip(fresh, self._model.encode(fresh), strict=True))
        return np.array([self._known[text] for text in texts])


def index_of(drafts: Sequence[Draft], model: Any) -> Index:
    cut = [(n, chunk) for n, draft in enumerate(drafts) for chunk in chunking.split(draft)]
    vectors = model.encode([chunking.passage(chunk) for _, chunk in cut])
    lexicon: dict[str, int] = {}
    pieces: dict[int, list[Piece]] = {}
    for number, ((n, chunk), vector) in enumerate(zip(cut, vectors, strict=True)):
        counts = lexical.tally(chunking.wording(chunk))
        for word in counts:
            lexicon.setdefault(word, len(lexicon))
        pieces.setdefault(n, []).append(Piece(number, vector.tobytes(), lexical.encode_terms(counts, lexicon)))
    index = Index(model.dim)
    index.learn(lexicon)
    index.add(
        Entry(n, "bench", "bench", d.kind, d.people, d.labels, d.created, d.sensitivity, d.provenance, d.thread,
              d.position, tuple(pieces[n]))
        for n, d in enumerate(drafts)
    )  # fmt: skip
    return index


# ---------------------------------------------------------------- ways of searching


def searched(index: Index, vector: np.ndarray, question: Question) -> list[int]:
    return [one.record for one in index.rank(EVERYTHING, vector, question.text, TOP, question.now)]


def untimed(index: Index, vector: np.ndarray, question: Question) -> list[int]:
    return searched(index, vector, replace(question, now=None))


def halves(index: Index, vector: np.ndarray, question: Question) -> dict[str, Sequence[int]]:
    """Return the best records by meaning alone, by plain BM25, and by both lists of ranks, over the same chunks."""
    scope = index._select(EVERYTHING)
    every = np.arange(len(scope))
    records, ids = scope.records(every), scope.ids(every)
    dense = scope.exact(every, vector, index._scorer)
    terms = list(dict.fromkeys(lexical.terms(question.text)))
    with mock.patch.object(selection, "STRANGE", 0):
        words = replace(scope, links=()).words(terms, index._lexicon).scores()
    places = [1.0 / (61.0 + np.argsort(np.argsort(-scores, kind="stable"))) for scores in (dense, words)]
    scores = {"dense alone": dense, "BM25 alone": words, "reciprocal ranks": places[0] + places[1]}
    return {name: records[fusion.best(one, dense, records, ids, TOP)] for name, one in scores.items()}


@contextmanager
def _without_context() -> Iterator[None]:
    with mock.patch.object(selection, "_links", lambda groups: ()):
        yield


@contextmanager
def _without_spelling() -> Iterator[None]:
    with mock.patch.object(selection, "STRANGE", 0):
        yield


@contextmanager
def _without_stamps() -> Iterator[None]:
    with mock.patch.object(chunking.stamps, "read", lambda text: Stamp()):
        yield


@contextmanager
def _without_header() -> Iterator[None]:
    with mock.patch.object(chunking, "header", lambda title, people, date: title):
        yield


ABLATIONS = {
    "without neighbours": (_without_context, searched), "without spelling": (_without_spelling, searched),
    "without stamps": (_without_stamps, searched), "without people and date": (_without_header, searched),
}  # fmt: skip
"""Parts that can be taken away; times go by asking without a day."""


# ---------------------------------------------------------------- measures


def measured(collection: Collection, found: Sequence[int], question: Question) -> float:
    wanted = question.wanted
    named = list(dict.fromkeys(origin(collection.drafts[n]) for n in found))
    grades = [wanted.get(name, 0) for name in named]
    if collection.measure == "recall@10":
        return sum(grade > 0 for grade in grades) / min(len(wanted), TOP)
    ideal = sorted(wanted.values(), reverse=True)[:TOP]
    gain = [sum(g / math.log2(i + 2) for i, g in enumerate(some)) for some in (grades, ideal)]
    return gain[0] / gain[1]


class Scores:
    """Figures by way of searching and group of questions."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, list[float]]] = {}

    def add(self, way: str, group: str, score: float) -> None:
        for name in ("all", group):
            self._of.setdefault(way, {}).setdefault(name, []).append(score)

    def means(self) -> dict[str, dict[str, float]]:
        return {way: {g: round(float(np.mean(s)), 4) for g, s in groups.items()} for way, groups in self._of.items()}


def evaluate(collection: Collection, model: Any, *, ablate: bool = False) -> dict[str, dict[str, float]]:
    """Return, for each way of searching, the mean over all questions and over each group of them."""
    model = model if isinstance(model, Remembering) else Remembering(model)
    scores = Scores()
    vectors = model.questions([question.text for question in collection.questions])

    def ask(name: str, way: Way) -> None:
        for question, vector in zip(collection.questions, vectors, strict=True):
            scores.add(name, question.group, measured(collection, way(index, vector, question), question))

    index = index_of(collection.drafts, model)
    for question, vector in zip(collection.questions, vectors, strict=True):
        for name, found in halves(index, vector, question).items():
            scores.add(name, question.group, measured(collection, found, question))
    ask("ownvault", searched)
    if ablate:
        ask("without times", untimed)
        for name, (without, way) in ABLATIONS.items():
            index.close()
            with without():
                index = index_of(collection.drafts, model)
                ask(name, way)
    index.close()
    return scores.means()


# ---------------------------------------------------------------- run


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--device", default="auto")
    options.add_argument("--ablate", action="store_true")
    options.add_argument("--choose", action="store_true")
    given = options.parse_args()
    if not given.data.is_dir():
        print(f"no retrieval data at {given.data}: nothing measured")
        sys.exit(os.environ.get("CI") == "true")
    model = encoder.load(device=given.device)
    remembering = Remembering(model)
    talk = chats(given.data / "locomo_dev.json.gz")
    plain = [talk, *(documents(given.data / name) for name in NDCG_BARS), *invented()]
    sets = [*plain, *as_exported(talk)]
    told: dict[str, Any] = {"model": model.name, "device": model.device}
    for one in sets:
        figures = evaluate(one, remembering, ablate=given.ablate)
        told[one.name] = {"measure": one.measure, "questions": len(one.questions), **figures}
        _show(one, figures)
    if given.choose:
        from bench import choosing  # deferred: it needs this module

        told["chosen with one set left out"] = choosing.left_out(plain, remembering)
    keep("retrieval", told)


def _show(one: Collection, figures: dict[str, dict[str, float]]) -> None:
    table(
        f"{one.name}: {one.measure}, {len(one.questions)} questions, {len(one.drafts):,} records",
        [(way, " ".join(f"{g} {s:.3f}" for g, s in groups.items() if g != one.name), bar(one.name, way, figures))
         for way, groups in figures.items()],
    )  # fmt: skip


def bar(name: str, way: str, figures: dict[str, dict[str, float]]) -> str:
    if way != "ownvault":
        return ""
    if name in NDCG_BARS:
        return f"bar {NDCG_BARS[name]:.3f}"
    if name == "chats":
        best = max(figures["BM25 alone"]["all"] + GAIN_BAR, BEST_KNOWN)
        return f"bar {best:.3f} (BM25 + {GAIN_BAR}, and {BEST_KNOWN})"
    return ""


if __name__ == "__main__":
    main()
