"""How long ranking takes over many chunks, without the query's embedding: `python -m bench.search [--chunks N ...]`.

Synthetic records in the proportions of a vault: words after Zipf and Mandelbrot (stop words are gone), unit vectors
around topics (`--random`: everywhere, the hardest case), half of the records in threads of twenty. For each size and
each share of the vault in scope: median and 99th percentile of `Index.rank`, processor time of all threads together,
recall of the ten best against the same index with every chunk scored exactly, and how long it takes to find the rows
in scope after a change. Beside it, in the same run: plain FAISS over the whole vault, one thread, no words, no scope.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import numpy as np

from bench.compare import CENTRES, DIM, SHARES, clustered, levels
from bench.machine import keep, table
from vault.embed.lexical import encode_terms
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Names, Provenance, Sensitivity

BAR_MS, TAIL_MS, RECALL, SELECT_MS = 8.0, 25.0, 0.99, 10.0
WORDS, SHIFT, SLOPE = 50_000, 30, 1.1
LENGTH, QUERY_WORDS, TOP = 40, 6, 10
BATCH = 50_000


class Text:
    """Random words, some much more common than others."""

    def __init__(self, rng: np.random.Generator) -> None:
        weights = 1.0 / (np.arange(WORDS) + 1.0 + SHIFT) ** SLOPE
        self._edges = np.cumsum(weights / weights.sum())
        self._rng = rng

    def words(self, *shape: int) -> np.ndarray:
        return np.minimum(np.searchsorted(self._edges, self._rng.random(shape)), WORDS - 1)


def entries(vectors: Iterator[np.ndarray], level: np.ndarray, text: Text) -> Iterator[list[Entry]]:
    lexicon = {n: n for n in range(WORDS)}
    n = 0
    for some in vectors:
        words = text.words(len(some), LENGTH)
        made = []
        for vector, row in zip(some, words, strict=True):
            counts = dict(zip(*map(np.ndarray.tolist, np.unique(row, return_counts=True)), strict=True))
            piece = Piece(n, vector.tobytes(), encode_terms(counts, lexicon))
            thread = f"t{n // 20}" if n % 40 < 20 else ""
            made.append(
                Entry(n, f"c{level[n]}", "bench", "note", (), (), None, Sensitivity.PERSONAL, Provenance.OWNER,
                      thread, n, (piece,))
            )  # fmt: skip
            n += 1
        yield made


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def timed(work: Callable[[int], object], rounds: int) -> dict[str, float]:
    """Return median, 99th percentile and processor time of a round, in milliseconds."""
    times, spent = [], time.process_time()
    for i in range(rounds):
        start = time.perf_counter()
        work(i)
        times.append((time.perf_counter() - start) * 1e3)
    used = (time.process_time() - spent) * 1e3 / rounds
    return {
        "median_ms": round(statistics.median(times), 2), "p99_ms": round(sorted(times)[int(0.99 * rounds)], 2),
        "processor_ms": round(used, 2),
    }  # fmt: skip


def measured(chunks: int, rounds: int, threads: int, anywhere: bool) -> dict[str, object]:
    rng = np.random.default_rng(7)
    centres = clustered(rng, CENTRES, np.zeros((1, DIM), np.float32))
    topics = np.zeros((1, DIM), np.float32) if anywhere else centres
    level, text = levels(rng, chunks), Text(rng)
    index, plain = Index(DIM, threads), faiss.IndexFlatIP(DIM)
    index.learn({f"word{n}": n for n in range(WORDS)})  # Snowball leaves these words as they are
    flat_ms, before, load = 0.0, resident(), 0.0
    parts = (clustered(rng, min(BATCH, chunks - at), topics) for at in range(0, chunks, BATCH))
    for made in entries(parts, level, text):
        start = time.perf_counter()
        index.add(made)
        load += time.perf_counter() - start
    made.clear()
    held = (resident() - before) / chunks
    queries = [
        (clustered(rng, 1, topics)[0], " ".join(f"word{n}" for n in text.words(QUERY_WORDS))) for _ in range(rounds)
    ]

    faiss.omp_set_num_threads(1)
    plain.add(clustered(rng, min(chunks, BATCH), topics))
    flat_ms = timed(lambda i: plain.search(queries[i][0][None], TOP), rounds)["median_ms"] * chunks / plain.ntotal
    rows = []
    for place, share in enumerate(SHARES):
        inside = Names.of(*(f"c{i}" for i in range(place, len(SHARES))))
        where = EVERYTHING if share == 1.0 else EVERYTHING.narrow(collections=inside)
        rows.append({"share": share, "records": index.count(where), **asked(index, where, queries)})
    index.close()
    return {
        "chunks": chunks, "load_s": round(load, 1), "bytes_a_chunk": round(held), "flat_one_thread_ms": flat_ms,
        "load_average": round(os.getloadavg()[0], 1), "rank": rows,
    }  # fmt: skip


def asked(index: Index, where: object, queries: list[tuple[np.ndarray, str]]) -> dict[str, float]:
    def cold(_: int) -> None:
        index.remove([])  # a new generation: nothing is kept from the last one
        index._select(where)

    select = timed(cold, 5)["median_ms"]
    index.rank(where, *queries[0], TOP)
    times = timed(lambda i: index.rank(where, *queries[i], TOP), len(queries))
    usual, index._exact, hits, wanted = index._exact, 10**9, 0, 0
    some = queries[:20]
    best = [{one.chunk for one in index.rank(where, *query, TOP)} for query in some]
    index._exact = usual
    for query, expected in zip(some, best, strict=True):
        hits += len(expected & {one.chunk for one in index.rank(where, *query, TOP)})
        wanted += len(expected)
    return {"select_ms": select, **times, "recall": round(hits / wanted, 4)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--threads", type=int, default=4, help="for one query; 0 = as many as there are cores")
    options.add_argument("--random", action="store_true", help="vectors everywhere instead of around topics")
    given = options.parse_args()
    sizes = []
    for chunks in given.chunks:
        one = measured(chunks, given.rounds, given.threads, given.random)
        sizes.append(one)
        table(
            f"{chunks:,} chunks, {one['bytes_a_chunk']} bytes each, load {one['load_average']}; plain IndexFlatIP with "
            f"one thread {one['flat_one_thread_ms']:.1f} ms (scaled)",
            [
                (f"scope {row['share']:.2%} ({row['records']:,} records)",
                 f"{row['median_ms']} ms (p99 {row['p99_ms']}, processor {row['processor_ms']}), rows found in "
                 f"{row['select_ms']}, recall {row['recall']}",
                 f"bar {BAR_MS:g} (p99 {TAIL_MS:g}), {SELECT_MS:g}, {RECALL}")
                for row in one["rank"]
            ],
        )  # fmt: skip
        keep("search-random" if given.random else "search", {"sizes": sizes})


if __name__ == "__main__":
    main()
