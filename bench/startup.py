"""How long `ownvault --help` takes as a whole process, beside a bare `python -c pass`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.machine import keep, milliseconds, spread, table

BAR_MS = 300


def main() -> None:
    command = Path(sys.executable).with_name("ownvault")
    bare, help_ = [], []
    for _ in range(15):  # in turns, so that both see the same machine
        bare += milliseconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 1)
        help_ += milliseconds(lambda: subprocess.run([command, "--help"], check=True, capture_output=True), 1)
    keep("startup", {"bare_python_ms": spread(bare), "help_ms": spread(help_), "bar_ms": BAR_MS})
    table("start-up (whole process, 15 runs)", [
        ("python -c pass", f"{spread(bare)['median']:.0f} ms", ""),
        ("ownvault --help", f"{spread(help_)['median']:.0f} ms", f"bar {BAR_MS} ms"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
