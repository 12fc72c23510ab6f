"""Files that are handed over lie in memory alone, where they were said to belong, and nothing of them stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vault import limits
from vault.errors import BadRequest, NotAllowed, TooLarge
from vault.plugins import staging
from vault.plugins.staging import Staging, in_memory, sweep


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that passes for memory, so that these tests run where there is none."""
    monkeypatch.setattr(staging, "in_memory", lambda place: place == tmp_path)
    monkeypatch.setattr(staging, "SPARE", 0)
    return tmp_path


@pytest.fixture
def staged(memory: Path) -> Iterator[Staging]:
    made = Staging(memory)
    yield made
    made.close()


def test_files_come_in_parts_with_their_names_and_times(staged: Staging) -> None:
    staged.put("Notes/a.md", 0, b"hello ", 1_600_000_000.5)
    staged.put("Notes/a.md", 6, b"world", 1_600_000_000.5)
    staged.put("Notes/deep/empty.md", 0, b"", 1.0)
    assert (staged.root.name, staged.named, staged.size, staged.files) == ("Notes", True, 11, 2)
    assert (staged.root / "a.md").read_bytes() == b"hello world"
    assert (staged.root / "a.md").stat().st_mtime == 1_600_000_000.5
    assert (staged.root / "deep" / "empty.md").read_bytes() == b""


def test_one_file_is_itself_and_several_have_no_name(staged: Staging) -> None:
    staged.put("a.md", 0, b"a", 1.0)
    assert (staged.root.name, staged.root.is_file(), staged.named) == ("a.md", True, True)
    staged.put("b.md", 0, b"b", 1.0)
    assert (staged.root.is_dir(), staged.named) == (True, False)


def test_nobody_else_may_look(staged: Staging, memory: Path) -> None:
    staged.put("d/a.md", 0, b"a", 1.0)
    for place in memory.rglob("*"):
        assert place.stat().st_mode & 0o077 == 0, place


@pytest.mark.parametrize("path", [
    "", "/etc/passwd", "../a", "a/../../b", "a//b", ".", "a/.", "a\\b", "a\0b", "a\nb", "x" * 300, "a/" * 40 + "b",
    "\ud800.md",
])  # fmt: skip
def test_a_path_leads_nowhere_else(staged: Staging, memory: Path, path: str) -> None:
    with pytest.raises(BadRequest):
        staged.put(path, 0, b"a", 1.0)
    assert [one.name for one in memory.rglob("*") if one.is_file()] == ["lock"]


def test_a_file_is_not_overwritten_nor_a_folder_taken_for_one(staged: Staging) -> None:
    staged.put("d/a.md", 0, b"first", 1.0)
    for path, at in (("d/a.md", 0), ("d", 0), ("d/a.md/b", 0), ("d/a.md", 3), ("d/new.md", 5)):
        with pytest.raises(BadRequest):
            staged.put(path, at, b"other", 1.0)
    assert (staged._root / "d" / "a.md").read_bytes() == b"first"


@pytest.mark.parametrize("modified", [float("inf"), float("nan"), 1e30, -1e30])
def test_a_time_that_is_none_breaks_nothing(staged: Staging, modified: float) -> None:
    with pytest.raises(BadRequest):
        staged.put("a.md", 0, b"a", modified)


def test_it_takes_no_more_than_the_limits(staged: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UPLOAD", 10)
    staged.put("a", 0, b"12345", 1.0)
    with pytest.raises(TooLarge):
        staged.put("a", 5, b"678901", 1.0)
    monkeypatch.setattr(limits, "UPLOAD_FILES", 1)
    with pytest.raises(TooLarge):
        staged.put("b", 0, b"", 1.0)
    staged.put("a", 5, b"6", 1.0)  # the last file goes on


def test_it_leaves_room_for_everybody_else(staged: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "SPARE", 2**62)
    with pytest.raises(TooLarge, match="no room"):
        staged.put("a", 0, b"a", 1.0)


def test_nothing_stays_and_what_a_crash_left_is_removed(memory: Path) -> None:
    one, two = Staging(memory), Staging(memory)
    for staged in (one, two):
        staged.put("a", 0, b"a", 1.0)
    one.close()
    assert len(list(memory.iterdir())) == 1
    sweep(memory)
    assert two.root.read_bytes() == b"a"  # it is still held
    os.close(two._lock)  # as when its process dies
    sweep(memory)
    assert list(memory.iterdir()) == []


def test_a_disk_is_no_memory(tmp_path: Path) -> None:
    assert not in_memory(Path("/proc"))
    with pytest.raises(NotAllowed, match="file system in memory"):
        Staging(tmp_path / "nowhere")
