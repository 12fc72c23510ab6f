"""The promise, through real processes: data goes in encrypted, an assistant asks by every interface and gets its part,
all of it is recorded, a crash loses nothing that was answered, and a revoked grant is answered nowhere.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

import vault
from tests.support import PASSPHRASE, Server, run_command

SAMPLE = Path(vault.__file__).parent / "sample"
IMPORTS = (
    ("markdown", "notes", "notes"), ("mbox", "mail.mbox", "mail", "--owner", "mara@lindqvist-tra.example.com"),
    ("jsonl", "chats.jsonl", "chats"), ("jsonl", "pages.jsonl", "pages"), ("markdown", "journal", "journal"),
)  # fmt: skip
RECORDS = {"notes": 82, "mail": 56, "chats": 66, "pages": 24, "journal": 18}
SEARCH = "POST", "/v1/search"
LIMIT = 3


@dataclass(frozen=True)
class Question:
    query: str
    collections: tuple[str, ...] = ()


QUESTIONS = (
    Question("What did we decide about the heat pump, and why?"),
    Question("What did Einar find when he surveyed Måsen?", ("notes",)),
    Question("What goes into my fish soup?"),
    Question("What was the result of the biopsy?"),  # told in the journal alone: it finds what notes have, not that
    Question("What was the result of the biopsy?", ("journal",)),
    Question("What was the result of the biopsy?", ("nowhere",)),
)


@dataclass
class Reply:
    """What an interface answered: hits, or the code of a refusal."""

    hits: list[dict[str, Any]] = field(default_factory=list)
    code: str = ""


# ---------------------------------------------------------------- the interfaces


def request(server: Server, token: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send one REST request and return the status and the JSON of the answer."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=120)
    headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if body is not None else {})
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def by_rest(server: Server, token: str, questions: tuple[Question, ...]) -> list[Reply]:
    replies = []
    for asked in questions:
        where = {"filter": {"collections": asked.collections}} if asked.collections else {}
        status, said = request(server, token, *SEARCH, {"query": asked.query, "limit": LIMIT} | where)
        replies.append(Reply(said["hits"]) if status == 200 else Reply(code=said["code"]))
    return replies


def by_command(server: Server, token: str, questions: tuple[Question, ...]) -> list[Reply]:
    replies, codes = [], {3: "not_found", 4: "token_refused"}
    for asked in questions:
        where = [word for name in asked.collections for word in ("--collection", name)]
        words = ("search", asked.query, "--limit", str(LIMIT), *where, "--json")
        done = run_command(server.environment | {"OWNVAULT_TOKEN": token}, *words, check=False)
        assert done.returncode in (0, *codes), done.stderr
        replies.append(
            Reply(code=codes[done.returncode]) if done.returncode else Reply(json.loads(done.stdout)["hits"])
        )
    return replies


async def converse(server: Server, token: str, transport: str, mode: str, talk: Callable[[Client], Any]) -> Any:
    """Connect as an assistant does and `talk`. A refusal of the whole visit is its code."""
    codes: list[str] = []

    async def watch(response: Any) -> None:  # the SDK's client keeps a 401's body to itself
        if response.status_code >= 400:
            codes.append(json.loads(await response.aread()).get("code", ""))

    try:
        async with AsyncExitStack() as stack:
            if transport == "stdio":
                environment = server.environment | {"OWNVAULT_TOKEN": token}
                command = StdioServerParameters(command=sys.executable, args=["-m", "vault", "mcp"], env=environment)
                way = stdio_client(command)
            else:
                headers, hooks = {"Authorization": f"Bearer {token}"}, {"response": [watch]}
                made = httpx2.AsyncClient(headers=headers, timeout=120, event_hooks=hooks)
                way = streamable_http_client(f"{server.address}/mcp", http_client=await stack.enter_async_context(made))
            client = await stack.enter_async_context(Client(way, mode=mode))  # type: ignore[arg-type]
            return await talk(client)
    except* MCPError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert isinstance(error, MCPError)
        refused = error.error.data["code"] if error.error.data else codes[-1]
    return refused


def by_mcp(transport: str, mode: str) -> Callable[[Server, str, tuple[Question, ...]], list[Reply]]:
    def ask(server: Server, token: str, questions: tuple[Question, ...]) -> list[Reply]:
        async def talk(client: Client) -> list[Reply]:
            replies = []
            for asked in questions:
                where = {"collections": list(asked.collections)} if asked.collections else {}
                said = await client.call_tool("search", {"query": asked.query, "limit": LIMIT} | where)
                failed = said.is_error and Reply(code=json.loads(said.content[0].text)["code"])  # type: ignore[union-attr]
                replies.append(failed or Reply(said.structured_content["results"]))  # type: ignore[index]
            return replies

        said = asyncio.run(converse(server, token, transport, mode, talk))
        return [Reply(code=said) for _ in questions] if isinstance(said, str) else said

    return ask


MCP = {
    f"mcp-{transport}-{era}": (transport, mode, version)
    for transport in ("http", "stdio")
    for era, mode, version in (("new", "auto", "2026-07-28"), ("old", "legacy", "2025-11-25"))
}
INTERFACES = {"rest": by_rest, "cli": by_command} | {name: by_mcp(*way[:2]) for name, way in MCP.items()}


# ---------------------------------------------------------------- the life that is asked about


@dataclass
class Life:
    """A server over the imported sample; each interface's own grant of `notes`; what each was answered, and when."""

    server: Server
    grants: dict[str, dict[str, Any]]
    replies: dict[str, list[Reply]]
    began: datetime
    ended: datetime

    def owner(self) -> str:
        said = request(self.server, "", "POST", "/v1/unlock", {"passphrase": PASSPHRASE.decode()})[1]
        return str(said["token"])

    def log(self, client: str) -> list[dict[str, Any]]:
        """Return a client's entries as `ownvault audit` gives them, oldest first."""
        page: Any = self.server.json("audit", "--client", client, "--limit", "1000")
        return [one["entry"] for one in reversed(page["entries"])]


