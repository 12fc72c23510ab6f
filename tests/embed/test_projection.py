"""The map: neighbours stay neighbours, the same vectors give the same map, and no input breaks it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vault.embed import projection
from vault.embed.projection import Layout, regions

Floats = NDArray[np.float32]


def clustered(count: int, size: int, dim: int = 64, spread: float = 0.35) -> tuple[Floats, NDArray[np.intp]]:
    """Return unit vectors around `count` middles, and whose each is."""
    chance = np.random.default_rng(7)
    middles = chance.normal(size=(count, dim))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    of = np.arange(size) % count
    vectors = middles[of] + spread * chance.normal(size=(size, dim)) / np.sqrt(dim)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), of


def kept(places: Floats, of: NDArray[np.intp]) -> float:
    """Return the share of points whose nearest point on the map is of the same middle."""
    apart = ((places[:, None] - places[None]) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    return float((of[apart.argmin(1)] == of).mean())


@pytest.mark.parametrize("size", [300, 3000])
def test_neighbours_stay_neighbours(size: int) -> None:
    vectors, of = clustered(12, size)
    places, _ = Layout.of(vectors).place(vectors)
    some = slice(0, 1200)
    flat = vectors[:, :2]
    assert kept(places[some], of[some]) > 0.95
    assert kept(flat[some], of[some]) < 0.7  # two axes alone do not


def test_the_same_vectors_give_the_same_map() -> None:
    vectors, _ = clustered(9, 2000)
    first, again = (Layout.of(vectors).place(vectors)[0] for _ in range(2))
    assert np.array_equal(first, again)


def test_a_new_vector_finds_its_place_on_a_map_that_is_there() -> None:
    vectors, of = clustered(8, 2400)
    layout = Layout.of(vectors[:2000])
    old, new = layout.place(vectors[:2000])[0], layout.place(vectors[2000:])[0]
    middles = np.array([np.median(old[of[:2000] == one], axis=0) for one in range(8)])
    nearest = ((new[:, None] - middles[None]) ** 2).sum(2).argmin(1)
    assert (nearest == of[2000:]).mean() > 0.95
    assert np.array_equal(layout.place(vectors[:2000])[0], old)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 40])
def test_a_few_vectors_are_a_map_too(size: int) -> None:
    vectors, _ = clustered(3, size)
    places, _ = Layout.of(vectors).place(vectors)
    assert places.shape == (size, 2)
    assert np.isfinite(places).all()
    assert places.min() >= 0
    assert places.max() <= 1
    assert len({tuple(place) for place in places.tolist()}) == size


@pytest.mark.parametrize("vectors", [
    np.zeros((50, 8), np.float32), np.ones((2000, 8), np.float32), np.eye(6, dtype=np.float32),
    np.repeat(np.eye(3, 8, dtype=np.float32), 400, axis=0),
], ids=["nothing", "all the same", "all apart", "three places"])  # fmt: skip
def test_vectors_that_say_nothing_break_nothing(vectors: Floats) -> None:
    places, nearest = Layout.of(vectors).place(vectors)
    assert np.isfinite(places).all()
    assert nearest.max() <= projection.LANDMARKS
    found = regions(Layout.of(vectors).places, np.ones(len(Layout.of(vectors).places), np.float32), 6)
    assert found.min() == 0


def test_regions_are_numbered_through_and_lie_together() -> None:
    vectors, of = clustered(6, 1800)
    layout = Layout.of(vectors)
    nearest = layout.place(vectors)[1]
    crowd = np.bincount(nearest, minlength=len(layout.places)).astype(np.float32)
    found = regions(layout.places, crowd, 6)[nearest]
    assert set(found.tolist()) == set(range(6))
    own = sum(np.bincount(of[found == one]).max() for one in range(6))
    assert own / len(of) > 0.75  # most of a region is of one middle
