"""An answer is inside the gate until its response is closed: when `revoke` returns, nothing of it is on its way.

With real sockets: clients that do not read, that read while they are cut off, and 64 at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api.conftest import new, started, stopped
from tests.api.reading import SMALL, Reading
from tests.support import PASSPHRASE, Server
from vault.api.client import RemoteVault
from vault.types import (
    AddRequest,
    AuditRequest,
    CountRequest,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    NarrowRequest,
    RevokeRequest,
    SearchRequest,
)

LABELS = tuple(f"{n:04}" + "x" * 250 for n in range(1000))
"""A quarter of a megabyte that needs no encoding."""
LONG = 8
CLIENTS, GRANTS = 64, 16


@dataclass
class Stage:
    server: Server
    remote: RemoteVault
    owner: Holder
    taken: str

    @property
    def port(self) -> int:
        return int(self.server.address.rsplit(":", 1)[1])

    def grant(self, client: str, *collections: str) -> tuple[str, str]:
        """Return the id and token of a new grant."""
        made = self.remote.grant(self.owner, GrantRequest(client, filter=Filter(collections=collections)))
        return made.grant.id, made.token


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    server = started(new(tmp_path_factory.mktemp("release")))
    try:
        remote = RemoteVault(server.address)
        owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
        long = tuple(Draft(str(n), f"A long story, part {n}.", labels=LABELS) for n in range(LONG))
        remote.add(owner, AddRequest("long", long, "t"))
        short = Draft("taken", "A shorter story.", labels=("taken", *LABELS[:250]))
        (taken,) = remote.add(owner, AddRequest("short", (short,), "s")).outcomes
        yield Stage(server, remote, owner, taken.id)
    finally:
        stopped(server)


def ask_rest(client: Reading, token: str, limit: int = LONG) -> None:
    client.ask("/v1/search", {"query": "a long story", "limit": limit}, authorization=f"Bearer {token}")


def ask_mcp(client: Reading, token: str, limit: int = LONG) -> None:
    arguments = {"query": "a long story", "limit": limit}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": arguments}}
    client.ask("/mcp", call, authorization=f"Bearer {token}", accept="application/json, text/event-stream",
               mcp_protocol_version="2025-11-25")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("ask", "collection"), [(ask_rest, "long"), (ask_rest, "short"), (ask_mcp, "short")])
def test_revoking_cuts_off_a_client_that_does_not_read(stage: Stage, ask: Callable[..., None], collection: str) -> None:
    """One answer is so long that the server cannot get rid of it, one so short that it lies in the kernel whole.

    Over MCP there are none of the first kind: a result has an upper limit.
    """
    id, token = stage.grant("slow", collection)
    client = Reading(stage.port, SMALL)
    ask(client, token)
    client.some(1000)
    stage.remote.revoke(stage.owner, id)  # returns although the client reads nothing
    arrived = client.arrived()
    reply = client.reply()
    assert (reply.status, reply.whole) == (200, False)
    assert len(reply.data) == arrived.size, "bytes arrived after the revocation had returned"
    client.close()
    assert stage.remote.count(stage.owner, CountRequest()).count, "the server goes on"


def test_revoking_waits_for_a_client_that_reads(stage: Stage) -> None:
    id, token = stage.grant("steady", "long")
    client = Reading(stage.port, SMALL)
    ask_rest(client, token)
    client.some(1000)
    with ThreadPoolExecutor(1) as pool:
        revoking = pool.submit(stage.remote.revoke, stage.owner, id)
        reply = client.reply()
        assert revoking.result().status == "revoked"
    assert reply.whole and len(reply.json["hits"]) == LONG
    ask_rest(client, token)
    assert client.reply().status == 401
    client.close()


@pytest.mark.parametrize("ending", ["client", "all"])
def test_every_way_to_end_a_grant_waits(stage: Stage, ending: str) -> None:
    _, token = stage.grant(f"steady-{ending}", "long")
    client = Reading(stage.port, SMALL)
    ask_rest(client, token)
    client.some(1000)
    request = RevokeRequest(all=True) if ending == "all" else RevokeRequest(f"steady-{ending}")
    with ThreadPoolExecutor(1) as pool:
        revoking = pool.submit(stage.remote.revoke_many, stage.owner, request)
        assert client.reply().whole
        assert revoking.result().grants
    client.close()


def test_a_client_that_goes_away_holds_nobody_up(stage: Stage) -> None:
    id, token = stage.grant("gone", "long")
    client = Reading(stage.port, SMALL)
    ask_rest(client, token)
    client.some(1000)
    client.close()
    assert stage.remote.revoke(stage.owner, id).status == "revoked"
    assert stage.remote.search(stage.owner, SearchRequest("a long story", 1)).hits


# ---------------------------------------------------------------- many at once


@dataclass
class Visitor:
    """One client that asks for a record again and again until it is refused, and what it was given when."""

    port: int
    token: str
    record: str
    begun: threading.Event = field(default_factory=threading.Event)
    seen: list[tuple[int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Reading(self.port)

    def visit(self) -> None:
        """Note number, status and size of every answer until one says that it is over; 503 says to ask again."""
        status = 200
        while status in (200, 503):
            self.client.ask("/v1/records/read", {"id": self.record}, authorization=f"Bearer {self.token}")
            reply = self.client.reply()
            status = reply.status
            self.seen.append((reply.number, status, len(reply.data)))
            self.begun.set()


def play(stage: Stage, name: str) -> None:
    """One round: 64 clients under 16 grants; half of the grants are revoked, half lose the record that is asked for."""
    made = [stage.grant(f"{name}-{n}", "short") for n in range(GRANTS)]
    visitors = [Visitor(stage.port, made[n % GRANTS][1], stage.taken) for n in range(CLIENTS)]
    over = NarrowRequest(filter=Filter(without_labels=("taken",)))

    def end(n: int) -> None:
        mine = visitors[n::GRANTS]
        for visitor in mine:
            visitor.begun.wait()
        id = made[n][0]
        if n % 2:
            stage.remote.revoke(stage.owner, id)
        else:
            stage.remote.narrow(stage.owner, id, over)
        marks[n] = [visitor.client.arrived() for visitor in mine]

    marks: dict[int, Any] = {}
    with ThreadPoolExecutor(CLIENTS + 4) as pool:
        visits = [pool.submit(visitor.visit) for visitor in visitors]
        for ending in [pool.submit(end, n) for n in range(GRANTS)]:
            ending.result()
        for visit in visits:
            visit.result()
    for n, mark in marks.items():
        for visitor, then in zip(visitors[n::GRANTS], mark, strict=True):
            released = [(number, size) for number, status, size in visitor.seen if status == 200]
            assert released, "every client was answered while it could be"
            assert all((number, size) <= (then.number, then.size) for number, size in released), (released[-1], then)
            assert visitor.seen[-1][1] in ((401, 429) if n % 2 else (404,))  # 429: refused, too often to be logged each
    for n in range(GRANTS):
        stage.remote.revoke(stage.owner, made[n][0])
    for visitor in visitors:
        visitor.client.close()


def test_nothing_is_released_after_its_grant_ended(stage: Stage) -> None:
    for n in range(2):
        play(stage, f"crowd{n}")
    for n in range(1, GRANTS, 2):  # and in the log: no answer of a revoked grant has a later number than its end
        entries = stage.remote.audit(stage.owner, AuditRequest(limit=1000, client=f"crowd0-{n}")).entries
        last = max(one.number for one in entries if one.entry.decision == "allow")
        ends = stage.remote.audit(stage.owner, AuditRequest(limit=1000, client="owner")).entries
        ended = [one.number for one in ends if one.entry.detail.get("client") == f"crowd0-{n}"]
        assert last < max(ended)


@pytest.mark.torture
def test_nothing_is_released_after_its_grant_ended_in_a_thousand_rounds(stage: Stage) -> None:
    for n in range(1000):
        play(stage, f"torture{n}")
