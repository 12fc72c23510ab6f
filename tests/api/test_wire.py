"""Dataclasses and JSON: strict in, exact out, and the published schema says the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import limits
from vault.api import openapi, wire
from vault.api.limits import LIMITS
from vault.api.routes import RequestsRequest
from vault.errors import BadRequest
from vault.types import (
    AddRequest,
    Answer,
    AuditRequest,
    CountRequest,
    Detail,
    Draft,
    Filter,
    GrantRequest,
    Hit,
    Provenance,
    ReadRequest,
    Receipt,
    SearchRequest,
    Sensitivity,
)

DRAFT = {"origin": "a", "text": "t"}
EARLY, LATE = "0001-01-01T00:00+05:00", "9999-12-31T23:00-05:00"
"""ISO 8601, and in UTC outside the years that there are."""
WRONG: list[tuple[type, Any, str]] = [
    (SearchRequest, {}, "query: is required"),
    (SearchRequest, [], "must be an object"),
    (SearchRequest, None, "must be an object"),
    (SearchRequest, {"query": ""}, "query: must not be empty"),
    (SearchRequest, {"query": "x" * 4001}, "query: is longer than 4,000"),
    (SearchRequest, {"query": "x", "limit": 0}, "limit: "),
    (SearchRequest, {"query": "x", "limit": 101}, "limit: "),
    (SearchRequest, {"query": "x", "limit": "3"}, "limit: should be a valid integer"),
    (SearchRequest, {"query": "x", "limit": True}, "limit: should be a valid integer"),
    (SearchRequest, {"query": "x", "limit": 2.5}, "limit: should be a valid integer"),
    (SearchRequest, {"query": 3}, "query: should be a valid string"),
    (SearchRequest, {"query": "x", "lmit": 3}, "lmit: unknown key"),
    (SearchRequest, {"query": "x", "bad key!": 3}, "(unknown): unknown key"),
    (SearchRequest, {"query": "x", "filter": {"colour": "red"}}, "filter.colour: unknown key"),
    (SearchRequest, {"query": "x", "filter": {"since": "yesterday"}}, "filter.since: should be an ISO 8601"),
    (SearchRequest, {"query": "x", "filter": {"since": 5}}, "filter.since: should be a valid string"),
    (SearchRequest, {"query": "x", "filter": {"collections": "notes"}}, "filter.collections: should be a valid array"),
    (SearchRequest, {"query": "x", "filter": {"last": 0}}, "filter.last: "),
    (ReadRequest, {"id": "x" * 129}, "id: is longer than 128"),
    (AddRequest, {"collection": "c", "drafts": []}, "drafts: must not be empty"),
    (AddRequest, {"collection": "c", "drafts": [DRAFT] * 1001}, "drafts: is longer than 1,000"),
    (AddRequest, {"collection": "c", "drafts": [DRAFT, {"origin": "b"}]}, "drafts[1].text: is required"),
    (AddRequest, {"collection": "c", "drafts": [DRAFT | {"text": "x" * (4 * 2**20 + 1)}]}, "drafts[0].text: is longer"),
    (AddRequest, {"collection": "c", "drafts": [DRAFT | {"sensitivity": 2}]}, "drafts[0].sensitivity: should be"),
    (AddRequest, {"collection": "c", "drafts": [DRAFT | {"sensitivity": "hush"}]}, "drafts[0].sensitivity: "),
    (AddRequest, {"collection": "c", "drafts": [DRAFT | {"position": -1}]}, "drafts[0].position: "),
    (AddRequest, {"collection": "c", "drafts": [DRAFT | {"created": EARLY}]}, "created: should be an ISO"),
    (AddRequest, {"collection": "c", "drafts": [DRAFT | {"updated": LATE}]}, "updated: should be an ISO"),
    (GrantRequest, {"client": "c", "actions": ["fly"]}, "actions[0]: should be 'search'"),
    (GrantRequest, {"client": "c", "expires_in": 366 * 86400}, "expires_in: "),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "said", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_what_is_wrong_is_named_with_its_place(kind: type, said: Any, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        wire.read(kind, json.dumps(said))
    assert message in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        '{"query": "a", "query": "b"}',
        '{"query": "a", "filter": {"last": 1, "last": 2}}',
        '{"query": "a", "\\u0071uery": ""}',
    ],
)
def test_a_key_given_twice_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="a key is given twice"):
        wire.read(SearchRequest, text)


@pytest.mark.parametrize("text", ["", "{", '{"query": "\\ud800"}', '{"query": NaN}', "[" * 5000, b"\xff"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadRequest):
        wire.read(SearchRequest, text)


def test_a_fault_never_repeats_the_value() -> None:
    with pytest.raises(BadRequest) as caught:
        wire.read(
            AddRequest,
            json.dumps({"collection": 1, "drafts": [{"origin": "a", "text": ["canary"], "canary words": 1}]}),
        )
    assert "canary" not in caught.value.message


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
drafts = st.builds(
    Draft, origin=names, text=st.text(st.characters(exclude_categories=("Cs",))), created=st.none() | times,
    people=st.lists(names).map(tuple), sensitivity=st.sampled_from(Sensitivity), provenance=st.sampled_from(Provenance),
    position=st.integers(0, limits.POSITION), kind=names, language=st.just("sv"), thread=names, title=names,
    updated=st.none() | times, labels=st.lists(names).map(tuple),
)  # fmt: skip
requests = st.one_of(
    st.builds(AddRequest, collection=names, drafts=st.lists(drafts, min_size=1, max_size=3).map(tuple), source=names),
    st.builds(
        SearchRequest, query=names, limit=st.integers(1, 100),
        filter=st.builds(Filter, since=st.none() | times, collections=st.none() | st.lists(names).map(tuple)),
    ),
)  # fmt: skip


@given(requests)
def test_there_and_back_is_the_same(request: Any) -> None:
    assert wire.read(type(request), wire.dump(request)) == request


def test_the_shape_of_an_answer() -> None:
    date = datetime(2026, 5, 1, 12, tzinfo=UTC)
    hit = Hit("r1", "T", "x", 0.5, "notes", "s", "note", date, ("Anders",), (), "o", Provenance.THIRD_PARTY, True,
              Detail.SNIPPET)  # fmt: skip
    answer = Answer((hit,), Receipt(7, "ab"))
    assert wire.plain(answer) == {
        "hits": [{
            "id": "r1", "title": "T", "text": "x", "score": 0.5, "collection": "notes", "source": "s", "kind": "note",
            "date": "2026-05-01T12:00:00Z", "people": ["Anders"], "labels": [], "origin": "o",
            "provenance": "third_party", "untrusted": True, "detail": "snippet",
        }],
        "receipt": {"entry": 7, "leaf": "ab"},
    }  # fmt: skip
    assert wire.answer(Answer, wire.dump(answer)) == answer
    newer = wire.plain(answer) | {"more": 1}
    assert wire.answer(Answer, json.dumps(newer)) == answer


def test_a_date_alone_is_its_midnight_and_no_zone_is_utc() -> None:
    said = wire.read(CountRequest, '{"filter": {"since": "2025-01-01", "until": "2025-01-02T03:04:05"}}').filter
    assert said.since == datetime(2025, 1, 1, tzinfo=UTC)
    assert said.until == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_query_string() -> None:
    assert wire.query(AuditRequest, {"limit": ["5"], "client": ["5"]}) == AuditRequest(5, None, "5")
    assert wire.query(RequestsRequest, {}) == RequestsRequest(False)
    assert wire.query(RequestsRequest, {"all": ["true"]}) == RequestsRequest(True)
    for said in ("True", "1", "yes", ""):
        with pytest.raises(BadRequest, match="all: should be a valid boolean"):
            wire.query(RequestsRequest, {"all": [said]})
    for wrong in (
        {"limit": ["5", "6"]},
        {"limit": ["five"]},
        {"limit": ["-1"]},
        {"colour": ["red"]},
        {"limit": ["9" * 99]},
    ):
        with pytest.raises(BadRequest):
            wire.query(AuditRequest, wrong)


@pytest.mark.parametrize(
    ("kind", "said", "message"), [w for w in WRONG if "ISO" not in w[2]], ids=lambda v: str(v)[:40]
)
def test_the_published_schema_refuses_the_same(kind: type, said: Any, message: str) -> None:
    assert not _valid(kind, said)


@given(requests)
def test_the_published_schema_accepts_what_we_accept(request: Any) -> None:
    assert _valid(type(request), wire.plain(request))


def _valid(kind: type, said: Any) -> bool:
    schemas = openapi.Schemas("#/$defs/")
    root = schemas.of(kind) | {"$defs": schemas.found}
    return jsonschema.Draft202012Validator(root).is_valid(said)


def test_every_limit_names_a_field() -> None:
    for kind, bounds in LIMITS.items():
        assert set(bounds) <= set(kind.__dataclass_fields__)


@pytest.mark.parametrize("member", [*Detail, *Sensitivity])
def test_levels_go_by_their_names(member: Detail | Sensitivity) -> None:
    assert wire.word(member) == member.name.lower() and wire.plain(member) == member.name.lower()
