"""Attenuation: what a holder can make of a token offline, and that it is never more than it had."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from biscuits import AUDIENCE, DAY, GRANT, NOW, ROOT, USUAL, make, minted, reason, verified
from hypothesis import given, settings
from hypothesis import strategies as st
from test_facts import somewhere
from test_scope import RECORD, records

from vault.errors import BadRequest
from vault.permissions import caveats, scope, tokens
from vault.permissions.vetting import Reason
from vault.types import (
    EVERYTHING,
    Action,
    Conditions,
    Detail,
    Grant,
    Limits,
    Names,
    Record,
    Sensitivity,
)

PLACES = ("notes", "mail", "a", "b", "c", "*")
Step = dict[str, Any]


# ---------------------------------------------------------------- random chains

_names = st.frozensets(st.sampled_from(["a", "b", "c", "notes", "mail"]), min_size=1, max_size=3)
_moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NARROWINGS: dict[str, st.SearchStrategy[Any]] = {
    "actions": st.frozensets(st.sampled_from(Action), min_size=1), "collections": _names, "sources": _names,
    "kinds": _names, "labels": _names, "without_labels": _names, "people": _names, "since": _moments,
    "until": _moments, "last": st.integers(1, 400), "expires": _moments.map(lambda m: m + 365 * DAY),
    "sensitivity": st.sampled_from(Sensitivity), "owner_written": st.just(True), "detail": st.sampled_from(Detail),
    "results": st.integers(1, 100),
}  # fmt: skip
steps = st.fixed_dictionaries({}, optional=NARROWINGS).filter(bool)
grants = st.builds(
    replace, st.just(GRANT), actions=st.frozensets(st.sampled_from(Action), min_size=1), where=somewhere,
    detail=st.sampled_from(Detail), limits=st.builds(Limits, results=st.none() | st.integers(1, 100)),
)  # fmt: skip


def child(narrower: Step, of: str | None = None) -> tokens.Verified:
    return verified(tokens.attenuate(of or minted(), ROOT.public, **narrower))


def chained(grant: Grant, narrower: Iterable[Step]) -> list[tokens.Verified]:
    """Return the token of a grant, its child, its grandchild …"""
    token = minted(grant)
    chain = [verified(token)]
    for step in narrower:
        token = tokens.attenuate(token, tokens.public_key(str(ROOT.public)), **step)
        chain.append(verified(token))
    return chain


def words(step: Step) -> Conditions:
    """Say what a step leaves, from its words and nothing of the token: times in whole seconds, the narrower way."""
    said = {key: step[key] for key in step.keys() & {"without_labels", "last", "owner_written"}}
    said |= {key: Names(step[key]) for key in step.keys() & {"collections", "sources", "kinds"}}
    said |= {key: (step[key],) for key in step.keys() & {"labels", "people"}}
    if "sensitivity" in step:
        said["ceiling"] = step["sensitivity"]
    if "since" in step:
        said["since"] = step["since"] + timedelta(microseconds=-step["since"].microsecond % 1_000_000)
    if "until" in step:
        said["until"] = step["until"].replace(microsecond=0)
    return EVERYTHING.narrow(**said)


@settings(max_examples=150)
@given(grants, st.lists(steps, min_size=1, max_size=4), st.lists(records, min_size=1, max_size=4),
       st.sampled_from(Action))  # fmt: skip
def test_attenuated_is_within_its_parent(
    grant: Grant, narrower: list[Step], some: list[Record], action: Action
) -> None:
    chain = chained(grant, narrower)
    for depth, (parent, child) in enumerate(pairwise(chain), 1):
        asked = tokens.authorize(child, action, PLACES, NOW, AUDIENCE)
        assert asked <= tokens.authorize(parent, action, PLACES, NOW, AUDIENCE)
        assert child.expires <= parent.expires and child.actions <= parent.actions and child.detail <= parent.detail
        assert parent.results is None or (child.results is not None and child.results <= parent.results)
        assert child.revocation_ids[:depth] == parent.revocation_ids and child.facts == parent.facts and child.exact
        assert tokens.actions(child, NOW, AUDIENCE) <= tokens.actions(parent, NOW, AUDIENCE)
        for record in some:
            passed = tokens.gate(child, record, action, NOW)
            assert not passed or (tokens.gate(parent, record, action, NOW) and record.collection in asked)
            # Three evaluations, one answer: Biscuit at the gate, the pushed-down conditions, the plain words.
            pushed = action in child.actions and scope.admits(child.where, record, NOW)
            plain = action in grant.actions and scope.admits(grant.where, record, NOW) and all(
                action in step.get("actions", Action) and scope.admits(words(step), record, NOW)
                for step in narrower[:depth]
            )  # fmt: skip
            assert passed is pushed is plain


@settings(max_examples=60)
@given(grants, st.lists(steps, min_size=1, max_size=4), st.lists(records, min_size=1, max_size=3))
def test_what_is_left_is_within_each_part(grant: Grant, narrower: list[Step], some: list[Record]) -> None:
    last = chained(grant, narrower)[-1]
    parts = [grant.where, *map(words, narrower)]
    for record in some:
        assert scope.admits(last.where, record, NOW) is all(scope.admits(part, record, NOW) for part in parts)
    said = {name: [step[name] for step in narrower if name in step] for name in ("actions", "detail", "results")}
    assert last.actions == reduce(frozenset.__and__, said["actions"], grant.actions)
    assert last.detail == min([grant.detail, *said["detail"]])
    bounds = [n for n in (grant.limits.results, *said["results"]) if n is not None]
    assert last.results == min(bounds, default=None)


@settings(max_examples=60)
@given(
    grants, st.lists(steps, min_size=2, max_size=4).flatmap(lambda one: st.tuples(st.just(one), st.permutations(one)))
)
def test_the_order_of_holders_does_not_matter(grant: Grant, orders: tuple[list[Step], list[Step]]) -> None:
    one, other = (chained(grant, narrower)[-1] for narrower in orders)
    assert (one.where, one.actions, one.detail, one.results, one.expires) == (
        other.where, other.actions, other.detail, other.results, other.expires
    )  # fmt: skip


@settings(max_examples=60)
@given(grants, steps.map(lambda step: dict(list(step.items())[:8])))
def test_one_block_or_one_for_each_dimension(grant: Grant, step: Step) -> None:
    once, apart = chained(grant, [step])[-1], chained(grant, [{key: value} for key, value in step.items()])[-1]
    assert (once.where, once.actions, once.detail, once.results, once.expires) == (
        apart.where, apart.actions, apart.detail, apart.results, apart.expires
    )  # fmt: skip


# ---------------------------------------------------------------- single dimensions


def test_rounding_narrows() -> None:
    late, early = NOW + timedelta(microseconds=1), NOW - timedelta(microseconds=1)
    narrowed = child({"since": late, "until": NOW + DAY + timedelta(microseconds=1)})
    assert narrowed.where.since == NOW + timedelta(seconds=1) and narrowed.where.until == NOW + DAY
    assert not tokens.gate(narrowed, replace(RECORD, date=late), Action.READ, NOW)
    assert tokens.gate(narrowed, replace(RECORD, date=NOW + timedelta(seconds=1)), Action.READ, NOW)
    assert child({"expires": NOW + timedelta(seconds=1, microseconds=5)}).expires == NOW + timedelta(seconds=1)
    assert reason(lambda: child({"expires": early})) == Reason.EXPIRED


@pytest.mark.parametrize("window", [{"since": datetime(1970, 1, 1, tzinfo=UTC)}, {"until": NOW}])
def test_a_window_never_reaches_before_1970(window: Step) -> None:
    narrowed = child(window)
    for record, expected in (
        (replace(RECORD, date=datetime(1969, 12, 31, tzinfo=UTC)), False),
        (replace(RECORD, date=datetime(1970, 1, 1, tzinfo=UTC)), True),
        (replace(RECORD, date=None), False),
    ):
        assert tokens.gate(narrowed, record, Action.READ, NOW) is scope.admits(narrowed.where, record, NOW) is expected


def test_a_rolling_window_rolls_and_knows_older_times() -> None:
    narrowed, tick = child({"last": 30}), timedelta(microseconds=1)
    for now in (NOW, NOW + tick, NOW + timedelta(hours=9, microseconds=3)):
        for date, expected in (
            (now - 30 * DAY, True), (now - 30 * DAY - tick, False), (now, True), (now + 5 * DAY, True), (None, False)
        ):  # fmt: skip
            record = replace(RECORD, date=date)
            assert (
                tokens.gate(narrowed, record, Action.READ, now) is scope.admits(narrowed.where, record, now) is expected
            )
    old = replace(RECORD, date=datetime(1969, 7, 20, tzinfo=UTC))
    assert tokens.gate(child({"last": 36_500}), old, Action.READ, NOW)


def test_an_old_record_is_only_shut_out_of_windows() -> None:
    old = replace(RECORD, date=datetime(1950, 1, 1, tzinfo=UTC))
    assert tokens.gate(child({"kinds": ["note"]}), old, Action.READ, NOW)
    since = replace(GRANT, where=replace(GRANT.where, since=datetime(1949, 1, 1, tzinfo=UTC)))
    assert tokens.gate(child({"kinds": ["note"]}, of=minted(since)), old, Action.READ, NOW)


def test_the_first_end_is_the_end() -> None:
    hour = timedelta(hours=1)
    token = tokens.attenuate(minted(), ROOT.public, expires=NOW + hour)
    token = tokens.attenuate(token, ROOT.public, expires=NOW + 5 * hour)
    assert verified(token).expires == tokens.inspect(token).expires == NOW + hour


def test_detail_and_results_only_shrink() -> None:
    grant = replace(GRANT, detail=Detail.SNIPPET, limits=Limits(results=10))
    wider = child({"detail": Detail.FULL, "results": 50}, of=minted(grant))
    assert (wider.detail, wider.results) == (Detail.SNIPPET, 10)
    assert tokens.authorize(wider, Action.READ, ["notes"], NOW, AUDIENCE) == {"notes"}  # clamped, not refused
    less = child({"detail": Detail.ANSWERS, "results": 1}, of=minted(grant))
    assert (less.detail, less.results) == (Detail.ANSWERS, 1)
    assert (child({"results": 3}).results, child({"detail": Detail.REDACTED}).detail) == (3, Detail.REDACTED)


# ---------------------------------------------------------------- what is no narrowing


@pytest.mark.parametrize(
    "narrower",
    [
        {}, {"collections": []}, {"collections": ["*"]}, {"collections": "notes"}, {"actions": ["fly"]},
        {"labels": ["\u200b"]}, {"kinds": [f"k{i}" for i in range(65)]},
        {"since": datetime(1969, 1, 1, tzinfo=UTC)}, {"owner_written": False},
        {"since": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))}, {"since": datetime.max.replace(tzinfo=UTC)},
        {"last": 0}, {"last": 36_501}, {"last": True}, {"last": "30"}, {"detail": 4}, {"detail": -1}, {"results": 0},
        {"results": True}, {"results": 1.0}, {"results": 2**63}, {"sensitivity": 7},
    ],
)  # fmt: skip
def test_a_narrowing_that_is_none(narrower: Step) -> None:
    with pytest.raises(BadRequest):
        tokens.attenuate(minted(), ROOT.public, **narrower)


def test_eight_holders_and_no_ninth() -> None:
    token = minted()
    for _ in range(8):
        token = tokens.attenuate(token, ROOT.public, actions=["search"])
    assert tokens.authorize(verified(token), Action.SEARCH, ["notes"], NOW, AUDIENCE) == {"notes"}
    with pytest.raises(BadRequest):
        tokens.attenuate(token, ROOT.public, actions=["search"])


def test_a_stranger_cannot_attenuate() -> None:
    other = tokens.Root.from_seed(b"o" * 32, 7)
    assert reason(lambda: tokens.attenuate(minted(), other.public, actions=["read"])) == Reason.SIGNATURE


def test_the_largest_narrowing_is_accepted() -> None:
    names = [f"n{i}" for i in range(20)]
    largest: Step = {
        "actions": list(Action), "collections": ["notes"], "sources": names, "kinds": names, "labels": names,
        "without_labels": names, "people": names, "since": NOW - DAY, "until": NOW, "last": 30,
        "sensitivity": Sensitivity.PUBLIC, "owner_written": True, "expires": NOW + timedelta(hours=1),
        "detail": Detail.ANSWERS, "results": 1,
    }  # fmt: skip
    assert largest.keys() == caveats.SOURCES.keys()
    token = tokens.attenuate(minted(), ROOT.public, **largest)
    assert verified(token).exact and tokens.inspect(token).other_checks == 0


# ---------------------------------------------------------------- asking for what the token has not


@pytest.mark.parametrize(
    ("narrower", "message", "hint"),
    [
        ({"actions": [Action.READ, Action.COUNT]}, "does not allow the action 'count'", "it allows: read, search"),
        ({"collections": ["mail", "photos"]}, "does not allow the collection 'photos'", "it allows: mail, notes"),
        ({"sources": ["imap"]}, "does not allow the source 'imap'", "it allows: vault"),
        ({"detail": Detail.FULL}, "allows at most the detail snippet", "ask for less"),
        ({"results": 11}, "allows at most 10 records in one answer", "ask for less"),
        ({"sensitivity": Sensitivity.SECRET}, "allows at most the sensitivity personal", "ask for less"),
        ({"since": NOW}, "nothing of this token's window would be left", "until 2026-11-22"),
        ({"until": NOW - 9 * DAY}, "nothing of this token's window would be left", "since 2026-11-15"),
    ],
)
def test_what_does_not_fit_is_explained(narrower: Step, message: str, hint: str) -> None:
    where = replace(
        GRANT.where, sources=Names.of("vault"), ceiling=Sensitivity.PERSONAL, since=NOW - 7 * DAY, until=NOW
    )
    token = minted(replace(GRANT, where=where, detail=Detail.SNIPPET, limits=Limits(results=10)))
    with pytest.raises(BadRequest) as caught:
        tokens.fitting(token, **narrower)
    assert message in caught.value.message and hint in caught.value.hint
    with pytest.raises(BadRequest):  # the child of a child as well
        tokens.fitting(tokens.attenuate(token, ROOT.public, kinds=["note"]), **narrower)


def test_what_fits_passes() -> None:
    token = minted(replace(GRANT, detail=Detail.SNIPPET))
    tokens.fitting(token)
    tokens.fitting(
        token, actions=[Action.READ], collections=["mail"], sources=["any"], kinds=None, since=NOW, until=NOW + DAY,
        detail=Detail.SNIPPET, results=7, sensitivity=Sensitivity.SECRET, labels=["x"],
    )  # fmt: skip


# ---------------------------------------------------------------- looking into a token


def test_inspection_needs_no_key() -> None:
    grant = replace(GRANT, holder="thumb", limits=Limits(results=9))
    token = tokens.attenuate(
        minted(grant), ROOT.public, collections=["notes"], actions=["search"], expires=NOW + timedelta(hours=1),
        detail=Detail.SNIPPET, last=90,
    )  # fmt: skip
    assert tokens.inspect(token) == tokens.Inspection(
        key=7, grant="g-1", client="Claude", audience=AUDIENCE, actions=("search",),
        scope={"collections": ["notes"], "sensitivity": "secret", "last": 90}, detail="snippet", results=9,
        holder="thumb", expires=NOW + timedelta(hours=1), blocks=2, other_checks=0,
    )  # fmt: skip
    own = make(USUAL, 'check if request_op("search"); check if time($t), $t < 2026-12-01T00:00:00Z')
    assert tokens.inspect(own).other_checks == 1
    assert reason(lambda: tokens.inspect("x")) == Reason.ENCODING


# ---------------------------------------------------------------- the canonical form


def test_canonical_sources_are_read_back() -> None:
    narrower: Step = {
        "actions": [Action.READ], "collections": ["a"], "expires": NOW + timedelta(hours=1), "sources": ["b"],
        "kinds": ["c"], "labels": ["d"], "without_labels": ["e"], "people": ["f"], "since": NOW, "until": NOW + DAY,
        "last": 30, "sensitivity": Sensitivity.PERSONAL, "owner_written": True, "detail": Detail.REDACTED, "results": 4,
    }  # fmt: skip
    assert narrower.keys() == caveats.SOURCES.keys()
    everything = minted(replace(GRANT, where=EVERYTHING))
    for dimension, value in narrower.items():
        vetted = tokens.vet(tokens.attenuate(everything, ROOT.public, **{dimension: value}))
        found = caveats.recognise(vetted.blocks[0][0])
        assert found is not None and found[0] == dimension
    left = caveats.read(tokens.vet(tokens.attenuate(everything, ROOT.public, **narrower)))
    where = Conditions(
        Names.of("a"), Names.of("b"), Names.of("c"), (frozenset({"d"}),), frozenset({"e"}), (frozenset({"f"}),), NOW,
        NOW + DAY, 30, Sensitivity.PERSONAL, True,
    )  # fmt: skip
    expires = int((NOW + timedelta(hours=1)).timestamp())
    assert left == caveats.Narrowed(where, frozenset({Action.READ}), Detail.REDACTED, 4, expires, exact=True)


@pytest.mark.parametrize(
    "check",
    [
        'check if request_op($x), {"read", "search"}.contains($y)', "check if time($x), $y < 2030-01-01T00:00:00Z",
        "check if request_detail($x), $y <= 1",
    ],
)  # fmt: skip
def test_a_check_of_another_variable_is_not_canonical(check: str) -> None:
    token = verified(make(USUAL, check))
    assert not token.exact
    assert tokens.authorize(token, Action.SEARCH, ["notes"], NOW, AUDIENCE) == frozenset()


@pytest.mark.parametrize(
    ("check", "allowed"),
    [
        ("check if request_detail($x), $x <= 9", True), ("check if request_detail($x), $x <= -1", False),
        ("check if request_results($x), $x <= 0", False), ("check if request_results($x), $x < 101", True),
        ("check if request_results($x), $x < 100", False), ("check if request_detail($x), $x >= 3", True),
        ('check if request_detail($x), $x <= 2 or stage("request")', True), ("check if request_detail(2)", False),
        ('check all record_age($x), $x <= 40000 or stage("request")', True),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_not_canonical_and_still_holds(check: str, allowed: bool) -> None:
    """The vault supplies what is in force: the token's own detail, and the most records that an answer has."""
    token = verified(make(USUAL, check))
    assert not token.exact and token.detail is Detail.FULL and token.results is None and token.where.last is None
    assert tokens.authorize(token, Action.SEARCH, ["notes"], NOW, AUDIENCE) == ({"notes"} if allowed else frozenset())


def test_numbers_keep_their_sign() -> None:
    vetted = tokens.vet(make(USUAL, "check if record_sensitivity($x), $x > -7"))
    assert vetted.blocks[0][0].queries[0].expressions == ((("var", "x"), ("int", -7), ("op", ">")),)


def test_the_spec_lists_the_canonical_checks() -> None:
    spec = (Path(tokens.__file__).parent / "SPEC.md").read_text("utf-8")
    listed = set(re.findall(r"^\| [a-z ]+ \| `((?:check|reject) .*)` \|$", spec, re.MULTILINE))
    letter = dict.fromkeys(("last", "sensitivity", "detail", "results"), "N")
    letter |= {"expires": "T", "since": "T", "until": "T", "owner_written": '{"owner"}'}
    assert listed == {text.replace("{v}", letter.get(key, "V")) for key, text in caveats.SOURCES.items()}
