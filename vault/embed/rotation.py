"""A fixed rotation that spreads every vector evenly over its coordinates, so that their signs alone say much.

Signs, a permutation and Hadamard blocks, twice over: a fast Johnson-Lindenstrauss transform (Ailon and Chazelle, 2006).
Nothing is learned from the data, and only single additions of coordinates of one row are done: a row's result has
the same bits in any company.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

GRAIN = 64
"""Rotated vectors have a multiple of so many coordinates."""
ROUNDS = 2
SEED = 20170
SLICE = 4096
"""Rows rotated together: what fits into a processor's own cache."""


class Rotation:
    """Turns vectors of `dim` into vectors of `size` with the same inner products, up to rounding. Pure."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.size = -(-dim // GRAIN) * GRAIN
        self._block = self.size & -self.size  # the largest power of two that divides it
        rng = np.random.default_rng(SEED)
        sign = np.array([-1, 1], np.float32) / np.float32(math.sqrt(self._block))
        self._turns = [(rng.choice(sign, self.size), rng.permutation(self.size)) for _ in range(ROUNDS)]

    def apply(self, vectors: Vectors) -> Vectors:
        """Return (n, size) for (n, dim)."""
        out = np.zeros((len(vectors), self.size), np.float32)
        out[:, : self.dim] = vectors
        for start in range(0, len(out), SLICE):
            for signs, places in self._turns:
                out[start : start + SLICE] = self._mixed((out[start : start + SLICE] * signs)[:, places])
        return out

    def _mixed(self, rows: Vectors) -> Vectors:
        """Return every block of coordinates times a Hadamard matrix."""
        half = 1
        while half < self._block:
            pairs = rows.reshape(len(rows), -1, 2, half)
            rows = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], axis=2)
            half *= 2
        return rows.reshape(-1, self.size)
