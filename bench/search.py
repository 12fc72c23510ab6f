"""How long ranking takes over many chunks, without the query's embedding: `python -m bench.search [--chunks N]`.

Synthetic records: words after Zipf, random unit vectors, half of them in threads. For each share of the vault that is
in scope: the median and 95th percentile of `Index.rank`, and the first question after a change (which also has to
find the rows in scope). Beside it, in the same run, plain FAISS: one thread, the whole vault, no words, no scope.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import faiss
import numpy as np

from bench.machine import keep, table
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Names, Provenance, Sensitivity

DIM, BAR_MS = 384, 20.0
WORDS = 50_000
LENGTH = 40
QUERY_WORDS = 8
SHARES = {"all": 1.0, "tenth": 0.1, "hundredth": 0.01, "thousandth": 0.001}


def entries(chunks: int, rng: np.random.Generator) -> list[Entry]:
    vectors = unit(rng.standard_normal((chunks, DIM), dtype=np.float32))
    words = np.minimum(rng.zipf(1.2, (chunks, LENGTH)), WORDS)
    edges = np.cumsum([0.0, *sorted(SHARES.values())[:-1]])  # disjoint collections of each share, then the rest
    home = np.searchsorted(edges, rng.random(chunks), "right") - 1
    names = [*sorted(SHARES, key=SHARES.__getitem__)[:-1], "rest"]
    made = []
    for n in range(chunks):
        terms, counts = np.unique(words[n], return_counts=True)
        piece = Piece(n + 1, vectors[n].tobytes(), np.column_stack([terms, counts]).astype("<u4").tobytes())
        thread = f"thread {n // 20}" if n % 40 < 20 else ""
        made.append(
            Entry(n + 1, names[home[n]], "bench", "note", (), (), None, Sensitivity.PERSONAL, Provenance.OWNER,
                  thread, n, (piece,))
        )  # fmt: skip
    return made


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def timed(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return median and 95th percentile in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times), sorted(times)[int(0.95 * len(times))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--threads", type=int, default=0, help="for one query; 0 = as many as there are cores")
    given = options.parse_args()
    rng = np.random.default_rng(7)

    index = Index(DIM, given.threads)
    made = entries(given.chunks, rng)
    index.learn({f"word{n}": n for n in range(1, WORDS + 1)})  # Snowball leaves these words as they are
    start = time.perf_counter()
    index.add(made)
    load = time.perf_counter() - start
    queries = [
        (unit(rng.standard_normal(DIM, dtype=np.float32)),
         " ".join(f"word{n}" for n in np.minimum(rng.zipf(1.2, QUERY_WORDS), WORDS)))
        for _ in range(given.rounds)
    ]  # fmt: skip

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(DIM)
    flat.add(np.stack([np.frombuffer(e.pieces[0].vector, np.float32) for e in made]))
    turn = iter(range(10**9))
    plain = timed(lambda: flat.search(queries[next(turn) % len(queries)][0][None], 10), given.rounds)

    rows = []
    for name in SHARES:
        where = EVERYTHING if name == "all" else EVERYTHING.narrow(collections=Names.of(name))

        def ask(where=where) -> None:
            vector, text = queries[next(turn) % len(queries)]
            index.rank(where, vector, text, 10)

        def first(ask=ask) -> None:
            index.remove([])  # a new generation: nothing is kept from the last one
            ask()

        cold = timed(first, 9)[0]
        median, tail = timed(ask, given.rounds)
        rows.append({
            "scope": name, "records": index.count(where), "median_ms": round(median, 2), "p95_ms": round(tail, 2),
            "first_ms": round(cold, 2), "ratio_to_flat": round(median / plain[0], 2),
        })  # fmt: skip

    figures = {
        "chunks": given.chunks, "bar_ms": BAR_MS, "load_average": round(os.getloadavg()[0], 1),
        "load_s": round(load, 2), "flat_one_thread_ms": round(plain[0], 2), "rank": rows,
    }  # fmt: skip
    keep("search", figures)
    table(
        f"Index.rank over {given.chunks:,} chunks; plain IndexFlatIP with one thread {plain[0]:.1f} ms",
        [
            (f"scope: {row['scope']} ({row['records']:,} records)",
             f"{row['median_ms']:.1f} ms (p95 {row['p95_ms']:.1f}; first question {row['first_ms']:.1f}; "
             f"{row['ratio_to_flat']:.2f} of flat)", f"bar {BAR_MS:g} ms")
            for row in rows
        ],
    )  # fmt: skip
    index.close()


if __name__ == "__main__":
    main()