def grant(server: Server, client: str, *words: str) -> dict[str, Any]:
    made: Any = server.json("grant", client, *words)
    return {"id": made["grant"]["id"], "token": made["token"], "sees": made["sees"]}


@pytest.fixture(scope="module")
def life(server: Server) -> Life:
    for importer, file, collection, *more in IMPORTS:
        report: Any = server.json("import", importer, str(SAMPLE / file), "--collection", collection, *more)
        assert (report["added"], report["failed"]) == (RECORDS[collection], []), collection
    grants = {name: grant(server, name, "--collection", "notes") for name in INTERFACES}
    began = datetime.now(UTC)
    replies = {name: ask(server, grants[name]["token"], QUESTIONS) for name, ask in INTERFACES.items()}
    return Life(server, grants, replies, began, datetime.now(UTC))


# ---------------------------------------------------------------- asking


def test_each_interface_gives_the_same_hits(life: Life) -> None:
    want = life.replies["rest"]
    assert [one.hits[0]["origin"] for one in want[:3]] == [
        "home/heat-pump-decision.md", "boat/survey-2024.md", "recipes/fish-soup.md",
    ]  # fmt: skip
    for name, replies in life.replies.items():
        seen = [[{key: hit[key] for key in want[0].hits[0]} for hit in one.hits] for one in replies]
        assert seen == [one.hits for one in want], name


def test_nothing_out_of_scope_is_found_and_asking_for_it_is_refused_alike(life: Life) -> None:
    for name, replies in life.replies.items():
        assert {hit["collection"] for one in replies for hit in one.hits} == {"notes"}, name
        assert [one.code for one in replies] == ["", "", "", "", "not_found", "not_found"], name
        assert [len(one.hits) for one in replies] == [3, 3, 3, 3, 0, 0], name


def test_a_grant_sees_what_it_said_it_would(life: Life) -> None:
    seen = life.grants["rest"]["sees"]
    assert seen["collections"] == {"notes": seen["records"]}
    assert request(life.server, life.grants["rest"]["token"], "POST", "/v1/count", {})[1]["count"] == seen["records"]


