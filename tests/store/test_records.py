"""Records as they go in and come out; the same draft twice is one record."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import NOW
from vault.errors import BadRequest
from vault.store import records, schema
from vault.store.cipher import connect
from vault.types import Chunk, CollectionView, Connection, Draft, Provenance, Sensitivity

HASH_KEY = bytearray(range(32))
DRAFT = Draft(
    origin="a.md", text="Tea with Zoë at four.", title="Tea", kind="note", created=NOW, updated=NOW + timedelta(days=1),
    people=("Zoë", "Ann"), labels=("work",), language="en", url="https://example.org/a", thread="t1", position=3,
)  # fmt: skip


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    """A writing connection to a database that is not yet shared with a writer thread, inside a transaction."""
    link, _ = connect(tmp_path / "vault.db", bytearray(32), create=True)
    link.execute("BEGIN")
    for step in schema.migrations():
        for statement in schema.statements(step.sql):
            link.execute(statement)
    yield link
    link.close()


def put(
    conn: Connection, draft: Draft, n: int = 1, *, collection: str = "notes", source: str = "md", now: datetime = NOW
) -> records.Stored:
    return records.put(conn, draft, collection=collection, source=source, id=f"r{n:026}", now=now, hash_key=HASH_KEY)


def chunk(ordinal: int, vector: bytes = b"\x00\x00\x80\x3f", terms: bytes = b"") -> tuple[Chunk, bytes, bytes]:
    return Chunk(ordinal, ordinal * 2, ordinal * 2 + 5, "", ""), vector, terms


# ---------------------------------------------------------------- in and out


def test_a_record_comes_out_as_it_went_in(conn: Connection) -> None:
    stored = put(conn, DRAFT)
    assert stored == records.Stored(1, f"r{1:026}", "added")
    record = records.get(conn, stored.id)
    assert record
    for field in fields(Draft):
        if field.name != "created":
            assert getattr(record, field.name) == getattr(DRAFT, field.name)
    assert (record.date, record.imported, record.version) == (NOW, NOW, 1)
    assert (record.collection, record.source) == ("notes", "md")
    assert records.by_number(conn, [stored.n, 99]) == {stored.n: record}
    assert records.get(conn, "r0") is None


CHANGES: dict[str, Any] = {
    "text": "Tea with Zoë at five.", "title": "", "kind": "mail", "created": None, "updated": NOW,
    "people": ("Ann", "Zoë"), "labels": (), "sensitivity": Sensitivity.SECRET, "language": "de",
    "provenance": Provenance.THIRD_PARTY, "url": "", "thread": "t2", "position": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", [field.name for field in fields(Draft) if field.name != "origin"])
def test_each_field_makes_a_new_version(conn: Connection, name: str) -> None:
    first = put(conn, DRAFT)
    records.put_chunks(conn, first.n, [chunk(0), chunk(1)])
    changed = replace(DRAFT, **{name: CHANGES[name]})
    later = NOW + timedelta(hours=1)
    assert put(conn, changed, 2, now=later) == records.Stored(first.n, first.id, "changed")
    record = records.get(conn, first.id)
    assert record
    assert (record.version, record.imported) == (2, later)
    assert getattr(record, "date" if name == "created" else name) == CHANGES[name]
    assert records.chunk_count(conn) == 0
    assert put(conn, changed, 3).outcome == "unchanged"


def test_the_collection_is_part_of_the_record(conn: Connection) -> None:
    put(conn, DRAFT)
    assert put(conn, DRAFT, 2, collection="diary").outcome == "changed"
    assert [view.name for view in records.collections(conn)] == ["diary"]


def test_the_same_origin_of_another_source_is_another_record(conn: Connection) -> None:
    assert put(conn, DRAFT, 1).n != put(conn, DRAFT, 2, source="mail").n
    assert records.origins(conn, "md") == records.origins(conn, "mail") == {"a.md"}
    assert records.origins(conn, "chat") == set()


def test_sensitivity_is_raised_and_never_lowered(conn: Connection) -> None:
    stored = put(conn, replace(DRAFT, sensitivity=Sensitivity.SECRET))
    put(conn, replace(DRAFT, sensitivity=Sensitivity.PUBLIC))
    record = records.get(conn, stored.id)
    assert record
    assert record.sensitivity is Sensitivity.SECRET


def test_another_key_gives_another_hash(conn: Connection) -> None:
    put(conn, DRAFT)
    first = conn.execute("SELECT content_hash FROM record").fetchone()[0]
    other = records.put(conn, DRAFT, collection="notes", source="md", id="r2", now=NOW, hash_key=bytearray(32))
    assert other.outcome == "changed"
    assert conn.execute("SELECT content_hash FROM record").fetchone()[0] != first


def test_names_are_kept_once_in_their_order_and_composed(conn: Connection) -> None:
    stored = put(conn, replace(DRAFT, people=("Zoe\u0308", "Ann", "Zo\u00eb", " Ann ", "", "  ")))
    record = records.get(conn, stored.id)
    assert record
    assert record.people == ("Zo\u00eb", "Ann")
    assert put(conn, replace(DRAFT, people=("Zo\u00eb", "Ann"))).outcome == "unchanged"
    assert put(conn, replace(DRAFT, people=record.people, kind="cafe\u0301")).outcome == "changed"
    assert [row.kind for row in records.rows(conn)] == ["caf\u00e9"]


def test_times_keep_their_moment_and_microsecond(conn: Connection) -> None:
    local = datetime(1901, 5, 6, 7, 8, 9, 123457, tzinfo=timezone(timedelta(hours=-5)))
    for n, moment in enumerate((local, datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC))):
        stored = put(conn, replace(DRAFT, origin=str(n), created=moment), n)
        record = records.get(conn, stored.id)
        assert record
        assert record.date == moment
        assert record.date.utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["origin", "text", "title", "url", "language", "thread", "kind"])
def test_half_a_surrogate_pair_is_a_bad_request(conn: Connection, name: str) -> None:
    with pytest.raises(BadRequest, match=name):
        put(conn, replace(DRAFT, **{name: "broken \udc80"}))


def test_other_strange_values(conn: Connection) -> None:
    with pytest.raises(BadRequest, match="people"):
        put(conn, replace(DRAFT, people=("\ud800",)))
    with pytest.raises(BadRequest, match="position"):
        put(conn, replace(DRAFT, position=2**63))
    stored = put(conn, replace(DRAFT, text="nul \x00 inside, '; DROP TABLE record; --"))
    record = records.get(conn, stored.id)
    assert record
    assert record.text == "nul \x00 inside, '; DROP TABLE record; --"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DRAFTS = st.builds(
    Draft, origin=st.sampled_from("abc"), text=TEXT, title=TEXT, people=st.lists(TEXT, max_size=3).map(tuple),
    created=st.none() | st.datetimes(timezones=st.just(UTC)), sensitivity=st.sampled_from(Sensitivity),
    position=st.integers(-5, 5),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DRAFTS, max_size=6))
def test_importing_twice_is_importing_once(conn: Connection, drafts: list[Draft]) -> None:
    conn.execute("SAVEPOINT example")
    latest = list({draft.origin: draft for draft in drafts}.values())
    for n, draft in enumerate(drafts):
        put(conn, draft, n)
    kept = {record.origin: record for record in records.by_number(conn, range(1, 9999)).values()}
    assert kept.keys() == {draft.origin for draft in drafts}
    again = [put(conn, draft, 100 + n).outcome for n, draft in enumerate(latest)]
    assert set(again) <= {"unchanged"}
    same = records.unchanged(conn, latest, source="md", collection="notes", hash_key=HASH_KEY)
    assert same == kept.keys()
    assert records.unchanged(conn, latest, source="md", collection="other", hash_key=HASH_KEY) == set()
    assert {record.origin: record for record in records.by_number(conn, range(1, 9999)).values()} == kept
    conn.execute("ROLLBACK TO example")


def test_unchanged_looks_through_many(conn: Connection) -> None:
    drafts = [replace(DRAFT, origin=f"{n}.md") for n in range(1200)]
    for n, draft in enumerate(drafts):
        put(conn, draft, n)
    drafts[700] = replace(drafts[700], text="changed")
    drafts.append(replace(DRAFT, origin="new.md"))
    same = records.unchanged(conn, drafts, source="md", collection="notes", hash_key=HASH_KEY)
    assert same == {f"{n}.md" for n in range(1200)} - {"700.md"}
    assert len(records.by_number(conn, range(1, 1201))) == len(list(records.rows(conn))) == 1200


def test_forgetting(conn: Connection) -> None:
    one, two = put(conn, DRAFT, 1), put(conn, replace(DRAFT, origin="b.md"), 2)
    records.put_chunks(conn, one.n, [chunk(0)])
    records.put_chunks(conn, two.n, [chunk(0)])
    assert records.forget(conn, one.id) == one.n
    assert records.forget(conn, one.id) is None
    assert records.get(conn, one.id) is None
    assert [row.n for row in records.rows(conn)] == [two.n]
    assert [piece.record for piece in records.pieces(conn)] == [two.n]
    assert put(conn, DRAFT, 3).n > two.n  # a number is never used again


# ---------------------------------------------------------------- for the index


def test_chunks_come_out_by_record_and_place(conn: Connection) -> None:
    assert list(records.pieces(conn)) == []
    expected, places = [], {}
    for n in range(1, 8):
        stored = put(conn, replace(DRAFT, origin=str(n)), n)
        pieces = [chunk(i, struct.pack("<2f", n, i), struct.pack("<II", n, i) * (n % 3)) for i in range(n % 4)]
        ids = records.put_chunks(conn, stored.n, pieces)
        expected += [records.Piece(stored.n, id, v, t) for id, (_, v, t) in zip(ids, pieces, strict=True)]
        places |= {id: (c.start, c.end) for id, (c, _, _) in zip(ids, pieces, strict=True)}
    assert list(records.pieces(conn)) == expected
    assert records.spans(conn, list(places)) == places
    assert records.chunk_count(conn) == len(expected)


def test_rows_tell_what_scopes_ask(conn: Connection) -> None:
    one, two = put(conn, DRAFT, 1), put(conn, replace(DRAFT, origin="b", created=None, people=(), position=-1), 2)
    rows = [
        records.Row(one.n, "notes", "md", "note", NOW, ("Zoë", "Ann"), ("work",), 1, "owner", "t1", 3),
        records.Row(two.n, "notes", "md", "note", None, (), ("work",), 1, "owner", "t1", -1),
    ]
    assert list(records.rows(conn)) == list(records.rows(conn, [two.n, 99, one.n])) == rows
    assert list(records.rows(conn, [two.n])) == rows[1:]
    assert list(records.rows(conn, [])) == []


def test_pieces_and_spans_of_some_records(conn: Connection) -> None:
    ns = [put(conn, replace(DRAFT, origin=str(n)), n).n for n in range(1100)]
    expected = []
    for n in reversed(ns):  # their chunks' ids run the other way
        ids = records.put_chunks(conn, n, [chunk(0, b"\x01" * 4, b"a"), chunk(1, b"\x02" * 4, b"b")])
        expected[:0] = [records.Piece(n, ids[0], b"\x01" * 4, b"a"), records.Piece(n, ids[1], b"\x02" * 4, b"b")]
    assert list(records.pieces(conn)) == expected
    assert list(records.pieces(conn, ns[::-1])) == expected
    assert list(records.pieces(conn, ns[3:4])) == expected[6:8]
    spans = records.spans(conn, [piece.id for piece in expected] + [10**6])
    assert spans == {piece.id: (0, 5) if i % 2 == 0 else (2, 7) for i, piece in enumerate(expected)}


def test_collections_count_and_span(conn: Connection) -> None:
    put(conn, DRAFT, 1)
    put(conn, replace(DRAFT, origin="b", created=NOW - timedelta(days=9)), 2)
    put(conn, replace(DRAFT, origin="c", created=None), 3, collection="mail")
    assert records.collections(conn) == [
        CollectionView("mail", 1, None, None),
        CollectionView("notes", 2, NOW - timedelta(days=9), NOW),
    ]


def test_words_get_numbers_once(conn: Connection) -> None:
    first = records.add_terms(conn, ["tea", "milk", "tea"])
    assert first.keys() == {"tea", "milk"}
    more = records.add_terms(conn, [f"w{n}" for n in range(1500)] + ["tea"])
    assert more["tea"] == first["tea"]
    assert len(set(more.values())) == 1501
    assert records.lexicon(conn) == first | more
    assert records.add_terms(conn, []) == {}


def test_settings(conn: Connection) -> None:
    assert records.setting(conn, "model") is None
    records.set_setting(conn, "model", "a")
    records.set_setting(conn, "model", "b")
    assert records.setting(conn, "model") == "b"
