"""The exposure matrix against a plain count, through every way in which a record is released, moved or forgotten."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlcipher3
from hypothesis import given, settings
from hypothesis import strategies as st
from test_logbook import record

from tests.permissions.conftest import ROOT
from vault.errors import BadRequest
from vault.permissions import budgets, matrix
from vault.types import Axis, ExposedRequest, Sensitivity, micros

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CLIENTS, COLLECTIONS = ("claude", "cursor", "zed"), ("notes", "mail")
SCHEMA = (ROOT / "vault/store/migrations/0001_first.sql").read_text("utf-8")
STEPS = st.one_of(
    st.tuples(st.just("release"), st.sampled_from(CLIENTS), st.sets(st.integers(0, 5), max_size=4)),
    st.tuples(st.just("move"), st.integers(0, 5), st.sampled_from(COLLECTIONS)),
    st.tuples(st.just("raise"), st.integers(0, 5), st.integers(0, 3)),
    st.tuples(st.just("forget"), st.integers(0, 5)),
    st.tuples(st.just("renew"), st.sampled_from(CLIENTS)),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_every_number_is_that_of_a_plain_count(steps: list[tuple[Any, ...]]) -> None:
    conn = sqlcipher3.connect(":memory:", isolation_level=None)
    conn.executescript(SCHEMA)
    for n in range(6):
        record(conn, n, f"r{n}", COLLECTIONS[n % 2], n % 4)
    for i, (step, *said) in enumerate(steps):
        now = NOW + timedelta(seconds=20 * i)
        if step == "release":
            budgets.charge(conn, said[0], now, [f"r{n}" for n in sorted(said[1])], 1)
        elif step == "move":
            conn.execute("UPDATE record SET collection = ? WHERE id = ?", (said[1], f"r{said[0]}"))
        elif step == "raise":
            conn.execute("UPDATE record SET sensitivity = ? WHERE id = ?", (said[1], f"r{said[0]}"))
        elif step == "forget":
            conn.execute("DELETE FROM record WHERE id = ?", (f"r{said[0]}",))
        else:
            budgets.renew(conn, said[0], now)
        check(conn)
    conn.close()


def check(conn: Any) -> None:
    places = {
        id: (collection, level)
        for id, collection, level in conn.execute("SELECT id, collection, sensitivity FROM record")
    }
    released = conn.execute("SELECT client, record FROM released").fetchall()
    for axis, column in ((Axis.COLLECTION, 0), (Axis.SENSITIVITY, 1)):
        wanted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for client, id in released:
            place = places.get(id)
            name = "" if place is None else place[0] if column == 0 else Sensitivity(place[1]).name.lower()
            wanted[client][name].add(id)
        found = matrix.matrix(conn, axis, {}, frozenset(("claude",)))
        assert {row.client: {cell.column: cell.records for cell in row.cells} for row in found.rows} == {
            client: {name: len(ids) for name, ids in cells.items()} for client, cells in wanted.items()
        }
        anybody = {name: set().union(*(cells[name] for cells in wanted.values() if name in cells)) for name in
                   {name for cells in wanted.values() for name in cells}}  # fmt: skip
        assert {one.name: one.exposed for one in found.columns if one.exposed} == {
            k: len(v) for k, v in anybody.items()
        }
        assert all(row.records == sum(map(len, wanted[row.client].values())) for row in found.rows)
        assert found.exposed == sum(len(ids) for name, ids in anybody.items() if name)
    for client in {client for client, _ in released}:
        shown = matrix.exposed(conn, ExposedRequest(client=client, limit=1000)).records
        assert {one.id for one in shown} == {id for one, id in released if one == client}
        assert {one.id for one in shown if one.forgotten} == {
            id for one, id in released if one == client and id not in places
        }
    assert conn.execute("SELECT count(*) FROM exposed WHERE records <= 0").fetchone() == (0,)


def test_the_last_time_is_when_something_of_it_last_left(conn: Any) -> None:
    record(conn, 0, "a", "notes", 1)
    record(conn, 1, "b", "notes", 1)
    for minutes, id in ((0, "a"), (5, "b"), (9, "a")):
        budgets.charge(conn, "claude", NOW + timedelta(minutes=minutes), [id], 1)
    assert _last(conn) == {"notes": NOW + timedelta(minutes=9)}
    conn.execute("UPDATE record SET collection = 'mail' WHERE id = 'a'")
    assert _last(conn) == {"mail": NOW + timedelta(minutes=9), "notes": NOW + timedelta(minutes=9)}, "it was notes then"
    budgets.charge(conn, "claude", NOW + timedelta(minutes=20), ["a"], 1)
    assert _last(conn) == {"mail": NOW + timedelta(minutes=20), "notes": NOW + timedelta(minutes=9)}
    budgets.charge(conn, "claude", NOW, ["b"], 1)  # the clock was set back
    assert _last(conn)["notes"] == NOW + timedelta(minutes=9)


def _last(conn: Any) -> dict[str, datetime]:
    (row,) = matrix.matrix(conn, Axis.COLLECTION, {}, frozenset()).rows
    return {cell.column: cell.last for cell in row.cells}


def test_columns_tell_what_is_held_in_their_order(conn: Any) -> None:
    record(conn, 0, "a", "notes", 3)
    record(conn, 1, "b", "gone", 1)
    budgets.charge(conn, "claude", NOW, ["a", "b"], 1)
    conn.execute("DELETE FROM record WHERE id = 'b'")
    found = matrix.matrix(conn, Axis.COLLECTION, {"zoo": 5, "Attic": 2, "notes": 1}, frozenset(("claude",)))
    assert [(one.name, one.held, one.exposed) for one in found.columns] == [
        ("Attic", 2, 0), ("notes", 1, 1), ("zoo", 5, 0), ("", 0, 1),
    ]  # fmt: skip
    assert (found.held, found.exposed, found.rows[0].live, found.rows[0].records) == (8, 1, True, 2)
    levels = matrix.matrix(conn, Axis.SENSITIVITY, {"secret": 1}, frozenset())
    assert [one.name for one in levels.columns] == ["public", "personal", "sensitive", "secret", ""]
    assert not levels.rows[0].live


def test_live_clients_come_first_then_those_with_most(conn: Any) -> None:
    for n in range(4):
        record(conn, n, f"r{n}", "notes", 1)
    for client, number in (("a", 1), ("b", 3), ("c", 4), ("d", 3)):
        budgets.charge(conn, client, NOW, [f"r{n}" for n in range(number)], 1)
    assert [row.client for row in matrix.matrix(conn, Axis.COLLECTION, {}, frozenset("ad")).rows] == [
        "d",
        "a",
        "c",
        "b",
    ]


def test_pages_of_a_cell_and_of_a_record(conn: Any) -> None:
    for n in range(30):
        record(conn, n, f"r{n:02}", COLLECTIONS[n % 2], n % 4)
        for client in CLIENTS[: 1 + n % 3]:
            budgets.charge(conn, client, NOW + timedelta(minutes=n // 4), [f"r{n:02}"], 1)  # several at one moment
    conn.execute("DELETE FROM record WHERE id IN ('r03', 'r20')")
    for asked, wanted in (
        (ExposedRequest(client="claude"), set(range(30))),
        (ExposedRequest(client="claude", collection="mail"), set(range(1, 30, 2)) - {3}),
        (ExposedRequest(client="claude", sensitivity=Sensitivity.SECRET), set(range(3, 30, 4)) - {3}),
        (ExposedRequest(client="claude", collection=""), {3, 20}),
        (ExposedRequest(client="nobody"), set()),
        (ExposedRequest(client="claude", collection="nothing"), set()),
    ):
        found = _walk(conn, asked)
        assert sorted(one.id for one in found) == [f"r{n:02}" for n in sorted(wanted)]
        assert [micros(one.last) for one in found] == sorted((micros(one.last) for one in found), reverse=True)
    assert {one.client for one in _walk(conn, ExposedRequest(record="r05"))} == set(CLIENTS)
    assert [one.client for one in _walk(conn, ExposedRequest(record="r00"))] == ["claude"]


def _walk(conn: Any, asked: ExposedRequest) -> list[Any]:
    found, before = [], None
    while True:
        page = matrix.exposed(conn, replace(asked, limit=4, before=before))
        assert len(page.records) <= 4
        found += page.records
        if page.more is None:
            assert len({(one.id, one.client) for one in found}) == len(found)
            return found
        before = page.more


@pytest.mark.parametrize(
    "asked", [{}, {"client": "a", "record": "r"}, {"client": "a", "limit": 0}, {"client": "a", "limit": 1001}]
)
def test_no_such_question(conn: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        matrix.exposed(conn, ExposedRequest(**asked))
