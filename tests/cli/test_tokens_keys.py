"""`ownvault keys`, and how its rotation reaches the tokens that are about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE
from vault.cli import run
from vault.config import Config
from vault.service import Vault

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def owner(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command of the owner of a fresh vault: exit code, stdout, stderr."""
    place, secret = tmp_path / "vault", tmp_path / "passphrase"
    secret.write_bytes(PASSPHRASE)
    secret.chmod(0o600)
    Vault.create(Config(directory=place, argon2_memory=FLOOR_KIB), bytearray(PASSPHRASE))
    monkeypatch.delenv("OWNVAULT_TOKEN", raising=False)

    def command(*words: str) -> tuple[int, str, str]:
        code = run(["--vault", str(place), "--passphrase-file", str(secret), *words])
        return code, *capsys.readouterr()

    return command


def test_keys_are_renewed_and_retired(owner: Run, tmp_path: Path) -> None:
    first = json.loads(owner("keys", "--json")[1])
    assert [one["kid"] for one in first["token_keys"]] == [1]
    code, out, err = owner("keys", "retire", "1")
    assert code == 2 and "this key signs the tokens" in err and "ownvault keys rotate" in err

    old = json.loads(owner("grant", "claude", "--all", "--json")[1])["token"]
    code, out, err = owner("keys", "rotate")
    assert (code, out) == (0, "key 2 signs from now on\n") and "ownvault keys retire 1" in err
    code, out, _ = owner("keys", "list")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["2", "signs"], ["1", "only"]]
    code, _, err = owner("keys", "rotate")
    assert code == 2 and "two keys are live already" in err

    new = json.loads(owner("grant", "claude", "--all", "--json")[1])["token"]
    both = tmp_path / "vault-keys.json"
    both.write_text(owner("keys", "list", "--json")[1])
    assert json.loads(both.read_text())["token_keys"][1:] == first["token_keys"]
    for name, token in (("old", old), ("new", new)):
        (tmp_path / name).write_text(token)
        assert owner("token", "verify", str(tmp_path / name), "--key", str(both))[0] == 0

    code, out, _ = owner("keys", "retire", "1")
    assert (code, out) == (0, "retired key 1: tokens that it signed are refused from now on\n")
    both.write_text(owner("keys", "--json")[1])
    code, _, err = owner("token", "verify", str(tmp_path / "old"), "--key", str(both))
    assert code == 4 and "signed by a key that is not among those of the vault" in err
    assert owner("token", "verify", str(tmp_path / "new"), "--key", str(both))[0] == 0
    assert owner("keys", "retire", "7")[0] == 3
