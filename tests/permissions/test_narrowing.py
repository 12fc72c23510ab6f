"""Narrowing a grant: never wider, exactly what was asked, in any order, and explained where it cannot be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.errors import BadRequest
from vault.permissions import grants, scope
from vault.permissions.narrowing import STRICTNESS, within
from vault.types import (
    Action,
    Approval,
    Detail,
    Filter,
    Grant,
    Limits,
    NarrowRequest,
    Provenance,
    Record,
    Sensitivity,
    Status,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GRANT = Grant(
    id="g-1", client="Claude", purpose="", actions=frozenset({Action.SEARCH, Action.READ}),
    where=scope.from_filter(Filter(collections=("notes", "mail"), since=NOW - 60 * DAY), all=False),
    status=Status.ACTIVE, created=NOW, expires=NOW + 30 * DAY, last_used=None, detail=Detail.SNIPPET,
    limits=Limits(records_per_day=50),
)  # fmt: skip
PLAIN = Record(
    id="r", collection="a", source="a", origin="o", kind="a", title="", text="", date=NOW - DAY, updated=None,
    imported=NOW, people=("a",), labels=("a", "b"), sensitivity=Sensitivity.PERSONAL, language="",
    provenance=Provenance.OWNER, url="", thread="", position=0, version=1,
)  # fmt: skip

# ---------------------------------------------------------------- what is generated: few names, so that they meet

names = st.sets(st.sampled_from("abc"), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
days = st.integers(-5, 5).map(lambda n: NOW - n * DAY)
some = st.none() | st.integers(1, 5)
filters = st.builds(
    Filter, collections=st.none() | names, sources=st.none() | names, kinds=st.none() | names,
    labels=st.none() | names, without_labels=st.just(()) | names, people=st.none() | names, since=st.none() | days,
    until=st.none() | days, last=st.none() | st.integers(1, 6),
    sensitivity=st.none() | st.sampled_from(["public", "personal", "sensitive", "secret"]),
    owner_written=st.booleans(),
).filter(lambda one: one.since is None or one.until is None or one.since < one.until)  # fmt: skip
bounds = st.builds(Limits, some, some, some, some)
actions = st.sets(st.sampled_from([Action.SEARCH, Action.READ, Action.COUNT, Action.ADD]), min_size=1)
grants_made = st.builds(
    lambda filter, actions, detail, limits, approval, expires: replace(
        GRANT, where=scope.narrowing(filter), actions=frozenset(actions), detail=detail, limits=limits,
        approval=approval, expires=NOW + expires * DAY,
    ),
    filters, actions, st.sampled_from(Detail), bounds, st.sampled_from(Approval), st.integers(1, 5),
)  # fmt: skip
requests = st.builds(
    NarrowRequest, filter=filters | st.just(Filter()), actions=st.none() | actions.map(tuple),
    detail=st.none() | st.sampled_from(Detail), limits=bounds | st.just(Limits()),
    expires_in=st.none() | st.integers(1, 6).map(lambda n: n * 86400), approval=st.none() | st.sampled_from(Approval),
)  # fmt: skip
records = st.builds(
    lambda collection, source, kind, labels, people, day, sensitivity, provenance: replace(
        PLAIN, collection=collection, source=source, kind=kind, labels=tuple(labels), people=tuple(people),
        date=None if day is None else NOW - day * DAY, sensitivity=sensitivity, provenance=provenance,
    ),
    *[st.sampled_from("abc")] * 3, st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc")),
    st.none() | st.integers(-6, 6), st.sampled_from(Sensitivity), st.sampled_from(Provenance),
)  # fmt: skip


def narrowed(grant: Grant, *requests: NarrowRequest) -> Grant | None:
    """Narrow by one request after the other; what takes nothing away changes nothing. None: nothing would be left."""
    for request in requests:
        try:
            grant = grants.narrow(grant, request, NOW)
        except BadRequest as error:
            if "takes nothing away" not in error.message:
                return None
    return grant


def fewer(a: int | None, b: int | None) -> bool:
    return b is None or (a is not None and a <= b)


@given(grants_made, requests, st.lists(records, min_size=1, max_size=12))
def test_exactly_what_grant_and_request_both_allow(grant: Grant, request: NarrowRequest, records: list[Record]) -> None:
    narrower = narrowed(grant, request)
    if narrower is None:
        return
    asked = scope.narrowing(request.filter)
    for record in records:
        both = scope.admits(grant.where, record, NOW) and scope.admits(asked, record, NOW)
        assert scope.admits(narrower.where, record, NOW) == both
    assert narrower.actions and narrower.actions <= grant.actions
    assert request.actions is None or narrower.actions <= set(request.actions)
    assert narrower.detail == min(grant.detail, grant.detail if request.detail is None else request.detail)
    for name in ("results", "queries_per_hour", "records_per_day", "bytes_per_day"):
        left, had, wanted = (getattr(one, name) for one in (narrower.limits, grant.limits, request.limits))
        assert left in (had, wanted) and fewer(left, had) and fewer(left, wanted)
    assert narrower.expires <= grant.expires
    assert request.expires_in is None or narrower.expires <= NOW + timedelta(seconds=request.expires_in)
    assert STRICTNESS.index(narrower.approval) >= STRICTNESS.index(grant.approval)
    same = {
        name: getattr(grant, name) for name in ("id", "client", "purpose", "status", "created", "holder", "version")
    }
    assert replace(narrower, **same) == narrower
    assert within(narrower, grant)
    assert within(grant, narrower) == (narrower == grant)


@given(grants_made, requests, requests)
def test_order_does_not_matter(grant: Grant, one: NarrowRequest, other: NarrowRequest) -> None:
    there, back = narrowed(grant, one, other), narrowed(grant, other, one)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert replace(there, where=GRANT.where) == replace(back, where=GRANT.where)
        for labels, people in product([(), ("a",), ("b",), ("a", "b"), ("b", "c"), ("a", "b", "c")], repeat=2):
            record = replace(PLAIN, labels=labels, people=people)
            for date in (None, NOW + 3 * DAY, NOW, NOW - 2 * DAY, NOW - 4 * DAY):
                seen = replace(record, date=date)
                assert scope.admits(there.where, seen, NOW) == scope.admits(back.where, seen, NOW)


@given(grants_made, requests)
def test_once_is_enough(grant: Grant, request: NarrowRequest) -> None:
    narrower = narrowed(grant, request)
    if narrower is not None:
        with pytest.raises(BadRequest, match="takes nothing away"):
            grants.narrow(narrower, request, NOW)


@pytest.mark.parametrize(
    ("request_", "message", "hint"),
    [
        (
            NarrowRequest(Filter(collections=("photos",))),
            "the grant covers collections mail, notes; photos is not among them", "name some of those",
        ),
        (
            NarrowRequest(Filter(collections=("note", "mails"))),
            "the grant covers collections mail, notes; mails, note are not among them", "did you mean mail, notes?",
        ),
        (
            NarrowRequest(actions=(Action.COUNT,)),
            "the grant allows the actions read, search; count is not among them", "name some of those",
        ),
        (
            NarrowRequest(detail=Detail.ANSWERS),
            "the detail `answers` leaves only count and add, and the grant allows neither",
            "revoke it instead: ownvault revoke g-1",
        ),
        (
            NarrowRequest(Filter(until=NOW - 70 * DAY)),
            "the grant covers the time from 2026-09-23 12:00 UTC; the window asked for is outside it",
            "name a time within it",
        ),
        (
            NarrowRequest(Filter(labels=("tax",), without_labels=("tax", "work"))),
            "the labels tax would be both asked for and left out, which leaves nothing", "",
        ),
        (
            NarrowRequest(Filter(collections=("notes", "mail"), sensitivity="secret"), detail=Detail.FULL,
                          limits=Limits(records_per_day=100), expires_in=90 * 86400, approval=Approval.NEVER,
                          actions=(Action.READ, Action.SEARCH, Action.COUNT)),
            "that takes nothing away from grant g-1: it already has collections mail, notes; sensitivity personal;"
            " actions read, search; detail snippet; records_per_day 50; end 2026-12-22 12:00 UTC; approval never",
            "name something narrower, such as --collection NAME, --detail snippet or --per-day 50",
        ),
        (
            NarrowRequest(), "that takes nothing away from grant g-1",
            "name something narrower, such as --collection NAME, --detail snippet or --per-day 50",
        ),
        (NarrowRequest(Filter(kinds=())), "an empty list of kinds leaves nothing", "leave it out, or name something"),
        (NarrowRequest(Filter(people=())), "an empty list of people leaves nothing", "leave it out, or name something"),
        (NarrowRequest(actions=()), "an empty list of actions leaves nothing", "leave it out, or name something"),
        (NarrowRequest(expires_in=0), "a grant lasts at least a second", "to end it now: ownvault revoke g-1"),
        (
            NarrowRequest(limits=Limits(results=0)), f"results is a whole number from 1 to {2**53 - 1}",
            "pause the grant to give nothing",
        ),
    ],
)  # fmt: skip
def test_a_wrong_wish_is_explained(request_: NarrowRequest, message: str, hint: str) -> None:
    with pytest.raises(BadRequest) as raised:
        grants.narrow(GRANT, request_, NOW)
    assert (raised.value.message, raised.value.hint) == (message, hint)


def test_long_lists_are_cut() -> None:
    many = replace(GRANT, where=scope.from_filter(Filter(collections=tuple(f"c{i:02}" for i in range(20))), all=False))
    with pytest.raises(BadRequest, match=r"c00, c01.*c11 and 8 more; photos is not among them"):
        grants.narrow(many, NarrowRequest(Filter(collections=("photos",))), NOW)


def test_a_weaker_alternative_takes_nothing_away() -> None:
    work = grants.narrow(GRANT, NarrowRequest(Filter(labels=("work",))), NOW)
    with pytest.raises(BadRequest, match="it already has labels work"):
        grants.narrow(work, NarrowRequest(Filter(labels=("work", "tax"))), NOW)
    assert grants.narrow(work, NarrowRequest(Filter(labels=("tax",))), NOW).where.labels == (
        frozenset({"tax"}), frozenset({"work"}),
    )  # fmt: skip


def test_answers_only_keeps_what_gives_no_text() -> None:
    counting = replace(GRANT, actions=frozenset({Action.SEARCH, Action.COUNT, Action.ADD}))
    narrower = grants.narrow(counting, NarrowRequest(detail=Detail.ANSWERS), NOW)
    assert narrower.actions == {Action.COUNT, Action.ADD}


def test_a_window_that_is_over_can_still_be_narrowed_elsewhere() -> None:
    over = replace(GRANT, where=replace(GRANT.where, until=NOW - 10 * DAY, last=5))
    assert grants.narrow(over, NarrowRequest(detail=Detail.REDACTED), NOW).detail is Detail.REDACTED
