"""Wrong passphrases: a growing, bounded pause that survives a restart; strangers do not throttle the owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from vault.api.attempts import LONGEST, Attempts, pause
from vault.errors import Throttled, WrongPassphrase

KNOCK = "4b1d"


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def wrong(attempts: Attempts, known: bool = False) -> None:
    with pytest.raises(WrongPassphrase), attempts.attempt(known):
        raise WrongPassphrase("wrong passphrase")


def test_the_pause_grows_and_is_bounded() -> None:
    assert [pause(n) for n in range(8)] == [0, 0, 0, 1, 2, 4, 8, 16]
    assert pause(9) == pause(10_000) == LONGEST == 60


@pytest.mark.parametrize("known", [False, True])
def test_a_pause_after_the_free_failures(tmp_path: Path, known: bool) -> None:
    clock = Clock()
    attempts = Attempts(tmp_path, KNOCK, clock)
    for _ in range(3):
        wrong(attempts, known)
    with pytest.raises(Throttled), attempts.attempt(known):
        pytest.fail("tried during the pause")
    with pytest.raises(Throttled), Attempts(tmp_path, "another", clock).attempt(known):
        pytest.fail("a restart forgave")
    clock.now += 1
    wrong(attempts, known)
    clock.now += 1
    with pytest.raises(Throttled), attempts.attempt(known):
        pytest.fail("the pause did not grow")
    clock.now += 1
    with attempts.attempt(known):
        pass
    for _ in range(2):
        wrong(attempts, known)
    attempts.check(known)


def test_strangers_and_owner_are_counted_apart(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, KNOCK, Clock())
    for _ in range(4):
        attempts.failed(False)
    with pytest.raises(Throttled):
        attempts.check(False)
    with attempts.attempt(True):
        pass
    with pytest.raises(Throttled):  # the owner's success gives a stranger no new guesses
        attempts.check(False)
    with attempts.attempt(True), pytest.raises(Throttled), attempts.attempt(False):
        pytest.fail("tried during the pause")


@pytest.mark.parametrize("said", ["", "4b1", "4b1d ", "4B1D", "4b1d4b1d", "\udcff"])
def test_only_the_knock_itself_is_known(tmp_path: Path, said: str) -> None:
    assert Attempts(tmp_path, KNOCK).knows(KNOCK)
    assert not Attempts(tmp_path, KNOCK).knows(said)
    assert not Attempts(tmp_path, "").knows(said), "without a knock everybody is a stranger"


def test_a_clock_set_back_does_not_lock_out(tmp_path: Path) -> None:
    clock = Clock()
    attempts = Attempts(tmp_path, KNOCK, clock)
    for _ in range(9):
        attempts.failed(False)
    clock.now -= 1_000_000
    attempts.check(False)


def test_a_damaged_count_does_not_lock_out(tmp_path: Path) -> None:
    (tmp_path / "attempts.json").write_bytes(b"\xff{")
    Attempts(tmp_path).check(False)


def test_one_at_a_time_of_each_kind(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, KNOCK)
    with attempts.attempt(False), pytest.raises(Throttled), attempts.attempt(False):
        pytest.fail("two at a time")
    with attempts.attempt(False), attempts.attempt(True):
        pass
