"""Requests: every operation on every verdict, nothing used twice, nothing decided twice, silence denies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from vault import limits
from vault.errors import BadRequest, Damaged, NotFound, Throttled
from vault.permissions import approvals, grants, scope
from vault.store.database import Database
from vault.types import (
    EVERYTHING,
    Action,
    Approval,
    Asked,
    Connection,
    Filter,
    Grant,
    Lasting,
    Provenance,
    Record,
    Request,
    Sensitivity,
    Status,
    Verdict,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
MOMENT, MINUTE, HOUR, DAY = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GRANT = Grant(
    id="g-1", client="Claude", purpose="weekly review", actions=frozenset({Action.SEARCH, Action.READ}),
    where=scope.from_filter(Filter(collections=("notes",)), all=False), status=Status.ACTIVE, created=NOW,
    expires=NOW + 30 * DAY, last_used=None, approval=Approval.FIRST,
)  # fmt: skip
ANSWER = Request(
    id="q-1", asked=Asked.ANSWER, grant="g-1", client="Claude", key=approvals.key("g-1", "search", "{}", "{}"),
    action="search", query="dentist", purpose="weekly review", terms='{"query":"dentist"}', records=("r1", "r2"),
    created=NOW, expires=NOW + HOUR, verdict=Verdict.PENDING,
)  # fmt: skip
ACCESS = replace(ANSWER, asked=Asked.ACCESS, action="request_access", query="", records=())
RECORD = Record(
    id="r", collection="notes", source="vault", origin="o", kind="note", title="", text="", date=NOW, updated=None,
    imported=NOW, people=(), labels=(), sensitivity=Sensitivity.PERSONAL, language="", provenance=Provenance.OWNER,
    url="", thread="", position=0, version=1,
)  # fmt: skip
NARROWER = scope.to_json(EVERYTHING.narrow(labels=(frozenset({"work"}),)))


# ---------------------------------------------------------------- every operation on every verdict


def approve(conn: Any, now: datetime = NOW, lasting: Lasting = Lasting.ONCE, where: str = "") -> Request:
    return approvals.approve(conn, "q-1", lasting, where, NOW + HOUR, now)


def granted(conn: Any) -> None:
    approve(conn)
    approvals.grant_made(conn, "q-1", "g-2")


BEFORE: dict[str, dict[Verdict, Callable[[Any], object]]] = {
    "answer": {
        Verdict.PENDING: lambda conn: None,
        Verdict.APPROVED: approve,
        Verdict.STANDING: lambda conn: approve(conn, lasting=Lasting.WHILE),
        Verdict.USED: lambda conn: (approve(conn), approvals.use(conn, "q-1", NOW)),
        Verdict.DENIED: lambda conn: approvals.deny(conn, "q-1", NOW),
        Verdict.LAPSED: lambda conn: approvals.lapse(conn, NOW + HOUR),
    },
    "access": {
        Verdict.PENDING: lambda conn: None,
        Verdict.APPROVED: granted,
        Verdict.USED: lambda conn: (granted(conn), approvals.collected(conn, "q-1")),
        Verdict.DENIED: lambda conn: approvals.deny(conn, "q-1", NOW),
        Verdict.LAPSED: lambda conn: approvals.lapse(conn, NOW + HOUR),
    },
}
SOON, LATE = NOW + MINUTE, NOW + 2 * DAY
OPERATIONS: dict[str, Callable[[Any], object]] = {
    "approve": lambda conn: approve(conn, SOON),
    "approve for a while": lambda conn: approve(conn, SOON, Lasting.WHILE, NARROWER),
    "approve always": lambda conn: approve(conn, SOON, Lasting.ALWAYS),
    "approve too late": lambda conn: approvals.approve(conn, "q-1", Lasting.ONCE, "", LATE + HOUR, LATE),
    "deny": lambda conn: approvals.deny(conn, "q-1", SOON),
    "deny too late": lambda conn: approvals.deny(conn, "q-1", LATE),
    "use": lambda conn: approvals.use(conn, "q-1", SOON),
    "use too late": lambda conn: approvals.use(conn, "q-1", LATE),
    "collect": lambda conn: approvals.collected(conn, "q-1"),
    "note the grant": lambda conn: approvals.grant_made(conn, "q-1", "g-3"),
    "lapse": lambda conn: approvals.lapse(conn, SOON),
    "lapse late": lambda conn: approvals.lapse(conn, LATE),
}
BECOMES: dict[tuple[str, Verdict], dict[str, Verdict]] = {
    ("answer", Verdict.PENDING): {
        "approve": Verdict.APPROVED, "approve for a while": Verdict.STANDING, "approve always": Verdict.STANDING,
        "deny": Verdict.DENIED, "lapse late": Verdict.LAPSED,
    },
    ("answer", Verdict.APPROVED): {"use": Verdict.USED, "lapse late": Verdict.LAPSED},
    ("answer", Verdict.STANDING): {"lapse late": Verdict.LAPSED},
    ("access", Verdict.PENDING): {
        "approve": Verdict.APPROVED, "deny": Verdict.DENIED, "lapse late": Verdict.LAPSED,
    },
    ("access", Verdict.APPROVED): {"collect": Verdict.USED, "lapse late": Verdict.LAPSED},
}  # fmt: skip
QUIET = {"use": False, "use too late": False, "collect": False, "lapse": [], "lapse late": []}
"""What an operation says that finds nothing to do; every other one is refused."""


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("asked", "verdict"), [(asked, verdict) for asked in BEFORE for verdict in BEFORE[asked]])
def test_every_operation_on_every_verdict(conn: Any, asked: str, verdict: Verdict, operation: str) -> None:
    grants.create(conn, GRANT)
    approvals.ask(conn, ANSWER if asked == "answer" else ACCESS)
    BEFORE[asked][verdict](conn)
    before = approvals.get(conn, "q-1")
    assert before.verdict is verdict
    expected = BECOMES.get((asked, verdict), {}).get(operation)
    if expected is not None:
        said = OPERATIONS[operation](conn)
        after = approvals.get(conn, "q-1")
        assert after.verdict is expected
        assert said in (True, after, [after])
    else:
        if operation in QUIET:
            assert OPERATIONS[operation](conn) == QUIET[operation]
        else:
            with pytest.raises(BadRequest) as raised:
                OPERATIONS[operation](conn)
            assert raised.value.hint or operation == "note the grant"
        assert approvals.get(conn, "q-1") == before


@pytest.mark.parametrize(("asked", "verdict"), [(asked, verdict) for asked in BEFORE for verdict in BEFORE[asked]])
def test_what_the_same_meets_when_it_is_asked_again(conn: Any, asked: str, verdict: Verdict) -> None:
    grants.create(conn, GRANT)
    first = ANSWER if asked == "answer" else ACCESS
    approvals.ask(conn, first)
    BEFORE[asked][verdict](conn)
    holds = verdict in (Verdict.PENDING, Verdict.APPROVED, Verdict.DENIED)
    assert approvals.find(conn, "g-1", first.key, SOON) == (approvals.get(conn, "q-1") if holds else None)
    assert approvals.find(conn, "g-1", first.key, LATE) is None
    assert approvals.find(conn, "g-1", "0" * 64, SOON) is None
    assert approvals.find(conn, "g-2", first.key, SOON) is None
    again = replace(first, id="q-2", created=SOON, expires=SOON + HOUR)
    asked_again = approvals.ask(conn, again)
    assert asked_again == (first if verdict is Verdict.PENDING else again)
    assert approvals.get(conn, "q-1").verdict is verdict


def test_at_the_very_moment(conn: Any) -> None:
    grants.create(conn, GRANT)
    approvals.ask(conn, ANSWER)
    assert approvals.lapse(conn, ANSWER.expires - MOMENT) == []
    assert approvals.find(conn, "g-1", ANSWER.key, ANSWER.expires - MOMENT) is not None
    assert approvals.find(conn, "g-1", ANSWER.key, ANSWER.expires) is None
    with pytest.raises(BadRequest, match="has lapsed"):
        approve(conn, ANSWER.expires)
    until = approve(conn).until
    assert until is not None
    assert not approvals.use(conn, "q-1", until)
    assert approvals.use(conn, "q-1", until - MOMENT)


def test_a_denial_is_remembered_for_a_day(conn: Any) -> None:
    approvals.ask(conn, ANSWER)
    denied = approvals.deny(conn, "q-1", NOW)
    over = NOW + timedelta(seconds=limits.DENIED_SECONDS)
    assert (denied.verdict, denied.decided, denied.until) == (Verdict.DENIED, NOW, over)
    assert approvals.find(conn, "g-1", ANSWER.key, over - MOMENT) == denied
    assert approvals.find(conn, "g-1", ANSWER.key, over) is None


def test_the_newest_word_holds_and_no_beats_yes(conn: Any) -> None:
    grants.create(conn, GRANT)
    approvals.ask(conn, ANSWER)
    approve(conn)
    approvals.ask(conn, replace(ANSWER, id="q-2", records=("r3",)))
    assert approvals.find(conn, "g-1", ANSWER.key, NOW).id == "q-1"  # type: ignore[union-attr]
    approvals.deny(conn, "q-2", NOW)  # in the very same moment
    assert approvals.find(conn, "g-1", ANSWER.key, NOW).id == "q-2"  # type: ignore[union-attr]


# ---------------------------------------------------------------- standing approvals


def test_standing_until_its_time_is_over(conn: Any) -> None:
    grants.create(conn, GRANT)
    for i, where in enumerate(("", NARROWER)):
        approvals.ask(conn, replace(ANSWER, id=f"q-{i}", key=str(i)))
        approvals.approve(conn, f"q-{i}", Lasting.WHILE, where, NOW + (i + 1) * HOUR, NOW)
    assert approvals.standing(conn, "g-1", ANSWER.action, NOW) == (EVERYTHING, scope.from_json(NARROWER))
    assert approvals.standing(conn, "g-1", ANSWER.action, NOW + HOUR) == (scope.from_json(NARROWER),)
    assert approvals.standing(conn, "g-1", ANSWER.action, NOW + 2 * HOUR) == ()
    assert approvals.standing(conn, "g-2", ANSWER.action, NOW) == ()
    assert approvals.standing(conn, "g-1", "another", NOW) == ()
    assert not approvals.use(conn, "q-1", NOW)  # standing is not used up


def test_access_never_stands(conn: Any) -> None:
    grants.create(conn, GRANT)
    approvals.ask(conn, ACCESS)
    for lasting in (Lasting.WHILE, Lasting.ALWAYS):
        with pytest.raises(BadRequest):
            approve(conn, lasting=lasting)
    conn.execute("UPDATE request SET verdict = 'standing', decided = 0, until = ?", (1 << 50,))
    assert approvals.standing(conn, "g-1", ANSWER.action, NOW) == ()


# ---------------------------------------------------------------- approving


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(Status.ACTIVE, True), (Status.PAUSED, True), (Status.REVOKED, False), (Status.EXPIRED, False)],
)
def test_nothing_is_approved_for_a_grant_that_has_ended(conn: Any, status: Status, allowed: bool) -> None:
    grants.create(conn, replace(GRANT, status=status))
    approvals.ask(conn, ANSWER)
    if allowed:
        assert approve(conn).verdict is Verdict.APPROVED
    else:
        with pytest.raises(BadRequest, match=status) as raised:
            approve(conn)
        assert raised.value.hint
        assert approvals.deny(conn, "q-1", NOW).verdict is Verdict.DENIED


def test_what_is_no_approval(conn: Any) -> None:
    grants.create(conn, GRANT)
    approvals.ask(conn, ANSWER)
    for where, until in (("{}", NOW + HOUR), ("", NOW), ("", NOW - HOUR)):
        with pytest.raises(BadRequest):
            approvals.approve(conn, "q-1", Lasting.ONCE, where, until, NOW)
    assert approvals.get(conn, "q-1") == ANSWER
    for call in (
        lambda: approvals.get(conn, "q-9"), lambda: approvals.deny(conn, "q-9", NOW),
        lambda: approvals.approve(conn, "q-9", Lasting.ONCE, "", NOW + HOUR, NOW),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            call()


def test_collected_once_and_only_when_there_is_something(conn: Any) -> None:
    grants.create(conn, GRANT)
    approvals.ask(conn, ACCESS)
    assert not approvals.collected(conn, "q-1")
    approve(conn)
    assert not approvals.collected(conn, "q-1")
    approvals.grant_made(conn, "q-1", "g-2")
    with pytest.raises(BadRequest):
        approvals.grant_made(conn, "q-1", "g-3")
    assert approvals.get(conn, "q-1").granted == "g-2"
    assert [approvals.collected(conn, "q-1") for _ in range(3)] == [True, False, False]


# ---------------------------------------------------------------- asking


def test_so_many_wait_at_once(conn: Any) -> None:
    for i in range(limits.PENDING):
        approvals.ask(conn, replace(ANSWER, id=f"q-{i}", key=str(i), grant=f"g-{i % 3}"))
    over = replace(ANSWER, id="q-x", key="x")
    with pytest.raises(Throttled):
        approvals.ask(conn, over)
    assert approvals.ask(conn, replace(over, key="1", grant="g-1")).id == "q-1"  # an equal one is none more
    assert approvals.ask(conn, replace(over, id="q-y", key="y", client="Cursor")).id == "q-y"
    approvals.deny(conn, "q-0", NOW)
    assert approvals.ask(conn, over).id == "q-x"
    late = replace(over, id="q-z", key="z", created=NOW + HOUR, expires=NOW + 2 * HOUR)
    assert approvals.ask(conn, late).id == "q-z"  # all others have lapsed meanwhile
    assert [one.id for one in approvals.listed(conn)] == ["q-z"]
    assert {one.verdict for one in approvals.listed(conn, all=True)} == {
        Verdict.PENDING, Verdict.DENIED, Verdict.LAPSED,
    }  # fmt: skip


def test_listed(conn: Any) -> None:
    for i in range(4):
        client = "Claude" if i % 2 else "Cursor"
        approvals.ask(conn, replace(ANSWER, id=f"q-{i}", key=str(i), client=client, created=NOW + i * MINUTE))
    approvals.deny(conn, "q-3", NOW)
    ids = lambda *args, **more: [one.id for one in approvals.listed(conn, *args, **more)]  # noqa: E731
    assert ids() == ["q-2", "q-1", "q-0"]
    assert ids(all=True) == ["q-3", "q-2", "q-1", "q-0"]
    assert (ids("Claude"), ids("Claude", all=True), ids("nobody")) == (["q-1"], ["q-3", "q-1"], [])


def test_half_a_surrogate_pair_is_asked_and_shown(conn: Any) -> None:
    asked = approvals.ask(conn, replace(ANSWER, query="a \ud83d b", key=approvals.key("g", "search", "\ud83d", "")))
    assert asked == approvals.get(conn, "q-1")
    assert asked.query == "a \ufffd b"


def test_there_and_back(conn: Any) -> None:
    full = replace(
        ANSWER, verdict=Verdict.STANDING, decided=NOW, scope=NARROWER, until=NOW + DAY, granted="g-2",
        terms=json.dumps({"query": "日記", "limit": 10}),
    )  # fmt: skip
    with pytest.raises(BadRequest):
        approvals.ask(conn, full)  # only what is pending can be asked
    grants.create(conn, GRANT)
    approvals.ask(conn, replace(ANSWER, terms=full.terms))
    approvals.approve(conn, "q-1", Lasting.ALWAYS, NARROWER, NOW + DAY, NOW)
    assert approvals.get(conn, "q-1") == replace(full, granted="")


@pytest.mark.parametrize(
    "assignment",
    [
        "asked = 'x'", "verdict = 'maybe'", "verdict = 'approved'", "verdict = 'used', decided = 1", "terms = '[]'",
        "terms = ''", "records = 'x'", "records = '[1]'", "records = '[\"r1\", \"r2\"]'", "records = '{}'",
        "expires = 1 << 62", "scope = '{}'",
    ],
)  # fmt: skip
def test_a_row_we_did_not_write_is_damage(conn: Any, assignment: str) -> None:
    approvals.ask(conn, ANSWER)
    conn.execute(f"UPDATE request SET {assignment}")
    for call in (lambda: approvals.get(conn, "q-1"), lambda: approvals.listed(conn, all=True)):
        with pytest.raises(Damaged):
            call()


# ---------------------------------------------------------------- pure


def test_equal_requests_have_equal_keys_and_others_do_not() -> None:
    parts = ("g-1", "search", '{"query":"a"}', '{"v":1}')
    said = b'ownvault/v1/request\x00["g-1","search","{\\"query\\":\\"a\\"}","{\\"v\\":1}"]'
    assert approvals.key(*parts) == hashlib.sha256(said).hexdigest()
    others = [(*parts[:i], parts[i] + "x", *parts[i + 1 :]) for i in range(4)]
    shifted = [("g-1s", "earch", *parts[2:]), ("g-1", 'search","', *parts[2:])]
    assert len({approvals.key(*each) for each in (parts, *others, *shifted)}) == 7


@pytest.mark.parametrize("mode", Approval)
@pytest.mark.parametrize("sensitivity", Sensitivity)
def test_which_records_need_approval(mode: Approval, sensitivity: Sensitivity) -> None:
    grant, record = replace(GRANT, approval=mode), replace(RECORD, sensitivity=sensitivity)
    every = mode in (Approval.FIRST, Approval.EACH)
    private = sensitivity in (Sensitivity.SENSITIVE, Sensitivity.SECRET)
    assert approvals.needs(grant, record) is (every or (mode is Approval.SENSITIVE and private))


# ---------------------------------------------------------------- many at once, on a real database

THREADS = 16


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    directory = tmp_path / "vault"
    directory.mkdir(mode=0o700)
    key, head_key, vault_id = bytearray(range(32)), bytearray(range(32, 64)), "0" * 32
    Database.create(directory, key, vault_id, NOW)
    with Database.open(directory, key, vault_id, head_key) as opened:
        opened.write(lambda conn: grants.create(conn, GRANT))
        yield opened


def at_once(db: Database, work: Callable[[Connection, int], Any]) -> list[Any]:
    """Run `work` on as many threads, all starting together, each in a transaction of its own."""
    ready = Barrier(THREADS)

    def one(i: int) -> Any:
        ready.wait()
        return db.write(lambda conn: work(conn, i))

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_an_approval_is_used_exactly_once(db: Database) -> None:
    for n in range(20):
        id = f"q-{n}"
        db.write(lambda conn, id=id: approvals.ask(conn, replace(ANSWER, id=id)))  # type: ignore[misc]
        db.write(lambda conn, id=id: approvals.approve(conn, id, Lasting.ONCE, "", NOW + HOUR, NOW))  # type: ignore[misc]
        used = at_once(db, lambda conn, _, id=id: approvals.use(conn, id, NOW))  # type: ignore[misc]
        assert sorted(used) == [False] * (THREADS - 1) + [True]


def test_equal_asks_make_one_prompt(db: Database) -> None:
    asked = at_once(db, lambda conn, i: approvals.ask(conn, replace(ANSWER, id=f"q-{i}")).id)
    assert len(set(asked)) == 1
    with db.read() as conn:
        assert [one.id for one in approvals.listed(conn, all=True)] == asked[:1]


def test_one_decision_of_many_counts(db: Database) -> None:
    db.write(lambda conn: approvals.ask(conn, ANSWER))

    def decide(conn: Connection, i: int) -> bool:
        try:
            return bool(approve(conn) if i % 2 else approvals.deny(conn, "q-1", NOW))
        except BadRequest:
            return False

    assert sum(at_once(db, decide)) == 1


def test_a_reader_finds_without_writing(db: Database) -> None:
    db.write(lambda conn: approvals.ask(conn, ANSWER))
    with db.read() as conn:
        assert approvals.find(conn, "g-1", ANSWER.key, NOW) == ANSWER
        assert approvals.find(conn, "g-1", ANSWER.key, LATE) is None
        assert approvals.standing(conn, "g-1", ANSWER.action, NOW) == ()
