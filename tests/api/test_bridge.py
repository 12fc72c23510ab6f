"""The stdio bridge by itself: what it says while nobody answers, that it goes on, and where its token comes from."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client

from tests.api.conftest import Running, assistant, new, started, stopped
from tests.api.test_held import Person, approves, careful
from tests.api.visits import ERAS, drive
from tests.support import PASSPHRASE
from vault.api.client import RemoteVault
from vault.errors import ApprovalRequired
from vault.types import Action, AddRequest, ApproveRequest, Draft, Filter, GrantRequest, Holder, SearchRequest

LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
PING = {"jsonrpc": "2.0", "id": 3, "method": "ping"}
COUNT = {"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": "count", "arguments": {}}}
BEGIN = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    },
}  # fmt: skip


def modern(message: dict[str, Any]) -> dict[str, Any]:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    return message | {"params": message.get("params", {}) | {"_meta": meta}}


def bridge(environment: dict[str, str], *lines: bytes, words: tuple[str, ...] = ()) -> tuple[int, list[Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "vault", "mcp", *words], env=environment, input=b"".join(lines), capture_output=True,
        timeout=60,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


class Line:
    """An assistant's line to a bridge of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def ask(self, message: dict[str, Any]) -> Any:
        self.say(message)
        return self.hear()

    def end(self) -> int:
        assert self._process.stdin
        self._process.stdin.close()
        return self._process.wait(20)


@contextmanager
def line(environment: dict[str, str], *words: str) -> Iterator[Line]:
    with subprocess.Popen(
        [sys.executable, "-m", "vault", "mcp", *words], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Line(process)
        finally:
            process.kill()


def owned(server: Any) -> tuple[RemoteVault, Holder]:
    remote = RemoteVault(server.address)
    return remote, Holder(remote.unlock(bytearray(PASSPHRASE)).token)


def code(answer: Any) -> str:
    """Return the code of an answer that says what is missing."""
    if "error" in answer:
        return str(answer["error"]["data"]["code"])
    assert answer["result"]["isError"]
    return str(json.loads(answer["result"]["content"][0]["text"])["code"])


# ---------------------------------------------------------------- it carries


def test_the_bridge_says_what_is_missing(running: Running) -> None:
    code, said, told = bridge(running.server.environment)
    assert code == 4 and "OWNVAULT_TOKEN is not set" in told and not said


def test_the_bridge_carries_what_it_does_not_understand(running: Running) -> None:
    environment = running.server.environment | {"OWNVAULT_TOKEN": running.claude.token}
    code, said, told = bridge(
        environment, b"\n", b"no json\n", b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]\n',
        b'{"jsonrpc": "2.0", "id": "\\u00e5", "method": "nonsense", "params": {"_meta": {}}}\n',
        b'{"jsonrpc": "2.0", "id": [7], "method": "ping"}\n', b'{"jsonrpc": "2.0", "id": 1, "params": 3}\n',
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n',
        b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}}\n',
    )  # fmt: skip
    assert code == 0 and told == ""
    assert len(said) == 4 and all("error" in one for one in said)


# ---------------------------------------------------------------- nobody answers


def test_an_assistant_may_start_first(tmp_path: Path) -> None:
    """No server, then one that is locked, then an unlocked one, then another on another port: one line through all."""
    environment = new(tmp_path)
    server = started(environment)
    remote, owner = owned(server)
    remote.add(owner, AddRequest("notes", (Draft("n", "one"),), "test"))
    token = remote.grant(owner, GrantRequest("claude", (Action.COUNT,), Filter(collections=("notes",)))).token
    stopped(server)
    with line(environment | {"OWNVAULT_TOKEN": token}) as claude:
        begun = claude.ask(BEGIN)["result"]
        assert begun["protocolVersion"] == "2025-11-25" and begun["serverInfo"]["name"] == "ownvault"
        assert "ownvault serve" in begun["instructions"]
        listed = claude.ask(LIST)["result"]["tools"]
        assert [tool["name"] for tool in listed] == ["count", "request_access"], "as far as its token goes"
        assert claude.ask(PING)["result"] == {}
        assert code(claude.ask(COUNT)) == "unreachable"
        server = started(environment, "--locked")
        said = claude.ask(COUNT)
        assert code(said) == "locked" and "ownvault unlock" in said["result"]["content"][0]["text"]
        assert code(claude.ask({"jsonrpc": "2.0", "id": 9, "method": "resources/read"})) == "locked"
        owned(server)
        assert claude.hear() == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        assert claude.ask(LIST)["result"]["tools"] == listed
        assert claude.ask(COUNT)["result"]["structuredContent"]["count"] == 1
        stopped(server)
        assert code(claude.ask(COUNT)) == "unreachable"
        server = started(environment)
        assert claude.ask(COUNT)["result"]["structuredContent"]["count"] == 1
        assert claude.end() == 0
    stopped(server)


