"""How fast text becomes vectors: plain sentence-transformers, our torch, our OpenVINO: `python -m bench.encoding`.

Each runtime lives in a clean process of its own and works while the others wait, in turns over the same texts, new ones
in every round; a ratio is the median over the rounds. Plain is `SentenceTransformer.encode` as it comes, on the CPU.
With `--retrieval` each runtime's vectors also go through bench.retrieval; with `--isa` every runtime does without the
newer instructions of this processor, as on an older one. The data is for evaluation only: figures, no
text.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import keep, milliseconds, spread, table
from bench.retrieval import DATA, Collection, chats, documents, evaluate
from vault.embed import chunking
from vault.embed.encoder import BUNDLED, _bundled

RUNTIMES = ("plain", "torch", "openvino")
ROUNDS, QUESTIONS, PASSAGES, STARTS = 7, 40, 200, 5
CHUNKS, BESIDE = 100_000, 200
ISAS = {
    "AVX2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "AVX512_CORE": {"MKL_ENABLE_INSTRUCTIONS": "AVX512", "ATEN_CPU_CAPABILITY": "avx512"},
    "AVX512_CORE_VNNI": {"MKL_ENABLE_INSTRUCTIONS": "AVX512", "ATEN_CPU_CAPABILITY": "avx512"},
}
"""What else keeps torch from newer instructions than oneDNN's, which are OpenVINO's too."""
QUESTION_BAR, PASSAGE_BAR, COSINE_BAR = 3.0, 1.5, 0.985


class Plain:
    """sentence-transformers as anybody would call it."""

    def __init__(self) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(_bundled()), device="cpu", local_files_only=True)
        self.name, self.dim, self.runtime = BUNDLED, 384, "sentence-transformers"

    def encode(self, texts: list[str]) -> np.ndarray:
        return self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    def encode_query(self, text: str) -> np.ndarray:
        return self._model.encode(text, normalize_embeddings=True, show_progress_bar=False)


def opened(name: str) -> Any:
    from vault.embed.runtimes import converted, openvino, pytorch

    if name == "plain":
        return Plain()
    if name == "torch":
        return pytorch.load(BUNDLED, str(_bundled()), "cpu")
    if "ONEDNN_MAX_CPU_ISA" in os.environ:  # OpenVINO looks at the processor itself for bfloat16
        openvino.SETTINGS["INFERENCE_PRECISION_HINT"] = "f32"
    return openvino.load(BUNDLED, str(_bundled()), converted.default_cache())


# ---------------------------------------------------------------- what a process of its own does


def serve(name: str) -> None:
    """Answer one command a line: its name and its arguments as JSON."""
    model = opened(name)
    model.encode_query("Where did we swim?")
    say({"runtime": model.runtime, "memory_mb": resident()})
    known: dict[str, Callable[..., object]] = {
        "questions": lambda texts: milliseconds_each(model.encode_query, texts),
        "passages": lambda texts: milliseconds(lambda: model.encode(texts), 1)[0],
        "vectors": lambda questions, passages, path: np.savez(
            path, questions=np.stack([model.encode_query(q) for q in questions]), passages=model.encode(passages)
        ),
        "beside": lambda questions, passages: beside(model, questions, passages),
        "retrieval": lambda data: {
            one.name: evaluate(one, model)["ownvault"]["all"] for one in collections(Path(data))
        },
    }
    for line in sys.stdin:
        command, arguments = json.loads(line)
        say(known[command](*arguments))


def say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def milliseconds_each(call: Callable[[str], object], texts: list[str]) -> list[float]:
    return [milliseconds(lambda text=text: call(text), 1)[0] for text in texts]  # type: ignore[misc]


def beside(model: Any, questions: list[str], passages: list[str]) -> dict[str, dict[str, float]]:
    """Time a question alone; with a search of 10^5 chunks after each; and while passages are being encoded."""
    from vault.embed.search import Entry, Index, Piece
    from vault.types import EVERYTHING, Provenance, Sensitivity

    rng = np.random.default_rng(7)
    some = model.encode(passages)
    vectors = some[rng.integers(len(some), size=CHUNKS)] + rng.normal(0, 0.03, (CHUNKS, model.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = Index(model.dim)
    index.add(
        Entry(n, "bench", "bench", "note", (), (), None, Sensitivity.PERSONAL, Provenance.OWNER, "", 0,
              (Piece(n, vector.tobytes(), b""),))
        for n, vector in enumerate(vectors)
    )  # fmt: skip
    texts = [questions[n % len(questions)] for n in range(BESIDE)]
    alone = milliseconds_each(model.encode_query, texts)
    encoding, whole = [], []
    for text in texts:
        start = time.perf_counter()
        vector = model.encode_query(text)
        encoding.append((time.perf_counter() - start) * 1000)
        index.rank(EVERYTHING, vector, text, 10)
        whole.append((time.perf_counter() - start) * 1000)
    over = threading.Event()

    def keep_encoding() -> None:
        while not over.is_set():
            model.encode(passages)

    thread = threading.Thread(target=keep_encoding)
    thread.start()
    meanwhile = milliseconds_each(model.encode_query, texts)
    over.set()
    thread.join()
    return {
        "alone_ms": spread(alone), "between_searches_ms": spread(encoding), "with_its_search_ms": spread(whole),
        "during_an_import_ms": spread(meanwhile),
    }  # fmt: skip


# ---------------------------------------------------------------- what this process does


class Child:
    def __init__(self, name: str) -> None:
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.encoding", "--serve", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.ready = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        self.first_s = time.perf_counter() - start

    def ask(self, command: str, *arguments: object) -> Any:
        print(json.dumps([command, arguments]), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())  # type: ignore[union-attr]

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()


def collections(data: Path) -> list[Collection]:
    return [chats(data / "locomo_dev.json.gz"), *(documents(data / name) for name in ("scifact", "cranfield"))]


def first_answers() -> dict[str, list[float]]:
    """Return the seconds from starting a process to its first vector, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in RUNTIMES}
    for _ in range(STARTS):
        for name in RUNTIMES:
            child = Child(name)
            taken[name].append(child.first_s)
            child.close()
    return taken


