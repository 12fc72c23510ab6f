"""What an attacker tried: a stranger on the loopback, the least of all clients, a hostile file, a bad moment."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api import raw
from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder, Server, run_command
from vault.api import wire
from vault.api.attempts import Attempts
from vault.api.client import RemoteVault
from vault.config import Config
from vault.decision import Decision
from vault.embed import chunking
from vault.errors import BadRequest, VaultError
from vault.legible import legible
from vault.library import step
from vault.permissions import tokens
from vault.service import Vault
from vault.store import lock
from vault.types import (
    Action,
    AddRequest,
    AuditRequest,
    CountRequest,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    ReadRequest,
    SearchRequest,
    Sensitivity,
)

SECRET = "SECRETWORD"
"""What must never come out."""


def told(call: Callable[[], object]) -> str:
    """Return how a call ended, as its caller sees it: the kind of the answer or of the error."""
    try:
        return type(call()).__name__
    except VaultError as error:
        return error.code


def narrowed(vault: Vault, holder: Holder, **narrower: object) -> Holder:
    keys = vault.public_keys()["token_keys"]
    return Holder(tokens.attenuate(holder.token, tokens.public_key(keys[0]["public_key"]), **narrower))  # type: ignore[index]


# ---------------------------------------------------------------- learning that something out of scope is there

SCOPES: dict[str, tuple[GrantRequest, dict[str, object]]] = {
    "everything up to personal": (GrantRequest("claude", all=True), {}),
    "a label that it lacks": (GrantRequest("claude", filter=Filter(labels=("work",))), {}),
    "the last days": (GrantRequest("claude", filter=Filter(last=7), all=True), {}),
    "narrowed to counting": (GrantRequest("claude", all=True), {"actions": [Action.COUNT]}),
    "narrowed to another sort": (GrantRequest("claude", all=True), {"kinds": ["chat"]}),
}


@pytest.mark.parametrize("case", SCOPES)
def test_a_collection_out_of_scope_is_no_collection(vault: Vault, owner: Holder, case: str) -> None:
    request, narrower = SCOPES[case]
    vault.add(owner, AddRequest("notes", (Draft("n", "a note", labels=("work",)),), "s"))
    vault.add(owner, AddRequest("medical", (Draft("m", SECRET, sensitivity=Sensitivity.SECRET),), "s"))
    holder = Holder(vault.grant(owner, request).token)
    holder = narrowed(vault, holder, **narrower) if narrower else holder

    def asked(name: str) -> tuple[str, str]:
        where = Filter(collections=(name,))
        searching, counting = SearchRequest("x", filter=where), CountRequest(where)
        return told(lambda: vault.search(holder, searching)), told(lambda: vault.count(holder, counting))

    assert asked("medical") == asked("nonesuch")


def test_a_record_that_may_not_be_read_is_as_good_as_none(vault: Vault, owner: Holder) -> None:
    made = vault.add(owner, AddRequest("notes", (Draft("n", "a note"),), "s")).outcomes[0].id
    holder = Holder(vault.grant(owner, GrantRequest("claude", all=True)).token)
    counting = narrowed(vault, holder, actions=[Action.COUNT])
    assert told(lambda: vault.read(counting, ReadRequest(made))) == told(
        lambda: vault.read(counting, ReadRequest("r" + "a" * 26))
    )


def test_a_narrowed_token_changes_nothing_outside_it(vault: Vault, owner: Holder) -> None:
    request = GrantRequest("bot", (Action.ADD, Action.READ), Filter(collections=("notes", "inbox")))
    wide = Holder(vault.grant(owner, request).token)
    mine = vault.add(wide, AddRequest("notes", (Draft("memo", "precious"),))).outcomes[0]
    narrow = narrowed(vault, wide, collections=["inbox"])
    theirs = vault.add(narrow, AddRequest("inbox", (Draft("memo", "overwritten"),))).outcomes[0]
    kept = vault.read(owner, ReadRequest(mine.id)).record
    assert (kept.collection, kept.text) == ("notes", "precious")
    assert theirs.outcome == "added"
    assert theirs.id != mine.id


# ---------------------------------------------------------------- bad moments


class Pause:
    """Stops another thread at a place for as long as the test's own thread does something, a second at most."""

    def __init__(self) -> None:
        self.there, self.on = threading.Event(), threading.Event()

    def here(self) -> None:
        if not self.there.is_set():
            self.there.set()
            self.on.wait(1)


def meanwhile(pause: Pause, slow: Callable[[], object], quick: Callable[[], object]) -> list[object]:
    """Run `quick` while `slow` pauses; return what `slow` returned, nothing if it raised."""
    got: list[object] = []

    def run() -> None:
        with contextlib.suppress(VaultError):
            got.append(slow())

    thread = threading.Thread(target=run, name="slow")
    thread.start()
    assert pause.there.wait(5)
    quick()
    pause.on.set()
    thread.join(10)
    return got


