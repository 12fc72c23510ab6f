"""A map of vectors: two dimensions in which neighbours stay neighbours, the same for the same vectors.

Principal axes first; on those, landmarks (k-means centres) laid out by t-SNE (van der Maaten and Hinton, 2008), exact
because they are few; every vector then stands between the landmarks that it is nearest to. Nothing is drawn by chance,
and new vectors find their place on a map that is there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]

AXES = 32
"""Principal axes that are looked at."""
SAMPLE = 40_000
"""Vectors that axes and landmarks are made from."""
LANDMARKS = 900
ROUNDS = 6
"""Of k-means."""
PERPLEXITY = 25.0
EXAGGERATED, STEPS = 90, 330
"""Steps of the layout in which neighbours attract each other twelvefold, and all of them."""
NEAREST = 3
"""Landmarks that a vector stands between."""
BLOCK = 8192
MARGIN = 0.03
"""Of the map's width, left free around it."""


@dataclass(frozen=True, eq=False)
class Layout:
    """A map: `mean` and `axes` lead from a vector (dim,) to the `landmarks`' space, `places` are theirs on the map."""

    mean: Floats
    axes: Floats
    landmarks: Floats
    places: Floats

    @classmethod
    def of(cls, sample: Floats) -> Layout:
        """Lay out a map of unit vectors (n, dim), n > 0."""
        mean = sample.mean(0)
        axes = _axes(sample - mean)
        seen = (sample - mean) @ axes
        landmarks = _landmarks(seen)
        return cls(mean, axes, landmarks, _spread(landmarks))

    @cached_property
    def _reach(self) -> Floats:
        """How far around each landmark its own vectors are spread: half the way to the next one."""
        if len(self.places) < 2:
            return np.full(len(self.places), 0.2, np.float32)
        apart = _distances(self.places, self.places)
        np.fill_diagonal(apart, np.inf)
        near = np.sqrt(apart.min(1)) * 0.6
        return np.asarray(np.clip(near, 0.004, 0.04), np.float32)

    def place(self, vectors: Floats) -> tuple[Floats, Ints]:
        """Return where vectors (n, dim) stand, (n, 2) from 0 to 1, and the landmark that each is nearest to."""
        places, nearest = np.empty((len(vectors), 2), np.float32), np.empty(len(vectors), np.intp)
        for start in range(0, len(vectors), BLOCK):
            some = slice(start, start + BLOCK)
            places[some], nearest[some] = self._placed(np.asarray((vectors[some] - self.mean) @ self.axes, np.float32))
        return places, nearest

    def _placed(self, seen: Floats) -> tuple[Floats, Ints]:
        apart = _distances(seen, self.landmarks)
        rows = np.arange(len(seen))
        chosen, far = [], []
        for _ in range(min(NEAREST, len(self.landmarks))):
            one = apart.argmin(1)
            chosen.append(one)
            far.append(apart[rows, one].copy())
            apart[rows, one] = np.inf
        first, gap = chosen[0], far[0]
        if len(self.landmarks) == 1 or not (gap > 1e-9).any():  # each is its own landmark
            return self.places[first], first
        scale = np.float32(max(float(gap.mean()), 1e-9))
        place, total = self.places[first].copy(), np.ones(len(seen), np.float32)
        for one, distance in zip(chosen[1:], far[1:], strict=True):
            step = self.places[one] - self.places[first]
            near = (step**2).sum(1) < (6 * self._reach[first]) ** 2  # what the map tore apart is not bridged
            weight = np.where(near, np.exp((gap - distance) / scale), 0).astype(np.float32)
            place += weight[:, None] * self.places[one]
            total += weight
        place /= total[:, None]
        return np.clip(place + self._aside(seen, first, gap), 0, 1), first

    def _aside(self, seen: Floats, first: Ints, gap: Floats) -> Floats:
        """Return how far each vector stands beside its landmark, in the direction of the first two axes."""
        flat = np.zeros((len(seen), 2), np.float32)
        width = min(2, seen.shape[1])
        flat[:, :width] = (seen - self.landmarks[first])[:, :width]
        return np.asarray(
            flat / np.sqrt(np.maximum(gap, 1e-9))[:, None] * self._reach[first][:, None] * 1.6, np.float32
        )


def _axes(centred: Floats) -> Floats:
    """Return the principal axes (dim, k), each turned so that its largest part is positive."""
    _, turned = np.linalg.eigh(centred.T @ centred)
    axes = turned[:, ::-1][:, :AXES]
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * signs, np.float32)


