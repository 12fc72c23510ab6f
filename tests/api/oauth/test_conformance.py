"""The protocol's own conformance suite for authorization servers: every check of it, against the real server."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.api.oauth.conftest import CLAUDE_CODE, Client

SUITE = Path(__file__).parents[2] / "conformance" / "node_modules"


def suite() -> list[str]:
    """Return the command of the suite; skipped where it is not installed, failed where it must be."""
    found = [*SUITE.glob("node-*/bin/node")]
    if not found or not (SUITE / ".bin" / "conformance").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the conformance suite is not installed: npm ci in tests/conformance")
        pytest.skip("the conformance suite is not installed: npm ci in tests/conformance")
    return [str(found[0]), str((SUITE / ".bin" / "conformance").resolve())]


def test_authorization(client: Client, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*suite(), "authorization", "--url", client.issuer, "--client-id", CLAUDE_CODE,
               "--resource", client.issuer + "/mcp", "--port", str(port), "--output-dir", str(tmp_path)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout
        said, asked, ready = "", "", False
        for line in run.stdout:
            said += line
            if found := re.search(rf"{re.escape(client.issuer)}(/oauth/authorize\?\S+)", line):
                asked = found[1]
            ready = ready or "Callback server started" in line
            if asked and ready:
                _go(client, asked)
                asked = ""
    assert run.returncode == 0, said
    assert re.search(r"Total: [1-9]\d* passed, 0 failed", said), said


def _go(client: Client, target: str) -> None:
    """Be the browser of the suite, and the owner who says yes."""
    page = client.get(target).body.decode()
    client.approve(page.partition("ownvault deny ")[2][:17])
    sent = client.get(page.partition("url=")[2].partition('"')[0])
    assert sent.status == 303
    with urlopen(sent.headers["location"], timeout=20) as answer:
        answer.read()
