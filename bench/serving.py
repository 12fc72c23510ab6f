"""How Flask and MCP share one port: `python -m bench.serving [--seconds S] [--rounds N]`.

Each composition runs as a server process of its own over the same unlocked vault with the real audited
requests; a client process keeps 16 connections busy. Rounds are interleaved and the median is taken, so that
the ratios hold on a busy machine. `a2wsgi` variants run when that package is importable.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.machine import keep
from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder
from vault.api import guard, listener, mcp, rest
from vault.api.app import App
from vault.api.attempts import Attempts
from vault.config import Config
from vault.meter import Rates
from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, GrantRequest, Holder

CONNECTIONS, THREADS, RECORDS = 16, 8, 2000
DIRECTORY = "OWNVAULT_BENCH_DIRECTORY"
WORKLOADS = {
    "keys": ("GET", "/.well-known/vault-keys.json", None),
    "count": ("POST", "/v1/count", {"filter": {"collections": ["notes"]}}),
    "search": ("POST", "/v1/search", {"query": "oak window frame", "limit": 10}),
    "mcp search": ("POST", "/mcp", {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "search", "arguments": {"query": "oak window frame"},
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientCapabilities": {},
                      "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"}}}}),
}  # fmt: skip
MCP_HEADERS = "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: search\r\n"
WORDS = (
    "oak",
    "window",
    "frame",
    "linseed",
    "paint",
    "keel",
    "bolt",
    "sail",
    "choir",
    "bread",
    "heat",
    "pump",
    "school",
)


# ---------------------------------------------------------------- the servers


def opened() -> Vault:
    config = Config(directory=Path(os.environ[DIRECTORY]), argon2_memory=FLOOR_KIB)
    vault = Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder())
    object.__setattr__(vault._parts, "rates", Rates(1e9, 10**9))  # one client asks as fast as it can
    vault.warm()
    return vault


def flask(vault: Vault) -> Any:
    return rest.make(vault, Attempts(Path(os.environ[DIRECTORY])), lambda: None)


def wsgi_alone() -> Any:
    return flask(opened())


def wsgi_outermost() -> Any:
    """Flask on granian's threads, MCP bridged in on a loop of its own."""
    from a2wsgi import ASGIMiddleware

    vault, loop = opened(), asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    endpoint = mcp.Endpoint(vault, ThreadPoolExecutor(THREADS))

    async def forever() -> None:
        async with endpoint.run():
            await asyncio.Event().wait()

    asyncio.run_coroutine_threadsafe(forever(), loop)
    bridged, app = ASGIMiddleware(endpoint, loop=loop), flask(vault)

    def outer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/mcp":
            return app(environ, start_response)  # type: ignore[no-any-return]
        return [b"".join(bridged(environ, start_response))]  # whole before returning: granian takes the headers then

    return outer


def serve_wsgi(target: str) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        f"bench.serving:{target}", address="127.0.0.1", port=int(os.environ["PORT"]), interface=Interfaces.WSGI,
        workers=1, factory=True, blocking_threads=THREADS, log_enabled=False, websockets=False,
    ).serve()  # fmt: skip


def serve_asgi(bridge: str) -> None:
    vault = opened()
    pool = ThreadPoolExecutor(THREADS)
    endpoint = mcp.Endpoint(vault, pool)
    listening = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    app: Any = App(guard.Guard(listening.getsockname()[1]), flask(vault), endpoint, pool)
    if bridge == "a2wsgi":
        app = with_a2wsgi(flask(vault), endpoint)

    async def serve() -> None:
        async with endpoint.run():
            await listener.make(app, listening).serve()

    asyncio.run(serve())


def with_a2wsgi(wsgi: Any, endpoint: Any) -> Any:
    from a2wsgi import WSGIMiddleware

    bridged = WSGIMiddleware(wsgi, workers=THREADS)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def receiving() -> Any:  # granian's own returns a future, a2wsgi wants a coroutine
            return await receive()

        async def sending(message: Any) -> None:
            await send(message)

        await (endpoint if scope["path"] == "/mcp" else bridged)(scope, receiving, sending)

    return app


VARIANTS: dict[str, Callable[[], None]] = {
    "granian WSGI, Flask alone": lambda: serve_wsgi("wsgi_alone"),
    "granian ASGI, guard and our bridge": lambda: serve_asgi("ours"),
    "granian ASGI, a2wsgi, no guard": lambda: serve_asgi("a2wsgi"),
    "granian WSGI, Flask outermost, MCP by a2wsgi": lambda: serve_wsgi("wsgi_outermost"),
}


# ---------------------------------------------------------------- the client


