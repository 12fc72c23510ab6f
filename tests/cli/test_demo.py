"""`ownvault demo`: the whole loop, once, ended by Ctrl-C as a person would; and what it refuses to touch."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hear_interrupts
from vault.cli import demo
from vault.errors import VaultExists

ORDER = [
    r"server at http://127\.0\.0\.1:\d+",
    r"1  Data goes in, encrypted",
    r"notes +8\d records",
    r"journal +1\d records",
    r"2  claude gets one collection",
    r"sees \d+ records; token \S+, shown once",
    r"3  claude asks",
    r"POST http://127\.0\.0\.1:\d+/v1/search",
    r"→ 200 OK",
    r" 1  Heat pump decision",
    r"4  claude asks for what it was not given",
    r"→ 404 Not Found",
    r"not_found: ",
    r"5  You see what was asked",
    r"deny: out_of_scope",
    r"released",
    r"the log holds: \d+ entries",
    r"6  You revoke the grant",
    r"→ 401 Unauthorized",
    r"token_refused: ",
    r"The server goes on running: http://127\.0\.0\.1:\d+",
    r"export OWNVAULT_DIR=\S+ OWNVAULT_PASSPHRASE_FILE=\S+",
    r"Ctrl-C ends it",
]


def test_the_tour_and_its_end(tmp_path: Path, home: dict[str, str]) -> None:
    place = demo.Place(tmp_path / "demo")
    environment = {k: v for k, v in home.items() if not k.startswith("OWNVAULT_")} | {
        "OWNVAULT_TOKEN": "somebody else's"
    }
    running = subprocess.Popen(
        [sys.executable, "-m", "vault", "demo", "--directory", str(place.directory), "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    assert running.stdout is not None and running.stderr is not None
    shown = ""
    while not shown.endswith("Ctrl-C ends it.\n"):
        line = running.stdout.readline()
        assert line, f"{shown}\n{running.stderr.read()}"
        shown += line
    at = 0
    for expected in ORDER:
        found = re.compile(expected).search(shown, at)
        assert found, f"{expected!r} is missing or out of order in:\n{shown}"
        at = found.end()
    server = json.loads((place.vault / "owner.json").read_text())["pid"]

    running.send_signal(signal.SIGINT)
    rest, complaints = running.communicate(timeout=60)
    assert (running.returncode, complaints) == (0, "")
    assert rest.strip() == "the demo's server has ended"
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_only_its_own_directory_is_ever_emptied(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(VaultExists):
        demo.make(demo.Place(tmp_path), keep=False)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_the_mark_allows_a_new_vault_and_keeps_what_is_not_the_demos(tmp_path: Path) -> None:
    place = demo.Place(tmp_path)
    demo.make(place, keep=False)
    (tmp_path / "precious").write_text("mine")
    first = (place.vault / "keyslots.json").read_bytes()
    demo.make(place, keep=True)
    assert (place.vault / "keyslots.json").read_bytes() == first
    demo.make(place, keep=False)
    assert (place.vault / "keyslots.json").read_bytes() != first
    assert (tmp_path / "precious").read_text() == "mine"
    assert oct(place.passphrase.stat().st_mode & 0o777) == "0o600"
