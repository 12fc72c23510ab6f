"""What a hostile project, file, name or moment tried against connecting, and what must hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.clients.goldens import BRIDGE
from tests.support import Server
from vault import connect
from vault.connect import Connections, files, jsonc
from vault.connect.form import Broken
from vault.errors import ConfigRefused

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CURSOR = connect.clients()["cursor"]
IN_PROJECTS = {name: kind for name, kind in connect.clients().items() if kind.project}


# ---------------------------------------------------------------- a project of a stranger


def changed(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield entries that bear the mark, which can be guessed, and start something else or let it in."""
    evil = ["-c", "curl evil", BRIDGE.mark]
    yield {**entry, "command": "sh", "args": evil}
    yield {**entry, "args": [*entry["args"], "--vault", "/evil"]}
    yield {**entry, "env": {"PATH": "/evil"}}
    yield {**entry, "cwd": "."}
    yield {**entry, "url": "https://evil.example"}
    yield {"x": {"y": BRIDGE.mark}}


@pytest.mark.parametrize("client", IN_PROJECTS)
def test_an_entry_that_was_there_before_us_gets_no_token(tmp_path: Path, client: str) -> None:
    """The owner would confirm a grant, and the stranger's command would read its token."""
    kind = IN_PROJECTS[client]
    file = tmp_path / kind.project
    file.parent.mkdir(parents=True, exist_ok=True)
    for entry in changed(kind.entry(BRIDGE)):
        text = kind.form.put("", (*kind.keys, connect.ENTRY), entry)
        file.write_text(text)
        with pytest.raises(ConfigRefused, match="did not write"):
            connect.plan(kind, file, str(tmp_path), connect.ENTRY, BRIDGE)
        assert file.read_text() == text
    file.write_text(kind.form.put("", (*kind.keys, connect.ENTRY), kind.entry(BRIDGE)))
    assert not connect.plan(kind, file, str(tmp_path), connect.ENTRY, BRIDGE).changes, "a colleague's is ours"


@pytest.mark.parametrize(
    "text",
    ['"' + '\\"' * 200_000 + "\\", '{"a": "' + '\\"' * 200_000, "/*" * 200_000, "[" * 200_000, '{"a":' * 200_000,
     '{"a": [' + ", " * 200_000 + "]}", "\\" * 200_000, "{" + '"a",' * 100_000, "//" * 200_000 + "\n{",
     "\x00" * 200_000],
    ids=["escapes", "open", "comments", "arrays", "objects", "commas", "backslashes", "keys", "line", "nothing"],
)  # fmt: skip
def test_no_file_keeps_the_reader_busy(text: str) -> None:
    """A pattern that tries each quote as a start would take hours for these."""
    with pytest.raises(Broken):
        jsonc.put(text, ("mcpServers", "ownvault"), {"command": "x"})


