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
import tempfile
import time
from collections.abc import Callable

import numpy as np

from bench.machine import keep, table
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Names, Provenance, Sensitivity

DIM, TOP, THREADS, WIDER = 384, 10, 4, 100
SHARES = (1.0, 0.1, 0.01, 0.001, 0.0001)
CENTRES, SPREAD = 1000, 0.9

Search = Callable[[np.ndarray, int], list[int]]
"""A query vector and the place of a share in `SHARES` to row numbers, best first."""


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


def ours(vectors: np.ndarray, level: np.ndarray) -> Search:
    index = Index(DIM, THREADS)
    index.add(
        Entry(n, f"c{level[n]}", "bench", "note", (), (), None, Sensitivity.PERSONAL, Provenance.OWNER, "", n,
              (Piece(n, vectors[n].tobytes(), b""),))
        for n in range(len(vectors))
    )  # fmt: skip
    scopes = [
        EVERYTHING.narrow(collections=Names.of(*(f"c{i}" for i in range(s, len(SHARES))))) for s in range(len(SHARES))
    ]
    return lambda query, share: [one.chunk for one in index.rank(scopes[share], query, "", TOP)]


def numpy_(vectors: np.ndarray, level: np.ndarray) -> Search:
    rows = [np.flatnonzero(level >= s) for s in range(len(SHARES))]

    def search(query: np.ndarray, share: int) -> list[int]:
        inside = rows[share]
        scores = (vectors if share == 0 else vectors[inside]) @ query
        return inside[np.argsort(-scores)[:TOP]].tolist()

    return search


def faiss_hnsw(vectors: np.ndarray, level: np.ndarray) -> Search:
    import faiss

    faiss.omp_set_num_threads(THREADS)
    index = faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 100
    index.add(vectors)
    bits = [np.packbits(level >= s, bitorder="little") for s in range(len(SHARES))]
    chosen = [faiss.SearchParametersHNSW(sel=faiss.IDSelectorBitmap(b), efSearch=128) for b in bits]
    return lambda query, share: index.search(query[None], TOP, params=chosen[share])[1][0].tolist()


def hnswlib_(vectors: np.ndarray, level: np.ndarray) -> Search:
    import hnswlib

    index = hnswlib.Index("ip", DIM)
    index.init_index(len(vectors), M=32, ef_construction=100)
    index.set_num_threads(THREADS)
    index.add_items(vectors)
    return afterwards(level, lambda query, k: widened(index, query, k))


def widened(index: object, query: np.ndarray, k: int) -> np.ndarray:
    index.set_ef(max(128, k))
    return index.knn_query(query[None], k)[0][0]


def usearch_(vectors: np.ndarray, level: np.ndarray) -> Search:
    from usearch.index import Index as Other

    index = Other(ndim=DIM, metric="ip", connectivity=32, expansion_add=100, expansion_search=128)
    index.add(np.arange(len(vectors)), vectors, threads=THREADS)
    return afterwards(level, lambda query, k: index.search(query, k).keys)


def afterwards(level: np.ndarray, nearest: Callable[[np.ndarray, int], np.ndarray]) -> Search:
    def search(query: np.ndarray, share: int) -> list[int]:
        wanted = min(len(level), int(TOP * min(WIDER, 2 / SHARES[share])))
        found = nearest(query, wanted)
        return found[level[found.astype(np.int64)] >= share][:TOP].tolist()

    return search


def sqlite_vec_(vectors: np.ndarray, level: np.ndarray) -> Search:
    import apsw  # Python's own sqlite3 is often built without loadable extensions
    import sqlite_vec

    conn = apsw.Connection(":memory:")
    conn.enable_load_extension(True)
    conn.load_extension(sqlite_vec.loadable_path())
    conn.execute(f"create virtual table v using vec0(level integer, e float[{DIM}] distance_metric=cosine)")
    with conn:
        conn.executemany(
            "insert into v(rowid, level, e) values (?, ?, ?)",
            ((n, int(level[n]), vectors[n].tobytes()) for n in range(len(vectors))),
        )
    question = "select rowid from v where e match ? and k = ? and level >= ?"
    return lambda query, share: [row[0] for row in conn.execute(question, (query.tobytes(), TOP, share))]


def lancedb_(vectors: np.ndarray, level: np.ndarray) -> Search:
    import lancedb
    import pyarrow

    place = tempfile.mkdtemp()
    column = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), DIM)
    data = pyarrow.table({"n": np.arange(len(vectors)), "level": level, "vector": column})
    held = lancedb.connect(place).create_table("v", data)
    held.create_scalar_index("level", index_type="BITMAP")
    held.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_HNSW_SQ")

    def search(query: np.ndarray, share: int) -> list[int]:
        asked = held.search(query).metric("cosine").nprobes(20).refine_factor(5).limit(TOP).select(["n", "_distance"])
        if share:
            asked = asked.where(f"level >= {share}", prefilter=True)
        return asked.to_arrow()["n"].to_pylist()

    return search


def chroma_(vectors: np.ndarray, level: np.ndarray) -> Search:
    import chromadb

    client = chromadb.EphemeralClient(chromadb.config.Settings(anonymized_telemetry=False))
    held = client.create_collection("bench", configuration={"hnsw": {"space": "ip", "max_neighbors": 32}})
    for start in range(0, len(vectors), 5000):
        some = range(start, min(start + 5000, len(vectors)))
        held.add(
            ids=[str(n) for n in some],
            embeddings=vectors[some.start : some.stop],
            metadatas=[{"level": int(level[n])} for n in some],
        )

    def search(query: np.ndarray, share: int) -> list[int]:
        where = {"level": {"$gte": share}} if share else None
        found = held.query(query_embeddings=query[None], n_results=TOP, where=where, include=[])
        return [int(id) for id in found["ids"][0]]

    return search


ENGINES: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], Search]]] = {
    "ownvault": ("faiss-cpu", ours),
    "numpy, exact": ("numpy", numpy_),
    "sqlite-vec": ("sqlite-vec", sqlite_vec_),
    "LanceDB": ("lancedb", lancedb_),
    "faiss HNSW, selector": ("faiss-cpu", faiss_hnsw),
    "usearch, filtered after": ("usearch", usearch_),
    "hnswlib, filtered after": ("hnswlib", hnswlib_),
    "Chroma": ("chromadb", chroma_),
}


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
