"""What every benchmark shares: the machine in words, paired timings, a table, a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def describe() -> dict[str, Any]:
    """Return what a reader needs to place the figures; nothing that names the machine."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = (
        int(
            next(
                line.split()[1]
                for line in Path("/proc/meminfo").read_text().splitlines()
                if line.startswith("MemTotal")
            )
        )
        // 2**20
    )
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "system": platform.system(),
        "python": platform.python_version(),
    }


def milliseconds(call: Callable[[], object], times: int) -> list[float]:
    """Return how long each of `times` calls took, in ms."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def spread(values: list[float]) -> dict[str, float]:
    """Return median, 5th and 95th percentile, rounded."""
    ordered = sorted(values)
    at = lambda q: ordered[min(len(ordered) - 1, int(q * len(ordered)))]  # noqa: E731
    return {"median": round(statistics.median(ordered), 3), "p5": round(at(0.05), 3), "p95": round(at(0.95), 3)}


def keep(name: str, figures: dict[str, Any]) -> None:
    """Write `bench/results/NAME.json` with the machine beside the figures."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps({"machine": describe(), **figures}, indent=2) + "\n")


def table(title: str, rows: list[tuple[str, str, str]]) -> None:
    """Print name, figure and bar in columns."""
    print(f"\n{title}")
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
