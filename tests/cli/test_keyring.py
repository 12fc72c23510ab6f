"""`ownvault keys add-keyring`, and the assistant that then finds a server where none ran."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import new, started, stopped
from tests.api.test_bridge import COUNT, code, line, modern, owned
from tests.support import run_command
from vault.store import lock
from vault.types import GrantRequest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an owner whose system has a keyring; whatever server runs in the end is ended."""
    made = new(tmp_path) | {
        "PYTHON_KEYRING_BACKEND": "tests.filekeyring.Keyring", "OWNVAULT_TEST_KEYRING": str(tmp_path / "keyring.json"),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    (Path(made["OWNVAULT_DIR"]) / "config.toml").write_text("port = 0\n")
    yield made
    if found := lock.find_server(Path(made["OWNVAULT_DIR"])):
        os.kill(found["pid"], signal.SIGTERM)


def token(home: dict[str, str]) -> str:
    server = started(home)
    remote, owner = owned(server)
    made = remote.grant(owner, GrantRequest("claude", all=True)).token
    stopped(server)
    return made


def test_an_assistant_starts_the_server_where_the_keyring_may(home: dict[str, str]) -> None:
    environment = home | {"OWNVAULT_TOKEN": token(home)}
    directory = Path(home["OWNVAULT_DIR"])
    with line(environment) as claude:
        assert code(claude.ask(modern(COUNT))) == "unreachable", "off by default"
    added = json.loads(run_command(home, "keys", "add-keyring", "--json").stdout)
    listed = json.loads(run_command(home, "keys", "slots", "--json").stdout)["slots"]
    assert [slot["kind"] for slot in listed] == ["passphrase", "recovery", "keyring"] and listed[2]["id"] == added["id"]
    with line(environment) as claude:
        while True:  # it starts beside; the first answers say that it does not answer yet
            said = claude.ask(modern(COUNT))
            if "structuredContent" in said.get("result", {}):
                break
            assert code(said) in ("unreachable", "locked")
        assert said["result"]["structuredContent"]["count"] == 0
        run_command(home, "lock")
        assert code(claude.ask(modern(COUNT))) == "locked"
        assert claude.end() == 0
    with line(environment) as claude:
        assert code(claude.ask(modern(COUNT))) == "locked", "what its owner locked stays locked"
    found = lock.find_server(directory)
    assert found
    os.kill(found["pid"], signal.SIGTERM)
    while lock.held(directory):
        pass
    run_command(home, "keys", "remove-keyring")
    assert json.loads(Path(home["OWNVAULT_TEST_KEYRING"]).read_text()) == {}
    with line(environment) as claude:
        assert code(claude.ask(modern(COUNT))) == "unreachable"


def test_what_cannot_be_kept_is_not_added(home: dict[str, str]) -> None:
    failed = run_command(
        home | {"PYTHON_KEYRING_BACKEND": "tests.filekeyring.Unsafe"}, "keys", "add-keyring", check=False
    )
    assert failed.returncode == 11 and "no keyring that is safe" in failed.stderr
    assert "keyring" not in run_command(home, "keys", "slots").stdout
    assert run_command(home, "keys", "remove-keyring", check=False).returncode == 2
    server = started(home)
    try:
        busy = run_command(home, "keys", "add-keyring", check=False)
        assert busy.returncode == 8 and "end the server first" in busy.stderr
    finally:
        stopped(server)


def test_it_is_recorded(home: dict[str, str]) -> None:
    run_command(home, "keys", "add-keyring")
    run_command(home, "keys", "remove-keyring")
    entries = json.loads(run_command(home, "audit", "--json").stdout)["entries"]
    changes = [one["entry"]["detail"] for one in entries if one["entry"]["action"] == "keys"]
    assert changes == [{"keyslot": "keyring", "change": "remove"}, {"keyslot": "keyring", "change": "add"}]
    assert "ownvault-keyring" not in json.dumps(entries)
