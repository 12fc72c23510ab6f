"""How busy an import keeps the encoder: `ownvault import` of 10,000 short notes against a bare `model.encode`.

Both run over the same chunks on the same thread, in turns of 2,000 notes, so that both see the same machine; the figure
is the median ratio.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import vault
from bench.machine import keep, table
from vault import plugins
from vault.cli.intake import Intake, Report
from vault.cli.open import Open
from vault.config import Config
from vault.embed import chunking
from vault.service import Vault
from vault.types import Draft, Holder

NOTES, PARTS, BAR = 10_000, 5, 0.85
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


def main() -> None:
    rng = random.Random(7)
    texts = [note(rng) for _ in range(NOTES)]
    size = NOTES // PARTS
    with tempfile.TemporaryDirectory() as place:
        config = Config(directory=Path(place) / "vault")
        Vault.create(config, bytearray(b"benchmark only"))
        with Vault.open(config, bytearray(b"benchmark only")) as mine:
            mine.warm()
            encoder = mine._parts.library.encoder
            bare, whole = [], []
            for part in range(PARTS):
                some = texts[part * size : (part + 1) * size]
                drafts = [Draft(str(i), text, title=f"Note {i}") for i, text in enumerate(some)]
                chunks = [chunking.passage(chunk) for draft in drafts for chunk in chunking.split(draft)]
                source = Path(place) / f"{part}.jsonl"
                source.write_text(
                    "".join(
                        json.dumps({"id": f"{part}-{i}", "text": t, "title": f"Note {i}"}) + "\n"
                        for i, t in enumerate(some)
                    )
                )
                start = time.perf_counter()
                encoder.encode(chunks)
                bare.append(time.perf_counter() - start)
                start = time.perf_counter()
                report = Report("jsonl", "notes", f"part-{part}")
                holder = Holder(mine.owner_token().token)
                Intake(Open(mine, holder), report, lambda *_: None).take(plugins.run("jsonl", source))
                whole.append(time.perf_counter() - start)
                assert report.added == size, report
    ratio = statistics.median(b / w for b, w in zip(bare, whole, strict=True))
    keep(
        "importing",
        {
            "notes": NOTES,
            "bare_s": round(sum(bare), 2),
            "import_s": round(sum(whole), 2),
            "ratio_median": round(ratio, 3),
            "bar": BAR,
        },
    )
    table("import of 10,000 short notes", [
        ("the encoder alone", f"{NOTES / sum(bare):.0f} notes/s", ""),
        ("ownvault import", f"{NOTES / sum(whole):.0f} notes/s", ""),
        ("encoder kept busy", f"{ratio:.0%}", f"bar {BAR:.0%}"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