def load(port: int, token: str, workload: str, seconds: float) -> dict[str, float]:
    """Keep the connections busy and return requests a second and latency quantiles in ms."""
    method, path, body = WORKLOADS[workload]
    content = b"" if body is None else json.dumps(body).encode()
    extra = MCP_HEADERS + "accept: application/json\r\n" if path == "/mcp" else ""
    request = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n{extra}"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    ).encode() + content
    until, times, lock = time.perf_counter() + seconds, list[float](), threading.Lock()

    def one() -> None:
        mine = []
        with socket.create_connection(("127.0.0.1", port), 30) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (started := time.perf_counter()) < until:
                sock.sendall(request)
                exchange(sock)
                mine.append(time.perf_counter() - started)
        with lock:
            times.extend(mine)

    threads = [threading.Thread(target=one) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    return {
        "rps": len(times) / seconds,
        "p50": times[len(times) // 2] * 1e3,
        "p99": times[int(len(times) * 0.99)] * 1e3,
    }


def exchange(sock: socket.socket) -> bytes:
    """Take one response and return its body; AssertionError unless it is a 200."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(sock)
    head, _, rest_ = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), data[:300]
    head = head.lower()
    if b"transfer-encoding: chunked" in head:
        while not rest_.endswith(b"0\r\n\r\n"):
            rest_ += received(sock)
        return rest_
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    while len(rest_) < length:
        rest_ += received(sock)
    return rest_


def received(sock: socket.socket) -> bytes:
    part = sock.recv(65536)
    assert part, "the server closed the connection"
    return part


# ---------------------------------------------------------------- the run


def fill(directory: Path) -> str:
    config = Config(directory=directory, argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE))
    with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder()) as vault:
        owner = Holder(vault.owner_token().token)
        drafts = tuple(
            Draft(origin=f"n{i}", title=f"note {i}", text=" ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 40)))
            for i in range(RECORDS)
        )
        for start in range(0, RECORDS, 500):
            vault.add(owner, AddRequest("notes", drafts[start : start + 500], "bench"))
        return vault.grant(owner, GrantRequest("bench", filter=Filter(collections=("notes",)))).token


def start(variant: str, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bench.serving", "--serve", variant]
    process = subprocess.Popen(command, env=environment | {"PORT": str(port)}, start_new_session=True)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, variant
            time.sleep(0.1)
        else:
            return process, port
    raise AssertionError(variant)


def measure(seconds: float, rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    directory = Path(tempfile.mkdtemp(prefix="ownvault-bench-"))
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    try:
        token = fill(directory / "vault")
        environment = os.environ | {DIRECTORY: str(directory / "vault")}
        for _ in range(rounds):
            for variant in available():
                process, port = start(variant, environment)
                try:
                    for workload in WORKLOADS:
                        if workload == "mcp search" and variant.endswith("alone"):
                            continue
                        command = [
                            sys.executable,
                            "-m",
                            "bench.serving",
                            "--load",
                            str(port),
                            token,
                            workload,
                            str(seconds),
                        ]
                        said = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300).stdout
                        found.setdefault(variant, {}).setdefault(workload, []).append(json.loads(said))
                finally:
                    process.terminate()
                    process.wait(30)
    finally:
        shutil.rmtree(directory)
    return {
        variant: {
            workload: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for workload, runs in by.items()
        }
        for variant, by in found.items()
    }


def available() -> list[str]:
    try:
        import a2wsgi  # noqa: F401
    except ImportError:
        return [variant for variant in VARIANTS if "a2wsgi" not in variant]
    return list(VARIANTS)


def show(found: dict[str, dict[str, dict[str, float]]]) -> None:
    ceiling = next(iter(found.values()))
    print(f"| composition | {' | '.join(WORKLOADS)} |\n|---|{'---|' * len(WORKLOADS)}")
    for variant, by in found.items():
        cells = []
        for workload in WORKLOADS:
            if workload not in by:
                cells.append("-")
                continue
            one = by[workload]
            ratio = f" · {one['rps'] / ceiling[workload]['rps']:.2f}" if workload in ceiling else ""
            cells.append(f"{one['rps']:,.0f}/s · {one['p50']:.1f} / {one['p99']:.0f} ms{ratio}")
        print(f"| {variant} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve")
    parser.add_argument("--load", nargs=4)
    said = parser.parse_args()
    if said.serve:
        VARIANTS[said.serve]()
    elif said.load:
        port, token, workload, seconds = said.load
        print(json.dumps(load(int(port), token, workload, float(seconds))))
    else:
        found = measure(said.seconds, said.rounds)
        show(found)
        keep("serving", {"connections": CONNECTIONS, "threads": THREADS, "records": RECORDS, "found": found})


if __name__ == "__main__":
    main()
