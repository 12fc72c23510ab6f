"""`/v1/events`: what the owner's surfaces are told, to whom, how far back, and what a listener may cost."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.api import raw
from tests.api.conftest import DRAFTS, Running, assistant, new, started, stopped
from tests.support import PASSPHRASE
from vault import limits
from vault.api import stream
from vault.api.client import RemoteVault
from vault.api.events import _Reader
from vault.errors import BadRequest, NotAllowed, Refused, Throttled
from vault.types import (
    AccessRequest,
    Action,
    AddRequest,
    Approval,
    ApproveRequest,
    AuditRequest,
    Event,
    EventKind,
    Filter,
    GrantRequest,
    Happened,
    Holder,
    Limits,
    Position,
    SearchRequest,
)

LEAVING = 500
"""Times that one asks again: the server sees listeners leave when it does."""
NOTES = Filter(collections=("notes",))


def position(running: Running) -> str:
    """Return the position at which the log ends now."""
    size = running.remote.audit(running.owner, AuditRequest(limit=1)).size
    told = running.remote.notices(running.owner).notices
    return f"{size}-{max((one.number for one in told), default=0)}"


def until(events: Iterator[tuple[str, Event]], kind: EventKind, client: str) -> Event:
    """Read on until the event of a kind that is about a client."""
    return next(one for _, one in events if (one.kind, one.client) == (kind, client))


def test_what_happens_is_told_as_it_does(running: Running) -> None:
    events = running.remote.events(running.owner, position(running))
    claude = assistant(running, "teller", Action.SEARCH, Action.COUNT)
    made = until(events, EventKind.GRANT, "teller")
    assert (made.what, made.via) == ("grant", "rest") and made.grant.startswith("g")
    running.remote.search(claude, SearchRequest("the keel bolts"))
    released = until(events, EventKind.RELEASE, "teller")
    assert (released.what, released.grant, released.records) == ("search", made.grant, 3)
    with pytest.raises(NotAllowed):
        running.remote.add(claude, AddRequest("notes", DRAFTS))
    assert until(events, EventKind.REFUSAL, "teller").reason == "action_not_granted"
    running.remote.pause(running.owner, made.grant)
    assert until(events, EventKind.PAUSE, "teller").what == "pause"
    running.remote.revoke(running.owner, made.grant)
    assert until(events, EventKind.GRANT, "teller").what == "revoke"


def test_no_event_holds_what_was_asked_or_answered(running: Running) -> None:
    begin = position(running)
    running.remote.search(running.claude, SearchRequest("canary query keel"))
    lines = running.remote._calls.lines(stream.PATH, running.owner, {"Last-Event-ID": begin})
    seen = []
    for line in lines:
        seen.append(line)
        if "release" in line:
            seen.append(next(lines))
            break
    text = "\n".join(seen)
    assert '"client":"claude"' in text
    for word in ("canary", "keel", "bolts", "Anders", "notes"):
        assert word not in text


def test_a_request_its_notice_and_the_decision(running: Running) -> None:
    begin = position(running)
    asking = GrantRequest("asker", (Action.SEARCH,), NOTES, approval=Approval.EACH)
    holder = Holder(running.remote.grant(running.owner, asking).token)
    with pytest.raises(Exception, match="approval") as raised:
        running.remote.search(holder, SearchRequest("choir"))
    id = raised.value.request  # type: ignore[attr-defined]
    wish = running.remote.request_access(running.claude, AccessRequest("for a test", (Action.COUNT,), NOTES))
    running.remote.approve(running.owner, id, ApproveRequest())
    running.remote.deny(running.owner, wish.id)
    with contextlib.closing(running.remote.events(running.owner, begin)) as events:
        found = [next(events)[1] for _ in range(7)]
    kinds = [(one.kind, one.request) for one in found if one.request]
    assert sorted(kinds) == sorted([
        (EventKind.REQUEST, id), (EventKind.NOTICE, id), (EventKind.DECISION, id),
        (EventKind.REQUEST, wish.id), (EventKind.NOTICE, wish.id), (EventKind.DECISION, wish.id),
    ])  # fmt: skip


def test_a_limit_that_is_reached_pauses(running: Running) -> None:
    begin = position(running)
    wanted = GrantRequest("eager", (Action.COUNT,), NOTES, limits=Limits(queries_per_hour=1))
    holder = Holder(running.remote.grant(running.owner, wanted).token)
    from vault.types import CountRequest

    running.remote.count(holder, CountRequest())
    with pytest.raises(Exception, match="limit"):
        running.remote.count(holder, CountRequest())
    event = until(running.remote.events(running.owner, begin), EventKind.PAUSE, "eager")
    assert event.reason == "limit_queries_per_hour"


def test_a_listener_goes_on_where_it_was(running: Running) -> None:
    begin = position(running)
    for client in ("one", "two", "three"):
        assistant(running, f"again-{client}", Action.COUNT)
    first = running.remote.events(running.owner, begin)
    told = [next(first) for _ in range(3)]
    assert [one.client for _, one in told] == ["again-one", "again-two", "again-three"]
    assistant(running, "again-four", Action.COUNT)
    after = running.remote.events(running.owner, told[-1][0])
    assert next(after)[1].client == "again-four"


def test_only_the_owner_listens(running: Running) -> None:
    from vault.permissions import tokens

    (key, *_) = running.remote.public_keys()["token_keys"]  # type: ignore[misc]
    narrowed = tokens.attenuate(running.owner.token, tokens.public_key(key["public_key"]), actions=[Action.COUNT])
    for holder, refusal in (
        (Holder(""), Refused), (Holder("x"), Refused), (running.claude, NotAllowed), (Holder(narrowed), NotAllowed),
    ):  # fmt: skip
        with pytest.raises(refusal):
            next(running.remote.events(holder))
    answer = raw.request(running.port, "GET", stream.PATH)
    assert answer and answer.status == 401 and answer.headers["content-type"] == "application/problem+json"
    page = running.remote.audit(running.owner, AuditRequest(limit=1)).entries[0].entry
    assert (page.action, page.decision) == ("audit", "deny")
    for id in ("x", "1", "1-x", "-1-1", "1-1\r\nlast-event-id: 2-2", "9" * 16 + "-1"):
        said = raw.request(running.port, "GET", stream.PATH, authorization=f"Bearer {running.owner.token}",
                           last_event_id=id)  # fmt: skip
        assert said and said.status == 400, id


def test_a_position_beyond_the_end_is_the_end(running: Running) -> None:
    """As after a restore from a backup: what comes next is told, and nothing before."""
    events = running.remote.events(running.owner, "999999999999-999999")
    opened = threading.Event()

    def act() -> None:
        opened.wait(20)
        while not done.is_set():
            assistant(running, "beyond", Action.COUNT)
            done.wait(0.2)

    done = threading.Event()
    thread = threading.Thread(target=act)
    thread.start()
    opened.set()
    try:
        assert next(events)[1].client == "beyond"
    finally:
        done.set()
        thread.join()


def test_listeners_are_bounded_and_leave_room_for_everybody_else(running: Running) -> None:
    """More listeners than threads keep no thread, and one more is refused; when they leave there is room again."""
    with contextlib.ExitStack() as stack:
        for _ in range(limits.LISTENERS):
            stack.enter_context(contextlib.closing(listening(running.port, running.owner)))
        with pytest.raises(Throttled):
            next(running.remote.events(running.owner))
        assert running.remote.search(running.claude, SearchRequest("choir")).hits
    begin = position(running)
    assistant(running, "after", Action.COUNT)
    for _ in range(LEAVING):
        with contextlib.suppress(Throttled):
            assert next(running.remote.events(running.owner, begin))[1].client == "after"
            return
    pytest.fail("the listeners that left still count")


def listening(port: int, owner: Holder) -> socket.socket:
    """Return a connection on which a listener has been answered; those who listened before may still be leaving."""
    head = f"GET {stream.PATH} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {owner.token}\r\n\r\n"
    answer = b""
    for _ in range(LEAVING):
        sock = socket.create_connection(("127.0.0.1", port), 20)
        sock.sendall(head.encode())
        if (answer := sock.recv(4096)).startswith(b"HTTP/1.1 200"):
            return sock
        sock.close()
    raise AssertionError(answer)


def test_the_stream_ends_with_the_lock(tmp_path: Path) -> None:
    server = started(new(tmp_path))
    try:
        remote = RemoteVault(server.address)
        owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
        with contextlib.closing(listening(int(server.address.rsplit(":", 1)[1]), owner)) as sock:
            remote.lock(owner)
            sock.settimeout(20)
            told = b""
            while part := sock.recv(4096):
                told += part
        assert b"event: end" in told and b"event: lock" in told
        assert remote.health()["state"] == "locked"
    finally:
        assert stopped(server) == 0


def test_a_listener_does_not_put_off_the_idle_lock() -> None:
    from vault.api import app, surfaces

    assert surfaces.among(stream.PATH, app.QUIET)


# ---------------------------------------------------------------- as they are written


def test_events_survive_the_wire() -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    told = tuple(
        Event(kind, n, moment, "kläude\n", "g1", "search", "mcp", "granted", 2, "q1")
        for n, kind in enumerate(EventKind)
    )
    text = stream.opening(Position(0, 0)) + stream.BEAT + stream.text(Happened(told, Position(10, 3))) + stream.END
    assert text.count("\n\n") == len(told) + 3
    back = list(stream.events(iter(text.split("\n"))))
    assert [event for _, event in back] == list(told) and back[-1][0] == "10-3"
    assert stream.text(Happened((), Position(1, 1))) == ""
    assert stream.position(stream.name(Position(7, 9))) == Position(7, 9)


@pytest.mark.parametrize("id", ["", "1", "1-", "-1", "1-1-1", "a-b", "\uff11-1", "1 - 1", "1" * 16 + "-1"])
def test_what_is_no_position(id: str) -> None:
    with pytest.raises(BadRequest):
        stream.position(id)


def test_what_is_no_event(running: Running) -> None:
    with pytest.raises(Exception, match="not a vault's"):
        list(stream.events(["event: release", f"data: {json.dumps({'kind': 'unheard of'})}", ""]))


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell what has arrived")
def test_a_listener_that_takes_nothing_is_dropped() -> None:
    """It would be queued for without an end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
        with listener, ours:
            ours.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    ours.send(b"x" * 65536)
            reader = _Reader({"client": listener.getsockname()})
            try:
                assert reader.reads(), "at the first look nobody knows"
                assert not reader.reads()
                with pytest.raises(ConnectionResetError):
                    while listener.recv(1 << 20):
                        pass
            finally:
                reader.close()
