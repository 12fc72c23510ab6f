"""How many records of a scope have each value of an attribute, and when the first and last of them were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vault.embed.columns import UNDATED, Columns, Ints, Mask, Numbering, Tables
from vault.embed.segments import Generation
from vault.errors import BadRequest
from vault.types import Conditions, Sensitivity

By = Literal["collection", "source", "kind", "person", "label", "month", "sensitivity"]

SINGLE = {"collection": "collections", "source": "sources", "kind": "kinds"}
SETS = {"person": "people", "label": "labels"}


def tally(generation: Generation, where: Conditions, tables: Tables, by: By) -> dict[str, int]:
    """Return how many records in scope have each value that occurs, by value.

    A record counts once for each of its people or labels. Months are "2024-05" in UTC; undated records have none.
    BadRequest for another `by`.
    """
    total = Counter[str]()
    for columns, mask in scoped(generation, where, tables):
        if by in SINGLE:
            total += _named(getattr(columns, SINGLE[by])[mask], getattr(tables, SINGLE[by]))
        elif by in SETS:
            pairs = getattr(columns, SETS[by])
            total += _named(pairs.codes[mask[pairs.rows]], getattr(tables, SETS[by]))
        elif by == "month":
            dates = columns.dates[mask]
            total += _counted(dates[dates != UNDATED].astype("M8[us]").astype("M8[M]"))
        elif by == "sensitivity":
            levels = _counted(columns.sensitivities[mask])
            total += Counter({Sensitivity(int(level)).name.lower(): count for level, count in levels.items()})
        else:
            raise BadRequest(f"records cannot be counted by {by}")
    return dict(sorted(total.items()))


def span(generation: Generation, where: Conditions, tables: Tables) -> tuple[int, int] | None:
    """Return the first and last date in scope, in microseconds since 1970; None when no record there has one."""
    dates = [columns.dates[mask] for columns, mask in scoped(generation, where, tables)]
    dated: list[Ints] = [some[some != UNDATED] for some in dates]
    ends = [(int(some.min()), int(some.max())) for some in dated if len(some)]
    return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None


def scoped(generation: Generation, where: Conditions, tables: Tables) -> Iterator[tuple[Columns, Mask]]:
    """Yield the columns of each segment with the mask of its living records in scope."""
    for segment, alive in zip(generation.segments, generation.alive, strict=True):
        yield segment.columns, segment.columns.mask(where, tables) & alive


def _named(codes: NDArray[np.integer], numbering: Numbering) -> Counter[str]:
    counts = np.bincount(codes)
    found = np.flatnonzero(counts)
    return Counter(dict(zip(numbering.names(found), counts[found].tolist(), strict=True)))


def _counted(values: NDArray[Any]) -> Counter[str]:
    found, counts = np.unique(values, return_counts=True)
    return Counter(dict(zip(map(str, found), counts.tolist(), strict=True)))
