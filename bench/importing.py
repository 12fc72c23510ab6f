"""How busy an import keeps the encoder, and what those who ask meanwhile feel of it: `python -m bench.importing`.

`ownvault import` of short notes against a bare `encode` of the same chunks, in turns, so that both see the same
machine; the figure is the median ratio. Then both once more while 32 clients ask, each under a grant of its own,
one question after the other with `--pause` seconds of thought between (0: none at all, which takes every core by
itself). Beside it how long their questions take while nothing is imported.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import vault
from bench.machine import keep, table
from vault import plugins
from vault.cli.intake import Intake, Report
from vault.cli.open import Open
from vault.config import Config
from vault.embed import chunking
from vault.service import Vault
from vault.types import UNLIMITED, AddRequest, Draft, Filter, GrantRequest, Holder, SearchRequest

NOTES, PARTS, BAR = 24_000, 3, 0.9
CLIENTS, SLOWER = 32, 3.0
BEFORE = 5000
"""Notes that are in the vault from the start, so that there is something to find."""
SAMPLE = Path(vault.__file__).parent / "sample" / "notes"
WORDS = [
    word
    for word, _ in Counter(w for p in sorted(SAMPLE.rglob("*.md")) for w in p.read_text("utf-8").split()).most_common()
]
"""The words of the sample notes, frequent ones first."""


def note(rng: random.Random) -> str:
    """Return one to five sentences of ordinary words, frequent ones more often: 8 to 60 words."""
    sentences = []
    for _ in range(rng.randint(1, 5)):
        picked = [WORDS[min(int(rng.paretovariate(0.6)) - 1, len(WORDS) - 1)] for _ in range(rng.randint(6, 14))]
        sentences.append(" ".join(picked).capitalize() + ".")
    return " ".join(sentences)


class Clients:
    """Those who ask, each in a thread. `times` has the seconds of every answer since it was cleared last."""

    def __init__(self, mine: Vault, pause: float) -> None:
        owner = Holder(mine.owner_token().token)
        requests = [
            GrantRequest(f"client-{n}", filter=Filter(collections=("notes",)), limits=UNLIMITED) for n in range(CLIENTS)
        ]
        self._holders = [Holder(mine.grant(owner, request).token) for request in requests]
        self._vault, self._pause = mine, pause
        self._stop = threading.Event()
        self.times: list[float] = []

    def __enter__(self) -> Clients:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, n: int) -> None:
        rng = random.Random(time.monotonic_ns() + n)
        while not self._stop.wait(rng.expovariate(1 / self._pause) if self._pause else 0):
            question = note(rng)[:60]
            begun = time.perf_counter()
            self._vault.search(self._holders[n], SearchRequest(question))
            self.times.append(time.perf_counter() - begun)


def taken(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def told(times: list[float]) -> dict[str, float]:
    """Return how many answers there were, their median and 99th percentile in milliseconds."""
    ordered = sorted(times)
    return {
        "answers": len(ordered), "median_ms": round(1000 * statistics.median(ordered), 1),
        "p99_ms": round(1000 * ordered[int(0.99 * (len(ordered) - 1))], 1),
    }  # fmt: skip


class Round:
    """Part after part of the notes, encoded and imported in turns."""

    def __init__(self, mine: Vault, place: Path, rng: random.Random) -> None:
        self._vault, self._place, self._rng = mine, place, rng
        self._part = 0

    def run(self, parts: int, size: int) -> dict[str, float]:
        """Return seconds of both, and the median ratio."""
        bare, whole = [], []
        encoder = self._vault._parts.library.encoder
        assert encoder is not None
        for _ in range(parts):
            texts = [note(self._rng) for _ in range(size)]
            drafts = [Draft(str(i), text, title=f"Note {i}") for i, text in enumerate(texts)]
            chunks = [chunking.passage(chunk) for draft in drafts for chunk in chunking.split(draft)]
            turns = [
                (bare, lambda chunks=chunks: encoder.encode(chunks)),
                (whole, lambda texts=texts: self._take(texts)),
            ]
            for seconds, work in turns if self._part % 2 else turns[::-1]:
                seconds.append(taken(work))
            self._part += 1
        ratio = statistics.median(b / w for b, w in zip(bare, whole, strict=True))
        rates = [round(parts * size / sum(seconds)) for seconds in (bare, whole)]
        return {"ratio_median": round(ratio, 3), "encoder_notes_s": rates[0], "import_notes_s": rates[1]}

    def _take(self, texts: list[str]) -> None:
        part = self._part
        source = self._place / f"{part}.jsonl"
        lines = [json.dumps({"id": f"{part}-{i}", "text": t, "title": f"Note {i}"}) for i, t in enumerate(texts)]
        source.write_text("\n".join(lines) + "\n")
        report = Report("jsonl", "notes", f"part-{part}")
        holder = Holder(self._vault.owner_token().token)
        Intake(Open(self._vault, holder), report, lambda *_: None).take(plugins.run("jsonl", source))
        assert report.added == len(texts), report


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--notes", type=int, default=NOTES)
    options.add_argument("--pause", type=float, nargs="*", default=[1.0, 0.0])
    options.add_argument("--idle", type=float, default=20.0, help="seconds of questions alone")
    given = options.parse_args()
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as place:
        config = Config(directory=Path(place) / "vault")
        Vault.create(config, bytearray(b"benchmark only"))
        with Vault.open(config, bytearray(b"benchmark only")) as mine:
            mine.warm()
            drafts = [Draft(f"before-{i}", note(rng)) for i in range(BEFORE)]
            owner = Holder(mine.owner_token().token)
            for start in range(0, BEFORE, 1000):
                mine.add(owner, AddRequest("notes", tuple(drafts[start : start + 1000]), source="before"))
            rounds = Round(mine, Path(place), rng)
            rounds.run(1, 500)  # shapes that the encoder meets first
            alone = rounds.run(PARTS, given.notes // PARTS)
            asked = {}
            for pause in given.pause:
                with Clients(mine, pause) as clients:
                    clients._stop.wait(1.0)
                    clients.times.clear()
                    clients._stop.wait(given.idle)
                    idle = told(clients.times)
                    clients.times.clear()
                    ratio = rounds.run(PARTS, given.notes // PARTS)
                    meanwhile = told(clients.times)
                slower = round(meanwhile["p99_ms"] / idle["p99_ms"], 2)
                kept = round(ratio["import_notes_s"] / alone["encoder_notes_s"], 3)
                asked[f"{pause:g}"] = {**ratio, "of_encoder_alone": kept, "idle": idle, "meanwhile": meanwhile,
                                       "p99_slower": slower}  # fmt: skip
    load = round(os.getloadavg()[0], 1)
    keep("importing", {"notes": given.notes, "bar": BAR, "p99_bar": SLOWER, "load_average": load, "alone": alone,
                       "asked": asked})  # fmt: skip
    rows = [("nobody asks", f"{alone['import_notes_s']} of {alone['encoder_notes_s']} notes/s: "
                            f"{alone['ratio_median']:.0%} of the encoder", f"bar {BAR:.0%}")]  # fmt: skip
    for pause, one in asked.items():
        rows.append(
            (
                f"{CLIENTS} ask, {pause} s apart",
                f"{one['import_notes_s']} of {one['encoder_notes_s']} notes/s: "
                f"{one['ratio_median']:.0%}; of the encoder alone {one['of_encoder_alone']:.0%}",
                f"bar {BAR:.0%}",
            )
        )
        rows.append(
            (
                "  their p99",
                f"{one['idle']['p99_ms']} → {one['meanwhile']['p99_ms']} ms, {one['p99_slower']} times "
                f"(median {one['idle']['median_ms']} → {one['meanwhile']['median_ms']})",
                f"bar {SLOWER:g} times",
            )
        )
    table(f"import of {given.notes:,} short notes, load {load}", rows)


if __name__ == "__main__":
    main()
