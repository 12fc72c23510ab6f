"""The estimated way against the exact one, over enough chunks that estimates leave most of them out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vault.embed import ranking
from vault.embed.lexical import encode_terms
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Provenance, Sensitivity

DIM, CHUNKS, TERMS = 64, 6000, 40
SHARES = {"half": 0.5, "tenth": 0.1, "near": 0.1, "far": 0.1}


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def spread(rng: np.random.Generator, count: int) -> np.ndarray:
    return unit(rng.standard_normal((count, DIM)))


def gathered(rng: np.random.Generator, count: int) -> np.ndarray:
    centres = spread(np.random.default_rng(1), 30)
    return unit(centres[rng.integers(0, 30, count)] + rng.standard_normal((count, DIM)) * 0.7 / DIM**0.5)


def repeated(rng: np.random.Generator, count: int) -> np.ndarray:
    return spread(np.random.default_rng(1), 12)[rng.integers(0, 12, count)]


def records(vectors: np.ndarray, query: np.ndarray, rng: np.random.Generator) -> list[Entry]:
    """Records of one chunk: labels "near" and "far" are a tenth at either end of what resembles the query."""
    order = np.argsort(-(vectors @ query))
    ends = {int(n): "near" for n in order[: CHUNKS // 10]} | {int(n): "far" for n in order[-CHUNKS // 10 :]}
    made = []
    for n in range(CHUNKS):
        words = dict.fromkeys(rng.choice(TERMS, 4, replace=False).tolist(), int(rng.integers(1, 4)))
        labels = [name for name in ("half", "tenth") if rng.random() < SHARES[name]] + [ends.get(n, "middle")]
        piece = Piece(n, vectors[n].tobytes(), encode_terms({f"t{w}": c for w, c in words.items()}, LEXICON))
        made.append(
            Entry(n, "a", "a", "a", (), tuple(labels), None, Sensitivity.PERSONAL, Provenance.OWNER,
                  f"t{n // 10}" if n % 3 else "", n, (piece,))
        )  # fmt: skip
    return made


LEXICON = {f"t{n}": n for n in range(TERMS)}
SCOPES = {"all": EVERYTHING} | {name: EVERYTHING.narrow(labels=(frozenset({name}),)) for name in SHARES}


@pytest.mark.parametrize("make", [spread, gathered, repeated])
def test_estimates_find_what_exact_scores_find(make: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    vectors, queries = make(rng, CHUNKS), make(rng, 12)
    rows = records(vectors, queries[0], rng)
    exact, estimated = Index(DIM, 2, exact=CHUNKS), Index(DIM, 2, exact=100)
    for index in (exact, estimated):
        index.learn(LEXICON)
        index.add(rows)
    hits = wanted = 0
    for where in SCOPES.values():
        for query in queries:
            for text in ("", "t1 t2", "t3 t4 t5 t6 t7"):
                expected = {one.record for one in exact.rank(where, query, text, 10)}
                hits += len(expected & {one.record for one in estimated.rank(where, query, text, 10)})
                wanted += len(expected)
    assert hits / wanted >= 0.99
    exact.close()
    estimated.close()


def test_most_chunks_are_never_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above would compare exact scores with themselves."""
    rng = np.random.default_rng(6)
    vectors = gathered(rng, CHUNKS)
    index = Index(DIM, 2, exact=100)
    index.learn(LEXICON)
    index.add(records(vectors, vectors[0], rng))
    looked: list[int] = []
    true = ranking.Selection.exact
    monkeypatch.setattr(
        ranking.Selection, "exact", lambda self, chunks, *rest: looked.append(len(chunks)) or true(self, chunks, *rest)
    )
    assert index.rank(EVERYTHING, vectors[0], "", 10)[0].record == 0
    assert ranking.FIRST <= sum(looked) < CHUNKS / 2
    index.close()


def test_an_estimated_answer_is_the_same_beside_many_more_records() -> None:
    rng = np.random.default_rng(8)
    vectors, query = gathered(rng, CHUNKS), gathered(rng, 1)[0]
    rows = records(vectors, query, rng)
    whole, alone = Index(DIM, 2, exact=100), Index(DIM, 2, exact=100)
    for index in (whole, alone):
        index.learn(LEXICON)
    for start in range(0, CHUNKS, 500):
        whole.add(rows[start : start + 500])
    alone.add(row for row in rows if "half" in row.labels)
    for text in ("", "t1 t9"):
        assert whole.rank(SCOPES["half"], query, text, 20) == alone.rank(EVERYTHING, query, text, 20)
    whole.close()
    alone.close()
