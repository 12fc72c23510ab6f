"""A whole `Vault.search` but the query's embedding: permission, mask, rank, fetch, gate, audit.

`python -m bench.service [--chunks N]`. The vectors are mixed from some thousand real ones (see `bench.load`).
"""

from __future__ import annotations

import argparse
import random
import tempfile
from functools import partial
from pathlib import Path

from bench.importing import note
from bench.load import StandIn
from bench.machine import keep, milliseconds, spread, table
from tests.support import FLOOR_KIB, PASSPHRASE, grant
from vault.config import Config
from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, Holder, SearchRequest

CHUNKS, BAR_MS, TIMES = 100_000, 10.0, 100
SHARES = {"everything": 1.0, "tenth": 0.1, "hundredth": 0.01}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=CHUNKS)
    given, rng = options.parse_args(), random.Random(11)
    with tempfile.TemporaryDirectory() as place:
        config = Config(directory=Path(place) / "vault", argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE))
        encoder = StandIn(rng)
        with Vault.open(config, bytearray(PASSPHRASE), encoder=encoder) as vault:
            owner = Holder(vault.owner_token().token)
            for start in range(0, given.chunks, 1000):
                labels = lambda: tuple(name for name, share in SHARES.items() if rng.random() < share)  # noqa: E731
                drafts = tuple(Draft(f"n{i}", note(rng), labels=labels()) for i in range(start, start + 1000))
                vault.add(owner, AddRequest("notes", drafts, source="bench"))
            queries = [note(rng)[:60] for _ in range(TIMES)]
            embedding = spread([t for q in queries for t in milliseconds(partial(encoder.encode_query, q), 1)])
            figures = {}
            for label in SHARES:
                holder = grant(vault, label, "notes") if label == "everything" else Holder(
                    vault.grant(owner, _labelled(label)).token)  # fmt: skip
                vault.search(holder, SearchRequest("warm"))
                asked = [partial(vault.search, holder, SearchRequest(query)) for query in queries]
                taken = [t for one in asked for t in milliseconds(one, 1)]
                figures[label] = spread(taken)
            chunks = vault.status(owner).chunks
    keep("service", {"chunks": chunks, "times": TIMES, "bar_ms": BAR_MS, "query_embedding_ms": embedding, **figures})
    table(
        f"Vault.search over {chunks:,} chunks, median of {TIMES} (stand-in embedding: {embedding['median']:.2f} ms)",
        [
            (f"scope: {n}", f"{f['median']:.1f} ms (p95 {f['p95']:.1f})", f"bar {BAR_MS:g} ms")
            for n, f in figures.items()
        ],
    )


def _labelled(label: str):  # type: ignore[no-untyped-def]
    from vault.types import GrantRequest

    return GrantRequest(label, filter=Filter(collections=("notes",), labels=(label,)))


if __name__ == "__main__":
    main()
