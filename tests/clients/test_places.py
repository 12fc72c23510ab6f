"""Where each client's configuration lies, on every system, told on any."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from vault import connect
from vault.connect import LINUX, MACOS, WINDOWS, Machine
from vault.errors import Missing

ADA = PureWindowsPath(r"C:\Users\ada")
MACHINES = {
    LINUX: Machine(LINUX, PurePosixPath("/home/ada")),
    MACOS: Machine(MACOS, PurePosixPath("/Users/ada")),
    WINDOWS: Machine(WINDOWS, ADA, {"APPDATA": rf"{ADA}\AppData\Roaming", "LOCALAPPDATA": rf"{ADA}\AppData\Local"}),
}
PLACES = {
    "claude-code": ("~/.claude.json", "~/.claude.json", r"~\.claude.json"),
    "claude-desktop": (
        "~/.config/Claude/claude_desktop_config.json",
        "~/Library/Application Support/Claude/claude_desktop_config.json",
        r"~\AppData\Roaming\Claude\claude_desktop_config.json",
    ),
    "codex": ("~/.codex/config.toml", "~/.codex/config.toml", r"~\.codex\config.toml"),
    "cursor": ("~/.cursor/mcp.json", "~/.cursor/mcp.json", r"~\.cursor\mcp.json"),
    "gemini": ("~/.gemini/settings.json", "~/.gemini/settings.json", r"~\.gemini\settings.json"),
    "vscode": (
        "~/.config/Code/User/mcp.json",
        "~/Library/Application Support/Code/User/mcp.json",
        r"~\AppData\Roaming\Code\User\mcp.json",
    ),
    "windsurf": (
        "~/.codeium/windsurf/mcp_config.json",
        "~/.codeium/windsurf/mcp_config.json",
        r"~\.codeium\windsurf\mcp_config.json",
    ),
    "zed": ("~/.config/zed/settings.json", "~/.config/zed/settings.json", r"~\AppData\Roaming\Zed\settings.json"),
}


def nothing(_: PurePath) -> bool:
    return False


def test_every_client_with_a_file_is_listed() -> None:
    assert set(PLACES) == {name for name, kind in connect.clients().items() if kind.files}


@pytest.mark.parametrize(("name", "place"), [(name, place) for name in PLACES for place in enumerate(PLACES[name])])
def test_the_place_on_each_system(name: str, place: tuple[int, str]) -> None:
    machine = MACHINES[(LINUX, MACOS, WINDOWS)[place[0]]]
    found = connect.clients()[name].file(machine, nothing)
    assert found == machine.home.joinpath(place[1][2:]), found


@pytest.mark.parametrize(("name", "variable", "expected"), [
    ("claude-code", "CLAUDE_CONFIG_DIR", "/x/.claude.json"),
    ("claude-desktop", "XDG_CONFIG_HOME", "/x/Claude/claude_desktop_config.json"),
    ("codex", "CODEX_HOME", "/x/config.toml"), ("gemini", "GEMINI_CLI_HOME", "/x/.gemini/settings.json"),
    ("vscode", "XDG_CONFIG_HOME", "/x/Code/User/mcp.json"), ("zed", "XDG_CONFIG_HOME", "/x/zed/settings.json"),
])  # fmt: skip
def test_a_variable_moves_it_when_it_is_an_absolute_path(name: str, variable: str, expected: str) -> None:
    kind, home = connect.clients()[name], PurePosixPath("/home/ada")
    assert kind.file(Machine(LINUX, home, {variable: "/x"}), nothing) == PurePosixPath(expected)
    for useless in ("", "x", "./x"):
        assert kind.file(Machine(LINUX, home, {variable: useless}), nothing) == kind.file(Machine(LINUX, home), nothing)


def test_claude_desktop_from_the_windows_store_is_found_where_it_reads() -> None:
    packaged = ADA / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    found = connect.clients()["claude-desktop"].file(MACHINES[WINDOWS], lambda path: path == packaged)
    assert found == packaged / "claude_desktop_config.json"


def test_a_client_is_found_by_its_file_its_traces_or_its_program() -> None:
    cursor, here = connect.clients()["cursor"], MACHINES[MACOS]
    assert not cursor.found(here, nothing, lambda _: None)
    assert cursor.found(here, lambda path: path == PurePosixPath("/Applications/Cursor.app"), lambda _: None)
    assert cursor.found(here, nothing, lambda program: "/bin/cursor" if program == "cursor" else None)


def test_adding_a_client_is_adding_one_file(tmp_path: Path) -> None:
    (tmp_path / "new_one.py").write_text(
        'from vault.connect import Client, anywhere\nCLIENT = Client(title="New", files=anywhere("~/.new/mcp.json"))\n'
    )
    (tmp_path / "_shared.py").write_text("raise SystemExit\n")
    found = connect.clients(tmp_path)
    assert list(found) == ["new-one"]
    assert found["new-one"].file(MACHINES[LINUX], nothing) == PurePosixPath("/home/ada/.new/mcp.json")


def test_a_file_that_describes_no_client_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("CLIENT = 1\n")
    with pytest.raises(Missing, match=r"odd\.py"):
        connect.clients(tmp_path)


def test_every_kind_says_what_it_needs_to() -> None:
    for name, kind in connect.clients().items():
        assert kind.title and bool(kind.files) + bool(kind.instead) + kind.prints == 1, name
        assert bool(kind.reading) == bool(kind.files) == bool(kind.traces), name
        assert not kind.project or not PurePosixPath(kind.project).is_absolute()
