"""What is kept of a connection, and the whole of connecting: everything or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.goldens import BRIDGE
from tests.support import fill
from vault import connect
from vault.connect import Connection, Connections
from vault.connect.wiring import Plan
from vault.errors import BadRequest, Busy, ConfigRefused, Damaged
from vault.service import Vault
from vault.types import Filter, GrantRequest, Holder, Status

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ONE = Connection("cursor", "cursor", "g0123456789abcdef", NOW, NOW, "/x", "", ("mcpServers", "ownvault"), "/t")


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    (tmp_path / "kept").mkdir()
    found = Connections(tmp_path / "kept")
    with found.changing():
        pass
    return found


def test_what_is_kept_is_read_back_and_is_the_owners_alone(connections: Connections) -> None:
    connections.keep(ONE, "secret-token", b"before")
    assert connections.get("cursor") == ONE and connections.all() == (ONE,)
    assert connections.secret("cursor") == "secret-token" and connections.before("cursor") == b"before"
    assert connections.directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in connections.directory.iterdir()} == {0o600}
    assert "secret-token" not in (connections.directory / "cursor.json").read_text()
    connections.drop("cursor")
    assert connections.all() == () and [file.name for file in connections.directory.iterdir()] == ["lock"]
    connections.drop("cursor")


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", ".x", "-x", "x" * 65, "a\n", "ä", "a b"])
def test_a_name_that_could_be_a_path_is_refused(connections: Connections, name: str) -> None:
    with pytest.raises(BadRequest):
        connections.find(name)


@pytest.mark.parametrize("fault", [
    {"version": 2}, {"name": "other"}, {"more": 1}, {"keys": "mcpServers"}, {"keys": [1]}, {"tables": "0"},
    {"tables": True}, {"existed": 1}, {"created": "2026-11-22"}, {"expires": "soon"}, {"file": None},
])  # fmt: skip
def test_a_record_that_is_none_is_refused_not_guessed_at(connections: Connections, fault: dict[str, object]) -> None:
    connections.keep(ONE)
    file = connections.directory / "cursor.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fault))
    with pytest.raises(Damaged, match=r"cursor\.json"):
        connections.get("cursor")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", "\udcff"])
def test_a_record_that_is_no_record_is_refused(connections: Connections, content: str) -> None:
    (connections.directory / "cursor.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(Damaged):
        connections.all()


def test_two_at_once_are_not_two(connections: Connections) -> None:
    with connections.changing(), pytest.raises(Busy), connections.changing():
        pass
    with connections.changing():
        pass


def test_a_connection_has_the_name_of_its_client_and_project(connections: Connections) -> None:
    assert connections.named("cursor", "") == "cursor"
    assert connections.named("cursor", "/home/ada/My Site!") == "cursor-my-site"
    connections.keep(ONE)
    connections.keep(replace(ONE, name="cursor-site", project="/a/site"))
    assert connections.named("cursor", "/a/site") == "cursor-site"
    assert connections.named("cursor", "/b/site") == "cursor-site-2"
    assert connections.named("cursor", "/ü") == "cursor-project"


# ---------------------------------------------------------------- as a whole


class Stage:
    """A real vault, and a configuration of Cursor's beside it."""

    def __init__(self, directory: Path, vault: Vault) -> None:
        fill(vault, "notes", one="about bread")
        self.vault, self.owner = vault, Holder(vault.owner_token().token)
        self.file = directory / ".cursor" / "mcp.json"
        self.kind, self.connections = connect.clients()["cursor"], Connections(directory / "vault")

    def plan(self) -> Plan:
        return connect.plan(self.kind, self.file, "", connect.ENTRY, BRIDGE)

    def join(self, plan: Plan | None = None) -> Connection:
        request = GrantRequest("cursor", filter=Filter(collections=("notes",)))
        with self.connections.changing():
            return connect.join(
                self.connections, "cursor", "cursor", plan or self.plan(),
                lambda: self.vault.grant(self.owner, request), self.revoke,
            )[0]  # fmt: skip

    def leave(self, one: Connection, file: bool = True) -> bool:
        with self.connections.changing():
            return connect.leave(self.connections, one, self.kind, self.revoke, file)

    def revoke(self, id: str) -> object:
        return self.vault.revoke(self.owner, id)

    def live(self) -> list[str]:
        return [
            view.id for view in self.vault.grants(self.owner) if view.status is Status.ACTIVE and view.id != "owner"
        ]


