"""Shared by the tests of `vault/permissions`: the vault's keys, a moment, an open database, foreign vectors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))  # biscuits.py, permission_vectors.py


@pytest.fixture
def foreign() -> Callable[[str], Path]:
    """Return the folder of foreign vectors; skipped where it is absent, failed where it must be there."""

    def find(name: str) -> Path:
        folder = ROOT.parent / "shared" / "data" / name
        if not folder.is_dir():
            if os.environ.get("CI") == "true":
                pytest.fail(f"foreign vectors are missing: {name}")
            pytest.skip(f"foreign vectors are not here: {name}")
        return folder

    return find


@pytest.fixture
def conn() -> Iterator[Any]:
    """An encrypted in-memory database with the first schema and a vault row."""
    import sqlcipher3

    from vault.permissions import tree

    connection = sqlcipher3.connect(":memory:", isolation_level=None)
    connection.executescript((ROOT / "vault/store/migrations/0001_first.sql").read_text("utf-8"))
    connection.execute("INSERT INTO vault VALUES (1, ?, 0, 0, ?)", ("0" * 32, tree.EMPTY))
    yield connection
    connection.close()
