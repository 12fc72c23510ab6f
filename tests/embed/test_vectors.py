"""Similarities: FAISS against brute force, and the same bits whatever stands beside a row."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from vault.embed.vectors import SLICE, Scorer
from vault.errors import Missing


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    found = rng.standard_normal(shape, dtype=np.float32)
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


@pytest.fixture
def scorer():
    scorer = Scorer(2)
    yield scorer
    scorer.close()


@pytest.mark.parametrize("dim", [3, 64, 384, 1000])
def test_scores_equal_brute_force(scorer: Scorer, dim: int) -> None:
    rng = np.random.default_rng(dim)
    vectors, query = unit(rng, SLICE + 77, dim), unit(rng, dim)
    found = scorer.begin([(vectors, np.arange(len(vectors)))], query)()
    exact = (vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    assert np.abs(found - exact).max() < 1e-5


@pytest.mark.parametrize("dim", [3, 100, 384, 768])
def test_a_row_has_the_same_bits_in_any_company(scorer: Scorer, dim: int) -> None:
    rng = np.random.default_rng(dim)
    vectors, query = unit(rng, 2 * SLICE, dim), unit(rng, dim)
    whole = scorer.begin([(vectors, np.arange(len(vectors)))], query)()
    for size in (1, 2, 3, 5, 17, 100, 5000):
        rows = np.sort(rng.choice(len(vectors), size, replace=False))
        assert (scorer.begin([(vectors, rows)], query)() == whole[rows]).all()
        alone = np.ascontiguousarray(vectors[rows])
        halves = [(alone[: size // 2], np.arange(size // 2)), (alone[size // 2 :], np.arange(size - size // 2))]
        assert (scorer.begin(halves, query)() == whole[rows]).all()


def test_rows_that_are_not_there_are_refused(scorer: Scorer) -> None:
    vectors = np.eye(4, dtype=np.float32)
    for rows in ([4], [-1]):
        with pytest.raises(IndexError):
            scorer.begin([(vectors, np.array(rows))], vectors[0])()
    with pytest.raises(TypeError):
        scorer.begin([(vectors, np.array([0]))], np.ones(5, np.float32))


def test_without_faiss_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(Missing) as error:
        Scorer()
    assert "ownvault[cpu]" in error.value.hint
    assert "ownvault[gpu]" in error.value.hint
