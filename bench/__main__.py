"""`make bench`: every benchmark in a process of its own, one after the other: two in one would share threads."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "startup", "permission", "budgets", "redaction", "encoding", "search", "compare", "company", "service", "importing",
    "serving", "load", "retrieval", "atlas",
)  # fmt: skip

if __name__ == "__main__":
    chosen = sys.argv[1:] or BENCHMARKS
    failed = [name for name in chosen if subprocess.run([sys.executable, "-m", f"bench.{name}"]).returncode]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
