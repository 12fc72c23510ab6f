"""The clients themselves, where they are installed: each reads the file that was written and reaches the vault.

    npm install --prefix /tmp/clients @anthropic-ai/claude-code @openai/codex @google/gemini-cli
    PATH=/tmp/clients/node_modules/.bin:$PATH .venv/bin/python -m pytest tests/clients/test_real.py

No account and no network is needed: each lists its servers, and two of them start them for that.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import Server


def said(server: Server, program: str, *words: str) -> str:
    """Return what a client prints, in the home of the test."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed here")
    environment = {name: server.environment[name] for name in ("PATH", "HOME", "TMPDIR", "LANG")}
    environment |= {"GEMINI_CLI_TRUST_WORKSPACE": "true", "DISABLE_AUTOUPDATER": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [found, *words], env=environment, cwd=server.environment["HOME"], capture_output=True, text=True, timeout=180
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("client", "program", "shown"), [
    ("claude-code", "claude", "Connected"), ("gemini", "gemini", "Connected"), ("codex", "codex", "enabled"),
])  # fmt: skip
def test_the_client_reads_its_file_and_reaches_the_vault(server: Server, client: str, program: str, shown: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed here")
    server.command("add", "--collection", "notes", "--title", client, stdin="text")
    told = server.json("connect", client, "--collection", "notes")
    line = next(
        line for line in said(server, program, "mcp", "list").splitlines() if "ownvault" in line and "mcp" in line
    )
    assert shown in line and "--token-file" in line, line
    file = Path(str(told["file"]))
    if client == "codex":  # it edits its own file; ours goes, its own stays
        said(server, program, "mcp", "add", "other", "--", "/bin/true")
    server.command("disconnect", client)
    left = file.read_text() if file.exists() else ""
    assert "ownvault" not in left and ("/bin/true" in left) == (client == "codex")
    assert "ownvault" not in said(server, program, "mcp", "list").replace(server.environment["HOME"], "")
    assert file.suffix != ".json" or not left or json.loads(left)
