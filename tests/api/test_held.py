"""MCP answers that the owner holds back: what a program is told, where it sends its person, and who decides."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import mcp_types as mcp
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from tests.api import raw
from tests.api.conftest import Running, assistant
from tests.api.visits import ERAS, answered, drive, granted
from vault.api import elicitation, tools
from vault.errors import NotFound
from vault.types import (
    Action,
    Approval,
    ApproveRequest,
    CountRequest,
    Detail,
    Holder,
    Limits,
    Verdict,
)

BOLTS = {"query": "bolts", "limit": 1}


def page(running: Running, request: str) -> str:
    return f"http://vault.localhost:{running.port}/console/requests/{request}"


@pytest.mark.parametrize(("name", "arguments"), [("search", {"query": "bolts", "limit": 1}), ("count", {})])
def test_an_answer_that_waits_for_the_owner(running: Running, name: str, arguments: dict[str, Any]) -> None:
    holder = Holder(granted(running, f"patient-{name}", approval=Approval.EACH).token)
    held = answered(running, holder, name, arguments)
    said = held.structured_content
    assert not held.is_error and json.loads(held.content[0].text) == said
    assert (said["status"], said["message"]) == ("approval_required", tools.ASKED)
    assert said["url"] == page(running, said["request"])
    assert answered(running, holder, name, arguments).structured_content == said, "equal asks are one request"
    running.remote.approve(running.owner, said["request"], ApproveRequest())
    assert "receipt" in answered(running, holder, name, arguments).structured_content
    again = answered(running, holder, name, arguments).structured_content
    assert again["status"] == "approval_required" and again["request"] != said["request"], "consumed once"
    running.remote.deny(running.owner, again["request"])
    denied = answered(running, holder, name, arguments)
    assert denied.is_error and json.loads(denied.content[0].text) == {
        "code": "denied", "message": tools.FAILURES["denied"],
    }  # fmt: skip


def test_a_limit_says_so(running: Running) -> None:
    holder = Holder(granted(running, "eager", limits=Limits(queries_per_hour=1)).token)
    first = answered(running, holder, "count", {})
    assert not first.is_error and first.structured_content["count"] == 3, first.content
    stopped_ = answered(running, holder, "count", {})
    assert stopped_.is_error and json.loads(stopped_.content[0].text)["code"] == "limit_reached"


def test_answers_only_offers_no_text(running: Running) -> None:
    holder = Holder(granted(running, "census", actions=(Action.COUNT,), detail=Detail.ANSWERS).token)

    async def visit(client: Client) -> None:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["count", "request_access"]
        said = (await client.call_tool("count", {"by": "label", "dates": True})).structured_content
        assert (said["count"], said["groups"]) == (3, {"music": 1}) and {"first", "last"} <= set(said)
        with pytest.raises(MCPError):
            await client.call_tool("search", {"query": "bolts"})

    drive(running, holder, "auto", "http", visit)


WISH = {"type": "vault_query", "purpose": "letters", "actions": ["count"], "datatypes": ["private"], "max_results": 5}


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_asking_for_access(running: Running, transport: str) -> None:
    """Over stdio the bridge collects what was approved and uses it; over HTTP whoever set the token up has to."""
    holder = Holder(granted(running, f"asker-{transport}").token)

    async def visit(client: Client) -> str:
        await client.list_tools()
        asked = (await client.call_tool("request_access", WISH)).structured_content
        assert (asked["status"], asked["message"]) == ("pending", tools.STATES[Verdict.PENDING])
        assert (await client.call_tool("request_access", WISH)).structured_content == asked
        wrong = await client.call_tool("request_access", {"request": asked["request"], "purpose": "x"})
        assert wrong.is_error
        hidden = await client.call_tool("count", {"collections": ["private"]})
        assert hidden.is_error
        await asyncio.to_thread(running.remote.approve, running.owner, asked["request"], ApproveRequest())
        state = (await client.call_tool("request_access", {"request": asked["request"]})).structured_content
        assert state["status"] == "approved" and "token" not in json.dumps(state)
        now = await client.call_tool("count", {"collections": ["private"]})
        assert now.is_error is (transport == "http")
        if transport == "stdio":
            assert now.structured_content["count"] == 1
        return str(asked["request"])

    request = drive(running, holder, "auto", transport, visit)
    if transport == "stdio":
        with pytest.raises(NotFound):
            running.remote.collect(holder, request)
    else:
        assert running.remote.count(Holder(running.remote.collect(holder, request).token), CountRequest()).count == 1


# ---------------------------------------------------------------- programs that can open a page


class Person:
    """Whoever sits before a program that opens pages: remembers what it was shown, does something, says something."""

    def __init__(self, says: str, does: Any = None) -> None:
        self.shown: list[mcp.ElicitRequestURLParams] = []
        self._says, self._does = says, does

    async def __call__(self, _: Any, params: Any) -> mcp.ElicitResult:
        self.shown.append(params)
        if self._does:
            await asyncio.to_thread(self._does, params.url.rpartition("/")[2])
        return mcp.ElicitResult(action=self._says)


def careful(running: Running, client: str) -> Holder:
    return Holder(granted(running, client, approval=Approval.EACH).token)


def approves(running: Running) -> Any:
    return lambda request: running.remote.approve(running.owner, request, ApproveRequest())


def test_the_page_is_opened_and_the_answer_comes_when_the_owner_has_decided(running: Running) -> None:
    person = Person("accept", approves(running))
    said = answered(running, careful(running, "opener"), "search", BOLTS, elicitation_callback=person)
    assert said.structured_content["results"][0]["origin"] == "keel"
    (shown,) = person.shown
    assert shown.mode == "url" and shown.message == elicitation.MESSAGE
    assert shown.url == page(running, shown.url.rpartition("/")[2])
    place = shown.url.partition(f":{running.port}")[2]
    browser = {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    there = raw.request(running.port, "GET", place, host=f"vault.localhost:{running.port}", **browser)
    assert there and there.status < 400, "the page is one of the console's"


def test_the_owner_may_decide_while_the_call_waits(running: Running) -> None:
    """Nobody holds a thread meanwhile, and what the program is told of the progress names nothing."""
    holder, person, told = careful(running, "waiter"), Person("accept"), asyncio.Event()
    progress: list[Any] = []

    async def visit(client: Client) -> Any:
        async def heard(done: float, total: float | None, message: str | None) -> None:
            progress.append(message)
            told.set()

        calling = asyncio.create_task(client.call_tool("search", BOLTS, progress_callback=heard))
        await told.wait()
        request = person.shown[0].url.rpartition("/")[2]
        await asyncio.to_thread(running.remote.approve, running.owner, request, ApproveRequest())
        return await calling

    said = drive(running, holder, "auto", "http", visit, elicitation_callback=person)
    assert said.structured_content["results"][0]["origin"] == "keel"
    assert set(progress) == {"waiting for the owner's decision"}


@pytest.mark.parametrize("says", ["decline", "cancel"])
def test_who_does_not_go_to_the_page_gets_a_plain_answer(running: Running, says: str) -> None:
    person = Person(says)
    said = answered(running, careful(running, f"shy-{says}"), "search", BOLTS, elicitation_callback=person)
    assert said.structured_content["status"] == "approval_required" and len(person.shown) == 1


def test_to_accept_is_not_to_approve(running: Running) -> None:
    """A program that says `accept` gets nothing that its owner did not approve, whatever state it echoes."""
    holder, other = careful(running, "liar"), careful(running, "honest")
    said = modern(running, holder, retry(None, "accept"))
    assert said["result"]["structuredContent"]["status"] == "approval_required"
    approved = answered(running, other, "search", BOLTS).structured_content["request"]
    running.remote.approve(running.owner, approved, ApproveRequest())
    said = modern(running, holder, retry(approved, "accept"))
    assert said["result"]["structuredContent"]["status"] == "approval_required", "somebody else's approval"
    running.remote.deny(running.owner, said["result"]["structuredContent"]["request"])
    said = modern(running, holder, retry(approved, "accept"))
    assert said["result"]["isError"] and json.loads(said["result"]["content"][0]["text"])["code"] == "denied"


def retry(state: str | None, action: str) -> dict[str, Any]:
    kept = {} if state is None else {"requestState": state}
    return {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "search", "arguments": BOLTS, **kept,
            "inputResponses": {elicitation.KEY: {"action": action}},
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                      "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}},
        },
    }  # fmt: skip


def modern(running: Running, holder: Holder, body: dict[str, Any]) -> Any:
    answer = raw.request(
        running.port, "POST", "/mcp", json.dumps(body).encode(), authorization=f"Bearer {holder.token}",
        accept="application/json, text/event-stream", mcp_protocol_version="2026-07-28", mcp_method="tools/call",
        mcp_name="search",
    )  # fmt: skip
    assert answer and answer.status == 200, answer
    return answer.json


def test_whoever_hangs_up_is_not_waited_for(running: Running) -> None:
    """The call that waits for the owner ends with its connection; nothing of a grant's share is held any more."""
    holder = careful(running, "leaver")
    asked = answered(running, holder, "search", BOLTS).structured_content["request"]
    body = json.dumps(retry(asked, "accept")).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{running.port}\r\nauthorization: Bearer {holder.token}\r\n"
        "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
        "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: search\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    for _ in range(elicitation.WAITS + 8):  # more than may wait: those that left hold no place
        with socket.create_connection(("127.0.0.1", running.port)) as sock:
            sock.sendall(head.encode() + body)
    until = time.monotonic() + 20
    while not waits(running, holder):
        assert time.monotonic() < until, "nobody else may wait"


