"""What looking at a record costs when it comes in (sensitivity, orders to assistants), and when it goes out masked.

Over the sample vault, and over the texts for the retrieval benchmark where those are present. Per record and kB; the
median counts, because imports should stay bound by the encoder.
"""

from __future__ import annotations

import json
import mailbox
import time
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path

import vault
from bench.machine import keep, spread, table
from bench.retrieval import DATA, chats, documents
from vault.permissions.instructions import suspicious
from vault.permissions.redaction import Redactor
from vault.permissions.sensitivity import raised
from vault.types import Sensitivity

BAR_MS = 0.15
SAMPLE = Path(vault.__file__).parent / "sample"
LEAST = 200
"""Shorter texts cost next to nothing each; per kB they say only what a call costs."""


def sample() -> Iterator[str]:
    for path in sorted(SAMPLE.glob("*/**/*.md")):
        yield path.read_text("utf-8").split("---\n", 2)[2]
    for path in sorted(SAMPLE.glob("*.jsonl")):
        yield from (json.loads(line)["text"] for line in path.read_text("utf-8").splitlines())
    for mail in mailbox.mbox(SAMPLE / "mail.mbox"):
        yield from (plain(part) for part in mail.walk() if part.get_content_type() == "text/plain")


def plain(part: Message) -> str:
    return bytes(part.get_payload(decode=True)).decode(part.get_content_charset() or "utf-8", "replace")


def texts() -> dict[str, list[str]]:
    given = {"sample vault": list(sample())}
    if DATA.exists():
        given |= {name: [draft.text for draft in documents(DATA / name).drafts] for name in ("scifact", "cranfield")}
        given["chats"] = [draft.text for draft in chats(DATA / "locomo_dev.json.gz").drafts]
    return given


def cost(call: Callable[[str], object], given: list[str]) -> dict[str, float]:
    """Return the milliseconds for each 1,000 characters of each text, the quickest of three."""
    taken = []
    for text in (text for text in given if len(text) >= LEAST):
        best = min(_once(call, text) for _ in range(3))
        taken.append(best * 1e6 / len(text))
    return spread(taken)


def _once(call: Callable[[str], object], text: str) -> float:
    start = time.perf_counter()
    call(text)
    return time.perf_counter() - start


def incoming(text: str) -> None:
    raised("", text, Sensitivity.PERSONAL)
    suspicious(text)


def main() -> None:
    figures: dict[str, dict[str, float]] = {}
    rows = []
    for name, given in texts().items():
        for what, call in (("coming in", incoming), ("masked", lambda text: Redactor().mask(text))):
            figures[f"{name}, {what}"] = took = cost(call, given)
            bar = f"bar {BAR_MS:g} ms" if what == "coming in" else ""
            rows.append((f"{name}, {what}", f"{took['median']:.3f} ms (p95 {took['p95']:.3f})", bar))
        share = {level.name: 0 for level in Sensitivity}
        for text in given:
            share[raised("", text, Sensitivity.PERSONAL).name] += 1
        figures[f"{name}, share"] = {level: round(count / len(given), 4) for level, count in share.items()}
        figures[f"{name}, share"]["instruction-like"] = round(sum(map(suspicious, given)) / len(given), 4)
    keep("redaction", {"bar_ms": BAR_MS, **figures})
    table("what the detectors cost, each 1,000 characters", rows)


if __name__ == "__main__":
    main()