def test_a_long_string_costs_its_own_length(tmp_path: Path) -> None:
    """Claude Code's file holds whole conversations. In a process of its own, whose memory is bounded."""
    program = (
        "import resource; from vault.connect import jsonc\n"
        "resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))\n"
        "text = '{\"a\": \"' + 'x' * (16 << 20) + '\"}'\n"
        "assert len(jsonc.put(text, ('m', 'o'), {'c': 'd'})) > len(text)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_a_pipe_put_in_its_place_does_not_make_us_wait(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text("{}")
    found = files.read(file)
    file.unlink()
    os.mkfifo(file)
    for act in (lambda: files.replace(found, b"x"), lambda: files.remove(found, [])):
        with pytest.raises(ConfigRefused):
            act()
    assert file.is_fifo() and [one.name for one in tmp_path.iterdir()] == ["mcp.json"]


@pytest.mark.parametrize("left", ["file", "link"])
def test_what_a_killed_process_left_beside_is_no_obstacle(tmp_path: Path, left: str) -> None:
    """In a container every process may have the same number."""
    file, other = tmp_path / "mcp.json", tmp_path / "other"
    other.write_text("theirs")
    beside = tmp_path / f".mcp.json.ownvault-{os.getpid()}"
    beside.write_text("half") if left == "file" else beside.symlink_to(other)
    files.replace(files.read(file), b"{}")
    assert file.read_bytes() == b"{}" and other.read_text() == "theirs" and not beside.exists()


def test_the_other_name_of_a_file_keeps_what_it_says(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "project" / "mcp.json", tmp_path / "authorized_keys"
    mine.parent.mkdir()
    theirs.write_text("{}")
    os.link(theirs, mine)
    files.replace(files.read(mine, mine.parent), b'{"a": 1}')
    assert (theirs.read_text(), mine.read_text()) == ("{}", '{"a": 1}')


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_nothing_is_written_for_somebody_else(tmp_path: Path) -> None:
    """`sudo ownvault connect` with another's HOME."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 1234, 1234)
    with pytest.raises(ConfigRefused, match="somebody else"):
        connect.plan(CURSOR, home / ".cursor" / "mcp.json", "", connect.ENTRY, BRIDGE)
    assert list(home.iterdir()) == []


# ---------------------------------------------------------------- killed at each step


class Grants:
    """Grants kept in a file, so that they outlive a process that is killed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_text("[]")

    def _change(self, change: Callable[[list[str]], None]) -> None:
        live = json.loads(self.file.read_text())
        change(live)
        self.file.write_text(json.dumps(live))

    def grant(self) -> Any:
        id = f"g{os.urandom(4).hex()}"
        self._change(lambda live: live.append(id))
        return SimpleNamespace(grant=SimpleNamespace(id=id, created=NOW, expires=NOW), token=f"token-of-{id}")

    def revoke(self, id: str) -> None:
        self._change(lambda live: live.remove(id) if id in live else None)

    @property
    def live(self) -> list[str]:
        return json.loads(self.file.read_text())  # type: ignore[no-any-return]


class Stage:
    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        (directory / "vault").mkdir()
        self.file, self.connections = directory / "mcp.json", Connections(directory / "vault")
        self.grants = Grants(directory / "grants")
        self.file.write_text('{"mine": 1}')

    def join(self) -> None:
        with self.connections.changing():
            plan = connect.plan(CURSOR, self.file, "", connect.ENTRY, BRIDGE)
            connect.join(self.connections, "cursor", "cursor", plan, self.grants.grant, self.grants.revoke)

    def leave(self) -> None:
        with self.connections.changing():
            connect.leave(self.connections, self.connections.get("cursor"), CURSOR, self.grants.revoke)


def killed(step: int, act: Callable[[], None]) -> bool:
    """Do this in a process that is killed before its n-th change of a directory; tell whether it came so far."""
    if (child := os.fork()) == 0:
        left = step
        for name in ("rename", "unlink", "mkdir", "rmdir"):
            real = getattr(os, name)

            def counted(*words: Any, real: Callable[..., Any] = real, **more: Any) -> Any:
                nonlocal left
                left -= 1
                return os._exit(9) if left < 0 else real(*words, **more)

            setattr(os, name, counted)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("what", ["join", "renew", "leave"])
def test_killed_at_any_step_it_can_be_done_again_and_undone(tmp_path: Path, what: str) -> None:
    step, more = 0, True
    while more:
        stage = Stage(tmp_path / f"{step}")
        if what != "join":
            stage.join()
        more = killed(step, stage.leave if what == "leave" else stage.join)
        assert json.loads(stage.file.read_text())["mine"] == 1, "never half a file"
        if what == "leave":
            if stage.connections.find("cursor"):
                stage.leave()
            assert stage.grants.live == []
        else:
            known = stage.connections.find("cursor")
            held = stage.connections.secret("cursor") if known else None
            assert not held or held.removeprefix("token-of-") in stage.grants.live, "what it bears works"
            stage.join()
            assert stage.connections.secret("cursor") == f"token-of-{stage.connections.get('cursor').grant}"
            assert stage.connections.get("cursor").grant in stage.grants.live
            stage.leave()
        assert json.loads(stage.file.read_text()) in ({"mine": 1}, {"mine": 1, "mcpServers": {}})
        assert stage.connections.all() == () and stage.connections.secret("cursor") is None
        step += 1
    assert step > 5


# ---------------------------------------------------------------- the commands


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    server.command("add", "--collection", "notes", stdin="about bread")
    return server


def live(server: Server) -> list[tuple[str, str]]:
    said = server.json("grants")["grants"]
    assert isinstance(said, list)
    return [(one["client"], one["id"]) for one in said if one["status"] == "active"]


@pytest.mark.parametrize(
    "name", ["../x", "a/b", ".", "..", "x\n", "CON", "a\\b", "x" * 65, "é", "%2e%2e", "~", "owner"]
)
def test_no_name_leads_out_of_its_place(filled: Server, name: str) -> None:
    before = live(filled)
    done = filled.command("connect", "cursor", "--name", name, "--collection", "notes", check=False)
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
    assert live(filled) == before and not (filled.home / ".cursor").exists()
    kept = filled.directory / "connections"
    assert not kept.exists() or [one.name for one in kept.iterdir()] in ([], ["lock"])


def test_two_commands_that_take_one_name_leave_one_connection(filled: Server) -> None:
    words = ["--name", "mine", "--collection", "notes", "--json"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "vault", "connect", client, *words],
            env=filled.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for client in ("cursor", "gemini", "windsurf")
    ]
    told = [one.communicate(timeout=180) for one in running]
    assert [one.returncode for one in running].count(0) == 1, told
    (kept,) = Connections(filled.directory).all()
    assert kept.name == "mine" and [client for client, _ in live(filled)] == ["mine"]
    places = [filled.home / place for place in (".cursor/mcp.json", ".gemini/settings.json",
                                                ".codeium/windsurf/mcp_config.json")]  # fmt: skip
    assert [str(one) for one in places if one.exists()] == [kept.file]
    token = filled.directory / "connections" / "mine.token"
    assert (token.stat().st_mode & 0o777, token.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    filled.command("disconnect", "mine")
    assert live(filled) == [] and not any(one.exists() for one in places)


def test_disconnecting_ends_also_what_a_broken_renewal_made(filled: Server) -> None:
    """Killed between token and record: the client bears a grant that the record does not know."""
    filled.command("connect", "cursor", "--collection", "notes")
    other = filled.json("grant", "claude", "--collection", "notes")["grant"]
    newer = filled.json("grant", "cursor", "--collection", "notes")
    (filled.directory / "connections" / "cursor.token").write_text(f"{newer['token']}\n")
    filled.command("disconnect", "cursor")
    assert isinstance(other, dict) and live(filled) == [("claude", other["id"])]
    filled.command("revoke", "claude")
