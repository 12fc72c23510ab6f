"""How soon each page of the console stands there: `python -m bench.console [--records N] [--times N]`.

A vault of 100,000 records with a year of log behind it, served as `ownvault serve` does it, and a real Chromium without
a cache. Taken are the browser's own figures: when the page's first content was painted, and when its largest part was
(Largest Contentful Paint), which for pages of text is when there is something to read.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.history import fill
from bench.machine import keep, spread, table
from tests.e2e.browser import chromium
from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder
from vault.api import guard, listener, mcp, rest
from vault.api.app import App
from vault.api.attempts import Attempts
from vault.config import Config
from vault.errors import ApprovalRequired
from vault.service import Vault
from vault.types import Approval, Filter, GrantRequest, Holder, Limits, SearchRequest

BAR_MS, RECORDS, ENTRIES, TIMES, CLIENTS = 300.0, 100_000, 20_000, 15, 6
PAGES = ("/", "/requests", "/clients", "/log", "/exposure", "/data", "/map", "/settings")
LOOKING = """
new PerformanceObserver((list) => { globalThis.largest = list.getEntries().at(-1).startTime; })
  .observe({ type: "largest-contentful-paint", buffered: true });
"""
PAINTED = """async () => {
  for (let tries = 0; tries < 300; tries += 1) {
    const first = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    if (first) return [first, Math.max(first, globalThis.largest ?? 0)];
    await new Promise((wake) => setTimeout(wake, 10));
  }
  return null;
}"""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--records", type=int, default=RECORDS)
    options.add_argument("--times", type=int, default=TIMES)
    said = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        config = Config(Path(place) / "vault", argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE))
        with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder()) as vault:
            owner = Holder(vault.owner_token().token)
            fill(vault, owner, said.records, ENTRIES)
            request = lived_in(vault, owner)
            with served(vault, config.directory) as port:
                figures = measured(port, (*PAGES, f"/requests/{request}"), said.times)
    named = {("/requests/ID" if name.startswith("/requests/") else name): one for name, one in figures.items()}
    keep(
        "console", {"records": said.records, "entries": ENTRIES, "times": said.times, "bar_ms": BAR_MS, "pages": named}
    )
    rows = [
        (name, f"{one['largest']['median']:.0f} ms (p95 {one['largest']['p95']:.0f})", f"bar {BAR_MS:g} ms")
        for name, one in named.items()
    ]
    table(f"console over {said.records:,} records: until the largest part is painted ({said.times} times)", rows)


def lived_in(vault: Vault, owner: Holder) -> str:
    """Give some clients access and let one ask; return the request that waits."""
    held = [one.name for one in vault.status(owner).collections]
    for n in range(CLIENTS):
        filter = Filter(collections=tuple(held[n : n + 3] or held[:1]))
        wish = GrantRequest(
            f"client {n:02}", filter=filter, approval=Approval.EACH, limits=Limits(queries_per_hour=100)
        )
        holder = Holder(vault.grant(owner, wish).token)
        try:
            vault.search(holder, SearchRequest(f"note {n}", 10))
        except ApprovalRequired as waits:
            request = waits.request
    return request


@contextmanager
def served(vault: Vault, directory: Path) -> Iterator[int]:
    """Serve the vault on a free port while the block runs."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    port, started = listening.getsockname()[1], threading.Event()
    loop = asyncio.new_event_loop()
    stopping: list[Any] = []

    async def serve() -> None:
        with ThreadPoolExecutor(8) as pool:
            endpoint = mcp.Endpoint(vault, pool)
            flask = rest.make(vault, Attempts(directory), lambda: None)
            server = listener.make(App(guard.Guard(port), flask, endpoint, pool), listening)
            stopping.append(server)
            async with endpoint.run():
                started.set()
                await server.serve()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    started.wait()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stopping[0].stop)
        thread.join(10)


def measured(port: int, paths: tuple[str, ...], times: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each page when its first content and its largest part were painted, in ms."""
    address = f"http://vault.localhost:{port}/console"
    found: dict[str, dict[str, dict[str, float]]] = {}
    with chromium("--disk-cache-size=1") as browser:
        page = browser.new_page()
        page.add_init_script(LOOKING)
        page.goto(f"{address}/sign-in")
        page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/console/~*/")
        place = page.url.rstrip("/")
        for path in paths:
            taken = []
            for _ in range(times + 1):
                answer = page.goto(place + path)
                assert answer is not None and answer.status == 200, (path, answer and answer.status)
                painted = page.evaluate(PAINTED)
                assert painted, f"{path} is not painted"
                taken.append(painted)
            firsts, largest = zip(*taken[1:], strict=True)  # the first time loads what Python loads late
            found[path] = {
                "first": spread(list(firsts)),
                "largest": spread(list(largest)),
                "cold": {"largest": taken[0][1]},
            }
            print(path, found[path]["largest"], flush=True)
    return found


if __name__ == "__main__":
    main()
