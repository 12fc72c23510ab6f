"""What connecting makes of each client's configuration, byte for byte, and that it can be taken back."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.goldens import BRIDGE, CASES, HERE, Golden, goldens, outcomes
from vault import connect
from vault.connect import Connection, Connections, State
from vault.connect.wiring import undo
from vault.errors import ConfigRefused

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def every() -> list[pytest.param]:
    return [pytest.param(one, id=f"{one.client}-{one.case}") for one in goldens()]


def refused(one: Golden) -> bool:
    return one.file("refused.txt").exists()


def joined(one: Golden, place: Path, connections: Connections) -> Connection:
    return one.planned(place).write(connections, Connection("one", one.client, "g" * 17, NOW, NOW), "token")


def plain(text: str) -> object:
    """Read JSONC by another way than the vault does: comments and trailing commas out, line by line."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|/\*[\s\S]*?\*/|//[^\n]*', lambda found: found[1] or "", text.lstrip("\ufeff"))
    return json.loads(re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda found: found[1] or "", text))


def test_the_files_are_what_connecting_makes() -> None:
    made = dict(outcomes())
    kept = {file for file in HERE.glob("*/*") if ".before." not in file.name}
    assert set(made) == kept, "run: python -m tests.clients.goldens"
    for file, content in made.items():
        assert file.read_bytes() == content, f"{file}; run: python -m tests.clients.goldens"


def test_every_client_with_a_file_has_every_case() -> None:
    kinds = {one.client for one in goldens()}
    assert kinds == {"claude-code", "claude-desktop", "codex", "cursor", "gemini", "vscode", "windsurf", "zed"}
    for one in goldens():
        assert (one.before is None) == (one.case == "absent")
        assert refused(one) == (one.case == "broken" or (one.case == "commented" and not one.kind.comments))
    assert CASES == ("absent", "empty", "existing", "commented", "broken")


@pytest.mark.parametrize("one", every())
def test_the_entry_is_added_and_nothing_else_is_said(one: Golden) -> None:
    if refused(one):
        assert one.file("refused.txt").read_text().startswith("FILE ")
        return
    after = one.file(f"after.{one.suffix}").read_bytes().decode("utf-8-sig")
    before = (one.before or b"").decode("utf-8-sig")
    said = tomllib.loads(after) if one.suffix == "toml" else plain(after)
    was = (tomllib.loads(before) if one.suffix == "toml" else plain(before)) if before.strip() else {}
    assert isinstance(said, dict) and isinstance(was, dict)
    entry = said[one.kind.keys[0]].pop("ownvault")
    assert [entry["command"], *entry["args"]] == [BRIDGE.command, *BRIDGE.arguments]
    if one.kind.keys[0] not in was:
        assert said.pop(one.kind.keys[0]) == {}
    assert said == was


@pytest.mark.parametrize("one", every())
def test_disconnecting_gives_back_every_byte(one: Golden, tmp_path: Path) -> None:
    place = tmp_path / "deep" / "er" / f"config.{one.suffix}"
    connections = Connections(tmp_path)
    with connections.changing():
        if refused(one):
            with pytest.raises(ConfigRefused):
                joined(one, place, connections)
            assert place.read_bytes() == one.before
            return
        kept = joined(one, place, connections)
        assert connect.state(one.kind, kept) is State.THERE
        again = connect.plan(one.kind, place, "", connect.ENTRY, BRIDGE)
        assert not again.changes
        assert undo(one.kind, kept, connections)
    assert (place.read_bytes() if place.exists() else None) == one.before
    assert not undo(one.kind, kept, connections)


@pytest.mark.parametrize("one", [param for param in every() if param.values[0].case in ("existing", "commented")])
def test_what_the_owner_changed_since_stays(one: Golden, tmp_path: Path) -> None:
    if refused(one):
        return
    place, connections = tmp_path / f"config.{one.suffix}", Connections(tmp_path)
    with connections.changing():
        kept = joined(one, place, connections)
        before = (one.before or b"").decode("utf-8-sig")
        mark = {"toml": "# mine\n"}.get(one.suffix, "// mine\n")
        text = place.read_bytes().decode("utf-8-sig")
        place.write_bytes((mark + text).encode())
        assert undo(one.kind, kept, connections) if one.kind.comments else True
    if not one.kind.comments:
        return
    now = place.read_bytes().decode()
    if one.suffix == "json" and re.search(r"\{\s*\}", before):  # blanks within an object that was empty are not kept
        now, before = (re.sub(r"\{\s*\}", "{}", text) for text in (now, before))
    assert now in (mark + before, mark + before + "\r\n")  # a last line without its end gets one
