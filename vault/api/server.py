"""`ownvault serve`: a small sealed parent, and one worker that holds the key.

The parent owns the port and the vault's lock. It starts the worker as a fresh program and hands it the
passphrase through a pipe. While the worker serves, the parent only waits; when the worker has ended (locked,
idle, crashed), the key is gone with it, and the parent answers on the same port that the vault is locked.
Standard library only: what is not loaded here cannot keep a secret here.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vault import __version__
from vault.api import child, problems, surroundings
from vault.api.attempts import Attempts
from vault.api.doors import NONE, Doors, Opened, opened
from vault.api.guard import Guard
from vault.api.sealed import Connection, Request, wipe
from vault.config import Config
from vault.errors import Busy, Locked, Throttled, VaultError, WrongPassphrase
from vault.store import hygiene, lock

BACKLOG = 128
CONNECTIONS = 64
"""Clients that the parent serves at the same time; one more ends the one that has waited longest."""
CLIENT_SECONDS = 10.0
"""How long a client may take for its request, and again for taking its answer."""
LINGER_SECONDS = 2.0
STOP_SECONDS = 4.0
"""What a worker may take to finish what is under way before it is killed."""
LOCK_SECONDS = 1.0
"""The same when it is to lock: the key goes now. What was acknowledged is on disk, and a kill loses nothing of it."""


def serve(
    config: Config, secret: bytearray | None, *, json: bool = False, quiet: bool = False, doors: Doors = NONE
) -> int:
    """Serve the vault until SIGTERM or SIGINT and return the exit code; SIGUSR1 locks it.

    With a passphrase it is unlocked before the address is printed; `secret` is wiped. Without, it starts locked.
    Raises Busy when the port or the vault is taken, and whatever keeps the vault from opening.
    """
    hygiene.harden()
    try:
        knock = os.urandom(16).hex()
        with _bind(config.port) as listening, _owned(config) as ownership:
            port = listening.getsockname()[1]
            with opened(doors, config.directory, port) as there:
                _announce(ownership, port, knock, there)
                voice = surroundings.Voice(config, port, json, quiet, there)
                with surroundings.signals() as signals:
                    return Parent(config, listening, ownership, voice, knock, there.authorities).run(signals, secret)
    finally:
        wipe(secret or bytearray())


def _bind(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is taken" if taken else "cannot be used"
        raise Busy(f"port {port} {why}", hint="choose another: ownvault serve --port 0") from None
    listening.setblocking(False)
    return listening


@contextmanager
def _owned(config: Config) -> Iterator[lock.Ownership]:
    """Own the vault for as long as the context lasts."""
    ownership = lock.Ownership.acquire(config.directory, wait_s=2, what="ownvault serve")
    try:
        yield ownership
    finally:
        ownership.release()


def _announce(ownership: lock.Ownership, port: int, knock: str, doors: Opened) -> None:
    """Tell where the vault answers. The knock tells apart who can read this and who merely reaches the port."""
    said = {"pid": os.getpid(), "port": port, "what": "ownvault serve", "knock": knock}
    ownership.announce(said | ({"socket": doors.place} if doors.place else {}))


class Parent:
    """The loop of the sealed parent. At most one worker; at most one attempt to start one."""

    def __init__(
        self, config: Config, listening: socket.socket, ownership: lock.Ownership, voice: surroundings.Voice,
        knock: str, elsewhere: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._config, self._listening, self._ownership, self._voice = config, listening, ownership, voice
        self._guard, self._elsewhere = Guard(listening.getsockname()[1], elsewhere), elsewhere
        self._knock, self._attempts = knock, Attempts(config.directory, knock)
        self._selector = selectors.DefaultSelector()
        self._clients: set[Connection] = set()
        self._worker: child.Worker | None = None
        self._waiting: Connection | None = None
        self._known = True  # whether the attempt under way is by somebody who knows the knock
        self._failure: VaultError | None = None
        self._first = False
        self._stopping = False

    def run(self, signals: int, secret: bytearray | None) -> int:
        """Run until stopped. `secret` starts the first worker; if that fails, the failure is raised."""
        self._selector.register(signals, selectors.EVENT_READ, "signals")
        try:
            if secret is None:
                self._voice.state("locked")
            else:
                self._first = True
                self._start(secret, "raw")
            while not (self._stopping and self._worker is None):
                self._turn()
        finally:
            if self._worker:
                self._worker.kill()
            for client in [*self._clients]:
                self._close(client)
            self._selector.close()
        if self._failure:
            raise self._failure
        return 0

    def _turn(self) -> None:
        self._listen()
        for key, events in self._selector.select(self._rest()):
            if key.data == "signals":
                self._signalled(os.read(key.fd, 64))
            elif key.data == "listening":
                self._accept()
            elif key.data == "worker":
                self._heard()
            elif isinstance(key.data, Connection) and key.data in self._clients:
                self._served(key.data, events)
        self._reap()
        now = time.monotonic()
        for client in [one for one in self._clients if one.deadline < now]:
            self._close(client)
        if self._worker and self._worker.deadline < now:
            self._worker.kill()

    def _rest(self) -> float | None:
        """Return the seconds until something has to happen by itself."""
        times = [client.deadline for client in self._clients] + ([self._worker.deadline] if self._worker else [])
        first = min(times, default=float("inf"))
        return None if first == float("inf") else max(0.0, first - time.monotonic())

    def _listen(self) -> None:
        """Accept exactly while no worker does."""
        wanted = not self._stopping and not (self._worker and self._worker.ready)
        there = self._listening in self._selector.get_map()
        if wanted and not there:
            self._selector.register(self._listening, selectors.EVENT_READ, "listening")
        elif there and not wanted:
            self._selector.unregister(self._listening)

    # ------------------------------------------------------------ signals and the worker

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stopping = True
            if number != signal.SIGCHLD and self._worker:
                self._worker.end(LOCK_SECONDS if number == signal.SIGUSR1 else STOP_SECONDS)

    def _reap(self) -> None:
        if self._worker and (status := self._worker.ended()) is not None:
            self._heard()  # what it said before it ended
            self._ended(status)

    def _start(self, secret: bytearray | memoryview, form: str) -> None:
        descriptors = self._listening.fileno(), self._ownership.fileno()
        try:
            self._worker = child.start(self._config, *descriptors, secret, form, self._knock, self._elsewhere)
        finally:
            wipe(secret)
        self._selector.register(self._worker.said, selectors.EVENT_READ, "worker")

    def _heard(self) -> None:
        """Take the worker's first and only line: the vault is open, or why not."""
        if self._worker is None or self._worker.heard or (line := self._worker.line()) is None:
            return
        self._worker.heard = True
        if self._worker.said in self._selector.get_map():
            self._selector.unregister(self._worker.said)
        client, self._waiting = self._waiting, None
        if line[:1] == b"+":
            self._worker.ready = True
            self._attempts.succeeded(self._known)
            self._voice.state("unlocked")
            self._first = False
            if client:
                self._answer(client, 200, line[1:])
        else:
            failure = problems.error(json.loads(line[1:])) if line else problems.internal()
            if isinstance(failure, WrongPassphrase):
                self._attempts.failed(self._known)
            if client:
                self._refuse(client, problems.Refusal(failure))
            if (
                self._first and not self._worker.asked
            ):  # the command that should unlock ends with what kept it from that
                self._failure, self._stopping = failure, True
            elif self._first and not self._stopping:
                self._voice.state("locked")
            self._first = False
            self._worker.kill()  # it has no key; the next attempt need not wait for it
        wipe(line)

    def _ended(self, status: int) -> None:
        worker, self._worker = self._worker, None
        assert worker is not None
        asked, was_ready = worker.asked, worker.ready
        if worker.said in self._selector.get_map():
            self._selector.unregister(worker.said)
        worker.close()
        if was_ready and not self._stopping:
            idle = " (idle)" if status == child.IDLE else ""
            unexpected = "" if asked or idle else f": the worker ended unexpectedly ({child.cause(status)})"
            self._voice.state("locked", unexpected or idle)

    # ------------------------------------------------------------ clients, while no worker serves them

    def _accept(self) -> None:
        try:
            sock, _ = self._listening.accept()
        except OSError:
            return  # taken by the worker, or gone already
        if len(self._clients) >= CONNECTIONS:  # the one that has dawdled longest makes room
            self._close(min((c for c in self._clients if c is not self._waiting), key=lambda c: c.deadline))
        client = Connection(sock, time.monotonic() + CLIENT_SECONDS)
        self._clients.add(client)
        self._selector.register(sock, selectors.EVENT_READ, client)

    def _served(self, client: Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                if client.send():
                    client.deadline = time.monotonic() + LINGER_SECONDS
                    self._selector.modify(client.sock, selectors.EVENT_READ, client)
            elif client.answered:
                if client.drain():
                    self._close(client)
            elif request := client.receive(self._guard):
                with request.body:
                    self._asked(client, request)
        except BlockingIOError:
            pass
        except problems.Refusal as refusal:
            self._refuse(client, refusal)
        except VaultError as error:
            self._refuse(client, problems.Refusal(error))
        except OSError:
            self._close(client)

    def _asked(self, client: Connection, request: Request) -> None:
        starting = self._worker is not None
        if request.target == "/healthz" and request.method in ("GET", "HEAD"):
            self._answer(client, 200, {"state": "starting" if starting else "locked", "version": __version__})
        elif request.target != "/v1/unlock":
            raise Locked("the vault is locked")
        elif request.method != "POST":
            raise problems.method_refused({"POST"})
        elif starting or self._stopping:
            raise Throttled("an attempt is under way")
        else:
            known = self._attempts.knows(request.knock)
            self._attempts.check(known)
            self._known = known
            self._selector.unregister(client.sock)  # it has said all; now it waits
            client.deadline, self._waiting = float("inf"), client
            self._start(request.body, "json")

    def _answer(self, client: Connection, status: int, document: Any) -> None:
        client.answer(status, document)
        self._send(client)

    def _refuse(self, client: Connection, refusal: problems.Refusal) -> None:
        client.refuse(refusal)
        self._send(client)

    def _send(self, client: Connection) -> None:
        client.deadline = time.monotonic() + CLIENT_SECONDS
        if client.sock in self._selector.get_map():
            self._selector.modify(client.sock, selectors.EVENT_WRITE, client)
        else:
            self._selector.register(client.sock, selectors.EVENT_WRITE, client)

    def _close(self, client: Connection) -> None:
        self._clients.discard(client)
        if client.sock in self._selector.get_map():
            self._selector.unregister(client.sock)
        client.close()
