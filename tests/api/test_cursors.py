"""Cursors: whose they are, what they are of, and that none can be made up."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.conftest import Running, assistant
from vault.api import headers
from vault.api.cursors import LONGEST, Cursors, Pages
from vault.errors import BadRequest
from vault.meter import Allowance
from vault.types import Action, RecordsRequest

MADE = Cursors(b"k" * 32)


@given(st.text(max_size=200), st.integers() | st.lists(st.integers() | st.text(max_size=20), max_size=3))
def test_a_cursor_says_its_position(bound: str, position: Any) -> None:
    cursor = MADE.seal(bound, position)
    if len(cursor) <= LONGEST:
        assert MADE.open(bound, cursor) == position
        for other in (bound + "x", "x" + bound):
            with pytest.raises(BadRequest):
                MADE.open(other, cursor)
        with pytest.raises(BadRequest):
            Cursors(b"x" * 32).open(bound, cursor)


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_cursor_is_none(place: int, change: int) -> None:
    whole = bytearray(base64.urlsafe_b64decode(MADE.seal("list", [12, "id"]) + "=="))
    whole[place % len(whole)] ^= change
    with pytest.raises(BadRequest):
        MADE.open("list", base64.urlsafe_b64encode(whole).decode())


@pytest.mark.parametrize("cursor", ["", "x", "é", "====", "a b", "A" * 22, "A" * 10_000, "AAAA\n"])
def test_what_is_no_cursor(cursor: str) -> None:
    with pytest.raises(BadRequest):
        MADE.open("list", cursor)


@given(st.lists(st.integers(), unique=True, max_size=30), st.integers(1, 7), st.data())
def test_pages_hold_everything_once_whatever_goes_in_between(items: list[int], limit: int, data: st.DataObject) -> None:
    there, seen, cursor = sorted(items), list[int](), None
    while True:
        page, cursor = Pages(MADE, "list", cursor).cut(there, limit, lambda one: [one])
        seen += page
        if cursor is None:
            break
        if there and data.draw(st.booleans()):
            there.remove(data.draw(st.sampled_from(there)))  # one is dismissed between two pages
    assert seen == sorted(set(seen)) and set(there) <= set(seen)


def test_a_list_over_the_wire_is_whole(running: Running) -> None:
    for n in range(5):
        assistant(running, f"paged-{n}", Action.COUNT)
    whole = running.remote.grants(running.owner)
    few = tuple(running.remote._calls.pages(type(whole[0]), "grants", "/v1/grants", running.owner, limit=2))
    assert [one.id for one in few] == [one.id for one in whole]
    found = running.remote.records(running.owner, RecordsRequest("notes", 2)).records
    assert len(found) == 2 and found[0].size > 0


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("said", "key"), [(None, ""), ('"a-b"', "a-b"), ("a-b", "a-b"), (' "a b" ', "a b"), ("8e03978e", "8e03978e")]
)
def test_idempotency_keys(said: str | None, key: str) -> None:
    assert headers.once(said) == key


@pytest.mark.parametrize("said", ["", '""', "a b", '"a', 'a"', '"a","b"', "a,b", '"a\\"', '"é"', '"' + "x" * 256 + '"'])
def test_what_is_no_idempotency_key(said: str) -> None:
    with pytest.raises(BadRequest):
        headers.once(said)


def test_tags_and_rates() -> None:
    assert headers.match(None) is None and headers.match("*") is None and headers.match('"1-active"') == "1-active"
    for wrong in ("1-active", 'W/"1-active"', '"a", "b"', ""):
        with pytest.raises(BadRequest):
            headers.match(wrong)
    assert headers.tag("") == {} and headers.tag("1-active") == {"ETag": '"1-active"'}
    assert headers.rate(None) == {}
    assert headers.rate(Allowance(7, 3)) == {
        "RateLimit-Policy": '"client";q=500;w=10', "RateLimit": '"client";r=7;t=3',
    }  # fmt: skip
