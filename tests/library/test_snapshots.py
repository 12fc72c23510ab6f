"""Snapshots of the index: never an error, never a record too many, always the same answers as from the database."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.library.conftest import Open, answers, crash, draft, files, forget, put, rebuilt
from tests.support import HashingEncoder
from vault.embed import snapshot
from vault.embed.rotation import Rotation
from vault.embed.snapshot import Bundle
from vault.errors import StorageFailed
from vault.library import keeper
from vault.library.marks import Marks
from vault.library.snapshots import Snapshots
from vault.service import Vault
from vault.store import changes
from vault.store.changes import Mark
from vault.store.sealed import Files
from vault.types import EVERYTHING, Draft, Holder

SNAPSHOT = "opened from its snapshot"


def how(vault: Vault) -> str:
    """Load the index and say where it came from."""
    vault._parts.library.count(EVERYTHING)
    return str(vault._parts.library.loaded)


def named(vault: Vault) -> str:
    with vault._parts.db.read() as conn:
        found = changes.named(conn)
    assert found
    return found.name


@pytest.fixture
def saved(reopen: Open) -> list[str]:
    """The ids of twenty records in a vault that was closed with a snapshot."""
    vault = reopen()
    ids = put(vault, *map(draft, range(20)))
    vault.close()
    return ids


@pytest.mark.usefixtures("saved")
def test_a_vault_opened_from_its_snapshot_answers_as_one_made_from_the_database(reopen: Open) -> None:
    vault = reopen()
    assert how(vault) == SNAPSHOT
    assert answers(vault) == rebuilt(vault)
    put(vault, *map(draft, range(15, 30)))
    put(vault, draft(3, "changed for good"), collection="other")
    assert answers(vault) == rebuilt(vault)


def test_what_came_changed_and_went_after_it_is_caught_up_with(reopen: Open, saved: list[str]) -> None:
    vault = reopen()
    put(vault, draft(40, "newcomer"), draft(5, "quite another text"))
    put(vault, draft(6), collection="other")
    forget(vault, saved[7])
    expected = answers(vault)
    crash(vault)
    again = reopen()
    assert how(again).startswith(SNAPSHOT)
    assert answers(again) == rebuilt(again)
    assert sorted(map(str, answers(again)[:5])) == sorted(map(str, expected[:5]))


def test_without_it_the_index_is_rebuilt_and_said_so(reopen: Open, saved: list[str], place: Path) -> None:
    shutil.rmtree(place)
    vault = reopen()
    assert how(vault) == "rebuilt from the database: the snapshot was missing"
    assert answers(vault) == rebuilt(vault)
    assert vault.status(Holder(vault.owner_token().token)).index == vault._parts.library.loaded
    vault.close()
    assert how(reopen()) == SNAPSHOT


@pytest.mark.usefixtures("saved")
def test_any_damaged_file_costs_only_time(reopen: Open, place: Path) -> None:
    vault = reopen()
    put(vault, *map(draft, range(100, 140)))  # another segment
    vault.close()
    whole = files(place)
    assert len(whole) >= 2
    for name, content in whole.items():
        for damaged in (content[:-1], content[: len(content) // 2], content[:-20] + bytes(20), b"", content + b"x"):
            (place / name).write_bytes(damaged)
            vault = reopen()
            assert how(vault) != SNAPSHOT
            assert "damaged" in how(vault)
            assert answers(vault) == rebuilt(vault)
            crash(vault)
        (place / name).write_bytes(content)
    assert how(reopen()) == SNAPSHOT


@pytest.mark.usefixtures("saved")
def test_files_that_change_places_are_noticed(reopen: Open, place: Path) -> None:
    vault = reopen()
    put(vault, *map(draft, range(100, 140)))
    vault.close()
    first, second, *_ = sorted(files(place))
    (place / "x").write_bytes((place / first).read_bytes())
    (place / second).replace(place / first)
    (place / "x").rename(place / second)
    vault = reopen()
    assert how(vault) != SNAPSHOT
    assert answers(vault) == rebuilt(vault)


def test_an_older_authentic_snapshot_brings_nothing_back(reopen: Open, saved: list[str], place: Path) -> None:
    before = files(place)
    vault = reopen()
    forget(vault, saved[2])
    vault.close()
    after = files(place)
    for left in (before, before | after):  # instead of the new files, and beside them
        shutil.rmtree(place)
        place.mkdir(mode=0o700)
        for name, content in left.items():
            (place / name).write_bytes(content)
        vault = reopen()
        assert saved[2] not in vault._parts.library.ids(vault._parts.library.numbers(EVERYTHING))
        assert answers(vault) == rebuilt(vault)
        assert vault._parts.library.count(EVERYTHING) == 19
        crash(vault)


@pytest.mark.usefixtures("saved")
def test_a_snapshot_of_another_encoder_is_not_used(reopen: Open) -> None:
    vault = reopen()
    vault._parts.db.write(lambda conn: conn.execute("UPDATE setting SET value = 'other/384' WHERE key = 'encoder'"))
    crash(vault)
    assert how(reopen()) == "rebuilt from the database: the snapshot belongs to other vectors"


@pytest.mark.usefixtures("saved")
def test_a_snapshot_of_another_layout_is_not_used(reopen: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "LAYOUT", 99)
    assert "another version" in how(reopen())


@pytest.mark.usefixtures("saved")
def test_a_snapshot_that_disagrees_with_the_database_is_not_used(reopen: Open) -> None:
    vault = reopen()
    vault._parts.db.write(lambda conn: conn.execute("DELETE FROM chunk WHERE record = 1"))  # not logged as a change
    vault._parts.db.write(lambda conn: conn.execute("DELETE FROM record WHERE n = 1"))
    vault._parts.db.write(lambda conn: conn.execute("DELETE FROM change"))
    crash(vault)
    vault = reopen()
    assert how(vault) == "rebuilt from the database: the snapshot did not agree with the database"
    assert answers(vault) == rebuilt(vault)


# ---------------------------------------------------------------- forgetting


def test_when_forget_returns_no_file_holds_the_record(reopen: Open, saved: list[str], place: Path) -> None:
    vault = reopen()
    how(vault)
    list_only = {named(vault)}
    forget(vault, saved[4])
    assert set(files(place)) == list_only  # the one segment held it
    vault.close()
    again = reopen()
    assert how(again) == SNAPSHOT
    assert answers(again) == rebuilt(again)


def test_a_file_whose_segment_has_been_merged_goes_as_well(reopen: Open, saved: list[str], place: Path) -> None:
    vault = reopen()
    how(vault)
    put(vault, *map(draft, range(100, 140)))  # merged with the others: the one segment has no file yet
    assert len(vault._parts.library._step.index.state[0].segments) == 1
    forget(vault, saved[4])
    assert set(files(place)) == {named(vault)}


def test_a_crash_between_forgetting_and_removing_the_file(
    reopen: Open, saved: list[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = reopen()
    how(vault)
    with monkeypatch.context() as patch:
        patch.setattr(Snapshots, "forget", lambda self, numbers: False)
        forget(vault, saved[4])
    crash(vault)
    left = set(files(place))
    again = reopen()
    assert how(again) == SNAPSHOT
    assert set(files(place)) == {named(again)} < left
    assert answers(again) == rebuilt(again)


def test_a_record_forgotten_while_its_segment_is_written(
    reopen: Open, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = reopen()
    ids = put(vault, *map(draft, range(20)))
    at, on, real = threading.Event(), threading.Event(), Files.write

    def slowly(self: Files, pieces: Any, size: int) -> str:
        name = real(self, pieces, size)
        at.set()
        assert on.wait(30)
        return name

    with monkeypatch.context() as patch:
        patch.setattr(Files, "write", slowly)
        writing = threading.Thread(target=vault._parts.library._step._keeper.write)
        writing.start()
        assert at.wait(30)
        forget(vault, ids[3])
        on.set()
        writing.join(30)
    assert set(files(place)) == {named(vault)}
    crash(vault)
    again = reopen()
    assert "damaged" in how(again)
    assert answers(again) == rebuilt(again)


def listed(vault: Vault) -> Bundle:
    return vault._parts.library._step._snapshots._bundle(named(vault))


def test_the_words_and_names_of_a_forgotten_record_are_in_it_no_more(reopen: Open) -> None:
    vault = reopen()
    ids = put(vault, *map(draft, range(20)))
    secret = Draft("s", "unspeakable words", people=("Nobody Else",), labels=("hushed",), thread="whisper")
    ids += put(vault, secret, collection="private")
    vault._parts.library._step._keeper.write()
    tell = (b"unspeak", b"Nobody Else", b"hushed", b"whisper", b"private")
    held = b"".join(array.tobytes() for array in listed(vault).arrays.values())
    assert all(word in held for word in tell)
    forget(vault, ids[-1])
    vault.close()
    again = reopen()
    assert how(again) == SNAPSHOT
    held = b"".join(array.tobytes() for array in listed(again).arrays.values())
    assert not [word for word in tell if word in held]
    assert answers(again) == rebuilt(again)


# ---------------------------------------------------------------- writing


def test_segments_that_did_not_change_are_not_written_again(reopen: Open, saved: list[str], place: Path) -> None:
    before = set(files(place))
    vault = reopen()
    how(vault)
    old = named(vault)
    put(vault, draft(50))
    put(vault, draft(1, "other words"))
    vault.close()
    after = set(files(place))
    assert before - after == {old}
    assert how(reopen()) == SNAPSHOT


def test_a_full_disk_is_a_notice(reopen: Open, saved: list[str], place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(place)
    vault = reopen()
    put(vault, *map(draft, range(60, 70)))

    def full(*_: object) -> str:
        raise StorageFailed("there is no room on the disk for a snapshot")

    with monkeypatch.context() as patch:
        patch.setattr(Files, "write", full)
        assert not vault._parts.library._step._keeper.write()
    assert "the index was not saved" in str(vault._parts.library.notices)
    assert files(place) == before
    assert vault._parts.library._step._keeper.write()
    assert not vault._parts.library.notices


@pytest.mark.usefixtures("saved")
def test_a_crash_before_the_database_names_it_leaves_the_one_before(
    reopen: Open, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = reopen()
    put(vault, *map(draft, range(60, 70)))

    def cut(*_: object) -> None:
        raise StorageFailed("the power went")

    before = files(place)
    with monkeypatch.context() as patch:
        patch.setattr(changes, "name", cut)
        assert not vault._parts.library._step._keeper.write()
    crash(vault)
    assert len(files(place)) > len(before)
    again = reopen()
    assert how(again) == SNAPSHOT
    assert files(place) == before
    assert answers(again) == rebuilt(again)
    again.close()
    assert how(final := reopen()) == SNAPSHOT
    assert set(files(place)) == {*listed(final).head["segments"], named(final)}


def test_behind_many_changes_one_is_written_in_the_background(
    reopen: Open, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.setattr(keeper, "MANY", 10)
    vault = reopen()
    put(vault, *map(draft, range(20)))
    thread = vault._parts.library._step._keeper._thread
    assert thread
    thread.join(30)
    assert len(files(place)) == 2
    with vault._parts.db.read() as conn:
        assert not changes.since(conn, changes.Mark(0, 10**9))  # what it holds needs no list any more
    crash(vault)
    assert how(reopen()) == SNAPSHOT


def test_a_change_under_way_is_not_taken_for_saved(
    reopen: Open, saved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is stored, but not yet in the index, when the snapshot is written: it must be caught up with."""
    vault = reopen()
    how(vault)
    step = vault._parts.library._step
    real = step.changed

    def slowly(numbers: set[int], lexicon: dict[str, int]) -> None:
        step._keeper.write()
        real(numbers, lexicon)

    monkeypatch.setattr(step, "changed", slowly)
    put(vault, draft(77, "late"))
    crash(vault)
    again = reopen()
    assert how(again) == SNAPSHOT
    assert answers(again) == rebuilt(again)


