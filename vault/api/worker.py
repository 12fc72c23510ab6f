"""The worker: the one process that holds the key. It opens the vault, says so, serves, and ends to lock."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from vault.api import child, problems, wire
from vault.config import Config
from vault.errors import BadRequest, VaultError
from vault.store import hygiene, lock

if TYPE_CHECKING:
    from vault.service import Vault

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
ORPHANED = 70
LOOK_SECONDS = 5.0
"""How often the idle time is looked at."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the parent hands over, except the passphrase."""

    config: Config
    listening: int
    lock: int
    saying: int
    life: int
    parent: int
    form: str


def main(feed: int) -> int:
    """Run a worker fed by the descriptor `feed` and return its exit status."""
    hygiene.harden()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    order, given = _order(feed)
    _die_with(order.parent, order.life)
    logging.basicConfig(format="ownvault: %(message)s", level=logging.ERROR)
    with ThreadPoolExecutor(order.config.threads, thread_name_prefix="request") as pool:
        try:
            opening = pool.submit(_opened, order, given)  # deriving the key leaves the interpreter free for imports
            _load()
            vault = opening.result()
            token = vault.owner_token()
        except VaultError as error:
            os.write(order.saying, b"-" + json.dumps(problems.problem(error)).encode() + b"\n")
            return error.exit_code
        try:
            status = asyncio.run(_serve(order, vault, pool, b"+" + wire.dump(token) + b"\n"))
        finally:
            vault.close()
    os._exit(status)  # nothing is left to do; a library's idle threads shall not hold the key any longer


def _order(feed: int) -> tuple[Order, bytearray]:
    with os.fdopen(feed, "rb", buffering=0) as pipe:
        received = bytearray()
        while part := pipe.read(65536):
            received += part
    end = received.index(b"\n")
    told = json.loads(received[:end])
    told["config"]["directory"] = Path(told["config"]["directory"])
    told["config"] = Config(**told["config"])
    return Order(**told), received[end + 1 :]


def _die_with(parent: int, life: int) -> None:
    """End when the parent does, at once: nobody else could lock us. Every commit survives that."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(ORPHANED)

    def watch() -> None:
        os.read(life, 1)  # nothing is ever written: this returns when the other end is gone
        os._exit(ORPHANED)

    threading.Thread(target=watch, name="life", daemon=True).start()


def _opened(order: Order, given: bytearray) -> Vault:
    from vault.api.rest import secret
    from vault.service import Vault

    ownership = lock.Ownership.inherit(order.config.directory, order.lock)
    if order.form == "json":
        given = secret(given)
    elif not given:
        raise BadRequest("the passphrase is empty")
    return Vault.open(order.config, given, ownership=ownership)


def _load() -> None:
    """Import what serving needs."""
    for name in ("granian.server.embed", "vault.api.mcp", "vault.api.rest"):
        import_module(name)


async def _serve(order: Order, vault: Vault, pool: ThreadPoolExecutor, ready: bytes) -> int:
    from vault.api import listener, mcp, rest
    from vault.api.app import App
    from vault.api.attempts import Attempts
    from vault.api.guard import Guard

    listening = socket.socket(fileno=order.listening)
    endpoint = mcp.Endpoint(vault, pool)
    flask = rest.make(vault, Attempts(order.config.directory), lambda: os.kill(order.parent, signal.SIGUSR1))
    app = App(Guard(listening.getsockname()[1]), flask, endpoint, pool)
    server, status = listener.make(app, listening), 0
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)

    async def watch_idle() -> None:
        nonlocal status
        while app.idle < order.config.idle_lock * 60:
            await asyncio.sleep(LOOK_SECONDS)
        status = child.IDLE
        server.stop()

    async with endpoint.run():
        serving = asyncio.create_task(server.serve())
        watching = asyncio.create_task(watch_idle()) if order.config.idle_lock else None
        await asyncio.sleep(0)
        os.write(order.saying, ready)
        os.close(order.saying)
        threading.Thread(target=_warm, args=(vault,), name="warm", daemon=True).start()
        await serving
        if watching:
            watching.cancel()
    return status


def _warm(vault: Vault) -> None:
    """Load index and encoder. A failure shows in `readiness` and again at the first question."""
    try:
        vault.warm()
    except Exception as error:  # it must not end the thread with a traceback, which could hold content
        logging.getLogger("ownvault.api").error("loading failed: %s", type(error).__name__)