@pytest.mark.parametrize("name", INTERFACES)
def test_every_question_is_in_the_audit(life: Life, name: str) -> None:
    entries = [entry for entry in life.log(name) if datetime.fromisoformat(entry["time"]) <= life.ended]
    entries = [entry for entry in entries if entry["action"] == "search"]
    assert [entry["query"] for entry in entries] == [asked.query for asked in QUESTIONS]
    for entry, asked, reply in zip(entries, QUESTIONS, life.replies[name], strict=True):
        assert entry["client"] == name and entry["grant"] == life.grants[name]["id"]
        assert life.began <= datetime.fromisoformat(entry["time"]) <= life.ended
        assert entry["records"] == [hit["id"] for hit in reply.hits]
        outside = bool({*asked.collections} - {"notes"})
        assert (entry["decision"], entry["reason"]) == (("deny", "out_of_scope") if outside else ("allow", "granted"))
        assert entry["via"] == ("mcp" if name in MCP else "rest"), "a command asks a running server over REST"
    assert life.server.json("audit", "verify")["ok"] is True


def test_a_person_can_read_the_log(life: Life) -> None:
    lines = life.server.command("audit", "--client", "rest", "--limit", "1000").stdout.splitlines()
    asked = [line for line in lines if "heat pump" in line]
    assert (
        len(asked) == 1 and asked[0].rstrip().endswith("released") and life.replies["rest"][0].hits[0]["id"] in asked[0]
    )
    assert sum("deny: out_of_scope" in line for line in lines) == 2


@pytest.mark.parametrize("name", MCP)
def test_only_the_tools_that_the_grant_allows_are_there(life: Life, name: str) -> None:
    transport, mode, version = MCP[name]
    scribe = grant(life.server, f"scribe-{name}", "--collection", f"inbox-{name}", "--action", "add")
    text = {"collection": f"inbox-{name}", "text": "Call the chimney sweep."}

    async def reads(client: Client) -> list[str]:
        assert client.protocol_version == version
        return [tool.name for tool in (await client.list_tools()).tools]

    async def writes(client: Client) -> tuple[list[str], Any, Any]:
        said = set()
        for tool in ("search", "nowhere"):  # what is not allowed cannot be told from what does not exist
            with pytest.raises(MCPError) as caught:
                await client.call_tool(tool, {"query": "chimney"})
            said.add((caught.value.error.code, caught.value.error.message, str(caught.value.error.data)))
        assert len(said) == 1
        elsewhere = await client.call_tool("add", text | {"collection": "notes"})
        return await reads(client), await client.call_tool("add", text), elsewhere

    def visit(token: str, talk: Callable[[Client], Any]) -> Any:
        return asyncio.run(converse(life.server, token, transport, mode, talk))

    assert visit(life.grants[name]["token"], reads) == ["search", "fetch", "count", "request_access"]
    tools, added, elsewhere = visit(scribe["token"], writes)
    assert tools == ["add", "request_access"] and json.loads(elsewhere.content[0].text) == {"code": "not_found"}
    id = added.structured_content["outcome"]["id"]
    record = request(life.server, life.owner(), "POST", "/v1/records/read", {"id": id})[1]["record"]
    assert (record["source"], record["provenance"]) == (f"client:scribe-{name}:inbox-{name}", "third_party")
    assert by_rest(life.server, scribe["token"], QUESTIONS[:1]) == [Reply(code="not_allowed")]
    denied = [(one["action"], one["reason"]) for one in life.log(f"scribe-{name}") if one["decision"] == "deny"]
    assert denied == [
        ("search", "action_not_granted"), ("unknown", "unknown_name"), ("add", "out_of_scope"),
        ("search", "action_not_granted"),
    ]  # fmt: skip


def test_the_sample_answers_its_questions(life: Life) -> None:
    """Measured: 50 of 57 within the first five hits (88 %); of the seven others five are paraphrases.

    Two fewer are allowed: on another CPU scores differ in the last digits, which can swap neighbours at rank five.
    """
    owner, missed = life.owner(), []
    questions = json.loads((SAMPLE / "questions.json").read_text("utf-8"))["questions"]
    for asked in questions:
        body = {"query": asked["question"], "limit": 5, "filter": {"collections": [asked["collection"]]}}
        status, said = request(life.server, owner, *SEARCH, body)
        assert status == 200 and len(said["hits"]) == 5
        if not {hit["origin"] for hit in said["hits"]} & set(asked["expected"]):
            missed.append(asked["id"])
    assert len(questions) - len(missed) >= 48, f"missed {missed}"


# ---------------------------------------------------------------- crash and revocation