@pytest.mark.parametrize("way", ["read", "search"])
def test_a_forgotten_record_is_in_no_answer(
    vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    made = vault.add(owner, AddRequest("notes", (Draft("n", SECRET),), "s")).outcomes[0].id
    claude = Holder(vault.grant(owner, GrantRequest("claude", filter=Filter(collections=("notes",)))).token)
    pause, admits = Pause(), Decision.admits

    def paused(decision: Decision, record: object) -> bool:
        said = admits(decision, record)  # type: ignore[arg-type]
        pause.here()
        return said

    monkeypatch.setattr(Decision, "admits", paused)
    ask = {
        "read": lambda: vault.read(claude, ReadRequest(made)),
        "search": lambda: vault.search(claude, SearchRequest(SECRET)),
    }
    assert SECRET not in str(meanwhile(pause, ask[way], lambda: vault.forget(owner, made)))


def drawn_out(pause: Pause, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the thread `slow` pause between reading what it stored and showing it to searches."""
    entries = step.entries

    def slowly(conn: object, numbers: object = None) -> object:
        made = list(entries(conn, numbers))  # type: ignore[arg-type]
        if numbers is not None and threading.current_thread().name == "slow":
            pause.here()
        return iter(made)

    monkeypatch.setattr(step, "entries", slowly)


def test_a_record_forgotten_while_it_is_added_is_not_counted(
    vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.add(owner, AddRequest("notes", (Draft("first", "a note"),), "s"))
    pause = Pause()
    drawn_out(pause, monkeypatch)

    def forget() -> None:
        with vault._parts.db.read() as conn:
            (id,) = conn.execute("SELECT id FROM record WHERE origin = 'second'").fetchone()
        vault.forget(owner, id)

    meanwhile(pause, lambda: vault.add(owner, AddRequest("notes", (Draft("second", "a note"),), "s")), forget)
    assert vault.count(owner, CountRequest()).count == vault.status(owner).records == 1


def test_the_last_of_two_changes_is_the_one_that_counts(
    vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.add(owner, AddRequest("notes", (Draft("first", "a note"),), "s"))
    claude = Holder(vault.grant(owner, GrantRequest("claude", filter=Filter(collections=("notes",)))).token)
    pause = Pause()
    drawn_out(pause, monkeypatch)

    def put(level: Sensitivity) -> Callable[[], object]:
        return lambda: vault.add(owner, AddRequest("notes", (Draft("two", str(level), sensitivity=level),), "s"))

    meanwhile(pause, put(Sensitivity.PERSONAL), put(Sensitivity.SECRET))
    assert vault.count(claude, CountRequest()).count == 1


# ---------------------------------------------------------------- hostile sizes


def test_a_revoked_client_writes_no_more_than_a_stranger(
    vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.add(owner, AddRequest("notes", (Draft("n", "a note"),), "s"))
    made = vault.grant(owner, GrantRequest("claude", filter=Filter(collections=("notes",))))
    vault.revoke(owner, made.grant.id)
    monkeypatch.setattr(vault._parts.desk.meter, "_per_minute", 3)
    before = vault.status(owner).audit_entries or 0
    for _ in range(20):
        told(lambda: vault.search(Holder(made.token), SearchRequest("x")))
    assert (vault.status(owner).audit_entries or 0) - before <= 6  # a minute may begin in between


def test_a_stranger_s_words_are_not_kept_whole(vault: Vault, owner: Holder) -> None:
    told(lambda: vault.search(Holder("junk"), SearchRequest("\U0001f600" * 4000)))
    assert len(vault.audit(owner, AuditRequest(1)).entries[0].entry.query) <= 256


MANY = 100_000
WIDE: dict[str, tuple[type, str]] = {
    "wrong items": (GrantRequest, '{"client": "x", "actions": [' + "1," * MANY + "1]}"),
    "unknown keys": (SearchRequest, "{" + ",".join(f'"{i}":1' for i in range(MANY)) + "}"),
    "empty drafts": (AddRequest, '{"collection": "x", "drafts": [' + "{}," * MANY + "{}]}"),
}


@pytest.mark.parametrize("case", WIDE)
def test_what_is_wrong_costs_no_more_than_what_is_right(case: str) -> None:
    kind, body = WIDE[case]
    with contextlib.suppress(BadRequest):
        wire.read(kind, "{}")
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest):
            wire.read(kind, body)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def test_an_expiry_seen_among_many_refusals_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    config = Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE), clock=lambda: now[0])
    encoder: Any = HashingEncoder()
    with Vault.open(config, bytearray(PASSPHRASE), encoder=encoder, clock=lambda: now[0]) as vault:
        request = GrantRequest("claude", all=True, expires_in=3600)
        claude = Holder(vault.grant(Holder(vault.owner_token().token), request).token)
        monkeypatch.setattr(vault._parts.desk.meter, "_per_minute", 3)
        now[0] += timedelta(hours=2)
        for token in ("junk", "junk", "junk", "junk", claude.token):
            told(lambda token=token: vault.count(Holder(token), CountRequest()))  # type: ignore[misc]
        now[0] -= timedelta(hours=2)
        assert told(lambda: vault.count(claude, CountRequest())) == "token_refused"


WORDS = "word " * 600


def test_a_heading_of_blanks_takes_no_time() -> None:
    begun = time.process_time()
    chunking.split(Draft("o", f"{WORDS}\n# y{' ' * 20_000}x\n{WORDS}"))
    assert time.process_time() - begun < 0.3


def test_a_long_heading_is_not_said_again_in_every_chunk() -> None:
    text = f"# {'a' * 50_000}\n\n{WORDS * 20}"
    assert sum(len(chunk.header) for chunk in chunking.split(Draft("o", text))) < 4 * len(text)


INVISIBLE = "\u034f\u061c\u115f\u17b4\u180b\u3164\ufe01\uffa0\U0001d173\U000e0fff"


def test_nothing_invisible_reaches_an_assistant() -> None:
    assert legible(f"a{INVISIBLE}b") == "ab"


# ---------------------------------------------------------------- files of a process of the same account


@pytest.mark.parametrize(
    "content", ["", "[", "[1]", "{}", '{"failures": Infinity, "last": 1}', '{"failures": 1, "last": NaN}',
                '{"failures": 1e999, "last": 0}', '{"failures": 9, "last": 1e308}', '{"failures": "9", "last": []}']
)  # fmt: skip
def test_a_count_of_attempts_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "attempts.json").write_text(content)
    attempts = Attempts(tmp_path)
    attempts.check(False)
    attempts.failed(False)


@pytest.mark.parametrize(
    "content", ['{"pid": 1, "port": 70000}', '{"pid": 1, "port": -1}', '{"pid": 1, "port": 0}', "[" * 4000,
                '{"pid": -1, "port": 7117}', '{"pid": 0, "port": 7117}', '{"pid": 1%s, "port": 7117}' % ("0" * 30)]
)  # fmt: skip
def test_an_address_that_is_none(tmp_path: Path, content: str) -> None:
    ownership = lock.Ownership.acquire(tmp_path)
    try:
        (tmp_path / "owner.json").write_text(content)
        assert lock.find_server(tmp_path) is None
    finally:
        ownership.release()


# ---------------------------------------------------------------- a running server


@pytest.fixture(scope="module")
def remote(server: Server) -> RemoteVault:
    return RemoteVault(server.address)


def signed_in(remote: RemoteVault) -> Holder:
    return Holder(remote.unlock(bytearray(PASSPHRASE)).token)


@pytest.fixture(scope="module")
def claude(remote: RemoteVault) -> Holder:
    me = signed_in(remote)
    remote.add(me, AddRequest("notes", (Draft("n", "the boat leaks"),), "s"))
    remote.add(me, AddRequest("private", (Draft("p", f"{SECRET} of the boat"),), "s"))
    return Holder(remote.grant(me, GrantRequest("claude", filter=Filter(collections=("notes",)))).token)


def port(server: Server) -> int:
    return int(server.address.rsplit(":", 1)[1])


def worker(server: Server) -> int:
    return int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0])


SMUGGLED = {
    "both lengths": b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
    "a length twice": b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "a signed length": b"content-length: +5\r\n\r\nhello",
    "a blank before the colon": b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "another coding": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an endless chunk": b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    "a folded header": b"x: a\r\n b\r\ncontent-length: 2\r\n\r\n{}",
    "two hosts": b"host: evil\r\ncontent-length: 2\r\n\r\n{}",
    "nothing that it may": b"content-length: 14\r\n\r\n{\"query\": \"x\"}",
}  # fmt: skip
PATHS = ("/%ff%fe", "/v1/%00", "//v1/status", "/v1//status", "/v1/status/", "*", "/v1/audit?limit=%ff",
         "/v1/audit/%C2%B2/proof", "/v1/sources/%2e%2e%2f/origins", "/MCP", "/v1/records/%ed%a0%80")  # fmt: skip


def test_http_that_no_client_sends(server: Server, remote: RemoteVault, claude: Holder) -> None:
    head = f"host: 127.0.0.1:{port(server)}\r\ncontent-type: application/json\r\n".encode()
    for name, rest in SMUGGLED.items():
        answer = raw.send(port(server), b"POST /v1/search HTTP/1.1\r\n" + head + rest)
        assert answer is None or answer.status in (400, 401, 413), (name, answer)
    for path in PATHS:
        answer = raw.send(port(server), f"GET {path} HTTP/1.1\r\n".encode() + head + b"\r\n")
        assert answer is None or answer.status in (400, 401, 404, 405), (path, answer)
    assert remote.health()["state"] != "locked"
    assert server.log.read_text() == ""


def test_mcp_that_no_assistant_sends(server: Server, claude: Holder) -> None:
    arguments = {"query": "boat", "limit": 3, "collections": ["notes"]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": arguments}}
    good, chance = json.dumps(call).encode(), random.Random(3)
    for _ in range(200):
        body = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(body))
            body[at : at + chance.randint(0, 1)] = chance.choice(
                [b"{", b"}", b'"', b"\0", b"\xff", b"null", b"[]", b'"private"', b"1e999", b"\\ud800"]
            )
        answer = raw.request(
            port(server), "POST", "/mcp", bytes(body), authorization=f"Bearer {claude.token}",
            accept="application/json, text/event-stream",
        )  # fmt: skip
        assert answer is not None
        assert answer.status < 500, (body, answer)
        assert SECRET.encode() not in answer.body, body
    assert server.log.read_text() == ""


def test_a_stranger_is_told_only_that_it_is_one(server: Server, claude: Holder) -> None:
    for path in ("/v1/search", "/v1/grants", "/v1/records"):
        answer = raw.request(port(server), "POST", path, b'{"query": 1}')
        assert answer is not None
        assert (path, answer.status) == (path, 401)


def test_control_characters_from_a_record(server: Server, remote: RemoteVault, claude: Holder) -> None:
    bad = "".join(map(chr, [*range(1, 32), *range(127, 160), 0x202E, 0x2066, 0x200B, 0xFEFF, 0xE0041]))
    draft = Draft(f"o{bad}", f"lantern{bad}", title=f"t{bad}", people=(f"p{bad[:40]}",), labels=(f"l{bad[:40]}",))
    made = remote.add(signed_in(remote), AddRequest("notes", (draft,), "s")).outcomes[0]
    assert made.outcome == "added"
    for words in (["search", "lantern"], ["show", made.id], ["show", made.id, "--json"], ["revoke", "g\x1b[31m"]):
        done = server.command(*words, check=False)
        assert not set(bad) - {"\n", "\t"} & set(done.stdout + done.stderr) - {"\n", "\t"}, words


def test_unlocking_a_sealed_server_is_recorded(server: Server, remote: RemoteVault) -> None:
    def unlocked() -> int:
        entries = remote.audit(signed_in(remote), AuditRequest(1000)).entries
        return sum(one.entry.action == "unlock" for one in entries)

    before = unlocked()
    server.command("lock")
    token = signed_in(remote)
    entries = remote.audit(token, AuditRequest(1000)).entries
    assert sum(one.entry.action == "unlock" for one in entries) == before + 1


def test_what_was_acknowledged_survives_a_kill(server: Server, remote: RemoteVault) -> None:
    me = signed_in(remote)
    done: list[str] = []

    def add(thread: int) -> None:
        with contextlib.suppress(VaultError):
            for i in range(10_000):
                remote.add(me, AddRequest("kill", (Draft(f"{thread}-{i}", f"text {i}"),), "kill"))
                done.append(f"{thread}-{i}")

    threads = [threading.Thread(target=add, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    while len(done) < 15 and any(thread.is_alive() for thread in threads):
        time.sleep(0.02)
    os.kill(worker(server), signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    me = signed_in(remote)
    assert len(done) >= 15
    assert set(done) <= set(remote.origins(me, "kill"))
    assert remote.verify(me).ok


def test_locking_a_worker_that_does_not_answer(server: Server, remote: RemoteVault) -> None:
    signed_in(remote)
    held = worker(server)
    os.kill(held, signal.SIGSTOP)  # as good as one kept busy by a request, or by idle connections
    try:
        command = [sys.executable, "-m", "vault", "lock"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, env=server.environment, capture_output=True, check=False, timeout=6)
        assert not Path(f"/proc/{held}").exists()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(held, signal.SIGCONT)


def test_locking_while_a_command_holds_the_key(tmp_path: Path, home: dict[str, str]) -> None:
    environment = {**home, "OWNVAULT_DIR": str(tmp_path / "vault")}
    run_command(environment, "init")
    ownership = lock.Ownership.acquire(tmp_path / "vault", what="ownvault import")
    try:
        done = run_command(environment, "lock", check=False)
        assert (done.returncode, done.stdout) != (0, "locked already: no server runs\n")
    finally:
        ownership.release()
