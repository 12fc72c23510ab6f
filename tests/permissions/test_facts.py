"""Facts: the first block says the whole grant, comes back as it went in, and has one spelling."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from biscuits import DAY, DETAIL, GRANT, NOW, REST, USUAL, make, minted, reason, verified
from hypothesis import given
from hypothesis import strategies as st
from test_scope import wheres

from vault.permissions import facts, scope, tokens
from vault.permissions.facts import Facts, Predicate
from vault.permissions.vetting import SINGLE, Reason
from vault.types import EVERYTHING, Action, Conditions, Detail, Grant, Limits, Names, Sensitivity

FULL = Facts(
    grant="g-1", client="Claude", audience="ownvault:1", actions=frozenset({Action.READ, Action.SEARCH}),
    where=Conditions(
        collections=Names.of("mail", "notes"), sources=Names.of("imap"), kinds=Names.of("mail", "note"),
        labels=(frozenset({"tax"}), frozenset({"urgent", "work"})), without_labels=frozenset({"private", "secret"}),
        people=(frozenset({"Ann", "Bob"}),), since=NOW - DAY, until=NOW, last=90, ceiling=Sensitivity.SENSITIVE,
        owner_written=True,
    ),
    detail=Detail.SNIPPET, results=10, holder="thumb",
)  # fmt: skip

somewhere = wheres.filter(lambda where: not facts._empty(where))
grants = st.builds(
    replace, st.just(GRANT), actions=st.frozensets(st.sampled_from(Action), min_size=1), where=somewhere,
    detail=st.sampled_from(Detail), limits=st.builds(Limits, results=st.none() | st.integers(1, 2**53)),
    holder=st.sampled_from(["", "Nz-_LC8eLpK3"]),
)  # fmt: skip


@given(grants)
def test_a_grant_comes_back_as_it_went_in(grant: Grant) -> None:
    token = verified(minted(grant))
    assert scope.to_json(token.where) == scope.to_json(grant.where) and token.where == token.facts.where
    assert (token.actions, token.detail, token.results, token.holder) == (
        grant.actions, grant.detail, grant.limits.results, grant.holder
    )  # fmt: skip


@given(somewhere, st.data())
def test_any_other_order_is_refused(where: Conditions, data: st.DataObject) -> None:
    said = facts.write(replace(FULL, where=where))
    assert facts.read(said).where & EVERYTHING == where & EVERYTHING
    other = data.draw(st.permutations(said))
    if other != said:
        with pytest.raises(ValueError):
            facts.read(other)
    for i in range(len(said)):
        with pytest.raises(ValueError):
            facts.read([*said[: i + 1], *said[i:]])


def test_every_fact_is_in_use() -> None:
    said = facts.write(FULL)
    assert facts.read(said) == FULL
    assert {name for name, _ in said} == set(facts._TERMS)
    least = facts.write(replace(FULL, where=EVERYTHING, results=None, holder=""))
    assert [name for name, _ in least] == ["grant", "client", "audience", "op", "op", "collection", "detail"]


def swapped(name: str, *terms: tuple[str, Any]) -> list[Predicate]:
    """Return the full facts with the first of this name saying something else."""
    said = facts.write(FULL)
    at = [name for name, _ in said].index(name)
    return [*said[:at], Predicate(name, terms), *said[at + 1 :]]


@pytest.mark.parametrize(
    "said",
    [
        swapped("grant", ("int", 1)), swapped("grant"), swapped("grant", ("str", "g"), ("str", "h")),
        swapped("grant", ("var", "x")), swapped("grant", ("set", frozenset({("str", "g-1")}))),
        swapped("op", ("str", "fly")), swapped("collection", ("str", "*")), swapped("collection", ("str", "zebra")),
        swapped("label", ("str", "tax")), swapped("label", ("int", 2), ("str", "tax")),
        swapped("label", ("int", -1), ("str", "tax")), swapped("person", ("int", 0), ("int", 1)),
        swapped("since", ("date", 0)), swapped("since", ("int", 2**62)), swapped("until", ("int", -(2**63))),
        swapped("last", ("int", 0)), swapped("last", ("int", 36_501)), swapped("last", ("bool", True)),
        swapped("ceiling", ("int", 3)), swapped("ceiling", ("int", 9)), swapped("ceiling", ("str", "public")),
        swapped("owner_written", ("bool", False)), swapped("owner_written", ("int", 1)),
        swapped("detail", ("int", 4)), swapped("detail", ("int", -1)), swapped("detail", ("bool", True)),
        swapped("results", ("int", 0)), swapped("results", ("int", -5)), swapped("results", ("bool", True)),
        swapped("holder", ("str", "")), swapped("holder", ("int", 0)),
        [*facts.write(FULL), Predicate("field", (("str", "text"),))], [],
    ],
)  # fmt: skip
def test_what_is_no_fact(said: list[Predicate]) -> None:
    with pytest.raises(ValueError):
        facts.read(said)


@pytest.mark.parametrize("left_out", ["grant", "client", "audience", "op", "collection", "detail"])
def test_what_must_be_said(left_out: str) -> None:
    with pytest.raises(ValueError):
        facts.read([one for one in facts.write(FULL) if one.name != left_out])


def test_equal_conditions_are_written_alike() -> None:
    urgent, work = frozenset({"urgent"}), frozenset({"work"})
    one, other = (replace(GRANT, where=replace(GRANT.where, labels=labels)) for labels in (
        (urgent, work), (work, urgent, work)))  # fmt: skip
    assert facts.write(replace(FULL, where=one.where)) == facts.write(replace(FULL, where=other.where))
    decomposed = replace(GRANT, where=replace(GRANT.where, people=(frozenset({" Re\u0301my"}),)))
    assert verified(minted(decomposed)).where.people == (frozenset({"R\u00e9my"}),)


def test_no_check_can_ask_about_the_new_facts() -> None:
    """They are for our own reader: a holder's check about them is refused, so it cannot mislead anybody."""
    for name in set(facts._TERMS) - SINGLE - {"op", "collection"}:
        assert reason(lambda name=name: tokens.vet(make(USUAL, f"check if {name}($x)"))) == Reason.CAVEAT


def test_facts_after_the_detail_are_read() -> None:
    token = verified(make(USUAL, after=DETAIL + 'results(3); holder("k");' + REST.removeprefix(DETAIL)))
    assert (token.results, token.holder) == (3, "k")


def test_the_spec_lists_the_facts_in_their_order() -> None:
    spec = (Path(tokens.__file__).parent / "SPEC.md").read_text("utf-8")
    table = re.findall(r"^\| (`.*?) \|", spec.split("### Facts\n")[1].split("### ")[0], re.MULTILINE)
    listed = [name for row in table for name in re.findall(r"`([a-z_]+)`", row)]
    assert listed == list(facts._TERMS)


def test_the_example_of_the_spec_is_a_token() -> None:
    spec = (Path(tokens.__file__).parent / "SPEC.md").read_text("utf-8")
    example = spec.split("## Token\n")[1].split("```")[1]
    token = verified(make("", before=example, after=""))
    assert (token.detail, token.results, token.where.last) == (Detail.SNIPPET, 10, 90)
    assert token.where.labels == (frozenset({"urgent", "work"}),)