def test_a_killed_worker_loses_nothing_that_was_answered(life: Life) -> None:
    server, token = life.server, life.grants["rest"]["token"]
    scribe = grant(server, "scribe", "--collection", "inbox", "--action", "add")
    before: Any = server.json("audit", "--limit", "1000")
    answered = busy_until_killed(server, token, scribe["token"])
    until_locked(server)
    assert by_locked(server, token) == ("locked", 5)
    server.command("unlock")

    after: Any = server.json("audit", "--limit", "1000")
    entries = {one["number"]: one for one in after["entries"]}
    assert [entries[one["number"]] for one in before["entries"]] == before["entries"]
    for kind, answer in answered:
        one = entries[answer["receipt"]["entry"]]
        assert (one["leaf"], one["entry"]["action"]) == (answer["receipt"]["leaf"], kind)
    new = [one for number, one in entries.items() if number >= before["size"]]
    new = [one for one in new if one["entry"]["client"] in ("rest", "scribe")]
    assert len(answered) <= len(new) <= len(answered) + 2, "beyond what was answered, at most what was on its way"
    assert server.json("audit", "verify")["ok"] is True

    kept: Any = {one["name"]: one["records"] for one in server.json("collections")["collections"]}  # type: ignore[index]
    assert {name: kept[name] for name in RECORDS} == RECORDS
    owner = life.owner()
    for id in (answer["outcomes"][0]["id"] for kind, answer in answered if kind == "add"):
        assert request(server, owner, "POST", "/v1/records/read", {"id": id})[0] == 200
    assert by_rest(server, token, QUESTIONS) == life.replies["rest"]


def busy_until_killed(server: Server, reader: str, writer: str) -> list[tuple[str, Any]]:
    """Ask and add at the same time, kill the worker in the middle; return (action, answer) of all that was answered."""
    answered: queue.Queue[tuple[str, Any]] = queue.Queue()

    def go_on(action: str, token: str, path: str, body: Callable[[int], Any]) -> None:
        for number in itertools.count():
            try:
                status, said = request(server, token, "POST", path, body(number))
            except (OSError, http.client.HTTPException, ValueError):
                return  # the worker was killed before it had answered
            if status != 200:
                return
            answered.put((action, said))

    def draft(number: int) -> Any:
        return {"collection": "inbox", "drafts": [{"origin": str(number), "text": f"Reminder number {number}."}]}

    def question(number: int) -> Any:
        return {"query": QUESTIONS[0].query, "limit": LIMIT}

    threads = [
        threading.Thread(target=go_on, args=("add", writer, "/v1/records", draft)),
        threading.Thread(target=go_on, args=("search", reader, "/v1/search", question)),
    ]
    for thread in threads:
        thread.start()
    seen = [answered.get(timeout=120) for _ in range(20)]
    worker = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()[0]
    os.kill(int(worker), signal.SIGKILL)
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return seen + [answered.get() for _ in range(answered.qsize())]


def until_locked(server: Server) -> None:
    """Ask how it is until it is locked. The requests pace it."""
    over = threading.Event()
    timer = threading.Timer(60, over.set)
    timer.start()
    try:
        while request(server, "", "GET", "/healthz")[1]["state"] != "locked":
            assert not over.is_set()
    finally:
        timer.cancel()


def by_locked(server: Server, token: str) -> tuple[str, int]:
    """Ask a locked vault over REST and by command; return the code of the one, the exit code of the other."""
    (reply,) = by_rest(server, token, QUESTIONS[:1])
    done = run_command(server.environment | {"OWNVAULT_TOKEN": token}, "search", QUESTIONS[0].query, check=False)
    return reply.code, done.returncode


def test_revoked_the_next_question_is_refused_by_every_interface(life: Life) -> None:
    leaver = grant(life.server, "leaver", "--collection", "notes")
    (reply,) = by_rest(life.server, leaver["token"], QUESTIONS[:1])
    assert len(reply.hits) == LIMIT
    life.server.command("revoke", leaver["id"])
    for name, ask in INTERFACES.items():
        assert ask(life.server, leaver["token"], QUESTIONS[:1]) == [Reply(code="token_refused")], name
    first, *rest = life.log("leaver")
    assert first["decision"] == "allow" and len(rest) >= len(INTERFACES)
    assert {(entry["decision"], entry["reason"]) for entry in rest} == {("deny", "grant_revoked")}
    assert life.server.json("audit", "verify")["ok"] is True
