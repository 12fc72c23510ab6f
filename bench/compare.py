"""Ours beside others on the same vectors and filters: `python -m bench.compare [--chunks N]`.

Every engine gets the same unit vectors with the same shares of them marked, and answers the same queries inside each
share: the median latency and the recall of ten neighbours against brute force. Ours is the dense half of `Index.rank`
with no words. Engines that are not installed are named and left out. Engines that only filter afterwards ask for more
neighbours than are wanted, up to `WIDER` times, as their users do. One process, four threads for each engine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import time

import numpy as np

from bench.engines import DIM, ENGINES, SHARES, TOP, Search, numpy_
from bench.machine import keep, table

CENTRES, SPREAD = 1000, 0.9


def clustered(rng: np.random.Generator, count: int, centres: np.ndarray) -> np.ndarray:
    """Return unit vectors around random centres: as real text has topics."""
    noise = rng.standard_normal((count, DIM), dtype=np.float32) * np.float32(SPREAD / DIM**0.5)
    made = centres[rng.integers(0, len(centres), count)] + noise
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def levels(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return for each row how many shares it is part of, less one: a narrower share lies inside every wider one."""
    order = rng.permutation(count)
    found = np.zeros(count, np.int64)
    for level, share in enumerate(SHARES):
        found[order[: max(TOP, int(share * count))]] = level
    return found


def measured(search: Search, queries: np.ndarray, truth: list[list[set[int]]]) -> list[dict[str, float]]:
    """Return median and 99th percentile in ms and the recall, for each share."""
    rows = []
    for share in range(len(SHARES)):
        search(queries[0], share)  # whatever is prepared once
        times, hits = [], 0.0
        for query, wanted in zip(queries, truth[share], strict=True):
            start = time.perf_counter()
            found = search(query, share)
            times.append((time.perf_counter() - start) * 1e3)
            hits += len(wanted & set(found)) / len(wanted)
        rows.append({
            "share": SHARES[share], "median_ms": round(statistics.median(times), 2),
            "p99_ms": round(sorted(times)[int(0.99 * len(times))], 2), "recall": round(hits / len(queries), 3),
        })  # fmt: skip
    return rows


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=50)
    options.add_argument("--only", nargs="*", default=list(ENGINES))
    given = options.parse_args()
    rng = np.random.default_rng(11)
    centres = clustered(rng, CENTRES, np.zeros((1, DIM), np.float32))
    vectors, queries = clustered(rng, given.chunks, centres), clustered(rng, given.queries, centres)
    level = levels(rng, given.chunks)
    exact = numpy_(vectors, level)
    truth = [[set(exact(query, share)) for query in queries] for share in range(len(SHARES))]
    results: dict[str, object] = {}
    for name, (package, make) in ENGINES.items():
        if name not in given.only:
            continue
        start = time.perf_counter()
        try:
            search = make(vectors, level)
        except ImportError:
            print(f"{name}: not installed, left out")
            continue
        built = round(time.perf_counter() - start, 1)
        rows = measured(search, queries, truth)
        results[name] = {"version": importlib.metadata.version(package), "build_s": built, "shares": rows}
        table(
            f"{name}, {given.chunks:,} chunks, built in {built} s",
            [(f"{row['share']:.2%} in scope", f"{row['median_ms']} ms (p99 {row['p99_ms']})", f"recall {row['recall']}")
             for row in rows],
        )  # fmt: skip
        keep(f"compare-{given.chunks}", {"chunks": given.chunks, "queries": given.queries, "engines": results})
        del search


if __name__ == "__main__":
    main()