def waits(running: Running, holder: Holder) -> bool:
    """Tell whether a call that was sent to the owner's page waits there."""
    person, told = Person("accept"), asyncio.Event()

    async def visit(client: Client) -> bool:
        async def heard(*_: Any) -> None:
            told.set()

        calling = asyncio.create_task(client.call_tool("search", BOLTS, progress_callback=heard))
        hearing = asyncio.create_task(told.wait())
        await asyncio.wait([calling, hearing], return_when=asyncio.FIRST_COMPLETED)
        calling.cancel()
        hearing.cancel()
        return told.is_set()

    return bool(drive(running, holder, "auto", "http", visit, elicitation_callback=person))


def test_the_older_revision_names_the_page_in_an_error(running: Running) -> None:
    holder, person = careful(running, "elder"), Person("accept")

    async def visit(client: Client) -> Any:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("search", BOLTS)
        (named,) = caught.value.error.data["elicitations"]
        assert caught.value.error.code == mcp.URL_ELICITATION_REQUIRED and named["mode"] == "url"
        assert named["url"] == page(running, named["elicitationId"])
        await asyncio.to_thread(running.remote.approve, running.owner, named["elicitationId"], ApproveRequest())
        return await client.call_tool("search", BOLTS)

    said = drive(running, holder, "legacy", "http", visit, elicitation_callback=person)
    assert said.structured_content["results"][0]["origin"] == "keel"


@pytest.mark.parametrize("mode", ERAS)
def test_whoever_opens_no_pages_gets_a_plain_answer(running: Running, mode: str) -> None:
    said = answered(running, careful(running, f"plain-{mode}"), "search", BOLTS, mode)
    assert said.structured_content["status"] == "approval_required"


def test_a_program_that_claims_no_page_in_its_session_is_believed_no_more(running: Running) -> None:
    """The session id says what a program can do, nothing else: it opens nothing that the token does not."""
    counter = assistant(running, "sessioned", Action.COUNT)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": {"name": "search", "arguments": BOLTS}}).encode()  # fmt: skip
    for session in ("x.url", "." * 10_000 + ".url", running.claude.token):
        answer = raw.request(
            running.port, "POST", "/mcp", body, authorization=f"Bearer {counter.token}", mcp_session_id=session,
            accept="application/json, text/event-stream", mcp_protocol_version="2025-11-25",
        )  # fmt: skip
        assert answer and answer.json["error"]["message"] == "Unknown tool"