def test_a_small_vault_needs_none(reopen: Open, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "WORTH", 1000)
    vault = reopen()
    put(vault, *map(draft, range(20)))
    vault.close()
    assert not place.exists()


def test_marks_never_run_ahead_of_the_index() -> None:
    now = [Mark(5, 5)]
    marks = Marks(lambda: now[0])
    assert marks.reached() == Mark(5, 5)
    with marks.change():
        now[0] = Mark(5, 9)  # another's change, already in the index, or this one's
        assert marks.reached() == Mark(5, 5)
        with marks.change():
            now[0] = Mark(7, 9)
            assert marks.reached() == Mark(5, 5)
        assert marks.reached() == Mark(5, 5)
    assert marks.reached() == Mark(7, 9)
    with pytest.raises(StorageFailed), marks.change():
        now[0] = Mark(8, 9)
        raise StorageFailed("nobody knows whether it lasted")
    now[0] = Mark(9, 20)
    assert marks.reached() == Mark(7, 9)


def test_the_probe_tells_another_way_of_making_codes() -> None:
    one, other = Rotation(HashingEncoder.dim), Rotation(HashingEncoder.dim)
    assert snapshot.probe(one) == snapshot.probe(other)
    other._turns = other._turns[::-1]
    assert snapshot.probe(one) != snapshot.probe(other)
