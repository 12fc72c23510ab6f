"""Files that are not ours: what is followed, what is refused, what is kept of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vault.connect import files
from vault.errors import ConfigRefused


def test_a_link_in_the_owners_configuration_is_followed_and_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "mcp.json", tmp_path / "mcp.json"
    real.parent.mkdir()
    real.write_text("old")
    link.symlink_to(real)
    files.replace(files.read(link), b"new")
    assert link.is_symlink() and real.read_text() == "new"


@pytest.mark.parametrize("what", ["file", "directory", "absent"])
def test_a_link_out_of_a_project_is_refused(tmp_path: Path, what: str) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (outside / "mcp.json").write_text("{}")
    if what == "directory":
        (project / ".cursor").symlink_to(outside)
    else:
        (project / ".cursor").mkdir()
        (project / ".cursor" / "mcp.json").symlink_to(outside / ("mcp.json" if what == "file" else "new.json"))
    with pytest.raises(ConfigRefused, match="outside of"):
        files.read(project / ".cursor" / "mcp.json", project)
    assert (outside / "mcp.json").read_text() == "{}" and len(list(outside.iterdir())) == 1


def test_a_link_within_a_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "shared.json").write_text("{}")
    (tmp_path / ".mcp.json").symlink_to("shared.json")
    assert files.read(tmp_path / ".mcp.json", tmp_path).path == tmp_path / "shared.json"


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(ConfigRefused):
        files.read(tmp_path / "a")


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "mcp.json"
    place.mkdir() if kind == "directory" else os.mkfifo(place)
    with pytest.raises(ConfigRefused):
        files.read(place)


def test_a_file_or_a_place_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mcp.json").write_text("{}")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ConfigRefused, match="belongs to somebody else"):
        files.read(tmp_path / "mcp.json")
    with pytest.raises(ConfigRefused, match="belongs to somebody else"):
        files.read(tmp_path / "deep" / "absent.json")


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o664])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    place = tmp_path / "mcp.json"
    place.write_text("old")
    place.chmod(mode)
    assert files.replace(files.read(place), b"new", 0o600) == []
    assert place.stat().st_mode & 0o777 == mode and place.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["mcp.json"]


def test_a_new_file_and_its_directories_are_as_private_as_said(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "mcp.json"
    made = files.replace(files.read(place), b"new", 0o600)
    assert made == [tmp_path / "a", tmp_path / "a" / "b"]
    assert [one.stat().st_mode & 0o777 for one in (*made, place)] == [0o700, 0o700, 0o600]
    open_ = tmp_path / "c" / "mcp.json"
    files.replace(files.read(open_), b"new", 0o644)
    assert [one.stat().st_mode & 0o777 for one in (open_.parent, open_)] == [0o755, 0o644]


def test_removing_takes_the_directories_that_were_made_and_are_empty(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "mcp.json"
    made = files.replace(files.read(place), b"new")
    (tmp_path / "a" / "mine").write_text("mine")
    files.remove(files.read(place), made)
    assert [str(one.relative_to(tmp_path)) for one in sorted(tmp_path.rglob("*"))] == ["a", "a/mine"]


@pytest.mark.parametrize("change", ["written", "removed", "linked", "made"])
def test_a_change_in_between_is_noticed_and_left(tmp_path: Path, change: str) -> None:
    place = tmp_path / "mcp.json"
    if change != "made":
        place.write_text("old")
    found = files.read(place)
    if change in ("written", "made"):
        place.write_text("theirs")
    else:
        place.unlink()
        if change == "linked":
            (tmp_path / "other").write_text("old")
            place.symlink_to("other")
    before = sorted(one.name for one in tmp_path.iterdir())
    with pytest.raises(ConfigRefused, match="at the same moment"):
        files.replace(found, b"new")
    assert sorted(one.name for one in tmp_path.iterdir()) == before
    if place.exists():
        assert place.read_text() in ("theirs", "old")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "mcp.json"
    place.write_text("old")
    found = files.read(place)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.files, "sync", full)
    with pytest.raises(ConfigRefused, match="no space left"):
        files.replace(found, b"new")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("mcp.json", "old")]


def test_one_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 10)
    (tmp_path / "mcp.json").write_text("12345678901")
    with pytest.raises(ConfigRefused, match="larger"):
        files.read(tmp_path / "mcp.json")
