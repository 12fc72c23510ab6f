"""What an assistant with a token tried against limits, approvals, redaction and revocation, and what must hold."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import new, started, stopped
from tests.api.reading import SMALL
from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder, fill
from vault.api.client import RemoteVault
from vault.config import Config
from vault.decision import Decision
from vault.errors import ApprovalRequired, Denied, Refused, VaultError
from vault.permissions import tokens
from vault.release import Release
from vault.ring import Ring
from vault.service import Vault
from vault.types import (
    AccessRequest,
    Action,
    AddRequest,
    Approval,
    ApproveRequest,
    AuditRequest,
    By,
    CountRequest,
    Detail,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    Lasting,
    Limits,
    ReadRequest,
    SearchRequest,
    Sensitivity,
    Usage,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECRET = "SECRETWORD"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def clocked(tmp_path: Path, clock: Clock) -> Iterator[Vault]:
    config = Config(directory=tmp_path / "clocked", argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock) as vault:
        yield vault


def notes(vault: Vault, number: int, **more: Any) -> None:
    drafts = tuple(Draft(f"n{i}", f"plain words {i}", f"t{i}", **more) for i in range(number))
    vault.add(Holder(vault.owner_token().token), AddRequest("notes", drafts, "s"))


def granted(vault: Vault, client: str, *actions: Action, **more: Any) -> Holder:
    request = GrantRequest(client, actions or (Action.SEARCH, Action.READ, Action.COUNT), all=True, **more)
    return Holder(vault.grant(Holder(vault.owner_token().token), request).token)


def used(vault: Vault, owner: Holder, client: str) -> Usage:
    return next(view.used for view in vault.grants(owner) if view.client == client)


def held(call: Callable[[], object]) -> str:
    """Return the id of the request that a held answer waits for."""
    with pytest.raises(ApprovalRequired) as error:
        call()
    return error.value.request


# ---------------------------------------------------------------- around redaction


@pytest.mark.parametrize(
    "text",
    [
        "card 4111\x011111\x011111\x011111 it is",
        "write to jane\x01@example.org",
        "write to jane@exam\x7fple.org",
        "write to jane.\x0cdoe@example.org",
        "DE89\x01 3704 0044 0532 0130 00",
        ("\u200b" * 9).join("4111111111111111"),
        ("\u200b" * 60).join("4111111111111111"),
    ],
)
def test_what_is_taken_out_of_an_identifier_does_not_hide_it(vault: Vault, owner: Holder, text: str) -> None:
    """The characters go before the text leaves, so they must not keep it from being masked."""
    draft = Draft("n", f"words {text}", title=text[:1000])
    made = vault.add(owner, AddRequest("notes", (draft,), "s")).outcomes[0].id
    reading = granted(vault, "c", detail=Detail.REDACTED, filter=Filter(sensitivity="secret"))
    seen = vault.read(reading, ReadRequest(made)).record
    for masked in (seen.title, seen.text):
        assert "[" in masked
        assert not any(part in masked for part in ("1111", "jane", "doe", "3704"))


@pytest.mark.parametrize("hidden", ["", "\x01", "\u200b", "\u200b" * 9, "\u200b" * 100])
def test_a_window_shows_no_part_of_an_identifier_with_something_hidden_in_it(
    vault: Vault, owner: Holder, hidden: str
) -> None:
    text = "words " * 20 + hidden.join("4111111111111111") + " more" * 20
    made = vault.add(owner, AddRequest("notes", (Draft("n", text),), "s")).outcomes[0].id
    record = vault._parts.library.record(made)
    assert record is not None
    for end in range(118, len(text), 7):
        assert "4" not in Release(Detail.REDACTED).hit(record, 0, end, 1.0).text.replace("[card 1]", "")


# ---------------------------------------------------------------- numbers as an oracle


def test_a_few_of_one_sensitivity_are_charged_and_nothing_else(vault: Vault, owner: Holder) -> None:
    notes(vault, 30)
    vault.add(owner, AddRequest("notes", (Draft("s", "hidden", sensitivity=Sensitivity.SECRET),), "s"))
    counting = granted(vault, "c", Action.COUNT, filter=Filter(sensitivity="secret"))
    assert vault.count(counting, CountRequest(by=By.SENSITIVITY)).groups == {"personal": 30, "secret": 1}
    assert used(vault, owner, "c").records == 1


def test_the_last_month_of_all_can_be_counted(vault: Vault, owner: Holder) -> None:
    notes(vault, 30, created=NOON)
    vault.add(owner, AddRequest("notes", (Draft("e", "no end", created=datetime(9999, 12, 31, tzinfo=UTC)),), "s"))
    counting = granted(vault, "c", Action.COUNT)
    assert vault.count(counting, CountRequest(by=By.MONTH)).groups == {"2026-11": 30, "9999-12": 1}
    assert used(vault, owner, "c").records == 1


def test_dates_of_single_records_are_charged(vault: Vault, owner: Holder) -> None:
    """Else a client goes from each first date to the next and knows them all, for nothing."""
    drafts = tuple(Draft(f"n{i}", f"words {i}", created=NOON + timedelta(days=i)) for i in range(30))
    vault.add(owner, AddRequest("notes", drafts, "s"))
    counting = granted(vault, "c", Action.COUNT)
    vault.count(counting, CountRequest(dates=True))
    assert used(vault, owner, "c").records == 2


def test_a_date_of_many_tells_of_none(vault: Vault, owner: Holder) -> None:
    notes(vault, 30, created=NOON)
    counting = granted(vault, "c", Action.COUNT)
    assert vault.count(counting, CountRequest(dates=True)).first == NOON
    assert used(vault, owner, "c").records == 0


def test_two_large_numbers_that_differ_by_one_are_charged(vault: Vault, owner: Holder) -> None:
    notes(vault, 30)
    vault.add(owner, AddRequest("notes", (Draft("h", "a result", labels=("hiv",)),), "s"))
    counting = granted(vault, "c", Action.COUNT)
    assert vault.count(counting, CountRequest()).count == 31
    assert vault.count(counting, CountRequest(Filter(without_labels=("hiv",)))).count == 30
    assert used(vault, owner, "c").records >= 1


# ---------------------------------------------------------------- around limits and approvals


def test_answers_that_are_held_back_are_counted(vault: Vault, owner: Holder) -> None:
    notes(vault, 3)
    limited = Limits(queries_per_hour=2)
    asking = granted(vault, "c", approval=Approval.EACH, limits=limited)
    codes = []
    for _ in range(4):
        with pytest.raises(VaultError) as error:
            vault.search(asking, SearchRequest("plain"))
        codes.append(error.value.code)
    assert codes == ["approval_required", "approval_required", "limit_reached", "token_refused"]


def labelled(*labels: str) -> SearchRequest:
    return SearchRequest("plain", filter=Filter(labels=labels))


SAME = [
    (labelled("a", "b"), labelled("b", "a")),
    (labelled("a"), labelled("a", "a")),
    (SearchRequest("plain words"), SearchRequest("plain words ")),
    (SearchRequest("plain words"), SearchRequest("plain\u200b words")),
]  # fmt: skip


def test_what_is_asked_too_often_is_counted_too(vault: Vault, owner: Holder) -> None:
    """A refusal says that a sensitive record is among the best, so it is no free question."""
    notes(vault, 3)
    vault.add(owner, AddRequest("notes", (Draft("s", "plain words", sensitivity=Sensitivity.SECRET),), "s"))
    bounds = Limits(queries_per_hour=100)
    asking = granted(vault, "c", approval=Approval.SENSITIVE, limits=bounds, filter=Filter(sensitivity="secret"))
    codes = set()
    for n in range(30):
        with pytest.raises(VaultError) as error:
            vault.search(asking, SearchRequest(f"plain words {n}"))
        codes.add(error.value.code)
    assert codes == {"approval_required", "throttled"}
    assert used(vault, owner, "c").queries == 30


@pytest.mark.parametrize("pair", SAME)
def test_what_looks_the_same_to_the_owner_is_one_question(
    vault: Vault, owner: Holder, pair: tuple[SearchRequest, SearchRequest]
) -> None:
    notes(vault, 3)
    asking = granted(vault, "c", approval=Approval.EACH)
    first = held(lambda: vault.search(asking, pair[0]))
    assert held(lambda: vault.search(asking, pair[1])) == first
    vault.deny(owner, first)
    with pytest.raises(Denied):
        vault.search(asking, pair[1])


def test_words_of_an_addition_are_not_kept_with_its_approval(vault: Vault, owner: Holder) -> None:
    fill(vault, "inbox", one="a word")
    adding = granted(vault, "c", Action.ADD, approval=Approval.EACH)
    request = AddRequest("inbox", (Draft("x", SECRET * 1000),))
    id = held(lambda: vault.add(adding, request))
    assert sum(len(str(view.terms)) for view in vault.requests(owner)) < 5000
    vault.approve(owner, id, ApproveRequest())
    made = vault.add(adding, request).outcomes[0].id
    vault.forget(owner, made)
    assert SECRET not in str(vault.requests(owner, True))


def test_two_additions_that_differ_are_two_questions(vault: Vault, owner: Holder) -> None:
    fill(vault, "inbox", one="a word")
    adding = granted(vault, "c", Action.ADD, approval=Approval.EACH)
    first = held(lambda: vault.add(adding, AddRequest("inbox", (Draft("x", "harmless"),))))
    vault.approve(owner, first, ApproveRequest())
    for other in (Draft("x", "harmful"), Draft("y", "harmless"), Draft("x", "harmless", labels=("l",))):
        assert held(lambda draft=other: vault.add(adding, AddRequest("inbox", (draft,)))) != first  # type: ignore[misc]


def test_an_approval_for_a_time_does_not_come_back_with_the_clock(clocked: Vault, clock: Clock) -> None:
    notes(clocked, 3)
    owner, asking = Holder(clocked.owner_token().token), granted(clocked, "c", approval=Approval.EACH)
    id = held(lambda: clocked.search(asking, SearchRequest("plain")))
    clocked.approve(owner, id, ApproveRequest(Lasting.WHILE, 60))
    assert clocked.search(asking, SearchRequest("plain")).hits
    clock.now += timedelta(minutes=10)
    held(lambda: clocked.search(asking, SearchRequest("plain")))
    clock.now -= timedelta(minutes=10)
    held(lambda: clocked.search(asking, SearchRequest("words")))


def test_prompts_do_not_push_other_notices_out(clocked: Vault, clock: Clock) -> None:
    notes(clocked, 1)
    limited, asking = granted(clocked, "l", limits=Limits(queries_per_hour=1)), granted(clocked, "c")
    clocked.search(limited, SearchRequest("plain"))
    with pytest.raises(VaultError):
        clocked.search(limited, SearchRequest("plain"))
    for n in range(510):
        if n % 20 == 0:
            clock.now += timedelta(hours=1, seconds=1)
        clocked.request_access(asking, AccessRequest(f"reason {n}", filter=Filter(collections=("notes",))))
    told = clocked.notices(Holder(clocked.owner_token().token)).notices
    assert "limit" in {notice.kind for notice in told}


# ---------------------------------------------------------------- narrowed tokens and keys


def test_a_token_narrowed_to_a_label_overwrites_nothing_without_it(vault: Vault, owner: Holder) -> None:
    fill(vault, "inbox", one="a word")
    wide = granted(vault, "c", Action.ADD, Action.READ)
    (mine,) = vault.add(wide, AddRequest("inbox", (Draft("memo", "precious", labels=("private",)),))).outcomes
    key = tokens.public_key(vault.public_keys()["token_keys"][0]["public_key"])  # type: ignore[index]
    narrow = Holder(tokens.attenuate(wide.token, key, labels=["work"]))
    try:
        vault.add(narrow, AddRequest("inbox", (Draft("memo", "overwritten", labels=("work",)),)))
    except VaultError as error:
        assert error.code == "not_found"
    assert vault.read(owner, ReadRequest(mine.id)).record.text == "precious"


def test_a_retired_key_stops_an_answer_that_is_being_produced(
    vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(vault, "notes", one=SECRET)
    asking = granted(vault, "c")
    vault.rotate(owner)
    newer = Holder(vault.owner_token().token)
    there, on, record = threading.Event(), threading.Event(), Decision.record

    def pausing(decision: Decision, *arguments: Any, **named: Any) -> Any:
        if decision.client == "c":
            there.set()
            assert on.wait(10)
        return record(decision, *arguments, **named)

    monkeypatch.setattr(Decision, "record", pausing)
    got: list[object] = []

    def ask() -> None:
        try:
            got.append(vault.search(asking, SearchRequest(SECRET)))
        except VaultError as error:
            got.append(type(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert there.wait(10)
    vault.retire(newer, 1)
    on.set()
    thread.join(10)
    assert got == [Refused]


def test_the_owner_retires_the_key_of_their_own_token(vault: Vault, owner: Holder) -> None:
    vault.rotate(owner)
    vault.retire(owner, 1)
    with pytest.raises(Refused):
        vault.grants(owner)
    assert vault.grants(Holder(vault.owner_token().token)) == ()


def test_turning_keys_at_once_leaves_what_the_store_says(
    vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.rotate(owner)
    newer = Holder(vault.owner_token().token)
    vault.retire(newer, 1)
    there, on, turn, slow = threading.Event(), threading.Event(), Ring.turn, threading.Event()

    def pausing(ring: Ring, live: list[int]) -> None:
        if not slow.is_set():
            slow.set()
            there.set()
            on.wait(1)
        turn(ring, live)

    monkeypatch.setattr(Ring, "turn", pausing)
    rotating = threading.Thread(target=vault.rotate, args=(newer,))
    rotating.start()
    assert there.wait(10)
    retiring = threading.Thread(target=vault.retire, args=(newer, 2))
    retiring.start()
    retiring.join(0.5)  # it may have to wait for the first
    on.set()
    rotating.join(10)
    retiring.join(10)
    assert [key["kid"] for key in vault.public_keys()["token_keys"]] == [3]  # type: ignore[attr-defined]


# ---------------------------------------------------------------- the way out


def _head(port: int, method: str, path: str, said: Any = None, token: str = "") -> bytes:
    body = b"" if said is None else json.dumps(said).encode()
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
    if said is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.slow
@pytest.mark.parametrize("first", ["public", "search"])
def test_an_answer_before_it_does_not_let_an_answer_out_early(tmp_path: Path, first: str) -> None:
    """Two requests on one connection, the first with a long answer, and a client that hardly reads."""
    server = started(new(tmp_path))
    try:
        remote, port = RemoteVault(server.address), int(server.address.rsplit(":", 1)[1])
        owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
        remote.add(owner, AddRequest("notes", (Draft("n", SECRET),), "t"))
        labels = tuple(f"{n:04}" + "x" * 250 for n in range(170))
        remote.add(owner, AddRequest("long", (Draft("l", "a long one", labels=labels),), "l"))
        made, other = (
            remote.grant(owner, GrantRequest(client, filter=Filter(collections=(collection,))))
            for client, collection in (("c", "notes"), ("d", "long"))
        )
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL // 4)
            client.settimeout(20)
            client.connect(("127.0.0.1", port))
            before = _head(port, "GET", "/openapi.json")
            if first == "search":
                before = _head(port, "POST", "/v1/search", {"query": "long"}, other.token)
            client.sendall(before + _head(port, "POST", "/v1/search", {"query": SECRET}, made.token))
            for _ in range(50):  # time enough for the second answer to be recorded, were it not made to wait
                remote.audit(owner, AuditRequest(limit=1))
            data = b""
            while len(data) < SMALL:
                data += client.recv(1024)
            remote.revoke(owner, made.grant.id)
            after = _rest(client)
        assert SECRET.encode() not in data + after
    finally:
        stopped(server)


def _rest(client: socket.socket) -> bytes:
    """Return what still comes until the second answer is whole or the connection ends."""
    data = b""
    try:
        while not data.endswith(b"}") or b"HTTP/1.1 " not in data:
            more = client.recv(65536)
            if not more:
                break
            data += more
    except ConnectionError:
        pass
    return data


def test_a_redacted_grant_masks_names_of_groups(vault: Vault, owner: Holder) -> None:
    notes(vault, 12, people=("jane@example.org",), labels=("+49 170 1234567",))
    counting = granted(vault, "c", Action.COUNT, detail=Detail.ANSWERS)
    for by in (By.PERSON, By.LABEL):
        (name,) = vault.count(counting, CountRequest(by=by)).groups
        assert name.startswith("[")
