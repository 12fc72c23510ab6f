"""The server under load: `python -m bench.load [--seconds S] [--rate R] [--clients C] [--chunks N]`.

A real `ownvault serve` over 100,000 chunks; 32 clients, each on a connection of its own, ask together 200 times a
second, by REST (search, read, count) and MCP (search, fetch). Every request has its time beforehand and is measured
from then on, so that a slow answer delays nobody's clock but shows in all that wait behind it. The questions were asked
before, so their vectors are remembered; those of the records are mixed from some thousand real ones, to spare the hour
that embedding them all takes. Memory is the worker's resident set, looked at every second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.importing import note
from bench.machine import keep, table
from bench.serving import exchange
from tests.support import FLOOR_KIB, PASSPHRASE
from vault.api.client import RemoteVault
from vault.config import Config
from vault.embed import encoder
from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, GrantRequest, Holder, SearchRequest

BAR_MS, FLAT_MIB = 250.0, 32.0
QUESTIONS, WARM_SECONDS = 20, 3.0
REAL, BLUR = 3000, 0.35
"""Notes that are embedded, and how far from a mixture of two of them the vectors of all others lie."""
SHARES = {"rest search": 35, "rest read": 15, "rest count": 10, "mcp search": 25, "mcp fetch": 15}
"""Of a hundred requests."""
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}  # fmt: skip


class StandIn:
    """Fills a vault in the name of the model that the server loads, fast: a text's vector is that of some real notes,
    mixed and blurred. They lie as real ones do, which is what an index cares about; they mean nothing."""

    name, dim, device, runtime = "all-MiniLM-L6-v2", 384, "cpu", "numpy"
    notices: tuple[str, ...] = ()

    def __init__(self, rng: random.Random) -> None:
        real = encoder.load(self.name, "cpu")
        self._real = real.encode([note(rng) for _ in range(REAL)])

    def encode(self, texts: Sequence[str], progress: object = None) -> NDArray[np.float32]:
        dice = np.random.default_rng(zlib.crc32("".join(texts).encode()))
        picked = self._real[dice.integers(len(self._real), size=(len(texts), 2))]
        blur = dice.normal(0.0, BLUR / self.dim**0.5, (len(texts), self.dim))
        mixed = 0.7 * picked[:, 0] + 0.3 * picked[:, 1] + blur
        return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)

    def encode_query(self, text: str) -> NDArray[np.float32]:
        return self.encode([text])[0]


@dataclass
class Seen:
    """What one client saw: milliseconds by kind of request, what went wrong, how late it was itself.

    `busy` are the seconds of processor time that the worker used meanwhile.
    """

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    late: float = 0.0
    busy: float = 0.0


def filled(directory: Path, chunks: int, clients: int, rng: random.Random) -> tuple[list[str], list[str], list[str]]:
    """Make a vault; return a token for each client, some questions, some records."""
    config = Config(directory=directory, argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE))
    with Vault.open(config, bytearray(PASSPHRASE), encoder=StandIn(rng)) as vault:
        owner, known = Holder(vault.owner_token().token), []
        for start in range(0, chunks, 1000):
            drafts = tuple(Draft(f"n{i}", note(rng)) for i in range(start, min(start + 1000, chunks)))
            known += [one.id for one in vault.add(owner, AddRequest("notes", drafts, "bench")).outcomes[:5]]
        where = Filter(collections=("notes",), sensitivity="secret")  # words picked at random can be a diagnosis
        tokens = [vault.grant(owner, GrantRequest(f"bench-{i}", filter=where)).token for i in range(clients)]
    return tokens, [note(rng)[:60] for _ in range(QUESTIONS)], known


def requests(port: int, questions: list[str], known: list[str], rng: random.Random) -> Any:
    """Return a function that gives one request of a kind, with a token."""

    def rest(token: str, path: str, body: dict[str, Any]) -> bytes:
        return written(port, token, path, "", body)

    def mcp(token: str, tool: str, arguments: dict[str, Any]) -> bytes:
        said = "accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n"
        said += f"mcp-method: tools/call\r\nmcp-name: {tool}\r\n"
        params = {"name": tool, "arguments": arguments, "_meta": META}
        return written(port, token, "/mcp", said, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

    kinds = {
        "rest search": lambda token: rest(token, "/v1/search", {"query": rng.choice(questions), "limit": 10}),
        "rest read": lambda token: rest(token, "/v1/records/read", {"id": rng.choice(known)}),
        "rest count": lambda token: rest(token, "/v1/count", {"filter": {"collections": ["notes"]}}),
        "mcp search": lambda token: mcp(token, "search", {"query": rng.choice(questions)}),
        "mcp fetch": lambda token: mcp(token, "fetch", {"id": rng.choice(known)}),
    }
    return lambda kind, token: kinds[kind](token)


def written(port: int, token: str, path: str, extra: str, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n{extra}"
    return f"{head}content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content


def ask(port: int, plan: list[tuple[float, str, bytes]], began: float, seen: Seen) -> None:
    """Send each request of a client's plan at its time, one after the other, on one connection."""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at, kind, request in plan:
            due = began + at
            time.sleep(max(0.0, due - time.perf_counter()))
            seen.late = max(seen.late, time.perf_counter() - due)
            try:
                sock.sendall(request)
                answer = exchange(sock)
                if b'"isError":true' in answer or b'"error":' in answer[:60]:
                    seen.errors.append(f"{kind}: {answer[:200]!r}")
            except (AssertionError, OSError) as error:
                seen.errors.append(f"{kind}: {type(error).__name__} {str(error)[:200]}")
                return
            seen.taken[kind].append((time.perf_counter() - due) * 1e3)


