"""Counts by attribute and the span of dates: the same as counting the admitted records one by one."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings

from tests.embed.rows import conditions, entries, index_of
from tests.embed.test_search import admitted, entry
from vault.embed.columns import microseconds
from vault.embed.search import Entry
from vault.errors import BadRequest
from vault.types import EVERYTHING, Conditions

BY = {
    "collection": lambda e: [e.collection],
    "source": lambda e: [e.source],
    "kind": lambda e: [e.kind],
    "person": lambda e: e.people,
    "label": lambda e: e.labels,
    "month": lambda e: [e.date.strftime("%Y-%m")] if e.date else [],
    "sensitivity": lambda e: [e.sensitivity.name.lower()],
}


@given(rows=entries(), where=conditions())
@settings(max_examples=100, deadline=None)
def test_tallies_count_the_records_in_scope_and_no_others(rows: list[Entry], where: Conditions) -> None:
    rows = [row if row.record % 3 or not row.date else moved(row) for row in rows]
    index = index_of(rows[: len(rows) // 2], rows[len(rows) // 2 :])
    inside = [row for row in rows if admitted(where, row)]
    for by, values in BY.items():
        assert index.tally(where, by) == dict(Counter(value for row in inside for value in values(row)))
    dates = [microseconds(row.date) for row in inside if row.date]
    assert index.span(where) == ((min(dates), max(dates)) if dates else None)
    index.close()


def moved(row: Entry) -> Entry:
    """Return the record 40 days earlier: another month, another year."""
    return Entry(**{**{name: getattr(row, name) for name in row.__slots__}, "date": row.date - timedelta(days=40)})


def test_what_is_forgotten_counts_no_more_and_other_attributes_are_refused() -> None:
    index = index_of([entry(1, labels=("x", "y")), entry(2, labels=("x",))])
    assert index.tally(EVERYTHING, "label") == {"x": 2, "y": 1}
    index.remove([1])
    assert index.tally(EVERYTHING, "label") == {"x": 1}
    with pytest.raises(BadRequest):
        index.tally(EVERYTHING, "text")
    index.close()
