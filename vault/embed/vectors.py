"""Cosine similarity of a query with rows: exact, and a first estimate from one bit for each coordinate.

Exact: FAISS's own inner product, row by row. A BLAS product (numpy's `@`, FAISS's blocked search) has other bits in
other company, because its blocks depend on the shape. Estimate: RaBitQ (Gao and Long, 2024) as FAISS has it, around
the origin and after a fixed rotation, so that a code depends on nothing but its own row.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vault.embed.rotation import Rotation
from vault.errors import Missing

Floats = NDArray[np.float32]
Rows = NDArray[np.int64] | NDArray[np.int32]
T = TypeVar("T")
U = TypeVar("U")

WIDEST = 768
"""Bytes of a row kept in memory: as float32 while that fits, beyond it as 16-bit shares of the row's largest value.
Those change a score by some 2e-6, against 1.4e-5 with half precision floats."""
STEPS = 32767
QUERY_BITS = 4
SLICE = 8192
"""Rows of one piece of work: some half a millisecond, so that handing it to another thread pays."""
BLOCK = 512
"""Rows that are widened to float32 at a time: they stay in a core's own cache."""
THREADS = 8
"""More threads than this only wait for memory."""


@dataclass(frozen=True, eq=False)
class Filter:
    """Rows of one segment for the estimates, `every` one of them or some."""

    vectors: Vectors
    rows: Rows

    @property
    def every(self) -> bool:
        return len(self.rows) == len(self.vectors.values)

    @cached_property
    def codes(self) -> Any:
        """The codes of these rows, side by side: no row out of scope costs time, and FAISS has nothing to leave out."""
        return self.vectors.codes if self.every else _codes_of([self.vectors], self.rows)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Vectors:
    """Unit vectors in rows, never changed once built: `values * scales` as near as memory allows, and their codes."""

    values: NDArray[np.float32] | NDArray[np.int16]
    scales: Floats
    codes: Any

    @classmethod
    def build(cls, vectors: Floats, rotation: Rotation) -> Vectors:
        """Keep (n, dim) contiguous float32."""
        vectors = _finite(vectors)
        codes = _codes(rotation.size)
        for start in range(0, len(vectors), SLICE):
            codes.add(rotation.apply(vectors[start : start + SLICE]))
        if vectors[:1].nbytes <= WIDEST:
            return cls(vectors, np.ones(len(vectors), np.float32), codes)
        scales = np.abs(vectors).max(axis=1) / np.float32(STEPS)
        values = np.empty(vectors.shape, np.int16)
        for start in range(0, len(vectors), SLICE):
            some = slice(start, start + SLICE)
            values[some] = np.rint(vectors[some] / np.maximum(scales[some, None], np.finfo(np.float32).tiny))
        return cls(values, scales, codes)

    @classmethod
    def take(cls, parts: Sequence[Vectors], rows: Rows) -> Vectors:
        """Return the given rows of all parts, counted through, in the order given."""
        return cls(
            np.concatenate([part.values for part in parts])[rows],
            np.concatenate([part.scales for part in parts])[rows],
            _codes_of(parts, rows),
        )

    def products(self, query: Floats, rows: Rows) -> Floats:
        """Return the inner products with these rows. IndexError when there is no such row."""
        out = np.empty(len(rows), np.float32)
        wide = np.empty((min(BLOCK, len(rows)), len(query)), np.float32)
        faiss = library()
        point = faiss.swig_ptr
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            np.copyto(wide[: len(some)], self.values[some])
            # row by row, and in this thread: the other products of FAISS wake a team of threads for each call
            faiss.fvec_inner_products_ny(point(out[start:]), point(query), point(wide), len(query), len(some))
        return out * self.scales[rows]


def _finite(vectors: Floats) -> Floats:
    """Return the rows, those that are no vector (an encoder that overflowed) as nothing: one of them in a scope would
    cost all others there their meaning."""
    sound = np.isfinite(np.add.reduce(vectors, axis=1))
    return vectors if sound.all() else np.where(sound[:, None], vectors, np.float32(0.0))


