"""What a scope shows now, and what it does not, in numbers and a few titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vault import sentences
from vault.cli import plain, screen
from vault.cli.filters import NAMED
from vault.cli.open import Open
from vault.errors import NotFound
from vault.types import By, CountRequest, Exposure, Filter, Sensitivity

MONTHS, NAMES, TITLES, TITLE = 12, 6, 4, 60
"""Months that are told one by one, else years; names and titles shown; characters of a title."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What stays out: records by collection; of those how many only one condition keeps out."""

    collections: Mapping[str, int]
    above: Mapping[str, int]
    outside: int


def show(
    sees: Exposure, hidden: Hidden | None = None, *, lead: str = "It sees", indent: int = 0,
    more: Iterable[tuple[str, str]] = (),
) -> None:  # fmt: skip
    """Print what is seen now, what is not, and `more` lines like those."""
    screen.paragraph(
        f"{lead} {sentences.plural(sees.records, 'record')} now{':' if sees.records or hidden else '.'}", indent
    )
    screen.facts([
        ("collections", _numbers(sees.collections)),
        ("months" if len(sees.months) <= MONTHS else "years", _numbers(_periods(sees.months))),
        ("people", _numbers(sees.people, NAMES)),
        ("sensitivity", _numbers(sees.sensitivity)),
        ("such as", " · ".join(_title(title) for title in sees.titles[:TITLES])),
        *(_told(hidden) if hidden else ()),
        *more,
    ], indent + 2)  # fmt: skip


def as_filter(scope: Mapping[str, Any]) -> Filter | None:
    """Return the filter whose scope these words are; None for one narrowed in several steps, which no filter says."""
    said: dict[str, Any] = {name: tuple(value) for name, value in scope.items() if isinstance(value, list)}
    if any(not isinstance(one, str) for names in said.values() for one in names):
        return None
    said |= {name: datetime.fromisoformat(scope[name]) for name in ("since", "until") if name in scope}
    said |= {name: scope[name] for name in ("last", "sensitivity", "owner_written") if name in scope}
    return Filter(**said)


def hidden(vault: Open, filter: Filter, sees: Exposure) -> Hidden:
    """Ask what the rest of the vault holds, for the owner: by collection, and what a single condition keeps out."""
    total = Counter(_count(vault, Filter(), By.COLLECTION)[1])
    _, levels = _count(vault, replace(filter, sensitivity=None), By.SENSITIVITY)
    ceiling = Sensitivity.parse(filter.sensitivity) if filter.sensitivity else Sensitivity.PERSONAL
    above = {name: number for name, number in levels.items() if Sensitivity.parse(name) > ceiling}
    outside = 0
    if filter.since or filter.until or filter.last:
        whole = replace(filter, since=None, until=None, last=None, sensitivity=ceiling.name.lower())
        outside = _count(vault, whole)[0] - sees.records
    return Hidden(total - Counter(sees.collections), above, outside)


def blocking(vault: Open, filter: Filter) -> list[str]:
    """Return, for a scope that sees nothing, what each single condition keeps out: `without --label work it sees 3`."""
    ceiling = filter.sensitivity or Sensitivity.PERSONAL.name.lower()
    given = replace(filter, sensitivity=ceiling)
    nothing: dict[str, Any] = {name: getattr(Filter(), name) for name in NAMED}
    weaker = {
        flag: replace(given, **{name: nothing[name]}) for name, (flag, _) in NAMED.items() if getattr(filter, name)
    }
    if filter.since or filter.until or filter.last:
        weaker["the dates"] = replace(given, since=None, until=None, last=None)
    if filter.owner_written:
        weaker["--owner-written"] = replace(given, owner_written=False)
    weaker["the limit of sensitivity"] = replace(filter, sensitivity=None)
    found = {flag: _count(vault, one)[0] for flag, one in weaker.items()}
    return [f"without {flag} it would see {sentences.plural(n, 'record')}" for flag, n in found.items() if n]


def _count(vault: Open, filter: Filter, by: By | None = None) -> tuple[int, dict[str, int]]:
    """Return how many records meet a filter, and the groups; none of a collection that holds nothing yet."""
    try:
        answer = vault.vault.count(vault.holder, CountRequest(filter, by))
    except NotFound:
        return 0, {}
    return answer.count, answer.groups


def _told(hidden: Hidden) -> list[tuple[str, str]]:
    rest = sum(hidden.collections.values())
    by = _numbers(dict(hidden.collections))
    above, first = sum(hidden.above.values()), next(iter(_ascending(hidden.above)), "")
    return [
        ("not seen", f"{sentences.plural(rest, 'other')}: {by}" if rest else "nothing: this is the whole vault"),
        ("", f"{above:,} of them only for their sensitivity: {_numbers(_ascending(hidden.above))} "
             f"(to show them: --sensitivity {first})" if above else ""),
        ("", f"{hidden.outside:,} of them only because their date is outside, or they have none"
             if hidden.outside > 0 else ""),
    ]  # fmt: skip


def _ascending(levels: Mapping[str, int]) -> dict[str, int]:
    return {name: levels[name] for name in sorted(levels, key=Sensitivity.parse)}


def _numbers(counts: Mapping[str, int], most: int = 1000) -> str:
    """Return `notes 12, mail 3`, the largest first where not all are told."""
    shown = list(counts.items()) if len(counts) <= most else Counter(dict(counts)).most_common(most)
    more = f" and {len(counts) - most} more" if len(counts) > most else ""
    return ", ".join(f"{plain.one_line(name)} {number:,}" for name, number in shown) + more


def _periods(months: Mapping[str, int]) -> Mapping[str, int]:
    if len(months) <= MONTHS:
        return months
    years: Counter[str] = Counter()
    for month, number in months.items():
        years[month[:4]] += number
    return years


def _title(title: str) -> str:
    shown = plain.one_line(title) or "(untitled)"
    return f"“{shown if len(shown) <= TITLE else shown[: TITLE - 1] + '…'}”"
