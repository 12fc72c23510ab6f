"""Whether what lies out of scope can be felt in the time of a search: `python -m bench.company [--inside N ...]`.

The same chunks twice, alone and among 100 times as many others of the same topics and words, asked the same questions
in turns. First the ranking alone (`Index.rank`), then a whole `Vault.search` but the query's embedding, by a holder
whose grant names one collection. The first question after a change has to find the rows in scope among all others; it
is shown beside the others.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bench.compare import CENTRES, DIM, clustered
from bench.importing import note
from bench.machine import keep, milliseconds, table
from bench.search import BATCH, QUERY_WORDS, TOP, WORDS, Text, entries
from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder, grant
from vault.config import Config
from vault.embed.search import Index
from vault.service import Vault
from vault.types import EVERYTHING, AddRequest, Draft, Holder, Names, SearchRequest

OTHERS, BAR, ROUNDS, FIRSTS = 100, 0.10, 300, 9
WHOLE = 1000
"""Chunks in scope of the whole search."""
SCOPE = EVERYTHING.narrow(collections=Names.of("c1"))

Ask = Callable[[int], object]


def paired(alone: Ask, among: Ask, rounds: int) -> dict[str, float]:
    """Return the medians in ms of both, asked in turns, and by what share the second is slower."""
    taken: tuple[list[float], list[float]] = ([], [])
    for i in range(rounds):
        for side in (0, 1) if i % 2 else (1, 0):
            taken[side].extend(milliseconds(partial((alone, among)[side], i), 1))
    first, second = map(statistics.median, taken)
    return {"alone_ms": round(first, 3), "among_ms": round(second, 3), "slower": round(second / first - 1, 3)}


def ranking(inside: int) -> dict[str, dict[str, float]]:
    """Compare `Index.rank` over `inside` chunks alone and among `OTHERS` times as many."""
    rng = np.random.default_rng(5)
    centres = clustered(rng, CENTRES, np.zeros((1, DIM), np.float32))
    total = inside * (OTHERS + 1)
    level = np.zeros(total, np.int64)
    level[rng.choice(total, inside, replace=False)] = 1
    text = Text(rng)
    pair = Index(DIM), Index(DIM)
    for index in pair:
        index.learn({f"word{n}": n for n in range(WORDS)})
    parts = (clustered(rng, min(BATCH, total - at), centres) for at in range(0, total, BATCH))
    for made in entries(parts, level, text):
        pair[0].add([entry for entry in made if entry.collection == "c1"])
        pair[1].add(made)
    asked = [
        (clustered(rng, 1, centres)[0], " ".join(f"word{n}" for n in text.words(QUERY_WORDS))) for _ in range(ROUNDS)
    ]
    alone, among = (lambda i, index=index: index.rank(SCOPE, *asked[i], TOP) for index in pair)
    assert [alone(i) for i in range(9)] == [among(i) for i in range(9)]

    def first(index: Index, ask: Ask, i: int) -> object:
        index.remove([])  # a new generation: nothing is kept from the last one
        return ask(i)

    found = {
        "first": paired(partial(first, pair[0], alone), partial(first, pair[1], among), FIRSTS),
        "next": paired(alone, among, ROUNDS),
    }
    for index in pair:
        index.close()
    return found


def searching(place: Path) -> dict[str, float]:
    """Compare `Vault.search` over `WHOLE` chunks in two vaults; the second holds `OTHERS` times as many others."""
    rng, asked = random.Random(5), []
    inside = [Draft(f"n{i}", note(rng)) for i in range(WHOLE)]
    questions = [note(rng)[:60] for _ in range(ROUNDS)]
    vaults = []
    for name, others in (("alone", 0), ("among", OTHERS)):
        config = Config(directory=place / name, argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE))
        vault = Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder())
        vaults.append(vault)
        owner = Holder(vault.owner_token().token)
        for part in range(OTHERS):  # little by little, as records come: those in scope lie among the others
            some = inside[part * WHOLE // OTHERS : (part + 1) * WHOLE // OTHERS]
            vault.add(owner, AddRequest("notes", tuple(some), source="bench"))
            if others:
                more = tuple(Draft(f"o{part}-{i}", note(rng)) for i in range(WHOLE))
                vault.add(owner, AddRequest("other", more, source="bench"))
        holder = grant(vault, "reader", "notes")
        asked.append(lambda i, v=vault, h=holder: v.search(h, SearchRequest(questions[i])))
    for ask in asked:
        ask(0)
    found = paired(asked[0], asked[1], ROUNDS)
    for vault in vaults:
        vault.close()
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--inside", type=int, nargs="+", default=[100, 1000, 10_000], help="chunks in scope")
    given = options.parse_args()
    figures: dict[str, dict[str, float]] = {}
    for inside in given.inside:
        for when, one in ranking(inside).items():
            figures[f"{when} rank, {inside:,} in scope"] = one
    with tempfile.TemporaryDirectory() as place:
        figures[f"search, {WHOLE:,} in scope"] = searching(Path(place))
    keep("company", {"others": OTHERS, "rounds": ROUNDS, "bar": BAR, "times": figures})
    table(
        f"Alone and among {OTHERS} times as many others, medians",
        [
            (name, f"{one['alone_ms']} and {one['among_ms']} ms: {one['slower']:+.1%}", f"bar {BAR:+.0%}")
            for name, one in figures.items()
        ],
    )


if __name__ == "__main__":
    main()
