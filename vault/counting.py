"""Numbers, and the records that a number tells of: an answers-only grant must not be asked record by record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vault import limits
from vault.library import Library
from vault.types import By, Conditions, CountRequest, Names, Sensitivity

_SINGLE = {By.COLLECTION: "collections", By.SOURCE: "sources", By.KIND: "kinds"}
_SETS = {By.LABEL: "labels", By.PERSON: "people"}
_INSTANT = timedelta(microseconds=1)
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records, by what, from when to when."""

    number: int
    groups: Mapping[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


def tally(library: Library, where: Conditions, request: CountRequest) -> Tally:
    """Return what was asked about the records within `where`."""
    groups = library.groups(where, request.by) if request.by else {}
    first, last = library.span(where) if request.dates else (None, None)
    return Tally(library.count(where), groups, first, last)


def told(library: Library, whole: Conditions, where: Conditions, by: By | None, answer: Tally) -> tuple[str, ...]:
    """Return the ids of the records that the answer tells of, of all that the scope `whole` holds.

    Those are all of a number of at most SMALL_COUNT, of each group so small, of what is left out when that is so few
    (a number beside the number of everything tells of the difference), and those that bear the first and last date.
    """
    numbers: set[int] = set()
    for part in _telling(where, by, answer):
        numbers.update(library.numbers(part))
    for day in (answer.first, answer.last):
        bearing = library.numbers(_at(where, day)) if day is not None else []
        numbers.update(bearing if len(bearing) <= limits.SMALL_COUNT else ())
    if by is By.SENSITIVITY and answer.number > limits.SMALL_COUNT:
        numbers.update(_levels(library, where, answer))
    left_out = library.count(whole) - answer.number
    if 0 < left_out <= limits.SMALL_COUNT:
        numbers.update(set(library.numbers(whole)).difference(library.numbers(where)))
    return library.ids(numbers) if numbers else ()


def _telling(where: Conditions, by: By | None, answer: Tally) -> Iterator[Conditions]:
    if answer.number <= limits.SMALL_COUNT:
        yield where
        return
    if by is not None:
        yield from _parts(where, by, _small(answer))


def _at(where: Conditions, moment: datetime) -> Conditions:
    return where.narrow(since=moment, until=moment + _INSTANT if moment < _END else None)


def _small(answer: Tally) -> list[str]:
    return [name for name, number in answer.groups.items() if number <= limits.SMALL_COUNT]


def _parts(where: Conditions, by: By, names: list[str]) -> Iterator[Conditions]:
    """Yield the parts of `where` that make up its groups with these names."""
    if names and by in _SINGLE:
        yield where.narrow(**{_SINGLE[by]: Names.of(*names)})
    elif names and by in _SETS:
        yield where.narrow(**{_SETS[by]: (frozenset(names),)})
    elif by is By.MONTH:
        yield from (where.narrow(since=first, until=after) for first, after in map(_month, names))


def _levels(library: Library, where: Conditions, answer: Tally) -> set[int]:
    """Return the records of the levels that few have. For one level alone there is no condition: it is a difference."""
    found: set[int] = set()
    for level in map(Sensitivity.parse, _small(answer)):
        up_to = set(library.numbers(where.narrow(ceiling=level)))
        below = library.numbers(where.narrow(ceiling=Sensitivity(level - 1))) if level else ()
        found |= up_to.difference(below)
    return found


def _month(name: str) -> tuple[datetime, datetime | None]:
    """Return the first moment of a month and that of the next one, None after the last month there is."""
    first = datetime.fromisoformat(f"{name}-01").replace(tzinfo=UTC)
    if (first.year, first.month) == (9999, 12):
        return first, None
    return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1)
