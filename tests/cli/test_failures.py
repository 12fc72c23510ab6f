"""Failures with --json are the problem object, on stderr; stdout stays empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vault.api.problems import error as read
from vault.cli import run
from vault.errors import BadRequest, NoVault, VaultError


def fail(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(words)
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (("status", "--nonsense", "--json"), 2, BadRequest), (("--json", "nonsense"), 2, BadRequest),
        (("--json", "grants"), 12, NoVault), (("grants", "--json"), 12, NoVault),
    ],
)  # fmt: skip
def test_a_failure_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, kind: type[VaultError]
) -> None:
    ended, out, err = fail(capsys, "--vault", str(tmp_path / "none"), *words)
    said = json.loads(err)
    assert (ended, said["exit_code"], out) == (code, code, "")
    assert type(read(said)) is kind and said["type"] == f"urn:ownvault:problem:{kind.code}" and said["hint"]


def test_without_it_a_failure_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended, out, err = fail(capsys, "--vault", str(tmp_path / "none"), "search", "--", "--json")
    assert (ended, out) == (12, "") and err.startswith("ownvault: there is no vault in ") and "\nhint: " in err


def test_what_controls_a_terminal_stays_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = fail(capsys, "--json", "--vault", str(tmp_path / "a\x1b[2Jb"), "grants")
    assert "\x1b" not in err and "\\u001b" in err
