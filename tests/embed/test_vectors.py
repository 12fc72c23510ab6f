"""Similarities: against brute force, estimates within their doubt, and the same bits whatever stands beside a row."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from vault.embed.rotation import Rotation
from vault.embed.vectors import SLICE, Filter, Scorer, Vectors
from vault.errors import Missing


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    found = rng.standard_normal(shape, dtype=np.float32)
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def every(vectors: np.ndarray) -> np.ndarray:
    return np.arange(len(vectors))


@pytest.mark.parametrize("dim", [3, 64, 384, 1000])
def test_scores_equal_brute_force(dim: int) -> None:
    rng = np.random.default_rng(dim)
    vectors, query = unit(rng, 2 * SLICE + 77, dim), unit(rng, dim)
    scorer = Scorer(dim, 2)
    found = scorer.exact([(Vectors.build(vectors, scorer.rotation), every(vectors))], query)()
    exact = (vectors.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    assert np.abs(found - exact).max() < 1e-5
    scorer.close()


@pytest.mark.parametrize("dim", [3, 100, 384, 768])
def test_a_row_has_the_same_bits_in_any_company(dim: int) -> None:
    """Exact scores and estimates, in a whole, in any part of it, and in what was built or taken out of it."""
    rng = np.random.default_rng(dim)
    vectors, query = unit(rng, 2 * SLICE, dim), unit(rng, dim)
    vectors[17] = 0.0  # even what has no direction
    scorer = Scorer(dim, 2)

    def both(*parts: tuple[Vectors, np.ndarray]) -> np.ndarray:
        filters = [Filter(part, rows) for part, rows in parts]
        return np.stack([scorer.exact(parts, query)(), scorer.estimate(filters, query)()])

    kept = Vectors.build(vectors, scorer.rotation)
    whole = both((kept, every(vectors)))
    for size in (1, 2, 3, 5, 17, 100, 3000):
        rows = np.sort(rng.choice(len(vectors), size, replace=False))
        assert (both((kept, rows)) == whole[:, rows]).all()
        alone = np.ascontiguousarray(vectors[rows])
        built = Vectors.build(alone, scorer.rotation)
        halves = (built, np.arange(size // 2)), (built, np.arange(size // 2, size))
        assert (both(*halves) == whole[:, rows]).all()
        turned = rng.permutation(len(rows))
        taken = Vectors.take([kept, built], turned + len(vectors))
        assert (both((taken, every(turned))) == whole[:, rows[turned]]).all()
    scorer.close()


@pytest.mark.parametrize("dim", [12, 384])
def test_estimates_are_off_by_what_is_said(dim: int) -> None:
    rng = np.random.default_rng(dim)
    middle = unit(rng, dim)
    near = middle + rng.standard_normal((3000, dim), dtype=np.float32) * 0.6 / np.sqrt(dim)
    vectors = np.concatenate([unit(rng, 3000, dim), near / np.linalg.norm(near, axis=1, keepdims=True)]).astype("f4")
    scorer = Scorer(dim, 2)
    kept = Vectors.build(vectors, scorer.rotation)
    for query in (unit(rng, dim), middle):
        found = scorer.estimate([Filter(kept, every(vectors))], query)()
        off = found - scorer.exact([(kept, every(vectors))], query)()
        assert np.abs(off).std() < 1.1 * scorer.error
        assert (np.abs(off) > 2.5 * scorer.error).mean() < 0.03
    scorer.close()


@pytest.mark.parametrize("dim", [3, 12, 384, 1000])
def test_the_rotation_keeps_inner_products_and_spreads_single_coordinates(dim: int) -> None:
    rng = np.random.default_rng(dim)
    vectors = unit(rng, 50, dim)
    rotated = Rotation(dim).apply(vectors)
    assert np.allclose(rotated @ rotated.T, vectors @ vectors.T, atol=1e-5)
    axes = Rotation(dim).apply(np.eye(dim, dtype=np.float32))
    assert np.abs(axes).max() < 0.8


def test_rows_that_are_not_there_are_refused() -> None:
    scorer = Scorer(4, 2)
    kept = Vectors.build(np.eye(4, dtype=np.float32), scorer.rotation)
    with pytest.raises(IndexError):
        scorer.exact([(kept, np.array([4]))], np.ones(4, np.float32))()
    with pytest.raises(TypeError):
        scorer.exact([(kept, np.array([0]))], np.ones(5, np.float32))
    scorer.close()


def test_without_faiss_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(Missing) as error:
        Scorer(4)
    assert "ownvault[cpu]" in error.value.hint
    assert "ownvault[gpu]" in error.value.hint