def cosines(children: dict[str, Child], questions: list[str], passages: list[str]) -> dict[str, dict[str, float]]:
    found = {}
    with tempfile.TemporaryDirectory() as place:
        for name, child in children.items():
            child.ask("vectors", questions, passages, f"{place}/{name}.npz")
            found[name] = np.load(f"{place}/{name}.npz")
        agreed = {}
        for name in RUNTIMES[1:]:
            both = [(found[name][kind] * found["plain"][kind]).sum(1) for kind in ("questions", "passages")]
            agreed[name] = {
                "questions": round(float(both[0].mean()), 5), "passages": round(float(both[1].mean()), 5),
                "least": round(float(min(one.min() for one in both)), 5),
            }  # fmt: skip
    return agreed


def measure(data: Path, retrieval: bool) -> dict[str, Any]:
    chat, *others = collections(data)
    rng = random.Random(7)
    questions = [q.text for one in (chat, *others) for q in one.questions]
    drafts = chat.drafts + rng.sample(others[0].drafts, len(chat.drafts) // 9)
    passages = [chunking.passage(chunk) for draft in drafts for chunk in chunking.split(draft)]
    rng.shuffle(questions)
    rng.shuffle(passages)
    assert min(len(questions) // QUESTIONS, len(passages) // PASSAGES) > ROUNDS
    starts = first_answers()
    children = {name: Child(name) for name in RUNTIMES}
    taken: dict[str, dict[str, list[float]]] = {name: {"question": [], "passage": []} for name in RUNTIMES}
    for n in range(-1, ROUNDS):  # the first round warms up and does not count
        asked = questions[(n + 1) * QUESTIONS : (n + 2) * QUESTIONS]
        some = passages[(n + 1) * PASSAGES : (n + 2) * PASSAGES]
        for name, child in children.items():
            question = statistics.median(child.ask("questions", asked))
            passage = child.ask("passages", some) / len(some)
            if n >= 0:
                taken[name]["question"].append(question)
                taken[name]["passage"].append(passage)
    agreed = cosines(children, questions[:300], passages[:300])
    figures: dict[str, Any] = {}
    for name, child in children.items():
        against = {
            kind: statistics.median(p / t for p, t in zip(taken["plain"][kind], taken[name][kind], strict=True))
            for kind in ("question", "passage")
        }
        figures[name] = {
            "runtime": child.ready["runtime"], "first_vector_s": round(statistics.median(starts[name]), 2),
            "memory_mb": child.ready["memory_mb"], "question_ms": spread(taken[name]["question"]),
            "passages_per_s": round(1000 / statistics.median(taken[name]["passage"])),
            "question_ratio": round(against["question"], 2), "passage_ratio": round(against["passage"], 2),
            "cosine": agreed.get(name), "beside": child.ask("beside", questions[:QUESTIONS], passages[:PASSAGES]),
        }  # fmt: skip
        if retrieval:
            figures[name]["retrieval"] = child.ask("retrieval", str(data))
        child.close()
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument(
        "--retrieval", action="store_true", help="also evaluate the search with each runtime's vectors"
    )
    options.add_argument("--isa", choices=ISAS, help="the newest instructions that may be used")
    options.add_argument("--serve", choices=RUNTIMES, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.serve:
        serve(given.serve)
        return
    if not given.data.is_dir():
        print(f"no retrieval data at {given.data}: nothing measured")
        sys.exit(os.environ.get("CI") == "true")
    if given.isa:
        os.environ.update(ONEDNN_MAX_CPU_ISA=given.isa, **ISAS[given.isa])
    figures = measure(given.data, given.retrieval)
    keep(
        f"encoding-{given.isa}" if given.isa else "encoding",
        {"rounds": ROUNDS, "load_average": round(os.getloadavg()[0], 1), **figures},
    )
    show(figures)


def show(figures: dict[str, Any]) -> None:
    rows = []
    for name in RUNTIMES:
        one = figures[name]
        ours = name == "openvino"
        rows += [
            (f"{name}: one question", f"{one['question_ms']['median']:.2f} ms, {one['question_ratio']:.1f}x plain",
             f"bar {QUESTION_BAR:.0f}x" if ours else ""),
            (f"{name}: passages", f"{one['passages_per_s']} a second, {one['passage_ratio']:.1f}x plain",
             f"bar {PASSAGE_BAR}x" if ours else ""),
            (f"{name}: process start to first vector", f"{one['first_vector_s']:.1f} s, {one['memory_mb']} MB", ""),
        ]  # fmt: skip
        if one["cosine"]:
            agreed = ", ".join(f"{kind} {value:.5f}" for kind, value in one["cosine"].items())
            rows.append((f"{name}: mean cosine with plain", agreed, f"bar {COSINE_BAR}" if ours else ""))
        medians = ", ".join(f"{kind[:-3].replace('_', ' ')} {s['median']:.1f}" for kind, s in one["beside"].items())
        rows.append((f"{name}: a question beside others (ms)", medians, ""))
        if "retrieval" in one:
            rows.append((f"{name}: retrieval", ", ".join(f"{k} {v:.4f}" for k, v in one["retrieval"].items()), ""))
    table(f"text to vectors, {ROUNDS} rounds in turns", rows)


if __name__ == "__main__":
    main()