def test_a_lock_in_between(tmp_path: Path) -> None:
    environment = new(tmp_path)
    server = started(environment)
    remote, owner = owned(server)
    token = remote.grant(owner, GrantRequest("claude", all=True)).token
    with line(environment | {"OWNVAULT_TOKEN": token}) as claude:
        assert claude.ask(modern(COUNT))["result"]["structuredContent"]["count"] == 0
        remote.lock(owner)
        while remote.health()["state"] != "locked":
            pass
        assert code(claude.ask(modern(COUNT))) == "locked"
        assert claude.ask(modern(LIST))["result"]["ttlMs"] == 0
        remote.unlock(bytearray(PASSPHRASE))
        assert claude.ask(modern(COUNT))["result"]["structuredContent"]["count"] == 0
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(20)
        assert code(claude.ask(modern(COUNT))) == "unreachable"
        assert claude.end() == 0
    stopped(server)


@pytest.mark.parametrize("mode", ERAS)
def test_the_sdks_client_begins_while_it_is_locked(tmp_path: Path, mode: str) -> None:
    environment = new(tmp_path)
    server = started(environment)
    remote, owner = owned(server)
    token = remote.grant(owner, GrantRequest("claude", all=True)).token
    remote.lock(owner)
    while remote.health()["state"] != "locked":
        pass

    async def visit(client: Client) -> None:
        assert client.protocol_version == ERAS[mode]
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert listed == {"search", "fetch", "count", "request_access"}
        locked = await client.call_tool("count", {})
        assert locked.is_error and "ownvault unlock" in locked.content[0].text
        assert (await client.list_resources()).resources == []
        assert (await client.list_resource_templates()).resource_templates == []
        await asyncio.to_thread(remote.unlock, bytearray(PASSPHRASE))
        assert (await client.call_tool("count", {})).structured_content["count"] == 0

    try:
        drive(Running(server, remote, owner, owner), Holder(token), mode, "stdio", visit)
    finally:
        stopped(server)


# ---------------------------------------------------------------- the owner is asked


@pytest.mark.parametrize("mode", ERAS)
def test_a_page_is_opened_through_the_bridge(running: Running, mode: str) -> None:
    holder, person, told = careful(running, f"bridged-{mode}"), Person("accept"), asyncio.Event()

    async def visit(client: Client) -> Any:
        async def heard(*_: Any) -> None:
            told.set()

        if mode == "legacy":
            with pytest.raises(Exception, match="/console/requests/") as caught:
                await client.call_tool("search", {"query": "bolts"})
            (named,) = caught.value.error.data["elicitations"]
            await asyncio.to_thread(approves(running), named["elicitationId"])
            return await client.call_tool("search", {"query": "bolts"})
        calling = asyncio.create_task(client.call_tool("search", {"query": "bolts"}, progress_callback=heard))
        await told.wait()
        request = person.shown[0].url.rpartition("/")[2]
        await asyncio.to_thread(running.remote.approve, running.owner, request, ApproveRequest())
        return await calling

    said = drive(running, holder, mode, "stdio", visit, elicitation_callback=person)
    assert said.structured_content["results"][0]["origin"] == "keel"


