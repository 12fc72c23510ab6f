"""What a grant can observe is the same as if the vault held only what the grant covers (design §1, promise 2)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vault.service import Vault
from vault.types import (
    AddRequest,
    CountRequest,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    Provenance,
    SearchRequest,
    Sensitivity,
)

WORDS = ["boat", "varnish", "dentist", "choir", "school", "invoice", "Ida", "Jonas", "harbour", "oak", "leak", "budget"]
COLLECTIONS, KINDS, LABELS, PEOPLE = (
    ["notes", "mail", "chats"],
    ["note", "mail"],
    ["work", "home", "boat"],
    ["Ida", "Jonas", "Tova"],
)
DAY = datetime(2024, 1, 1, tzinfo=UTC)

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


def subsets(names: list[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(names), min_size=least, max_size=2).map(lambda chosen: tuple(sorted(chosen)))


@st.composite
def drafts(draw: st.DrawFn) -> list[tuple[str, Draft]]:
    """Return records with the collection each belongs to, threads and all."""
    number = draw(st.integers(1, 25))
    return [
        (
            draw(st.sampled_from(COLLECTIONS)),
            Draft(
                origin=f"r{i}",
                text=draw(texts),
                title=draw(texts),
                kind=draw(st.sampled_from(KINDS)),
                created=draw(st.none() | st.integers(0, 60).map(lambda d: DAY + timedelta(days=d))),
                people=draw(subsets(PEOPLE)),
                labels=draw(subsets(LABELS)),
                sensitivity=draw(st.sampled_from(Sensitivity)),
                provenance=draw(st.sampled_from(Provenance)),
                thread=draw(st.sampled_from(["", "t1", "t2"])),
                position=i,
            ),
        )
        for i in range(number)
    ]


filters = st.builds(
    Filter,
    collections=st.lists(st.sampled_from(COLLECTIONS), unique=True, min_size=1, max_size=3).map(tuple),
    kinds=st.none() | subsets(KINDS, 1),
    labels=st.none() | subsets(LABELS, 1),
    without_labels=subsets(LABELS),
    people=st.none() | subsets(PEOPLE, 1),
    since=st.none() | st.integers(0, 30).map(lambda d: DAY + timedelta(days=d)),
    until=st.none() | st.integers(31, 60).map(lambda d: DAY + timedelta(days=d)),
    sensitivity=st.none() | st.sampled_from(["public", "personal", "sensitive", "secret"]),
    owner_written=st.booleans(),
)


def put(vault: Vault, items: list[tuple[str, Draft]]) -> None:
    owner = Holder(vault.owner_token().token)
    for collection, draft in items:
        vault.add(owner, AddRequest(collection, (draft,), source="test"))


def observed(vault: Vault, filter: Filter, query: str) -> tuple[object, ...]:
    """Return everything an assistant with this grant can see of a query, a count and a refused question."""
    owner = Holder(vault.owner_token().token)
    existing = tuple(c.name for c in vault.status(owner).collections if c.name in (filter.collections or ()))
    if not existing:
        return ()
    holder = Holder(vault.grant(owner, GrantRequest("claude", filter=replace(filter, collections=existing))).token)
    hits = vault.search(holder, SearchRequest(query)).hits
    return (
        [replace(hit, id="") for hit in hits],
        vault.count(holder, CountRequest()).count,
        [vault.count(holder, CountRequest(Filter(people=(p,)))).count for p in PEOPLE],
    )


# No shrinking: an example makes two vaults, and a thousand smaller ones take minutes. The seed repeats it.
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(items=drafts(), filter=filters, query=texts, data=st.data())
def test_a_scoped_question_sees_a_vault_that_holds_only_the_scope(
    new_vault: Callable[[Path], Vault], items: list[tuple[str, Draft]], filter: Filter, query: str, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as place:
        whole, only = new_vault(Path(place) / "whole"), new_vault(Path(place) / "only")
        put(whole, items)
        gone = data.draw(st.sets(st.sampled_from([d.origin for _, d in items]), max_size=3), label="forgotten")
        owner = Holder(whole.owner_token().token)
        for origin in sorted(gone):
            hit = next((h for h in whole.search(owner, SearchRequest("boat", 100)).hits if h.origin == origin), None)
            if hit:
                whole.forget(owner, hit.id)
            else:
                gone.discard(origin)
        covered = [(c, d) for c, d in items if d.origin not in gone and covers(filter, c, d)]
        put(only, covered)
        if covered:
            assert observed(whole, filter, query) == observed(only, filter, query)
        else:
            assert observed(whole, filter, query) in ((), ([], 0, [0, 0, 0]))
        whole.close()
        only.close()


def covers(filter: Filter, collection: str, draft: Draft) -> bool:
    """Say in the plainest words whether a grant of this filter covers the record: a third evaluation, for the test."""
    ceiling = Sensitivity.parse(filter.sensitivity) if filter.sensitivity else Sensitivity.PERSONAL
    dated = (filter.since is None and filter.until is None) or (
        draft.created is not None
        and (filter.since is None or draft.created >= filter.since)
        and (filter.until is None or draft.created < filter.until)
    )
    return (
        collection in (filter.collections or ())
        and (filter.kinds is None or draft.kind in filter.kinds)
        and (filter.labels is None or bool(set(draft.labels) & set(filter.labels)))
        and not set(draft.labels) & set(filter.without_labels)
        and (filter.people is None or bool(set(draft.people) & set(filter.people)))
        and draft.sensitivity <= ceiling
        and (not filter.owner_written or draft.provenance is Provenance.OWNER)
        and dated
    )
