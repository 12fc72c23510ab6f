"""Charts that need no script: bars and a line as the shapes of an SVG, with the numbers for the table beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from vault.types import Arrival

WIDTH, HEIGHT = 720, 160
MONTHS = 60
"""Months that are shown one by one; of a longer time, years."""
BARS = 120


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time: its name, its number, and where its bar stands."""

    name: str
    number: int
    x: float
    y: float
    width: float
    height: float
    marked: bool


@dataclass(frozen=True, slots=True)
class Bars:
    bars: tuple[Bar, ...]
    unit: str
    most: int


@dataclass(frozen=True, slots=True)
class Point:
    day: date
    records: int
    bytes: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """How the vault grew: what there is now, by the day on which it came."""

    points: tuple[Point, ...]
    path: str


def written(months: Mapping[str, int]) -> Bars:
    """Return the records of each month in which they were written; of each year when that is many."""
    unit, counts = "month", Counter(months)
    names = _months(min(counts), max(counts)) if counts else []
    if len(names) > MONTHS:
        unit, counts = "year", Counter()
        for month, number in months.items():
            counts[month[:4]] += number
        names = [f"{year:04}" for year in range(int(min(counts)), int(max(counts)) + 1)]
        names = names if len(names) <= BARS else sorted(counts)[-BARS:]  # a stray date of long ago is in the table
    most = max(counts.values(), default=0)
    step = WIDTH / max(1, len(names))
    every = max(1, -(-len(names) // 12))
    bars = (
        Bar(name, counts[name], round(i * step + step * 0.12, 2), round(HEIGHT - _high(counts[name], most), 2),
            round(step * 0.76, 2), round(_high(counts[name], most), 2), (len(names) - 1 - i) % every == 0)
        for i, name in enumerate(names)
    )  # fmt: skip
    return Bars(tuple(bars), unit, most)


def growth(arrived: Sequence[Arrival]) -> Line:
    """Return how much there was at the end of each day on which something came."""
    records = list(accumulate(one.records for one in arrived))
    sizes = list(accumulate(one.bytes for one in arrived))
    days = [date.fromisoformat(one.day) for one in arrived]
    length = (days[-1] - days[0]).days if days else 0
    most = max(sizes, default=0) or 1
    points = tuple(
        Point(day, number, size, round((day - days[0]).days / max(1, length) * WIDTH, 2),
              round(HEIGHT - size / most * (HEIGHT - 8), 2))
        for day, number, size in zip(days, records, sizes, strict=True)
    )  # fmt: skip
    if not length:
        return Line(points, "")
    steps = (f"H{one.x} V{one.y}" for one in points[1:])
    return Line(points, " ".join([f"M0 {HEIGHT} V{points[0].y}", *steps, f"V{HEIGHT} Z"]))


def _high(number: int, most: int) -> float:
    return max(1.5, number / most * (HEIGHT - 8)) if number and most else 0.0


def _months(first: str, last: str) -> list[str]:
    start, end = (int(one[:4]) * 12 + int(one[5:7]) - 1 for one in (first, last))
    return [f"{n // 12:04}-{n % 12 + 1:02}" for n in range(start, end + 1)]
