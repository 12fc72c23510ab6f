"""Access requests and `vault_query` objects say the same, there and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.api import rar, wire
from vault.errors import BadRequest
from vault.types import GRANTABLE, AccessRequest, Detail, Filter, Limits

names = st.none() | st.lists(st.text("abc", min_size=1, max_size=3), max_size=2).map(tuple)
times = st.none() | st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.none() | st.integers(1, 100)
requests = st.builds(
    AccessRequest,
    purpose=st.text("abc", min_size=1),
    actions=st.lists(st.sampled_from(sorted(GRANTABLE)), min_size=1, max_size=4, unique=True).map(tuple),
    filter=st.builds(
        Filter, collections=names, sources=names, kinds=names, labels=names, people=names, since=times, until=times,
        without_labels=st.lists(st.text("abc", min_size=1), max_size=2).map(tuple), last=numbers,
        sensitivity=st.none() | st.just("public"), owner_written=st.booleans(),
    ),
    detail=st.sampled_from(Detail),
    limits=st.builds(Limits, numbers, numbers, numbers, numbers),
    expires_in=st.integers(1, 86400),
)  # fmt: skip


@given(requests)
def test_there_and_back_over_the_wire(request: AccessRequest) -> None:
    text = wire.dump(rar.query(request))
    assert rar.request(wire.read(rar.VaultQuery, text)) == request


def test_the_words_of_a_query() -> None:
    said = {
        "type": "vault_query", "actions": ["search", "fetch"], "datatypes": ["notes"], "max_results": 20,
        "time_range": {"from": "2026-01-01", "to": "2026-02-01T00:00:00Z"}, "purpose": "weekly review",
        "locations": ["http://127.0.0.1:7117/mcp"],
    }  # fmt: skip
    query = wire.read(rar.VaultQuery, json.dumps(said))
    request = rar.request(query, "http://127.0.0.1:7117/mcp")
    assert [str(action) for action in request.actions] == ["search", "read"]
    assert (request.filter.collections, request.limits.results) == (("notes",), 20)
    assert request.filter.since == datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(BadRequest, match="locations"):
        rar.request(query, "http://127.0.0.1:9999/mcp")


@pytest.mark.parametrize(
    "said",
    [
        {}, {"purpose": ""}, {"purpose": "p", "type": "vault_write"}, {"purpose": "p", "actions": []},
        {"purpose": "p", "actions": ["read"]}, {"purpose": "p", "actions": ["export"]}, {"purpose": "p", "fields": []},
        {"purpose": "p", "time_range": {"from_": "2026-01-01"}}, {"purpose": "p", "max_results": 0},
        {"purpose": "p", "locations": []}, {"purpose": "p", "detail": 3}, {"purpose": "p", "expires_in": 366 * 86400},
    ],
)  # fmt: skip
def test_what_is_no_query(said: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        wire.read(rar.VaultQuery, json.dumps(said))
