"""Everything that a GPU does here, checked and timed in one command: `python -m bench.gpu`.

First the tests that need a device. Then embedding: vectors against the CPU's, passages a second, one question, memory.
Then search, over the same index with and without the device: answers compared with every chunk scored exactly on the
CPU, at every selectivity; times; freshness; what eight threads get through. Last a memory that really runs out.
Where there is no GPU it says so and measures nothing; `--device cpu` tries the program itself, on torch's CPU tensors.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from bench.compare import CENTRES, DIM, SHARES, TOP, clustered, levels
from bench.machine import keep, milliseconds, table
from bench.search import BATCH, QUERY_WORDS, WORDS, Text, entries, timed
from vault.embed.device import OFF, DeviceScorer
from vault.embed.encoder import BUNDLED, _bundled, load
from vault.embed.runtimes import pytorch
from vault.embed.search import Entry, Index
from vault.types import EVERYTHING, Conditions, Names

SAME, COSINE = 1e-3, 0.985
PASSAGES, COMPARED, ROUNDS, THREADS = 20_000, 500, 5, 8
TESTS = ("tests/embed/test_device.py", "tests/embed/test_encoder.py")

Query = tuple[np.ndarray, str]
Row = tuple[str, str, str]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--device", choices=("auto", "cuda", "mps", "cpu"), default="auto")
    options.add_argument("--chunks", type=int, nargs="+", default=[100_000, 1_000_000])
    options.add_argument("--rounds", type=int, default=100, help="questions for each selectivity")
    options.add_argument("--passages", type=int, default=PASSAGES)
    given = options.parse_args()
    device = pytorch.choose(given.device)
    if device == "cpu" and given.device != "cpu":
        print(f"torch {torch.__version__} finds no GPU here: nothing measured")
        return
    figures: dict[str, Any] = {"device": described(device), "tests": tested()}
    figures["embedding"] = embedding(device, given.passages)
    show("text to vectors", embedding_rows(figures["embedding"]))
    figures["search"] = []
    for chunks in given.chunks:
        figures["search"].append(searching(device, chunks, given.rounds))
        show(f"{chunks:,} chunks, {DIM} dimensions", search_rows(figures["search"][-1]))
    if device != "cpu":
        keep("gpu", figures)
    sys.exit(verdict(figures))


def described(device: str) -> dict[str, Any]:
    if device != "cuda":
        return {"name": device, "torch": torch.__version__}
    about = torch.cuda.get_device_properties(0)
    return {"name": about.name, "memory_gib": round(about.total_memory / 2**30, 1), "torch": torch.__version__,
            "cuda": torch.version.cuda}  # fmt: skip


def tested() -> str:
    """Run the tests that need a device, in a process of their own; return their last line."""
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "-rfs", *TESTS], capture_output=True, text=True)
    print("\n".join(ran.stdout.strip().splitlines()[-12:]))
    return "passed" if ran.returncode == 0 else "FAILED"


# ---------------------------------------------------------------- text to vectors


def words(count: int) -> list[str]:
    """Return passages of whole words from the encoder's own vocabulary, most of some 75 tokens as chunks have."""
    model = pytorch.read(str(_bundled()), "cpu")
    known = sorted(word for word in model.tokenizer.get_vocab() if word.isalpha() and len(word) > 2)
    rng = np.random.default_rng(7)
    lengths = rng.integers(20, 130, count)
    return [" ".join(known[n] for n in rng.integers(0, len(known), length)) for length in lengths]