def _landmarks(seen: Floats) -> Floats:
    """Return k-means centres, begun with vectors at even steps; all vectors when there are few."""
    if len(seen) <= LANDMARKS:
        return seen
    centres = seen[np.linspace(0, len(seen) - 1, LANDMARKS).astype(np.intp)].copy()
    for _ in range(ROUNDS):
        home = np.concatenate([_distances(seen[i : i + BLOCK], centres).argmin(1) for i in range(0, len(seen), BLOCK)])
        held = np.bincount(home, minlength=len(centres))
        order = np.argsort(home, kind="stable")
        sums = np.add.reduceat(seen[order], np.cumsum([0, *held[:-1]]).clip(max=len(seen) - 1), axis=0)
        full = held > 0
        centres[full] = sums[full] / held[full, None]
    return centres


def _distances(a: Floats, b: Floats) -> Floats:
    """Return the squared distances (len(a), len(b))."""
    apart = a @ b.T
    apart *= -2
    apart += (a * a).sum(1)[:, None]
    apart += (b * b).sum(1)
    return np.asarray(np.maximum(apart, 0, out=apart))


# ---------------------------------------------------------------- t-SNE


def _spread(points: Floats) -> Floats:
    """Return places (n, 2) from MARGIN to 1 - MARGIN in which near points are near."""
    size = len(points)
    if size < 4:
        return np.array([(0.5, 0.5), (0.3, 0.4), (0.7, 0.6)], np.float32)[:size]
    wanted = _affinities(points)
    places = np.zeros((size, 2), np.float32)
    places[:, : min(2, points.shape[1])] = points[:, :2]
    places = places / max(float(places.std()), 1e-9) * 1e-2
    places += (np.arange(2 * size).reshape(size, 2) % 7 - 3).astype(np.float32) * 1e-6  # no two in one place
    speed, gains = np.zeros_like(places), np.ones_like(places)
    rate = max(size / 12.0, 20.0)
    for step in range(STEPS):
        pull = _pull(places, wanted, 12.0 if step < EXAGGERATED else 1.0)
        same = (pull > 0) == (speed > 0)
        gains = np.clip(np.where(same, gains * 0.8, gains + 0.2), 0.01, None).astype(np.float32)
        speed = (0.5 if step < EXAGGERATED else 0.8) * speed - np.float32(rate) * gains * pull
        places = places + speed
        places -= places.mean(0)
    return _fitted(places)


def _affinities(points: Floats) -> Floats:
    """Return how much each two points belong together: Gaussians of equal perplexity, symmetric, one in sum."""
    apart = _distances(points, points)
    np.fill_diagonal(apart, np.inf)
    apart -= apart.min(1)[:, None]
    entropy = np.log(min(PERPLEXITY, (len(points) - 1) / 3))
    low, high = np.zeros(len(points)), np.full(len(points), np.inf)
    sharp = 1.0 / np.maximum(np.median(apart, 1), 1e-9)
    found = np.empty_like(apart)
    finite = np.where(np.isfinite(apart), apart, 0)
    for _ in range(32):
        np.exp(-apart * sharp[:, None].astype(np.float32), out=found)
        total = np.maximum(found.sum(1), 1e-30)
        spread = np.log(total) + sharp * (found * finite).sum(1) / total
        wide = spread > entropy
        low, high = np.where(wide, sharp, low), np.where(wide, high, sharp)
        sharp = np.where(np.isinf(high), sharp * 2, (low + high) / 2)
    found /= np.maximum(found.sum(1), 1e-30)[:, None]
    found = found + found.T
    return np.asarray(found / found.sum(), np.float32)


def _pull(places: Floats, wanted: Floats, exaggeration: float) -> Floats:
    """Return the gradient of the Kullback-Leibler divergence."""
    near = _distances(places, places)
    near += 1
    np.reciprocal(near, out=near)
    np.fill_diagonal(near, 0)
    force = wanted * np.float32(exaggeration)
    force -= near / near.sum()
    force *= near
    return np.asarray(4 * (force.sum(1)[:, None] * places - force @ places), np.float32)


def _fitted(places: Floats) -> Floats:
    low, high = places.min(0), places.max(0)
    width = max(float((high - low).max()), 1e-9)
    room = np.float32(1 - 2 * MARGIN)
    return np.asarray((places - (low + high) / 2) / width * room + 0.5, np.float32)


# ---------------------------------------------------------------- regions


def regions(places: Floats, weights: Floats, most: int) -> Ints:
    """Return which of at most `most` regions each place (n, 2) lies in; `weights` says how many stand there."""
    centres = [places[int(weights.argmax())]]
    apart = ((places - centres[0]) ** 2).sum(1)
    while len(centres) < min(most, len(places)) and float(apart.max()) > 1e-6:
        centres.append(places[int((apart * np.sqrt(weights)).argmax())])
        apart = np.minimum(apart, ((places - centres[-1]) ** 2).sum(1))
    found = np.array(centres, np.float32)
    for _ in range(12):
        home = _distances(places, found).argmin(1)
        for one in np.unique(home):
            found[one] = np.average(places[home == one], axis=0, weights=weights[home == one] + 1e-9)
    return np.asarray(np.unique(_distances(places, found).argmin(1), return_inverse=True)[1], np.intp)
