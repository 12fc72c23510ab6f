"""Wrong passphrases: a growing, bounded pause that survives a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from vault.api.attempts import LONGEST, Attempts, pause
from vault.errors import Throttled, WrongPassphrase


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def wrong(attempts: Attempts) -> None:
    with pytest.raises(WrongPassphrase), attempts.attempt():
        raise WrongPassphrase("wrong passphrase")


def test_the_pause_grows_and_is_bounded() -> None:
    assert [pause(n) for n in range(8)] == [0, 0, 0, 1, 2, 4, 8, 16]
    assert pause(9) == pause(10_000) == LONGEST == 60


def test_a_pause_after_the_free_failures(tmp_path: Path) -> None:
    clock = Clock()
    attempts = Attempts(tmp_path, clock)
    for _ in range(3):
        wrong(attempts)
    with pytest.raises(Throttled), attempts.attempt():
        pytest.fail("tried during the pause")
    with pytest.raises(Throttled), Attempts(tmp_path, clock).attempt():
        pytest.fail("a restart forgave")
    clock.now += 1
    wrong(attempts)
    clock.now += 1
    with pytest.raises(Throttled), attempts.attempt():
        pytest.fail("the pause did not grow")
    clock.now += 1
    with attempts.attempt():
        pass
    for _ in range(2):
        wrong(attempts)
    attempts.check()


def test_a_clock_set_back_does_not_lock_out(tmp_path: Path) -> None:
    clock = Clock()
    attempts = Attempts(tmp_path, clock)
    for _ in range(9):
        attempts.failed()
    clock.now -= 1_000_000
    attempts.check()


def test_a_damaged_count_does_not_lock_out(tmp_path: Path) -> None:
    (tmp_path / "attempts.json").write_bytes(b"\xff{")
    Attempts(tmp_path).check()


def test_one_at_a_time(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path)
    with attempts.attempt(), pytest.raises(Throttled), attempts.attempt():
        pytest.fail("two at a time")
