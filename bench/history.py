"""What looking back costs the owner, over 100,000 records and 1,000,000 entries: `python -m bench.history`."""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder
from vault.config import Config
from vault.permissions import audit, filing, tree
from vault.permissions.entries import body, leaf
from vault.service import Vault
from vault.types import (
    AddRequest,
    AuditRequest,
    Axis,
    Draft,
    Ending,
    Entry,
    ExposedRequest,
    Filter,
    GrantRequest,
    Holder,
    MatrixRequest,
    Period,
    SearchRequest,
    Sensitivity,
    TimelineRequest,
    micros,
)

CLIENTS, COLLECTIONS, RUNS = 12, 20, 7
TOGETHER = 5_000


def fill(vault: Vault, owner: Holder, records: int, entries: int) -> list[str]:
    """Add the records as they are added, and write the entries as requests are; return the ids."""
    drafts = [
        Draft(f"o{n}", f"note {n} of somebody", f"note {n}", sensitivity=Sensitivity(n % 4)) for n in range(records)
    ]
    for n in range(0, records, TOGETHER):
        for part in range(n, min(n + TOGETHER, records), 1000):
            vault.add(
                owner,
                AddRequest(f"collection {part // 1000 % COLLECTIONS:02}", tuple(drafts[part : part + 1000]), "bench"),
            )
        print(f"\r{n + TOGETHER:,} records", end="", file=sys.stderr, flush=True)
    db = vault._parts.db
    with db.read() as conn:
        ids = [id for (id,) in conn.execute("SELECT id FROM record ORDER BY n").fetchall()]
    print("\nentries", file=sys.stderr)
    _write(db._link, ids, entries)
    return ids


def _write(link: Any, ids: list[str], number: int) -> None:
    """Write what so many requests leave behind, by the statements of the vault, all at once: a year of requests."""
    link.set_authorizer(None)
    link.execute("PRAGMA cache_size = -1500000")
    link.execute("BEGIN IMMEDIATE")
    chance, begin = random.Random(7), datetime.now(UTC) - timedelta(days=365)
    first, levels = audit.size(link), [[leaf for (leaf,) in link.execute("SELECT leaf FROM entry ORDER BY number")]]
    activity: Counter[filing.Place] = Counter()
    released: dict[tuple[str, str], list[int]] = {}
    for n in range(first, first + number):
        said = _said(chance, ids, begin + timedelta(days=365) * ((n - first) / number), n)
        text, salt, at = body(said), n.to_bytes(32, "big"), filing.place(said)
        levels[0].append(leaf(text, salt))
        row = (n, micros(said.time), said.client, levels[0][-1], salt, text)
        link.execute("INSERT INTO entry (number, time, client, leaf, salt, body) VALUES (?, ?, ?, ?, ?, ?)", row)
        link.execute("INSERT INTO filed VALUES (?, ?, ?, ?)", (n, *at[1:]))
        activity[at] += 1
        for id in said.records:
            known = released.setdefault((said.client, id), [row[1], row[1], 0])
            known[1:] = row[1], known[2] + 1
    link.executemany("INSERT INTO activity VALUES (?, ?, ?, ?, ?)", [(*at, many) for at, many in activity.items()])
    link.executemany("INSERT INTO released VALUES (?, ?, ?, ?, ?)", [(*key, *times) for key, times in released.items()])
    while len(levels[-1]) > 1:
        under = levels[-1]
        levels.append([tree.hash_node(*under[i : i + 2]) for i in range(0, len(under) - 1, 2)])
    link.execute("DELETE FROM node")
    for level, hashes in enumerate(levels[1:], 1):
        link.executemany("INSERT INTO node VALUES (?, ?, ?)", [(level, i, one) for i, one in enumerate(hashes)])
    link.execute("UPDATE vault SET audit_head = ?", (audit.root(link),))
    link.execute("COMMIT")
    print(f"{len(released):,} different records of clients", file=sys.stderr)


def _said(chance: random.Random, ids: list[str], now: datetime, n: int) -> Entry:
    client = f"client {int(chance.random() ** 2 * CLIENTS):02}"
    query, shown = f"what about {n} and the boat", {"shown": "redacted"} if n % 3 == 0 else {}
    if n % 20 == 0:
        return Entry(now, client, "g", "search", "mcp", "deny", "out_of_scope", query)
    hits = () if n % 4 == 0 else tuple(chance.sample(ids, 5))
    return Entry(now, client, "g", "search", "mcp", "allow", "granted", query, hits, shown)


def measure(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the median and the longest of several runs, in milliseconds; the first run is one of them."""
    took = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - begun))
    return sorted(took)[RUNS // 2], max(took)


def main(records: int = 100_000, entries: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory() as home:
        config = Config(Path(home) / "vault", argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE))
        with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder()) as vault:
            owner = Holder(vault.owner_token().token)
            ids = fill(vault, owner, records, entries)
            found = {}
            for name, work in cases(vault, owner, ids):
                found[name] = measure(work)
                print(f"{name:44} {found[name][0]:9.1f} ms {found[name][1]:9.1f} ms at most")
            begun = time.perf_counter()
            report = vault.verify(owner)
            print(f"{'verify':44} {time.perf_counter() - begun:9.1f} s, holds: {report.ok}")
            size = (Path(home) / "vault" / "vault.db").stat().st_size
            print(json.dumps({"records": records, "entries": entries, "bytes": size, "ms": found}))


def cases(vault: Vault, owner: Holder, ids: list[str]) -> list[tuple[str, Callable[[], Any]]]:
    def log(name: str, **asked: Any) -> tuple[str, Callable[[], Any]]:
        return f"log, {name}", lambda: vault.audit(owner, AuditRequest(50, **asked))

    def seen(name: str, **asked: Any) -> tuple[str, Callable[[], Any]]:
        return name, lambda: vault.exposed(owner, ExposedRequest(**asked))

    def over(period: Period) -> tuple[str, Callable[[], Any]]:
        return f"timeline, {period}", lambda: vault.timeline(owner, TimelineRequest(period))

    month = datetime.now(UTC) - timedelta(days=30)
    request = GrantRequest("fresh", filter=Filter(collections=("collection 00",)))
    holder = Holder(vault.grant(owner, request).token)
    return [
        ("matrix by collection", lambda: vault.matrix(owner, MatrixRequest())),
        ("matrix by sensitivity", lambda: vault.matrix(owner, MatrixRequest(Axis.SENSITIVITY))),
        seen("records of a cell", client="client 00", collection="collection 07"),
        seen("records of an empty cell", client="client 00", collection="none"),
        seen("who got a record", record=ids[5]),
        *map(over, Period),
        log("newest page"),
        log("all but the owner's", outcome=tuple(Ending)[:5]),
        log("a rare client and outcome", client="client 11", outcome=(Ending.DENIED,)),
        log("a month, one collection", since=month, collection="collection 03"),
        log("a text that nothing has", text="zebra"),
        log("a record", record=ids[5]),
        ("one entry", lambda: vault.entry(owner, 500)),
        ("a search of a client, recorded", lambda: vault.search(holder, SearchRequest("note boat"))),
    ]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
