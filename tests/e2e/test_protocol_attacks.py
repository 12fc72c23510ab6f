"""What an adversary tries across the protocols of a real server: records of others, calls that wait, races."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any

import pytest

from tests.api import raw
from tests.api.conftest import DRAFTS, Running, new, started, stopped
from tests.api.oauth.conftest import Client
from tests.api.visits import ERAS, granted
from tests.support import PASSPHRASE
from vault.api.client import RemoteVault
from vault.errors import VaultError
from vault.types import AddRequest, Approval, ApproveRequest, AuditRequest, Draft, Filter, GrantRequest, Holder, Status

NOW, BEFORE = ERAS["auto"], ERAS["legacy"]
BOLTS = {"name": "search", "arguments": {"query": "bolts", "limit": 1}}
SECRET = b"A secret about the bolts."


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = started(new(tmp_path_factory.mktemp("attacks")))
    try:
        remote = RemoteVault(server.address)
        owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
        remote.add(owner, AddRequest("notes", DRAFTS, "test"))
        made = remote.grant(owner, GrantRequest("claude", filter=Filter(collections=("notes",))))
        yield Running(server, remote, owner, Holder(made.token))
    finally:
        stopped(server)


def asked(holder: Holder, port: int, method: str, params: dict[str, Any], version: str = NOW, **more: Any) -> bytes:
    """Return an MCP request as it goes over the wire."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}},
    } | more  # fmt: skip
    said = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": meta}}
    return message(holder, port, method, json.dumps(said).encode(), version, params.get("name") or params.get("uri"))


def message(holder: Holder, port: int, method: str, body: bytes, version: str, name: object = "search") -> bytes:
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {holder.token}\r\n"
        f"content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
        f"mcp-protocol-version: {version}\r\nmcp-method: {method}\r\nmcp-name: {name}\r\n"
        f"content-length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


# ---------------------------------------------------------------- records of others


@pytest.fixture(scope="module")
def diary(running: Running) -> str:
    draft = Draft("diary", SECRET.decode())
    return running.remote.add(running.owner, AddRequest("private", (draft,), "test")).outcomes[0].id


@pytest.mark.parametrize("version", [NOW, BEFORE])
@pytest.mark.parametrize(
    "shape",
    [
        "ownvault://records/{id}", "ownvault://records/{id}?offset=0", "ownvault://records/{id}?offset=999999999999999",
        "OWNVAULT://records/{id}", "ownvault://records/../records/{id}", "ownvault://records//{id}",
        "ownvault://records/{id}#x", "ownvault://records/{id}?offset=1&offset=2", "ownvault://records/{id}%00",
        "file:///{id}", "ownvault://records/{id}?offset=-1", "ownvault://x@records/{id}",
    ],
)  # fmt: skip
def test_the_address_of_anothers_record_is_as_good_as_none(
    running: Running, diary: str, shape: str, version: str
) -> None:
    none = "r" + "a" * (len(diary) - 1)
    heard = []
    for id in (diary, none):
        uri = shape.format(id=id)
        answer = raw.send(running.port, asked(running.claude, running.port, "resources/read", {"uri": uri}, version))
        assert answer
        heard.append((answer.status, answer.body.replace(id.encode(), b"ID")))
        (seen,) = running.remote.audit(running.owner, AuditRequest(limit=1)).entries
        if seen.entry.action == "audit":
            seen = running.remote.audit(running.owner, AuditRequest(limit=3)).entries[-1]
        assert (seen.entry.client, seen.entry.decision, seen.entry.records) == ("claude", "deny", ())
    assert heard[0] == heard[1] and b"not found" in heard[0][1]


# ---------------------------------------------------------------- messages that nobody sends


@pytest.mark.parametrize("version", [NOW, BEFORE])
@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"[{}]", b"{}", b"null", b"1", b"\xff", b"[" * 50_000, b'{"jsonrpc":"2.0","id":1,"result":{}}',
        b'{"jsonrpc":"2.0","id":1e400,"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":{"a":1},"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":' + b"9" * 4400 + b',"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"\\ud800"}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","name":"fetch","arguments":{}}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b'{"a":' * 900 + b"1" + b"}" * 901,
    ],
    ids=lambda body: ascii(body)[:50],
)  # fmt: skip
def test_no_message(running: Running, body: bytes, version: str) -> None:
    before = running.server.log.read_text()
    answer = raw.send(running.port, message(running.claude, running.port, "tools/call", body, version))
    assert answer and answer.status in (202, 400), answer
    assert running.server.log.read_text() == before, "nothing unexpected happened"


# ---------------------------------------------------------------- grants that end in the midst


def test_a_grant_that_ends_while_its_calls_wait(running: Running) -> None:
    """Revoking waits for none of them, none of them gets anything, and what they waited for cannot be approved."""
    made = granted(running, "patient", approval=Approval.EACH)
    other = Holder(granted(running, "curious", approval=Approval.EACH).token)
    holder = Holder(made.token)
    first = raw.send(running.port, asked(holder, running.port, "tools/call", BOLTS))
    assert first and first.status == 200
    request = first.json["result"]["requestState"]
    retry = BOLTS | {"requestState": request, "inputResponses": {"approval": {"action": "accept"}}}
    calls = []
    for whose in (holder, holder, other):
        sock = socket.create_connection(("127.0.0.1", running.port), 20)
        sock.sendall(asked(whose, running.port, "tools/call", retry, progressToken="p"))
        calls.append(sock)
    heard = [until(sock, b"notifications/progress") for sock in calls]
    running.remote.revoke(running.owner, made.grant.id)
    with pytest.raises(VaultError):
        running.remote.approve(running.owner, request, ApproveRequest())
    for sock, told in zip(calls, heard, strict=True):
        with closing(sock):
            assert not any(word in told + until(sock, b"data:") for word in (b'"results"', b"keel", b"Anders"))
    again = raw.send(running.port, asked(holder, running.port, "tools/call", retry))
    assert again and again.status == 401


def until(sock: socket.socket, word: bytes) -> bytes:
    """Return what comes, up to a word."""
    told = b""
    while word not in told:
        more = sock.recv(65536)
        if not more:
            break
        told += more
    return told


def test_tokens_that_are_made_while_their_grant_ends(running: Running) -> None:
    """Whoever is the quicker: when revoking has returned, no token that anybody got is good, and none is made."""
    client = Client(running)
    for _ in range(4):
        first = client.tokens()
        listed = running.remote.grants(running.owner)
        (grant,) = (one.id for one in listed if one.client == "Claude Code" and one.status is Status.ACTIVE)
        together = Barrier(5, timeout=20)

        def renew(token: str = first["refresh_token"], together: Barrier = together) -> str | None:
            together.wait()
            answer = client.refresh(token)
            return str(answer.json["access_token"]) if answer.status == 200 else None

        def end(grant: str = grant, together: Barrier = together) -> None:
            together.wait()
            running.remote.revoke(running.owner, grant)

        with ThreadPoolExecutor(5) as pool:
            ending = pool.submit(end)
            renewing = [pool.submit(renew) for _ in range(4)]
            ending.result()
            tokens = {token for one in renewing if (token := one.result())} | {first["access_token"]}
        assert {client.search(f"Bearer {token}").status for token in tokens} == {401}
        assert client.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
