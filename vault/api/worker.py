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
from types import TracebackType
from typing import TYPE_CHECKING

from vault.api import child, problems, wire
from vault.api.attempts import secret
from vault.config import Config
from vault.errors import VaultError
from vault.store import hygiene, lock

if TYPE_CHECKING:
    from vault.api.app import App
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
    knock: str
    elsewhere: tuple[str, ...]


def main(feed: int) -> int:
    """Run a worker fed by the descriptor `feed` and return its exit status."""
    hygiene.harden()
    hygiene.allow_connections()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    order, given = _order(feed)
    _die_with(order.parent, order.life)
    _say_little()
    with ThreadPoolExecutor(order.config.threads, thread_name_prefix="request") as pool:
        try:
            given = secret(given) if order.form == "json" else given
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


def _say_little() -> None:
    """Let nothing write content to the log: only our own lines, and of a stray exception its type and place.

    Libraries log whole requests and validation errors with their input, so they are not heard at all.
    """
    from vault.api.problems import place

    logging.lastResort = None
    ours = logging.getLogger("ownvault")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("ownvault: %(message)s"))
    ours.addHandler(handler)
    ours.setLevel(logging.INFO if os.environ.get("OWNVAULT_LOG") == "requests" else logging.WARNING)

    def stray(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        ours.error("%s in %s", kind.__name__, place(error))

    sys.excepthook = stray
    threading.excepthook = lambda told: stray(told.exc_type, told.exc_value or told.exc_type(), None)


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
    from vault.service import Vault

    ownership = lock.Ownership.inherit(order.config.directory, order.lock)
    return Vault.open(order.config, given, ownership=ownership)


def _load() -> None:
    """Import what serving needs."""
    for name in ("granian.server.embed", "vault.api.mcp", "vault.api.rest"):
        import_module(name)


async def _serve(order: Order, vault: Vault, pool: ThreadPoolExecutor, ready: bytes) -> int:
    from vault.api import events, listener, mcp, rest
    from vault.api.app import App
    from vault.api.attempts import Attempts
    from vault.api.guard import Guard

    listening = socket.socket(fileno=order.listening)
    endpoint = mcp.Endpoint(vault, pool)
    attempts = Attempts(order.config.directory, order.knock)
    flask = rest.make(vault, attempts, lambda: os.kill(order.parent, signal.SIGUSR1))
    told = events.Events(vault, pool, events.asking)
    guard = Guard(listening.getsockname()[1], tuple(order.elsewhere))
    app = App(guard, flask, endpoint, pool, events=told, noticed=vault.stranger)
    server, status = listener.make(app, listening), 0

    def stop() -> None:
        told.close()
        server.stop()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)

    async def lock_when_idle() -> None:
        nonlocal status
        await idle(app, order.config.idle_lock * 60)
        status = child.IDLE
        stop()

    async with endpoint.run():
        serving = asyncio.create_task(server.serve())
        watching = asyncio.create_task(lock_when_idle()) if order.config.idle_lock else None
        await asyncio.sleep(0)
        os.write(order.saying, ready)
        os.close(order.saying)
        threading.Thread(target=_warm, args=(vault,), name="warm", daemon=True).start()
        await serving
        if watching:
            watching.cancel()
    return status


async def idle(app: App, seconds: float, look: float = LOOK_SECONDS) -> None:
    """Return when nobody has asked anything for so many seconds."""
    while app.idle < seconds:
        await asyncio.sleep(look)


def _warm(vault: Vault) -> None:
    """Load index and encoder. A failure shows in `readiness` and again at the first question."""
    try:
        vault.warm()
    except Exception as error:  # it must not end the thread with a traceback, which could hold content
        logging.getLogger("ownvault.api").error("loading failed: %s", type(error).__name__)
