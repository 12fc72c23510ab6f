"""The directory of sealed files: written whole or not at all, ours alone, and never an error to lose."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from vault.errors import Damaged, StorageFailed
from vault.store import sealed
from vault.store.sealed import CHUNK, Files

KEY, VAULT = bytearray(range(32)), "00112233445566778899aabbccddeeff"
CONTENT = bytes(range(256)) * 1000
assert len(CONTENT) > 3 * CHUNK


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def files(place: Path) -> Files:
    return Files(place, KEY, VAULT)


def content(files: Files, name: str) -> bytes:
    with files.read(name) as source:
        return bytes(source.take(len(CONTENT)))


def names(place: Path) -> set[str]:
    return {path.name for path in (place / "index").iterdir()} - {"CACHEDIR.TAG"}


def test_what_was_written_is_read_again_in_any_pieces(files: Files) -> None:
    name = files.write([CONTENT[:10], b"", CONTENT[10 : 2 * CHUNK], CONTENT[2 * CHUNK :]], len(CONTENT))
    assert content(files, name) == CONTENT
    with files.read(name) as source:
        sizes = [1, CHUNK - 1, CHUNK, 3, CHUNK + 7]
        parts = [bytes(source.take(size)) for size in sizes]
        assert b"".join(parts) + bytes(source.take(len(CONTENT) - sum(sizes))) == CONTENT


def test_nothing_stands_there_in_clear_and_nobody_else_may_read_it(files: Files, place: Path) -> None:
    name = files.write([CONTENT], len(CONTENT))
    path = place / "index" / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert CONTENT[:16] not in path.read_bytes()


def test_backups_are_told_that_it_is_a_cache(files: Files, place: Path) -> None:
    files.write([b"x"], 1)
    assert (place / "index" / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_a_file_under_another_ones_name_is_refused(files: Files, place: Path) -> None:
    old, new = files.write([CONTENT], len(CONTENT)), files.write([CONTENT[::-1]], len(CONTENT))
    (place / "index" / old).replace(place / "index" / new)
    with pytest.raises(Damaged):
        content(files, new)


def test_more_or_less_than_was_asked_for_is_refused(files: Files) -> None:
    name = files.write([CONTENT], len(CONTENT))
    with pytest.raises(Damaged), files.read(name) as source:
        source.take(len(CONTENT) - 1)
    with pytest.raises(Damaged), files.read(name) as source:
        source.take(len(CONTENT) + 1)


def test_a_link_is_not_followed(files: Files, place: Path) -> None:
    name = files.write([CONTENT], len(CONTENT))
    path = place / "index" / name
    path.rename(place / "elsewhere")
    path.symlink_to(place / "elsewhere")
    with pytest.raises(Damaged):
        content(files, name)


def test_a_link_in_the_place_of_the_directory_is_refused(files: Files, place: Path) -> None:
    (place / "elsewhere").mkdir()
    (place / "index").symlink_to(place / "elsewhere")
    with pytest.raises(Damaged):
        files.write([CONTENT], len(CONTENT))
    assert not list((place / "elsewhere").iterdir())


def test_a_write_that_fails_leaves_nothing(files: Files, place: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield CONTENT
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageFailed):
        files.write(pieces(), len(CONTENT))
    assert not names(place)


def test_the_last_room_on_the_disk_is_not_taken(files: Files, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = os.statvfs(place)
    spare = room.f_bavail * room.f_frsize
    with pytest.raises(StorageFailed, match="no room"):
        files.write([CONTENT], spare)
    monkeypatch.setattr(sealed, "SPARE", 2 * spare)
    with pytest.raises(StorageFailed, match="no room"):
        files.write([CONTENT], len(CONTENT))
    assert not names(place)


def test_sweeping_leaves_what_is_none_of_ours(files: Files, place: Path) -> None:
    kept, gone = files.write([b"a"], 1), files.write([b"b"], 1)
    (place / "index" / "notes.txt").write_text("not ours")
    files.sweep([kept])
    assert names(place) == {kept, "notes.txt"}
    files.drop(kept)
    files.drop(gone)
    assert names(place) == {"notes.txt"}
