"""The Inspector, a program that people debug servers with, talks to the vault: over HTTP and over the stdio bridge."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Running, running
from tests.conformance.programs import INSPECTOR, node, run

__all__ = ["running"]


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_a_visit_by_the_inspector(running: Running, tmp_path: Path, transport: str) -> None:
    node()
    kept = tmp_path / "token"
    kept.write_text(running.claude.token)

    def ask(method: str, *words: str) -> Any:
        if transport == "http":
            place = [f"{running.server.address}/mcp", "--transport", "http"]
            place += ["--header", f"Authorization: Bearer {running.claude.token}"]
        else:
            place = [sys.executable, "-m", "vault", "mcp", "--vault", str(running.server.directory)]
            place += ["--token-file", str(kept)]
        done = run(INSPECTOR, "--cli", *place, "--method", method, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    listed = {tool["name"]: tool for tool in ask("tools/list")["tools"]}
    assert set(listed) == {"search", "fetch", "count", "request_access"}
    assert listed["search"]["annotations"]["readOnlyHint"] is True and "outputSchema" in listed["search"]
    found = ask("tools/call", "--tool-name", "search", "--tool-arg", "query=bolts", "--tool-arg", "limit=1")
    best = found["structuredContent"]["results"][0]
    assert best["origin"] == "keel" and json.loads(found["content"][0]["text"]) == found["structuredContent"]
    assert ask("resources/templates/list")["resourceTemplates"][0]["name"] == "record"
    read = ask("resources/read", "--uri", best["url"])
    assert "keel bolts" in read["contents"][0]["text"]
