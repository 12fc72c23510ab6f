"""What all cases share: the vault and its server, a locked one, small ones to compare with, and a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from tests.api.conftest import environment, started, stopped
from tests.deny.commands import Command, RealCommand
from tests.deny.faces import McpHttp, McpStdio, RealBridge, Rest, Service
from tests.deny.house import EVERYTHING, NOTES, Clock, House, build
from tests.deny.said import Bearer, Face, Said
from tests.deny.table import Ask, Table
from tests.support import FLOOR_KIB, PASSPHRASE
from vault.config import Config
from vault.service import Vault
from vault.store import lock
from vault.types import Granted


@contextmanager
def serving(vault: Vault, directory: Path, ownership: lock.Ownership) -> Iterator[int]:
    """Serve the vault on a free port for the time of the context, as a worker would; commands find it."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    listening.setblocking(False)
    port = listening.getsockname()[1]
    ownership.announce({"pid": os.getpid(), "port": port, "what": "ownvault serve"})
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(vault, directory, listening, ready, stop)), name="serve"
    )
    thread.start()
    assert ready.wait(20)
    try:
        yield port
    finally:
        stop.set()
        thread.join(20)
        listening.detach()  # the server has closed it


async def _serve(
    vault: Vault, directory: Path, listening: socket.socket, ready: threading.Event, stop: threading.Event
) -> None:
    from vault.api import listener, mcp, rest
    from vault.api.app import App
    from vault.api.attempts import Attempts
    from vault.api.guard import Guard

    with ThreadPoolExecutor(4, thread_name_prefix="request") as pool:
        endpoint = mcp.Endpoint(vault, pool)
        flask = rest.make(vault, Attempts(directory), lambda: None)
        server = listener.make(App(Guard(listening.getsockname()[1]), flask, endpoint, pool), listening)
        async with endpoint.run():
            task = asyncio.create_task(server.serve())
            await asyncio.sleep(0)
            ready.set()
            await asyncio.to_thread(stop.wait)
            server.stop()
            await task


# ---------------------------------------------------------------- the stage


class Stage:
    """All that the cases share: the open vault, one behind which the key is gone, and small ones to compare with."""

    def __init__(self, home: Path, table: Table, out: contextlib.ExitStack) -> None:
        self._home, self._table, self._out = home, table, out
        self.clock = Clock(table.today)
        self.records = {record.name: record for record in table.records}
        self.directory, self.passphrase = home / "vault", home / "passphrase"
        self.passphrase.write_bytes(PASSPHRASE + b"\n")
        self.passphrase.chmod(0o600)
        config = Config(directory=self.directory, argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE), clock=self.clock)
        ownership = lock.Ownership.acquire(self.directory, what="ownvault serve")
        self.house = build(self.directory, self.clock, table.records, ownership=ownership)
        out.callback(self.house.vault.close)
        port = out.enter_context(serving(self.house.vault, self.directory, ownership))
        self.faces: dict[str, Face] = {"service": Service(self.house.vault)} | self._over(self.directory, port)
        self.real: dict[str, Face] = {
            "cli": RealCommand(self.directory, self.passphrase), "stdio": RealBridge(self.directory)
        }  # fmt: skip
        self._only: dict[frozenset[str], tuple[House, Granted]] = {}
        self._played = 0
        self.foreign = self._foreign()

    def _over(self, directory: Path, port: int) -> dict[str, Face]:
        """Return the interfaces of a server."""
        return {
            "cli": Command(directory, self.passphrase), "rest": Rest(port), "mcp": McpHttp(port),
            "stdio": McpStdio(directory),
        }  # fmt: skip

    @cached_property
    def locked(self) -> tuple[dict[str, Face], str]:
        """Return the interfaces of a real server whose vault is locked, and a token that would be good."""
        home = self._home / "locked"
        home.mkdir()
        told = environment(home)
        with contextlib.closing(build(home / "vault", self.clock, self._table.records[:1]).vault) as vault:
            token = House(vault, self.clock, {}).grant("claude", NOTES).token
        server = started(told, "--locked")
        self._out.callback(stopped, server)
        return self._over(home / "vault", int(server.address.rsplit(":", 1)[1])), token

    def begin(self) -> int:
        """Set the clock to noon and return the number of this play.

        Refusals of strangers are metered by the minute, and no two plays shall share one's allowance.
        """
        self._played += 1
        self.clock.now = self._table.today + timedelta(minutes=self._played % 2)
        return self._played

    def alone(self, names: Sequence[str], ask: Ask) -> tuple[House, Said]:
        """Return a vault that holds just these records, and what is answered there to somebody who may see it all."""
        chosen = frozenset(names)
        if chosen not in self._only:
            kept = [record for record in self._table.records if record.name in chosen]
            house = build(self._home / f"only-{len(self._only)}", self.clock, kept)
            self._out.callback(house.vault.close)
            self._only[chosen] = house, house.grant("anybody", EVERYTHING)
        house, granted = self._only[chosen]
        if abs(self.clock.now - granted.grant.created) > timedelta(days=1):  # that grant may have ended
            granted = house.grant("anybody", EVERYTHING)
        return house, Service(house.vault).ask(Bearer(granted.token), ask)

    def _foreign(self) -> str:
        """Return a good token of the neighbour's vault, for its notes."""
        with contextlib.closing(build(self._home / "next-door", self.clock, self._table.records[:1]).vault) as vault:
            granted = House(vault, self.clock, {}).grant("claude", NOTES)
        return granted.token


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write to no file: every write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # Python ignores the signal that would come with it
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
