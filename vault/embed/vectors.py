"""Cosine similarity of a query with the rows in scope: FAISS's own inner product, exact, filtered before ranking.

`faiss.fvec_inner_products_by_idx` computes each row by itself, so a row's score has the same bits whatever
other rows there are. A BLAS product (numpy's `@`, FAISS's blocked search) has not: its blocks depend on the shape.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vault.errors import Missing

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

SLICE = 8192
"""Rows of one piece of work: about a millisecond, so that handing it to another thread pays."""
THREADS = 8
"""More threads than this only wait for memory."""


class Scorer:
    """Computes similarities with several threads for one query. Thread-safe; Missing when FAISS is not installed."""

    def __init__(self, threads: int = 0) -> None:
        self._faiss = _library()
        wanted = threads or min(THREADS, _cores())
        # Each of our threads works alone; a nested OpenMP team would fight the others for the cores.
        self._pool = ThreadPoolExecutor(wanted, "vectors", initializer=self._faiss.omp_set_num_threads, initargs=(1,))

    def begin(self, parts: Sequence[tuple[Vectors, Rows]], query: Vectors) -> Callable[[], Vectors]:
        """Start on the inner products of `query` (dim,) with the given rows of each part; the call that is returned
        waits for them and returns them, one part after the other."""
        total = sum(len(rows) for _, rows in parts)
        out = np.empty(total, np.float32)
        wanted = np.ascontiguousarray(query, np.float32)
        work, at = [], 0
        for vectors, rows in parts:
            if vectors.shape[1:] != wanted.shape or not vectors.flags.c_contiguous or vectors.dtype != np.float32:
                raise TypeError("vectors and query must be contiguous float32 of one dimension")
            for start in range(0, len(rows), SLICE):
                some = np.ascontiguousarray(rows[start : start + SLICE], np.int64)
                work.append(self._pool.submit(self._products, wanted, vectors, some, out[at : at + len(some)]))
                at += len(some)

        def finish() -> Vectors:
            for one in work:
                one.result()
            return out

        return finish

    def _products(self, query: Vectors, vectors: Vectors, rows: Rows, out: Vectors) -> None:
        """Fill `out`. FAISS checks nothing here, so the bounds are checked first."""
        if rows.min() < 0 or rows.max() >= len(vectors):
            raise IndexError("row out of range")
        point = self._faiss.swig_ptr
        self._faiss.fvec_inner_products_by_idx(
            point(out), point(query), point(vectors), point(rows), len(query), 1, len(rows)
        )

    def close(self) -> None:
        """Let the threads go. Nothing can be scored afterwards."""
        self._pool.shutdown()


def _library() -> Any:
    try:
        import faiss
    except ImportError:
        raise Missing(
            "FAISS is not installed", hint='pip install "ownvault[cpu]", or "ownvault[gpu]" with an NVIDIA GPU on Linux'
        ) from None
    return faiss


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