def run(
    port: int, tokens: list[str], questions: list[str], known: list[str], said: argparse.Namespace
) -> tuple[Seen, list[float]]:
    rng = random.Random(5)
    make = requests(port, questions, known, rng)
    kinds = rng.choices(list(SHARES), list(SHARES.values()), k=int(said.rate * said.seconds))
    plans: list[list[tuple[float, str, bytes]]] = [[] for _ in range(said.clients)]
    for number, kind in enumerate(kinds):
        plans[number % said.clients].append((number / said.rate, kind, make(kind, tokens[number % said.clients])))
    each, memory, over = [Seen() for _ in plans], list[float](), threading.Event()
    worker = child(said.server)

    def look() -> None:
        while not over.wait(1.0):
            memory.append(resident(worker))

    began, before = time.perf_counter() + 0.2, busy(worker)
    threads = [
        threading.Thread(target=ask, args=(port, plan, began, seen)) for plan, seen in zip(plans, each, strict=True)
    ]
    looking = threading.Thread(target=look)
    for thread in [looking, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    looking.join()
    whole = Seen(late=max(seen.late for seen in each), busy=busy(worker) - before)
    for seen in each:
        whole.errors += seen.errors
        for kind, taken in seen.taken.items():
            whole.taken[kind] += taken
    return whole, memory


def child(parent: int) -> int:
    """Return the process that a sealed parent has started."""
    return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])


def resident(process: int) -> float:
    """Return the MiB that a process holds in memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def busy(process: int) -> float:
    """Return the seconds of processor time that a process has used, in all its threads."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def quantile(taken: list[float], share: float) -> float:
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(taken: list[float]) -> dict[str, float]:
    return {"requests": len(taken), "p50": round(statistics.median(taken), 1), "p99": round(quantile(taken, 0.99), 1),
            "max": round(max(taken), 1)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second, all clients together")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--chunks", type=int, default=100_000)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        tokens, questions, known = filled(Path(place) / "vault", said.chunks, said.clients, random.Random(11))
        secret = Path(place) / "passphrase"
        secret.write_bytes(PASSPHRASE + b"\n")
        environment = os.environ | {"OWNVAULT_DIR": str(Path(place) / "vault"), "OWNVAULT_PASSPHRASE_FILE": str(secret)}
        command = [sys.executable, "-m", "vault", "serve", "--port", "0", "--json", "--quiet"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            address = json.loads(process.stdout.readline())["address"]
            said.server = process.pid
            remote = RemoteVault(address, timeout=300)
            for token in tokens:  # a client shares no remembered question with another
                for question in questions:
                    remote.search(Holder(token), SearchRequest(question))
            chunks = remote.status(Holder(remote.unlock(bytearray(PASSPHRASE)).token)).chunks
            port, seconds = int(address.rsplit(":", 1)[1]), said.seconds
            said.seconds = WARM_SECONDS
            run(port, tokens, questions, known, said)
            said.seconds = seconds
            seen, memory = run(port, tokens, questions, known, said)
            process.terminate()
    report(said, seen, memory, chunks)


def report(said: argparse.Namespace, seen: Seen, memory: list[float], chunks: int | None) -> None:
    everything = [one for taken in seen.taken.values() for one in taken]
    grown = statistics.mean(memory[-5:]) - statistics.mean(memory[:5])
    figures = {"all": summary(everything)} | {kind: summary(seen.taken[kind]) for kind in SHARES}
    keep("load", {
        "chunks": chunks, "clients": said.clients, "rate": said.rate, "seconds": said.seconds, "bar_ms": BAR_MS,
        "errors": len(seen.errors), "ms": figures, "late_ms": round(seen.late * 1e3, 1),
        "processor_ms": round(seen.busy / len(everything) * 1e3, 2),
        "memory_mib": {"first": round(statistics.mean(memory[:5])), "last": round(statistics.mean(memory[-5:]))},
    })  # fmt: skip
    table(
        f"{said.rate:g} requests/s from {said.clients} clients for {said.seconds:g} s over {chunks:,} chunks",
        [
            *((kind, f"p50 {one['p50']} ms, p99 {one['p99']} ms, max {one['max']} ms ({one['requests']:,})",
               f"bar p99 {BAR_MS:g} ms" if kind == "all" else "") for kind, one in figures.items()),
            ("errors", f"{len(seen.errors)}", "bar 0"),
            ("memory", f"{memory[0]:,.0f} MiB, grew by {grown:+.1f} MiB", f"bar {FLAT_MIB:g} MiB"),
            ("processor", f"{seen.busy / len(everything) * 1e3:.2f} ms a request", ""),
            ("client late", f"{seen.late * 1e3:.1f} ms at most", ""),
        ],
    )  # fmt: skip
    for error in seen.errors[:5]:
        print(error, file=sys.stderr)
    if seen.errors or figures["all"]["p99"] > BAR_MS or grown > FLAT_MIB:
        sys.exit("a bar is missed")


if __name__ == "__main__":
    main()
