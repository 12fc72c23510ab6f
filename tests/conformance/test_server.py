"""The protocol's own conformance suite against `/mcp`, in both revisions.

Once against the server as its owner starts it, with the scenarios that need no fixture: all of them pass. And once
with the suite's fixtures in the same endpoint, with every scenario that a revision requires: expected-*.yaml names
those that fail, each with its reason, and the suite fails when one of them passes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import Running, assistant, running
from tests.conformance.programs import CONFORMANCE, HERE, node, run
from tests.conformance.proxy import bearing
from vault.types import Action

__all__ = ["running"]
REVISIONS = ("2025-11-25", "2026-07-28")
AS_SHIPPED = {
    "2025-11-25": (
        "server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection",
    ),
    "2026-07-28": (
        "tools-list", "dns-rebinding-protection", "sep-2164-resource-not-found", "http-header-validation",
        "input-required-result-unsupported-methods", "caching",
        "server-stateless", "resources-list",
    ),
}  # fmt: skip
ALLOWED = {
    "caching": {"sep-2549-prompts-list-caching-hints"},
    "server-stateless": {
        "sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400",
        "sep-2575-http-server-no-independent-requests-on-stream", "sep-2575-server-no-log-without-loglevel",
    },
}  # fmt: skip
"""Checks within a scenario that only a fixture makes possible: a vault has no prompts, no log, no sampling."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port at which the vault's endpoint with the suite's fixtures answers, to whoever asks."""
    node()
    directory = tmp_path_factory.mktemp("everything") / "vault"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.everything", str(directory)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, cwd=HERE.parent.parent,
    ) as process:  # fmt: skip
        assert process.stdin and process.stdout
        said = json.loads(process.stdout.readline())
        with bearing(said["port"], said["token"]) as port:
            yield port
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_scenario_that_the_revision_requires(everything: int, revision: str, tmp_path: Path) -> None:
    expected = HERE / f"expected-{revision}.yaml"
    done = run(
        CONFORMANCE, "server", "--url", f"http://127.0.0.1:{everything}/mcp", "--requirements", revision,
        "--expected-failures", str(expected), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "server-initialize" in done.stdout or "server-stateless" in done.stdout


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_server_as_it_ships(running: Running, revision: str, tmp_path: Path) -> None:
    node()
    actions = (Action.SEARCH, Action.READ, Action.COUNT, Action.ADD)
    token = assistant(running, f"suite-{revision}", *actions).token
    with bearing(running.port, token) as port:
        for scenario in AS_SHIPPED[revision]:
            out = tmp_path / scenario
            run(
                CONFORMANCE, "server", "--url", f"http://127.0.0.1:{port}/mcp", "--scenario", scenario,
                "--spec-version", revision, "--output-dir", str(out), cwd=tmp_path,
            )  # fmt: skip
            (found,) = out.glob("*/checks.json")
            checks = json.loads(found.read_text())
            failed = {check["id"] for check in checks if check["status"] not in ("SUCCESS", "INFO", "SKIPPED")}
            assert checks and failed == ALLOWED.get(scenario, set()), (scenario, checks)
