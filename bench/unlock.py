"""From unlocking to the first answer over many chunks, loading the model apart: `python -m bench.unlock [--chunks N]`.

A vault is filled with synthetic records (words after Zipf, unit vectors around topics, half of them in threads), by the
store's own functions and without an encoder. Then, each in a process of its own, as after a start of the machine:
opened without a snapshot, from the snapshot that was left on closing, and again with its files out of the memory of the
system.
`search` is a whole `Vault.search` after that, the query's embedding by a stand-in of no cost.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.machine import keep, table
from tests.support import FLOOR_KIB, HashingEncoder
from vault.config import Config
from vault.service import Vault
from vault.types import Holder, SearchRequest

SECRET, BAR_S = b"benchmark only", 3.0
BATCH, DIM = 2000, HashingEncoder.dim


def fill(config: Config, chunks: int) -> None:
    """Put records of one chunk each into the vault: what an import leaves, without its encoder."""
    from bench.compare import CENTRES, clustered
    from bench.search import LENGTH, WORDS, Text
    from vault.embed.lexical import encode_terms
    from vault.library.drafts import new_id
    from vault.store import records
    from vault.types import Chunk, Draft

    rng = np.random.default_rng(7)
    text, topics = Text(rng), clustered(rng, CENTRES, np.zeros((1, DIM), np.float32))
    numbers = {f"word{n}": n + 1 for n in range(WORDS)}
    key = bytearray(32)
    with Vault.open(config, bytearray(SECRET), encoder=HashingEncoder()) as vault:
        now = vault._parts.clock()
        db = vault._parts.db
        db.write(
            lambda conn: (records.add_terms(conn, numbers), records.set_setting(conn, "encoder", "hashing-384/384"))
        )
        for start in range(0, chunks, BATCH):
            size = min(BATCH, chunks - start)
            vectors, words = clustered(rng, size, topics), text.words(size, LENGTH)

            def work(conn, start=start, vectors=vectors, words=words):  # type: ignore[no-untyped-def]
                for i, (vector, row) in enumerate(zip(vectors, words, strict=True), start):
                    held, counts = np.unique(row, return_counts=True)
                    told = " ".join(f"word{n}" for n in row.tolist())
                    terms = encode_terms(
                        {f"word{n}": c for n, c in zip(held.tolist(), counts.tolist(), strict=True)}, numbers
                    )
                    draft = Draft(f"{i}", told, people=(f"Person {i % 500}",), labels=(f"l{i % 50}",),
                                  thread=f"t{i // 20}" if i % 40 < 20 else "", position=i, created=now)  # fmt: skip
                    kept = records.put(
                        conn, draft, collection=f"c{i % 8}", source="bench", id=new_id(), now=now, hash_key=key
                    )
                    records.put_chunks(conn, kept.n, [(Chunk(0, 0, len(told), told, ""), vector.tobytes(), terms)])

            db.write(work)


def once(directory: Path, *, leave: bool) -> dict[str, object]:
    """Open the vault and ask it once; with `leave`, write the snapshot that a server would have written by then."""
    config = Config(directory=directory, argon2_memory=FLOOR_KIB)
    begun = time.perf_counter()
    vault = Vault.open(config, bytearray(SECRET), encoder=HashingEncoder())
    opened = time.perf_counter()
    owner = Holder(vault.owner_token().token)
    asked = time.perf_counter()
    library = vault._parts.library
    space = library._step.space
    ready = time.perf_counter()
    vault.search(owner, SearchRequest("word7 word400 word31"))
    answered = time.perf_counter()
    vault.search(owner, SearchRequest("word8 word401 word32"))
    again = time.perf_counter()
    wrote = 0.0
    if leave:
        library._step._keeper.write()
        wrote = time.perf_counter() - again
    found = {
        "index": library.loaded, "records": space.index.size, "open_s": round(opened - begun, 3),
        "index_s": round(ready - asked, 3), "search_s": round(answered - ready, 3),
        "search_again_s": round(again - answered, 4), "first_answer_s": round(answered - asked, 3),
        "wrote_s": round(wrote, 2), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    begun = time.perf_counter()
    vault.close()
    return found | {"close_s": round(time.perf_counter() - begun, 2)}


def apart(directory: Path, *words: str) -> dict[str, object]:
    """Do it in a process of its own."""
    command = [sys.executable, "-m", "bench.unlock", "--once", str(directory), *words]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # type: ignore[no-any-return]


def forgotten_by_the_system(directory: Path) -> None:
    """Let the system drop the files from its memory, so that they come from the disk."""
    for path in [directory / "vault.db", *(directory / "index").iterdir()]:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--chunks", type=int, default=1_000_000)
    options.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--leave", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--keep", type=Path, help="a directory for the vault, used again when it is there")
    given = options.parse_args()
    if given.once:
        print(json.dumps(once(given.once, leave=given.leave)))
        return
    with tempfile.TemporaryDirectory() as place:
        directory = (given.keep or Path(place)) / "vault"
        config = Config(directory=directory, argon2_memory=FLOOR_KIB)
        if not directory.exists():
            Vault.create(config, bytearray(SECRET))
            fill(config, given.chunks)
        runs = {"no snapshot": apart(directory, "--leave")}
        size = sum(path.stat().st_size for path in (directory / "index").iterdir())
        runs["snapshot"] = apart(directory)
        forgotten_by_the_system(directory)
        runs["snapshot, from the disk"] = apart(directory)
    load = round(os.getloadavg()[0], 1)
    keep("unlock", {"chunks": given.chunks, "bar_s": BAR_S, "snapshot_bytes": size, "load_average": load, "runs": runs})
    table(
        f"{given.chunks:,} chunks, a snapshot of {size / 2**20:,.0f} MiB, load {load}: seconds to the first answer",
        [
            (name, f"{run['first_answer_s']} (index {run['index_s']}, search {run['search_s']}; then {run['index']})",
             f"bar {BAR_S:g}" if name != "no snapshot" else f"written in {run['wrote_s']} s")
            for name, run in runs.items()
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
