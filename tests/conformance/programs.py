"""The programs from npm that these tests run: installed by `npm ci --ignore-scripts` in this directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
CONFORMANCE = "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
SECONDS = 120


def node() -> str:
    """Return a Node of at least 22: the installed one, else the system's. Skips without one, fails in CI."""
    own = next((str(found) for found in MODULES.glob("node-*/bin/node")), None)
    found = own or shutil.which("node")
    if not (MODULES / CONFORMANCE).exists() or not found or (not own and _major(found) < 22):
        missing = "the npm packages are not installed: npm ci --ignore-scripts --prefix tests/conformance"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def run(
    program: str, *words: str, cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program with Node, offline, and return what it said."""
    return subprocess.run(
        [node(), str(MODULES / program), *words], cwd=cwd, capture_output=True, text=True, timeout=SECONDS,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "NO_COLOR": "1", **(environment or {})},
    )  # fmt: skip


def _major(found: str) -> int:
    said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=SECONDS).stdout
    return int(said.lstrip("v").split(".")[0])
