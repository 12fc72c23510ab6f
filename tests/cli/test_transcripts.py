"""Every transcript in tests/scripts/cli-*.txt, run against the real command in a temporary home."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.transcript import pattern, playing, steps
from tests.support import FLOOR_KIB

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").glob("cli-*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_transcript(script: Path, tmp_path: Path, home: dict[str, str]) -> None:
    environment = home | {"HOME": str(tmp_path), "OWNVAULT_DIR": str(tmp_path / "vault")}
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "config.toml").write_text(f'argon2_memory = {FLOOR_KIB}\ndevice = "cpu"\n')
    shutil.copytree(Path(__file__).parent / "sources", tmp_path / "sources")
    with playing(tmp_path, environment) as play:
        for step in steps(script.read_text("utf-8")):
            play.run(step)


def test_there_are_transcripts() -> None:
    assert len(SCRIPTS) >= 6


@pytest.mark.parametrize(
    ("expected", "seen", "agrees"),
    [
        ("a", "a\n", True), ("a", "b\n", False), ("a", "a\nb\n", False), ("a.c", "abc\n", False), ("...", "", True),
        ("a\n...\nc", "a\nb\nb\nc\n", True), ("n <n> x", "n 12 x\n", True), ("n <n> x", "n y x\n", False),
        ("", "", True), ("", "a\n", False),
    ],
)  # fmt: skip
def test_the_runner_sees_differences(expected: str, seen: str, agrees: bool) -> None:
    import re

    assert bool(re.fullmatch(pattern(expected.split("\n")), seen)) is agrees
