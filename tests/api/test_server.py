"""The sealed parent and its worker: locked means that the process which held the key is gone."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api import raw
from tests.api.conftest import new, started, stopped
from tests.support import PASSPHRASE, Server
from vault.api.client import RemoteVault
from vault.errors import Locked, NotAllowed, Throttled, Unreachable, WrongPassphrase
from vault.store import keys, keyslots
from vault.types import AuditRequest, GrantRequest, Holder

LABELS = ("database", "head", "token-root", "log-signing", "content-hash")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return new(tmp_path_factory.mktemp("life"))


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[Server]:
    running = started(environment)
    yield running
    stopped(running)


@pytest.fixture
def remote(server: Server) -> RemoteVault:
    """The server, unlocked."""
    remote = RemoteVault(server.address)
    remote.unlock(bytearray(PASSPHRASE))
    return remote


def worker(server: Server) -> int:
    return int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])


def until(what: Callable[[], object]) -> None:
    """Ask until it is so. The requests in `what` pace it."""
    deadline = threading.Event()
    timer = threading.Timer(20, deadline.set)
    timer.start()
    try:
        while not what():
            assert not deadline.is_set(), "it did not come to be"
    finally:
        timer.cancel()


def is_locked(remote: RemoteVault) -> bool:
    return remote.health()["state"] == "locked"


def lock_by_signal(server: Server, remote: RemoteVault) -> None:
    os.kill(server.process.pid, signal.SIGUSR1)
    until(lambda: is_locked(remote))


def sightings(pid: int, needles: list[bytes]) -> set[bytes]:
    """Return which needles the memory of a process holds. Only root may read it, which is a test of its own."""
    found = set()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            place, may = line.split()[:2]
            if not may.startswith("rw"):  # what nobody can write is code and data from files
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:
                continue
            found |= {needle for needle in needles if needle in data}
    return found


def test_lock_by_signal_and_unlock(server: Server, remote: RemoteVault) -> None:
    holder, before = Holder(remote.unlock(bytearray(PASSPHRASE)).token), worker(server)
    lock_by_signal(server, remote)
    assert not Path(f"/proc/{before}").exists()
    with pytest.raises(Locked):
        remote.grants(holder)
    answer = raw.request(int(server.address.rsplit(":", 1)[1]), "POST", "/mcp", b"{}")
    assert answer and answer.status == 503 and answer.json["code"] == "locked"
    fresh = remote.unlock(bytearray(PASSPHRASE))
    assert remote.health()["state"] in ("loading", "unlocked") and worker(server) != before
    assert remote.grants(Holder(fresh.token)) == remote.grants(holder) == (), "a token outlives a lock"


def test_lock_by_request_is_the_owners(server: Server, remote: RemoteVault) -> None:
    owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
    claude = Holder(remote.grant(owner, GrantRequest("claude", all=True)).token)
    with pytest.raises(NotAllowed):
        remote.lock(claude)
    assert not is_locked(remote)
    remote.lock(owner)
    until(lambda: is_locked(remote))
    again = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
    locks = [one.entry for one in remote.audit(again, AuditRequest()).entries if one.entry.action == "lock"]
    assert [(entry.client, entry.decision) for entry in locks] == [("owner", "allow"), ("claude", "deny")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_of_the_worker_locks(server: Server, remote: RemoteVault, number: signal.Signals) -> None:
    os.kill(worker(server), number)
    until(lambda: is_locked(remote))
    assert f"ended unexpectedly ({number.name})" in server.log.read_text()
    owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
    assert remote.verify(owner).ok


def test_the_sealed_parent_holds_no_key_and_no_passphrase(server: Server, remote: RemoteVault) -> None:
    if os.geteuid() != 0:
        assert not os.access(f"/proc/{server.process.pid}/mem", os.R_OK)
        if os.environ.get("CI") == "true":
            pytest.fail("reading another process's memory needs root")
        pytest.skip("reading another process's memory needs root")
    dek = keyslots.Keyslots.load(server.directory).unlock(bytearray(PASSPHRASE))
    needles = [bytes(dek), PASSPHRASE, *(bytes(keys.derive(dek, f"ownvault/v1/{label}")) for label in LABELS)]
    needles += [needle.hex().encode() for needle in needles]
    assert sightings(worker(server), needles), "the scan sees the keys where they are"
    assert sightings(server.process.pid, [b"urn:ownvault:problem:", *needles]) == {b"urn:ownvault:problem:"}
    lock_by_signal(server, remote)
    assert not sightings(server.process.pid, needles)
    with pytest.raises(WrongPassphrase):
        remote.unlock(bytearray(b"the wrong canary passphrase"))
    remote.unlock(bytearray(PASSPHRASE))
    lock_by_signal(server, remote)
    assert not sightings(server.process.pid, [*needles, b"canary passphrase"])


def test_wrong_passphrases_slow_down(server: Server, remote: RemoteVault) -> None:
    lock_by_signal(server, remote)
    for _ in range(3):
        with pytest.raises(WrongPassphrase):
            remote.unlock(bytearray(b"not the passphrase"))
    with pytest.raises(Throttled) as caught:
        remote.unlock(bytearray(PASSPHRASE))
    assert "try again in" in caught.value.hint
    (server.directory / "attempts.json").unlink()
    owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
    with pytest.raises(WrongPassphrase):
        remote.unlock(bytearray(b"not the passphrase"))
    newest = remote.audit(owner, AuditRequest(limit=2)).entries[0].entry
    assert (newest.action, newest.decision, newest.reason) == ("unlock", "deny", "wrong_passphrase")


@pytest.mark.parametrize("locked", [True, False])
def test_a_stranger_cannot_throttle_the_owner(server: Server, remote: RemoteVault, locked: bool) -> None:
    """Guessing by whoever reaches the port must not keep the owner from revoking through the running server."""
    (server.directory / "attempts.json").unlink(missing_ok=True)
    knock = json.loads((server.directory / "owner.json").read_text())["knock"]
    assert (server.directory / "owner.json").stat().st_mode & 0o077 == 0
    owner = RemoteVault(server.address, knock=knock)
    if locked:
        lock_by_signal(server, remote)
    with pytest.raises(WrongPassphrase):
        remote.unlock(bytearray(b"not the passphrase"))
    count = server.directory / "attempts.json"
    count.write_text(json.dumps(json.loads(count.read_text()) | {"failures": 9}))
    for stranger in (remote, RemoteVault(server.address, knock="0" * 32)):
        with pytest.raises(Throttled):
            stranger.unlock(bytearray(PASSPHRASE))
    assert owner.unlock(bytearray(PASSPHRASE), "cli").token
    with pytest.raises(Throttled):  # nor does the owner's success give the stranger more guesses
        remote.unlock(bytearray(PASSPHRASE))
    for _ in range(3):
        with pytest.raises(WrongPassphrase):
            owner.unlock(bytearray(b"not the passphrase"))
    with pytest.raises(Throttled):
        owner.unlock(bytearray(PASSPHRASE))
    for name in ("attempts.json", "attempts-owner.json"):
        (server.directory / name).unlink()
    newest = remote.audit(Holder(remote.unlock(bytearray(PASSPHRASE)).token), AuditRequest(limit=9)).entries
    assert locked or "cli" in {one.entry.via for one in newest if one.entry.action == "unlock"}


def test_an_unlock_that_says_no_passphrase(server: Server, remote: RemoteVault) -> None:
    port = int(server.address.rsplit(":", 1)[1])
    no_text = b'{"passphrase": "\\ud800"}'
    for body in (b"", b"{", b"[]", b"{}", b'{"passphrase": 1}', b'{"passphrase": "x", "y": 1}', no_text):
        answer = raw.request(port, "POST", "/v1/unlock", body)
        assert answer and answer.status == 400 and answer.json["code"] == "bad_request"
    lock_by_signal(server, remote)
    for body in (b"", b"{}", no_text):
        answer = raw.request(port, "POST", "/v1/unlock", body)
        assert answer and answer.status == 400 and answer.json["code"] == "bad_request"


def test_one_attempt_at_a_time(server: Server, remote: RemoteVault) -> None:
    lock_by_signal(server, remote)
    outcomes: list[object] = []

    def attempt() -> None:
        try:
            outcomes.append(remote.unlock(bytearray(PASSPHRASE)).token[:0])
        except Throttled as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "" in outcomes and set(outcomes) <= {"", "throttled"}


def test_the_worker_dies_with_its_parent(tmp_path: Path) -> None:
    server = started(new(tmp_path))
    descriptor = os.pidfd_open(worker(server))
    server.process.kill()
    server.process.wait()
    assert select.select([descriptor], [], [], 20)[0], "the worker lives on"
    os.close(descriptor)
    assert server.process.stdout is not None
    server.process.stdout.close()
    again = started(server.environment)
    assert RemoteVault(again.address).health()["state"] != "locked"
    assert stopped(again) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_graceful_stop(tmp_path: Path, number: signal.Signals) -> None:
    server = started(new(tmp_path))
    remote, child = RemoteVault(server.address), worker(server)
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    assert not Path(f"/proc/{child}").exists()
    with pytest.raises(Unreachable):
        remote.health()
    assert stopped(server) == 0 and server.log.read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_while_it_unlocks(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends it without a word of failure; a lock leaves it running, locked."""
    environment = new(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "vault", "serve", "--port", "0", "--json"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout and process.stderr
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until(lambda: children.read_text().strip())
        process.send_signal(number)
        if number == signal.SIGUSR1:
            assert json.loads(process.stdout.readline())["state"] == "locked"
            process.terminate()
        assert process.wait(20) == 0
        assert process.stdout.read() == process.stderr.read() == ""


def test_a_stop_while_locked(tmp_path: Path) -> None:
    server = started(new(tmp_path), "--locked")
    assert RemoteVault(server.address).health()["state"] == "locked"
    server.process.terminate()
    assert server.process.wait(20) == 0
    stopped(server)


def failing(environment: dict[str, str], *words: str, port: str = "0") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vault", "serve", "--port", port, *words],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_starting_with_the_wrong_passphrase(environment: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    other = new(home)
    Path(other["OWNVAULT_PASSPHRASE_FILE"]).write_bytes(b"something else\n")
    code, said = failing(other)
    assert code == WrongPassphrase.exit_code and said.startswith("ownvault: wrong passphrase\nhint: ")


def test_starting_twice_and_on_a_taken_port(server: Server, environment: dict[str, str], tmp_path: Path) -> None:
    code, said = failing(environment)
    assert code == 8 and server.address in said
    home = tmp_path / "home"
    home.mkdir()
    code, said = failing(new(home), port=server.address.rsplit(":", 1)[1])
    assert code == 8 and "taken" in said


def test_what_others_are_told(server: Server) -> None:
    told = json.loads((server.directory / "owner.json").read_text())
    assert told["pid"] == server.process.pid
    assert server.address == f"http://127.0.0.1:{told['port']}"
    assert (server.directory / "owner.json").stat().st_mode & 0o777 == 0o600


def test_the_parent_loads_nothing_heavy() -> None:
    code = "import sys; import vault.api.server; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "flask",
        "mcp",
        "granian",
        "pydantic",
        "pydantic_core",
        "numpy",
        "torch",
        "sqlcipher3",
        "cryptography",
        "asyncio",
    }
    assert not heavy & set(loaded)


def test_the_current_directory_is_not_where_the_worker_finds_its_code(tmp_path: Path) -> None:
    """A directory that has a `vault` package of its own must not lend the worker its code."""
    evil = tmp_path / "vault"
    evil.mkdir()
    (evil / "__init__.py").write_text("raise SystemExit('evil')\n")
    home = tmp_path / "home"
    home.mkdir()
    environment = new(home)
    code = "import sys; from vault.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, "serve", "--port", "0", "--json"],
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        assert line and json.loads(line)["state"] == "unlocked"


def test_the_log_has_our_warnings_and_nothing_of_libraries() -> None:
    said = (
        "import logging; from vault.api.worker import _say_little; _say_little()\n"
        "logging.getLogger('ownvault.index').warning('the index was rebuilt from the database: %s', 'it was damaged')\n"
        "logging.getLogger('ownvault.index').info('a request')\n"
        "logging.getLogger('httpx').error('words of a record')\n"
    )
    told = {name: value for name, value in os.environ.items() if name != "OWNVAULT_LOG"}
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, env=told)
    assert "ownvault: the index was rebuilt from the database: it was damaged" in done.stderr.splitlines()
    assert "a request" not in done.stderr
    assert "words of a record" not in done.stderr