@pytest.fixture
def stage(tmp_path: Path, new_vault: Callable[[Path], Vault]) -> Stage:
    return Stage(tmp_path, new_vault(tmp_path / "vault"))


def test_one_client_has_one_live_grant_however_often_it_connects(stage: Stage) -> None:
    first = stage.join()
    written, token = stage.file.read_bytes(), stage.connections.secret("cursor")
    second = stage.join()
    assert stage.live() == [second.grant] and second.grant != first.grant
    assert stage.file.read_bytes() == written and stage.connections.secret("cursor") != token
    assert stage.leave(second) and stage.live() == [] and not stage.file.parent.exists()


def test_a_file_that_changes_in_between_costs_nothing(stage: Stage) -> None:
    plan = stage.plan()
    stage.file.parent.mkdir()
    stage.file.write_text("{}")
    with pytest.raises(ConfigRefused, match="at the same moment"):
        stage.join(plan)
    assert stage.live() == [] and stage.connections.all() == () and stage.file.read_text() == "{}"
    assert [file.name for file in stage.connections.directory.iterdir()] == ["lock"]


def test_a_renewal_that_fails_leaves_the_connection_as_it_was(stage: Stage) -> None:
    first, token = stage.join(), stage.connections.secret("cursor")
    stage.file.write_text("{}")
    plan = stage.plan()
    stage.file.write_text('{"mine": 1}')
    with pytest.raises(ConfigRefused):
        stage.join(plan)
    assert stage.live() == [first.grant] and stage.connections.secret("cursor") == token
    assert stage.connections.get("cursor") == first


def test_a_record_that_was_lost_does_not_make_the_entry_permanent(stage: Stage) -> None:
    stage.file.parent.mkdir()
    stage.file.write_text('{"mine": 1}')
    stage.join()
    stage.connections.drop("cursor")
    again = stage.join()
    assert stage.leave(again) and json.loads(stage.file.read_text()) == {"mine": 1, "mcpServers": {}}


def test_an_entry_that_became_somebody_elses_is_left(stage: Stage) -> None:
    one = stage.join()
    theirs = '{"mcpServers": {"ownvault": {"command": "mine"}}}'
    stage.file.write_text(theirs)
    assert connect.state(stage.kind, one) is connect.State.FOREIGN
    assert not stage.leave(one) and stage.file.read_text() == theirs and stage.live() == []


def test_an_entry_of_this_name_that_is_not_ours_keeps_us_out(stage: Stage) -> None:
    stage.file.parent.mkdir()
    stage.file.write_text('{"mcpServers": {"ownvault": {"command": "mine"}}}')
    with pytest.raises(ConfigRefused, match="did not write"):
        stage.plan()


def test_a_file_broken_since_ends_the_grant_and_waits_for_its_owner(stage: Stage) -> None:
    one = stage.join()
    stage.file.write_text("{")
    with pytest.raises(ConfigRefused, match="left as it is"):
        stage.leave(one)
    assert stage.live() == [] and stage.file.read_text() == "{" and stage.connections.find("cursor") == one
    assert not stage.leave(one, file=False) and stage.connections.all() == ()


def test_the_file_may_be_gone_and_so_may_its_directory(stage: Stage) -> None:
    one = stage.join()
    stage.file.unlink()
    stage.file.parent.rmdir()
    assert connect.state(stage.kind, one) is connect.State.MISSING
    assert not stage.leave(one) and stage.connections.all() == ()


def test_a_token_is_nowhere_but_in_its_own_file(stage: Stage) -> None:
    stage.join()
    token = stage.connections.secret("cursor")
    assert token
    holding = [
        file for file in stage.file.parents[1].rglob("*") if file.is_file() and token.encode() in file.read_bytes()
    ]
    assert holding == [stage.connections.token("cursor")]
