"""`ownvault mcp`: MCP over stdin and stdout, carried to the running server's `/mcp`. Holds no key and no rule.

A message goes through as it came. One answer is read: when access that the assistant asked for is approved, its token
is collected and used from then on. It stays in this process; the assistant never sees it. While no server answers, or
the vault is locked, a stand-in does, and the line is kept: whoever unlocks the vault need start nothing anew.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, BinaryIO

from vault import limits
from vault.api import carrying, opening, standin
from vault.api.bearing import Bearing
from vault.api.carrying import Carriage, Cut, member, parsed
from vault.api.client import RemoteVault, sendable
from vault.api.problems import internal
from vault.config import Config
from vault.errors import Locked, Refused, Unreachable, VaultError
from vault.store import hygiene, lock
from vault.types import Holder, Verdict

if TYPE_CHECKING:
    from vault.api.proving import Prover

AT_ONCE = 32
"""Messages under way at the same time; those that wait for the owner are among them."""
END_SECONDS = 5.0
"""What is under way may take so long when stdin has ended."""
LOOK_SECONDS = 1.0
"""Between two looks whether the vault is unlocked, while a program was told that it is not."""
_PARSE_ERROR = -32700
_CHANGED = b'{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}'


def run(config: Config, bearing: Bearing, prover: Prover | None = None) -> None:
    """Carry messages until stdin ends. Starts a server first if none runs and the owner's keyring opens the vault.

    `prover` proves the key that the token is bound to.
    """
    hygiene.harden()
    if not lock.held(config.directory):
        from vault.api import starting  # deferred: most often a server runs

        # Beside: the system may ask its user to open the keyring, and the assistant's program does not wait for that.
        threading.Thread(target=starting.start, args=(config.directory,), name="start", daemon=True).start()
    Bridge(config, bearing, sys.stdin.buffer, sys.stdout.buffer, prover).run()


class Bridge:
    """One assistant's line to the server."""

    def __init__(
        self, config: Config, bearing: Bearing, reading: BinaryIO, writing: BinaryIO, prover: Prover | None = None
    ) -> None:  # fmt: skip
        self._config, self._bearing, self._reading, self._writing = config, bearing, reading, writing
        self._prover = prover
        self._lock, self._collecting = threading.Lock(), threading.Lock()
        self._version = self._session = ""
        self._under_way: dict[Any, Carriage] = {}
        self._ended, self._watching = threading.Event(), threading.Lock()

    def run(self) -> None:
        """Carry messages until there are no more."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="message") as pool:
            carried: set[Future[None]] = set()
            try:
                while line := self._reading.readline(limits.BODY + 1):
                    carried = {one for one in carried if not one.done()}
                    if len(line) > limits.BODY:
                        self._write(_error(None, _PARSE_ERROR, "the message is too large"))
                        return
                    if line.strip() and (started := self._take(pool, line)):
                        carried.add(started)
            finally:
                wait(carried, END_SECONDS)
                self._ended.set()
                pool.shutdown(wait=False, cancel_futures=True)
                for carriage in list(self._under_way.values()):
                    carriage.cut()

    def _take(self, pool: ThreadPoolExecutor, line: bytes) -> Future[None] | None:
        message = parsed(line)
        match message.get("method"):
            case "initialize":
                self._session = opening.session(line)
                self._carry(line, message)  # the version it settles on goes with everything after it
            case "notifications/cancelled":
                self._cancel(member(message.get("params"), "requestId"))
            case _:
                return pool.submit(self._carry, line, message)
        return None

    def _cancel(self, id: Any) -> None:
        """Hang up on the request of this id: what the server then does not find out by itself, nobody is told."""
        if isinstance(id, str | int) and (carriage := self._under_way.get(id)):
            carriage.cut()

    # ------------------------------------------------------------ one message

    def _carry(self, line: bytes, message: dict[str, Any]) -> None:
        try:
            self._exchange(line, message)
        except Cut:
            pass
        except (Locked, Unreachable) as error:
            self._stand_in(message, error)
        except Refused as error:
            self._stand_in(message, Refused(error.message, hint=self._bearing.hint or error.hint))
        except VaultError as error:
            self._fail(message, error)
        except Exception:  # nobody else would hear of it: the assistant's program would wait for ever
            self._fail(message, internal())

    def _fail(self, message: dict[str, Any], error: VaultError) -> None:
        if "id" in message:
            said = {"jsonrpc": "2.0", "id": message["id"], "error": standin.failure(error)}
            self._write(json.dumps(said, ensure_ascii=False).encode())

    def _exchange(self, line: bytes, message: dict[str, Any]) -> None:
        """Carry a message and write what comes back; once more with a token that was renewed meanwhile."""
        for last in (False, True):
            try:
                for answer in self._answers(line, message):
                    self._heed(message, answer)
                    self._write(answer)
                return
            except Refused:
                if last or not self._bearing.renew():
                    raise

    def _answers(self, line: bytes, message: dict[str, Any]) -> Any:
        said = carrying.headers(message, self._version) | self._presenting(self._port())
        said |= {opening.HEADER: self._session} if self._session else {}
        carriage, id = Carriage(self._port()), message.get("id")
        known = isinstance(id, str | int)
        if known:
            self._under_way[id] = carriage
        try:
            if self._ended.is_set():
                raise Cut
            yield from carriage.carry(line, said)
        finally:
            if known and self._under_way.get(id) is carriage:
                del self._under_way[id]

    def _presenting(self, port: int) -> dict[str, str]:
        token = sendable(self._bearing.token)
        if self._prover is None:
            return {"Authorization": f"Bearer {token}"}
        return self._prover.headers(token, "POST", f"http://127.0.0.1:{port}/mcp")

    def _port(self) -> int:
        found = lock.find_server(self._config.directory)
        if not found:
            raise Unreachable("no server runs for this vault")
        port: int = found["port"]
        return port

    def _heed(self, message: dict[str, Any], answer: bytes) -> None:
        """Take from an answer what the bridge itself needs: the version settled on, a token to collect."""
        if message.get("method") == "initialize":
            self._version = str(member(member(parsed(answer), "result"), "protocolVersion") or "")
        elif member(message.get("params"), "name") == "request_access" and message.get("method") == "tools/call":
            state = member(member(parsed(answer), "result"), "structuredContent")
            id = member(state, "request")
            if member(state, "status") == Verdict.APPROVED and isinstance(id, str):
                self._collect(id)

    def _collect(self, id: str) -> None:
        server = RemoteVault(f"http://127.0.0.1:{self._port()}", prover=self._prover)
        with self._collecting, contextlib.suppress(VaultError):  # it was collected before, or cannot be now
            self._bearing.replace(server.collect(Holder(self._bearing.token), id).token)

    # ------------------------------------------------------------ while nobody answers

    def _stand_in(self, message: dict[str, Any], error: VaultError) -> None:
        token = "" if isinstance(error, Refused) else self._bearing.token
        answer = standin.answer(message, token, error)
        if answer is None:
            return
        self._heed(message, answer)
        self._write(answer)
        if message.get("method") == "tools/list" and self._version and self._watching.acquire(blocking=False):
            threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def _watch(self) -> None:
        """Tell the program to list the tools again once the vault is unlocked."""
        while not self._ended.wait(LOOK_SECONDS):
            with contextlib.suppress(VaultError):
                if RemoteVault(f"http://127.0.0.1:{self._port()}").health()["state"] in ("loading", "unlocked"):
                    self._watching.release()
                    self._write(_CHANGED)
                    return

    def _write(self, answer: bytes) -> None:
        with self._lock:
            self._writing.write(answer.strip().replace(b"\n", b" ") + b"\n")
            self._writing.flush()


def _error(id: Any, code: int, message: str) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).encode()