def undecided(running: Running, client: str) -> tuple[Holder, str]:
    """Return a holder, and a request that it made and that nobody decides."""
    holder = careful(running, client)
    with pytest.raises(ApprovalRequired) as asked:
        running.remote.search(holder, SearchRequest("x"))
    return holder, asked.value.request


def waiting(id: int, request: str) -> dict[str, Any]:
    """Return a call that waits for an owner who never decides."""
    call = {"jsonrpc": "2.0", "id": id, "method": "tools/call"}
    said = {"name": "search", "arguments": {"query": "x"}, "requestState": request,
            "inputResponses": {"approval": {"action": "accept"}}, "_meta": {"progressToken": id}}  # fmt: skip
    whole = modern(call | {"params": said})
    whole["params"]["_meta"]["progressToken"] = id
    return whole


def test_a_cancelled_call_is_not_answered(running: Running) -> None:
    holder, request = undecided(running, "fickle")
    with line(running.server.environment | {"OWNVAULT_TOKEN": holder.token}) as claude:
        claude.say(waiting(7, request))
        assert claude.hear()["params"]["progressToken"] == 7
        claude.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
        assert claude.ask(modern(COUNT))["id"] == 4
        assert claude.end() == 0


def test_a_call_that_waits_does_not_keep_the_bridge(running: Running) -> None:
    holder, request = undecided(running, "gone")
    with line(running.server.environment | {"OWNVAULT_TOKEN": holder.token}) as claude:
        for id in range(40):  # more than are carried at once
            claude.say(waiting(id, request))
        assert claude.hear()["method"] == "notifications/progress"
        assert claude.end() == 0


# ---------------------------------------------------------------- its token


def test_the_token_may_come_from_a_file_and_be_renewed(running: Running, tmp_path: Path) -> None:
    kept = tmp_path / "connections" / "cursor.token"
    kept.parent.mkdir()
    environment = running.server.environment | {"HOME": str(tmp_path), "OWNVAULT_TOKEN": running.owner.token}
    with line(environment, "--token-file", "~/connections/cursor.token") as cursor:
        missing = cursor.ask(COUNT)["error"]
        assert missing["message"] == "this is not connected to the vault; renew it: ownvault connect cursor"
        first = assistant(running, "cursor-1", Action.COUNT)
        kept.write_text(first.token + "\n")
        assert cursor.ask(COUNT)["result"]["structuredContent"]["count"] == 3
        second = assistant(running, "cursor-2", Action.COUNT)
        kept.write_text(second.token + "\n")
        for grant in running.remote.grants(running.owner):
            if grant.client == "cursor-1":
                running.remote.revoke(running.owner, grant.id)
        assert cursor.ask(COUNT)["result"]["structuredContent"]["count"] == 3, "renewed without a new start"
        kept.write_text("nonsense\n")
        for grant in running.remote.grants(running.owner):
            if grant.client == "cursor-2":
                running.remote.revoke(running.owner, grant.id)
        refused = cursor.ask(COUNT)["error"]
        assert refused["data"] == {"code": "token_refused", "hint": "renew it: ownvault connect cursor"}
        assert cursor.end() == 0


def test_the_file_may_be_named_in_the_environment(running: Running, tmp_path: Path) -> None:
    kept = tmp_path / "token"
    kept.write_text(running.claude.token)
    code, (said,), _ = bridge(
        running.server.environment | {"OWNVAULT_TOKEN_FILE": str(kept)}, json.dumps(modern(COUNT)).encode() + b"\n"
    )
    assert code == 0 and said["result"]["structuredContent"]["count"] == 3
    for content in (b"", b"\n", b"\xff\xfe", b"a\nb", b"x" * 200_000):
        kept.write_bytes(content)
        code, (said,), told = bridge(
            running.server.environment | {"OWNVAULT_TOKEN_FILE": str(kept)}, json.dumps(modern(COUNT)).encode() + b"\n"
        )
        assert code == 0 and told == "" and said["error"]["data"]["code"] == "token_refused", (content[:9], said)