class Scorer:
    """Computes similarities with several threads for one query. Thread-safe; Missing when FAISS is not installed."""

    notices: tuple[str, ...] = ()
    """What the owner should know about where similarities are computed, in sentences."""

    def __init__(self, dim: int, threads: int = 0) -> None:
        faiss = library()
        self.rotation = Rotation(dim)
        self.error = 0.76 / math.sqrt(self.rotation.size - 1)
        """Standard deviation of an estimate: √(1 - c²) / c / √(size - 1), c² = 2 / π (Gao and Long, theorem 3.2)."""
        wanted = threads or min(THREADS, _cores())
        # Each of our threads works alone; a nested OpenMP team would fight the others for the cores.
        self._pool = ThreadPoolExecutor(wanted, "vectors", initializer=faiss.omp_set_num_threads, initargs=(1,))
        self._counting = threading.Lock()
        self._crowd = 0

    @contextmanager
    def search(self) -> Iterator[None]:
        """Say that a search begins and ends. One alone has all threads; of several each keeps to its own, for then
        threads are only in each other's way (docs/decisions/load.md). What is computed is the same."""
        with self._counting:
            self._crowd += 1
        try:
            yield
        finally:
            with self._counting:
                self._crowd -= 1

    def start(self, work: Callable[[T], U], items: Iterable[T]) -> Callable[[], list[U]]:
        """Start on all items; the call that is returned waits for the results."""
        if self._crowd > 1:
            with _alone():
                done = [work(item) for item in items]
            return lambda: done
        begun = [self._pool.submit(work, item) for item in items]
        return lambda: [one.result() for one in begun]

    def run(self, work: Callable[[T], U], items: Sequence[T]) -> list[U]:
        """Return the results of all items; a single one is worked out here, without another thread."""
        return [work(item) for item in items] if len(items) < 2 else self.start(work, items)()

    def exact(self, parts: Sequence[tuple[Vectors, Rows]], query: Floats) -> Callable[[], Floats]:
        """Start on the inner products of `query` (dim,) with the given rows of each part; the call that is returned
        waits for them and returns them, one part after the other."""
        wanted = np.ascontiguousarray(query, np.float32)
        if any(part.values.shape[1:] != wanted.shape for part, _ in parts):
            raise TypeError("vectors and query must have one dimension")
        if sum(len(rows) for _, rows in parts) <= SLICE:
            found = [part.products(wanted, rows) for part, rows in parts]
            return _joined(lambda: found)
        work = [(part, rows[i : i + SLICE]) for part, rows in parts for i in range(0, len(rows), SLICE)]
        return _joined(self.start(lambda one: one[0].products(wanted, one[1]), work))

    def estimate(self, parts: Sequence[Filter], query: Floats) -> Callable[[], Floats]:
        """The same, estimated, for the rows of each filter."""
        rotated = self.rotation.apply(query[None])[0]
        return _joined(
            self.start(lambda some: _estimates(some.codes, rotated), [some for some in parts if len(some.rows)])
        )

    def hold(self, parts: Sequence[Vectors]) -> None:
        """Prepare for searches of these rows, before the first comes. Nothing to do on the CPU."""

    def close(self) -> None:
        """Let the threads go. Nothing can be scored afterwards."""
        self._pool.shutdown()


def library() -> Any:
    """Return FAISS, or raise Missing."""
    try:
        import faiss  # deferred: start-up time
    except ImportError:
        raise Missing(
            "FAISS is not installed", hint='pip install "ownvault[cpu]", or "ownvault[gpu]" with an NVIDIA GPU on Linux'
        ) from None
    return faiss


@contextmanager
def _alone() -> Iterator[None]:
    """Keep FAISS to this thread, which may be another library's next and gets its team back."""
    faiss = library()
    team = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(team)


def _joined(finish: Callable[[], list[Floats]]) -> Callable[[], Floats]:
    return lambda: np.concatenate([np.empty(0, np.float32), *finish()])


def _codes(size: int) -> Any:
    faiss = library()
    codes = faiss.IndexRaBitQ(size, faiss.METRIC_INNER_PRODUCT)
    codes.train(np.zeros((2, size), np.float32))  # the centroid: the origin, whatever the vectors are
    codes.qb = QUERY_BITS
    return codes


def _codes_of(parts: Sequence[Vectors], rows: Rows) -> Any:
    """Return the codes of the given rows of all parts, counted through."""
    codes = _codes(parts[0].codes.d)
    old = [codes_to_array(part.codes) for part in parts]
    codes.add_sa_codes(np.ascontiguousarray((np.concatenate(old) if len(old) > 1 else old[0])[rows]))
    return codes


def _estimates(codes: Any, rotated: Floats) -> Floats:
    """Return estimates of the inner products of a rotated query with all rows."""
    _, found, rows = codes.range_search(rotated[None], -math.inf)
    if len(found) == codes.ntotal:
        return np.asarray(found, np.float32)
    out = np.full(codes.ntotal, np.inf, np.float32)  # whatever FAISS cannot estimate is looked at
    out[rows] = found
    return out


def codes_to_array(codes: Any) -> NDArray[np.uint8]:
    """Return the codes of all rows (n, bytes of a code), for a snapshot."""
    return np.asarray(library().vector_to_array(codes.codes)).reshape(-1, codes.code_size)


def codes_from_array(rows: NDArray[np.uint8], size: int) -> Any:
    """Return the codes that were taken down. ValueError when they are not of vectors of `size`."""
    codes = _codes(size)
    if rows.ndim != 2 or rows.shape[1] != codes.code_size:
        raise ValueError("codes of another size")
    codes.add_sa_codes(np.ascontiguousarray(rows))
    return codes


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