def embedding(device: str, count: int) -> dict[str, Any]:
    texts = words(count)
    on_cpu, ours = load(device="cpu"), pytorch.load(BUNDLED, str(_bundled()), device)
    some = texts[:COMPARED]
    agreed = (ours.encode(some) * on_cpu.encode(some)).sum(1)
    ours.encode(texts[: count // 4])
    rate = count / statistics.median(milliseconds(lambda: ours.encode(texts), 3)) * 1e3
    tokens = len(some) / statistics.median(milliseconds(lambda: ours._model.tokenizer(some), 3)) * 1e3
    return {
        "runtime": ours.runtime, "device": ours.device, "passages_per_s": round(rate),
        "cpu_runtime": on_cpu.runtime,
        "cpu_passages_per_s": round(len(some) / milliseconds(lambda: on_cpu.encode(some), 1)[0] * 1e3),
        "tokenizing_alone_per_s": round(tokens),
        "question_ms": timed(lambda i: ours.encode_query(texts[i]), ROUNDS * 10),
        "cpu_question_ms": timed(lambda i: on_cpu.encode_query(texts[i]), ROUNDS * 10),
        "mean_cosine": round(float(agreed.mean()), 6), "least_cosine": round(float(agreed.min()), 6),
        "peak_mib": peak_mib(device), "out_of_memory": starved_encoder(device, texts[:COMPARED]),
    }  # fmt: skip


def starved_encoder(device: str, texts: list[str]) -> dict[str, Any] | None:
    """Encode with hardly any memory: in halves or on the CPU, the same vectors."""
    if device != "cuda":
        return None
    ours = pytorch.load(BUNDLED, str(_bundled()), device)
    wanted = ours.encode(texts)
    with starved():
        found = ours.encode(texts)
    return {
        "went_on_on": ours.device,
        "notices": list(ours.notices),
        "least_cosine": round(float((found * wanted).sum(1).min()), 6),
    }


@contextmanager
def starved() -> Iterator[None]:
    """Let this process have no more of the GPU's memory than it holds already."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def peak_mib(device: str) -> int | None:
    return round(torch.cuda.max_memory_allocated() / 2**20) if device == "cuda" else None


# ---------------------------------------------------------------- search


def searching(device: str, chunks: int, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    topics = clustered(rng, CENTRES, np.zeros((1, DIM), np.float32))
    text = Text(rng)
    index = Index(DIM, exact=10**9)
    index.learn({f"word{n}": n for n in range(WORDS)})
    level = levels(rng, chunks)
    made: list[Entry] = []
    for made in entries(
        (clustered(rng, min(BATCH, chunks - at), topics) for at in range(0, chunks, BATCH)), level, text
    ):
        index.add(made)
    queries = [
        (clustered(rng, 1, topics)[0], " ".join(f"word{n}" for n in text.words(QUERY_WORDS))) for _ in range(rounds)
    ]
    cpu, gpu = index._scorer, DeviceScorer(DIM, 0, device)
    before, start = allocated(device), time.perf_counter()
    gpu.estimate([], queries[0][0])()  # starts the device
    started = time.perf_counter()
    gpu.hold([segment.vectors for segment in index._generation.segments])
    held = time.perf_counter()
    bytes_a_chunk = (allocated(device) - before) / chunks
    rows = [compared(index, cpu, gpu, where, share, queries) for share, where in scopes()]
    whole = EVERYTHING
    figures = {
        "chunks": chunks, "device_start_s": round(started - start, 2), "copy_s": round(held - started, 2),
        "device_bytes_a_chunk": round(bytes_a_chunk), "off": round(off(index, gpu, cpu, queries), 5), "ranks": rows,
        "fresh": freshness(using(index, gpu), made[-1], queries[0]),
        "together": {name: together(using(index, one), whole, queries) for name, one in (("cpu", cpu), ("gpu", gpu))},
        "notices": list(gpu.notices), "load_average": round(os.getloadavg()[0], 1),
    }  # fmt: skip
    figures["out_of_memory"] = starved_search(index, device, cpu, whole, queries)
    cpu.close()
    gpu.close()
    return figures


def scopes() -> list[tuple[float, Conditions]]:
    found = []
    for place, share in enumerate(SHARES):
        inside = Names.of(*(f"c{i}" for i in range(place, len(SHARES))))
        found.append((share, EVERYTHING if share == 1.0 else EVERYTHING.narrow(collections=inside)))
    return found


def using(index: Index, scorer: Any, exact: int = 0) -> Index:
    index._scorer, index._exact = scorer, exact
    return index


def compared(
    index: Index, cpu: Any, gpu: Any, where: Conditions, share: float, queries: Sequence[Query]
) -> dict[str, Any]:
    """Rank the same questions three ways. `exact` is every chunk on the CPU, what the others are measured against."""
    ways = {"exact": (cpu, 10**9), "cpu": (cpu, 0), "gpu": (gpu, 0)}
    times, answers = {}, {}
    for name, (scorer, exact) in ways.items():
        using(index, scorer, exact)
        some = queries if name != "exact" else queries[: max(10, len(queries) // 5)]
        index.rank(where, *queries[0], TOP)
        answers[name] = [index.rank(where, *query, TOP) for query in some]
        times[name] = timed(lambda i, some=some: index.rank(where, *some[i], TOP), len(some))  # type: ignore[misc]
    found: dict[str, Any] = {"share": share, "records": index.count(where), "ms": times}
    for name in ("cpu", "gpu"):
        pairs = list(zip(answers["exact"], answers[name], strict=False))
        hits = sum(len({a.chunk for a in one} & {b.chunk for b in other}) for one, other in pairs)
        scores = [
            abs(a.score - b.score) for one, other in pairs for a in one for b in other if a.chunk == b.chunk
        ] or [1.0]  # fmt: skip
        found[name] = {
            "recall": round(hits / sum(len(one) for one, _ in pairs), 4), "score_off": max(scores),
            "same_bits": all(one == other for one, other in pairs),
        }  # fmt: skip
    return found


def off(index: Index, gpu: Any, cpu: Any, queries: Sequence[Query]) -> float:
    """Return the most that an estimate of the device differs from the CPU's exact cosine."""
    parts = index._select(EVERYTHING).filters
    exact = [(vectors, some.rows) for vectors, some in parts]
    return max(
        float(np.abs(gpu.estimate(parts, query)() - cpu.exact(exact, query)()).max()) for query, _ in queries[:10]
    )


def freshness(index: Index, one: Entry, query: Query) -> dict[str, Any]:
    """Add a record that answers best of all, then forget it; it must be first at once, and then gone at once."""
    from dataclasses import replace

    piece = replace(one.pieces[0], id=10**9, vector=query[0].tobytes())
    fresh = replace(one, record=10**9, thread="", pieces=(piece,))
    start = time.perf_counter()
    index.add([fresh])
    added = time.perf_counter()
    first = index.rank(EVERYTHING, query[0], "", TOP)[0].record == fresh.record
    ranked = time.perf_counter()
    index.remove([fresh.record])
    gone = all(hit.record != fresh.record for hit in index.rank(EVERYTHING, query[0], "", TOP))
    return {"first": first, "gone": gone, "add_ms": round((added - start) * 1e3, 1),
            "first_answer_ms": round((ranked - added) * 1e3, 1)}  # fmt: skip


def together(index: Index, where: Conditions, queries: Sequence[Query]) -> dict[str, float]:
    """Return answers a second and the 99th percentile with eight threads asking at once."""

    def ask(query: Query) -> float:
        return milliseconds(lambda: index.rank(where, *query, TOP), 1)[0]

    with ThreadPoolExecutor(THREADS) as pool:
        start = time.perf_counter()
        times = sorted(pool.map(ask, list(queries) * 2))
        whole = time.perf_counter() - start
    return {"per_s": round(len(times) / whole), "p99_ms": round(times[int(0.99 * len(times))], 1)}


def starved_search(
    index: Index, device: str, cpu: Any, where: Conditions, queries: Sequence[Query]
) -> dict[str, Any] | None:
    """Search with hardly any memory: a notice, and the CPU's answers."""
    if device != "cuda":
        return None
    wanted = [using(index, cpu).rank(where, *query, TOP) for query in queries[:5]]
    poor = DeviceScorer(DIM, 0, device)
    with starved():
        found = [using(index, poor).rank(where, *query, TOP) for query in queries[:5]]
    using(index, cpu)
    poor.close()
    return {"notices": list(poor.notices), "same_answers": found == wanted}


def allocated(device: str) -> int:
    return int(torch.cuda.memory_allocated()) if device == "cuda" else 0


# ---------------------------------------------------------------- the table


def show(title: str, rows: list[Row]) -> None:
    table(title, rows)


def embedding_rows(one: dict[str, Any]) -> list[Row]:
    starved = one["out_of_memory"] or {}
    return [
        (f"passages, {one['runtime']}", f"{one['passages_per_s']:,} a second", ""),
        (f"passages, {one['cpu_runtime']} on the CPU", f"{one['cpu_passages_per_s']:,} a second", ""),
        ("tokenizing alone", f"{one['tokenizing_alone_per_s']:,} a second", ""),
        ("one question", f"{one['question_ms']['median_ms']} ms; CPU {one['cpu_question_ms']['median_ms']} ms", ""),
        ("cosine with the CPU's vectors", f"mean {one['mean_cosine']}, least {one['least_cosine']}", f"bar {COSINE}"),
        ("memory", f"{one['peak_mib']} MiB at most", ""),
        (
            "out of memory",
            f"went on on {starved.get('went_on_on', '-')}, least cosine {starved.get('least_cosine')}",
            "",
        ),
    ]


def search_rows(one: dict[str, Any]) -> list[Row]:
    rows = [
        (f"scope {row['share']:.2%} ({row['records']:,} records)",
         "; ".join(f"{name} {row['ms'][name]['median_ms']} (p99 {row['ms'][name]['p99_ms']})" for name in row["ms"])
         + f" ms; recall {row['gpu']['recall']} (cpu {row['cpu']['recall']}), score off {row['gpu']['score_off']:.1g}, "
         + ("same bits" if row["gpu"]["same_bits"] else "OTHER BITS"), f"bar {SAME:g}")
        for row in one["ranks"]
    ]  # fmt: skip
    starved = one["out_of_memory"] or {}
    return [
        *rows,
        ("an estimate of the device", f"off by {one['off']} at most", f"bar {OFF:.5f}"),
        ("copying", f"{one['copy_s']} s after {one['device_start_s']} s to start; {one['device_bytes_a_chunk']} bytes "
         "a chunk on the device", ""),
        ("a new record", f"first {one['fresh']['first']}, after forgetting gone {one['fresh']['gone']}; added in "
         f"{one['fresh']['add_ms']} ms, first answer in {one['fresh']['first_answer_ms']} ms", ""),
        (f"{THREADS} threads", "; ".join(f"{name} {t['per_s']} a second, p99 {t['p99_ms']} ms"
                                         for name, t in one["together"].items()), ""),
        ("out of memory", f"{starved.get('notices', '-')}, same answers {starved.get('same_answers', '-')}", ""),
    ]  # fmt: skip


def verdict(figures: dict[str, Any]) -> int:
    """Return how many things are not as they must be, naming each."""
    embedding, starved = figures["embedding"], figures["embedding"]["out_of_memory"]
    wrong = {
        "a test failed": figures["tests"] != "passed",
        "vectors differ from the CPU's": not embedding["mean_cosine"] >= COSINE,
        "vectors differ when memory runs out": bool(starved) and not starved["least_cosine"] >= COSINE,
    }
    for one in figures["search"]:
        at, poor = f" at {one['chunks']:,}", one["out_of_memory"]
        wrong |= {
            "scores differ" + at: any(not row["gpu"]["score_off"] <= SAME for row in one["ranks"]),
            "answers differ" + at: any(not row["gpu"]["same_bits"] for row in one["ranks"]),
            "estimates are off" + at: not one["off"] <= OFF,
            "the device gave up" + at: bool(one["notices"]),
            "not fresh" + at: not (one["fresh"]["first"] and one["fresh"]["gone"]),
            "no fall-back" + at: bool(poor) and not (poor["same_answers"] and poor["notices"]),
        }
    for what in (name for name, bad in wrong.items() if bad):
        print(f"WRONG: {what}")
    return sum(map(bool, wrong.values()))


if __name__ == "__main__":
    main()
