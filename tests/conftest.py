"""Fixtures for all tests: a cheap vault in a temporary home, and a real server over one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder, Server, run_command, start_server
from vault.config import Config
from vault.service import Vault
from vault.types import Holder

settings.register_profile("ownvault", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("ownvault")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)


@pytest.fixture
def new_vault() -> Iterator[Callable[[Path], Vault]]:
    """A maker of unlocked vaults with the tiny encoder; all are closed at the end."""
    opened: list[Vault] = []

    def make(directory: Path) -> Vault:
        config = Config(directory=directory, argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE))
        opened.append(Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder()))
        return opened[-1]

    yield make
    for vault in opened:
        vault.close()


@pytest.fixture
def vault(tmp_path: Path, new_vault: Callable[[Path], Vault]) -> Vault:
    return new_vault(tmp_path / "vault")


@pytest.fixture
def owner(vault: Vault) -> Holder:
    return Holder(vault.owner_token().token)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a temporary home, a passphrase file and a vault that does not exist yet."""
    home = tmp_path_factory.mktemp("home")
    (home / "tmp").mkdir()
    (home / "vault").mkdir()
    (home / "vault" / "config.toml").write_text(f"argon2_memory = {FLOOR_KIB}\n")  # many commands unlock here
    secret = home / "passphrase"
    secret.write_bytes(PASSPHRASE + b"\n")
    secret.chmod(0o600)
    return {
        "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8", "NO_COLOR": "1",
        "OWNVAULT_DIR": str(home / "vault"), "OWNVAULT_PASSPHRASE_FILE": str(secret), "OMP_NUM_THREADS": "2",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),  # the converted encoder
    }  # fmt: skip


@pytest.fixture(scope="module")
def server(home: dict[str, str]) -> Iterator[Server]:
    """A real server on a free port over a new, empty vault."""
    run_command(home, "init")
    running = start_server(home)
    yield running
    running.stop()
