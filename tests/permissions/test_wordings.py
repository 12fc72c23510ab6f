"""Wordings: what left is shown again word for word, once per wording, until its record is forgotten."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import BadRequest, Damaged
from vault.permissions import audit, budgets, wordings
from vault.types import Entry, Release, Replay, Wording

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
USUAL = Entry(NOW, "claude", "g-1", "search", "mcp", "allow", "granted", "dentist")
Left = tuple[str, str, str]


def release(conn: Any, *left: Left, client: str = "claude", n: int = 0) -> int:
    """Record an answer with these records as the vault does: entry, charge, wordings."""
    named = [wordings.digest(*one).hex() for one in left]
    entry = replace(
        USUAL, client=client, time=NOW + timedelta(seconds=n), records=tuple(record for record, _, _ in left),
        detail={"wording": named} if left else {},
    )  # fmt: skip
    receipt = audit.append(conn, entry, hashlib.sha256(b"%d" % n).digest())
    budgets.charge(conn, client, entry.time, entry.records, 1)
    wordings.keep(conn, receipt.entry, left, named)
    return receipt.entry


def shown(*left: Left, erased: tuple[str, ...] = ()) -> tuple[Wording, ...]:
    return tuple(
        Wording(record, "" if record in erased else title, "" if record in erased else text,
                wordings.digest(record, title, text).hex(), record in erased)
        for record, title, text in left
    )  # fmt: skip


def test_the_digest_of_the_spec() -> None:
    expected = hashlib.sha256(b'ownvault/v1/wording\x00["r1","Boat","It leaks.\\n\xe2\x82\xac"]').digest()
    assert wordings.digest("r1", "Boat", "It leaks.\n€") == expected


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_other_words_have_another_digest(one: Left, other: Left) -> None:
    assert (wordings.digest(*one) == wordings.digest(*other)) == (one == other)


def test_replay_is_what_left_newest_first(conn: Any) -> None:
    a, b, passage = ("r1", "Boat", "It leaks."), ("r2", "", "日記 €"), ("r1", "Boat", "leaks")
    first = release(conn, a, b)
    release(conn, ("r9", "x", "y"), client="cursor", n=1)
    release(conn, n=2)  # a count: nothing left
    second = release(conn, passage, a, n=3)
    replay = wordings.replay(conn, "claude", 50, None)
    assert replay == Replay(
        "claude",
        (
            Release(second, NOW + timedelta(seconds=3), "g-1", "search", "mcp", "dentist", shown(passage, a)),
            Release(first, NOW, "g-1", "search", "mcp", "dentist", shown(a, b)),
        ),
        records=2, bytes=len("BoatIt leaks.") + len("日記 €".encode()) + len("Boatleaks"),
    )  # fmt: skip
    assert conn.execute("SELECT count(*) FROM wording").fetchone() == (4,)  # each wording once
    assert wordings.replay(conn, "nobody", 50, None) == Replay("nobody", (), 0, 0)


def test_pages(conn: Any) -> None:
    numbers = [release(conn, (f"r{i}", "", "x"), n=i) for i in range(5)]
    pages: list[int] = []
    before = None
    while page := wordings.replay(conn, "claude", 2, before).releases:
        pages += [one.number for one in page]
        before = page[-1].number
    assert pages == numbers[::-1]
    assert wordings.replay(conn, "claude", 2, 0).releases == ()
    for limit, start in ((0, None), (1001, None), (1, -1), (1, 1 << 63)):
        with pytest.raises(BadRequest):
            wordings.replay(conn, "claude", limit, start)


def test_forgotten_words_are_gone_and_the_digest_stays(conn: Any) -> None:
    a, b = ("r1", "Boat", "It leaks."), ("r2", "Oak", "Boards.")
    release(conn, a, b)
    release(conn, ("r1", "Boat", "leaks"), n=1)
    wordings.forget(conn, "r1")
    replay = wordings.replay(conn, "claude", 50, None)
    assert [one.wordings for one in replay.releases] == [
        shown(("r1", "Boat", "leaks"), erased=("r1",)), shown(a, b, erased=("r1",)),
    ]  # fmt: skip
    assert (replay.records, replay.bytes) == (2, len("OakBoards."))
    assert conn.execute("SELECT record FROM wording").fetchall() == [("r2",)]
    wordings.forget(conn, "r1")  # twice is no error


def test_an_empty_record_is_not_an_erased_one(conn: Any) -> None:
    release(conn, ("r1", "", ""))
    assert wordings.replay(conn, "claude", 1, None).releases[0].wordings == shown(("r1", "", ""))


def test_an_erased_entry_takes_its_release_along(conn: Any) -> None:
    number = release(conn, ("r1", "Boat", "It leaks."))
    audit.erase(conn, number, USUAL, bytes(32))
    assert wordings.replay(conn, "claude", 50, None).releases == ()


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE wording SET text = 'It floats.'",
        "UPDATE wording SET title = ''",
        "INSERT INTO departure VALUES (1, 0, 1)",  # an entry that names no wording
    ],
)
def test_words_that_did_not_leave_are_damage(conn: Any, tamper: str) -> None:
    release(conn, ("r1", "Boat", "It leaks."))
    audit.append(conn, replace(USUAL, records=("r1",)), bytes(32))
    conn.execute(tamper)
    with pytest.raises(Damaged):
        wordings.replay(conn, "claude", 50, None)


@pytest.mark.parametrize("named", [[1], ["zz"], "r1", [None], []])
def test_a_digest_that_is_none_is_damage(conn: Any, named: Any) -> None:
    receipt = audit.append(conn, replace(USUAL, records=("r1",), detail={"wording": named}), bytes(32))
    left = ("r1", "Boat", "It leaks.")
    wordings.keep(conn, receipt.entry, [left], [wordings.digest(*left).hex()])
    with pytest.raises(Damaged):
        wordings.replay(conn, "claude", 50, None)
