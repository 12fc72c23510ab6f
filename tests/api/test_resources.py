"""Records as MCP resources, and long records in parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from tests.api.conftest import Running, assistant
from tests.api.visits import ERAS, answered, call, drive, granted
from vault.api import tools
from vault.types import (
    Action,
    AddRequest,
    Approval,
    ApproveRequest,
    AuditRequest,
    By,
    Draft,
    Filter,
    GrantRequest,
    Holder,
)

LONG = "".join(f'line {i}: "å\\"\n' for i in range(12_000))
"""More than five parts, every one of which grows in JSON."""


@pytest.fixture(scope="module")
def novel(running: Running) -> Iterator[str]:
    (made,) = running.remote.add(running.owner, AddRequest("notes", (Draft("novel", LONG, "Novel"),), "test")).outcomes
    yield made.id
    running.remote.forget(running.owner, made.id)


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_reading_a_record_as_a_resource(running: Running, mode: str, transport: str) -> None:
    async def visit(client: Client) -> None:
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "ownvault://records/{id}{?offset}"
        assert (await client.list_resources()).resources == [], "nothing that a search would not tell"
        found = (await client.call_tool("search", {"query": "bolts", "limit": 1})).structured_content["results"][0]
        read = await client.read_resource(found["url"])
        (content,) = read.contents
        said = json.loads(content.text)
        fetched = (await client.call_tool("fetch", {"id": found["id"]})).structured_content
        assert {**said, "receipt": 0} == {**fetched, "receipt": 0} and said["receipt"] != fetched["receipt"]
        assert (content.uri, content.mime_type) == (found["url"], "application/json")
        if ERAS[mode] == "2026-07-28":
            assert (read.ttl_ms, read.cache_scope) == (0, "private")

    drive(running, running.claude, mode, transport, visit)


@pytest.mark.parametrize("mode", ERAS)
def test_what_may_not_be_read_is_not_there(running: Running, mode: str) -> None:
    hidden = running.remote.add(running.owner, AddRequest("private", (Draft("d2", "x"),), "test")).outcomes[0].id
    counter = assistant(running, f"blind-{mode}", Action.COUNT)

    async def visit(client: Client) -> set[tuple[int, str]]:
        said = set()
        for uri in (
            tools.RECORD + hidden, tools.RECORD + "r" + "a" * 26, tools.RECORD, "file:///etc/passwd", "x",
            tools.RECORD + "../keyslots.json", tools.RECORD + hidden + "?offset=-1",
            tools.RECORD + "r?offset=" + "9" * 99,
        ):  # fmt: skip
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
            assert caught.value.error.data == {"uri": uri}
            said.add((caught.value.error.code, caught.value.error.message))
        return said

    code = -32602 if ERAS[mode] == "2026-07-28" else -32002
    assert drive(running, running.claude, mode, "http", visit) == {(code, "Resource not found")}
    assert drive(running, counter, mode, "http", visit) == {(code, "Resource not found")}
    denied = running.remote.audit(running.owner, AuditRequest(client=f"blind-{mode}")).entries
    assert {(one.entry.action, one.entry.reason) for one in denied} >= {
        ("read", "action_not_granted"), ("unknown", "unknown_name"),
    }  # fmt: skip

    async def listed(client: Client) -> Any:
        return (await client.list_resource_templates()).resource_templates

    assert drive(running, counter, mode, "http", listed) == []


@pytest.mark.parametrize("mode", ERAS)
def test_a_resource_that_waits_for_the_owner(running: Running, mode: str) -> None:
    holder = Holder(granted(running, f"reader-{mode}", actions=(Action.READ,), approval=Approval.EACH).token)
    uri = call(running, "search", {"query": "bolts", "limit": 1}, running.claude)["results"][0]["url"]

    async def visit(client: Client) -> Any:
        with pytest.raises(MCPError) as caught:
            await client.read_resource(uri)
        said = caught.value.error.data
        assert said["status"] == "approval_required" and said["url"].endswith(said["request"])
        running.remote.approve(running.owner, said["request"], ApproveRequest())
        return (await client.read_resource(uri)).contents[0].text

    assert "keel bolts" in drive(running, holder, mode, "http", visit)


# ---------------------------------------------------------------- long records


def test_a_long_record_comes_in_parts(running: Running, novel: str) -> None:
    """Together they are the record; each is recorded as what it was, not more."""
    parts, offset = [], 0
    before = running.remote.audit(running.owner, AuditRequest(limit=1)).size
    while offset is not None:
        said = answered(running, running.claude, "fetch", {"id": novel} | ({"offset": offset} if offset else {}))
        assert len(said.content[0].text) < tools.MOST
        parts.append(said.structured_content["text"])
        assert len(parts[-1]) <= tools.SIZE
        offset = said.structured_content["more"]
    assert "".join(parts) == LONG and len(parts) == -(-len(LONG) // tools.SIZE)
    assert call(running, "fetch", {"id": novel, "offset": len(LONG) + 7}, running.claude)["text"] == ""
    after = running.remote.audit(running.owner, AuditRequest(limit=20)).entries
    kept = [one.entry.detail["wording"] for one in after if one.entry.action == "read" and one.number >= before]
    assert len({str(one) for one in kept}) == len(parts) + 1


def test_a_part_of_a_resource(running: Running, novel: str) -> None:
    async def visit(client: Client) -> Any:
        return json.loads((await client.read_resource(f"{tools.RECORD}{novel}?offset=7")).contents[0].text)

    said = drive(running, running.claude, "auto", "http", visit)
    assert (said["text"], said["more"]) == (LONG[7 : 7 + tools.SIZE], 7 + tools.SIZE)


def test_no_result_is_longer_than_clients_take(running: Running) -> None:
    """A hundred passages are fewer; what cannot be cut, a thousand long names, is an error that says so."""
    drafts = tuple(
        Draft(
            f"s{i}", f"sargasso {i} " + "weed and eels " * 120, labels=tuple(f"{i}-{k}-{'x' * 200}" for k in range(9))
        )
        for i in range(100)
    )
    made = [one.id for one in running.remote.add(running.owner, AddRequest("sea", drafts, "test")).outcomes]
    token = running.remote.grant(running.owner, GrantRequest("sailor", filter=Filter(collections=("sea",)))).token
    try:
        found = answered(running, Holder(token), "search", {"query": "sargasso", "limit": 100})
        assert 1 < len(found.structured_content["results"]) < 100 and len(found.content[0].text) < tools.MOST
        counted = answered(running, Holder(token), "count", {"by": str(By.LABEL)})
        assert counted.is_error and json.loads(counted.content[0].text)["code"] == "too_large"
    finally:
        for id in made:
            running.remote.forget(running.owner, id)
