"""The published vectors: every file gets the answer that stands beside it, and the command rewrites them."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.store.vectors import VECTORS, write_all
from vault.errors import Damaged, WrongPassphrase
from vault.store import head, sealed, slotfile
from vault.store.keyslots import Keyslots

KEYSLOTS = json.loads((VECTORS / "keyslots" / "expected.json").read_text())
HEADS = json.loads((VECTORS / "head" / "expected.json").read_text())
SEALED = json.loads((VECTORS / "sealed" / "expected.json").read_text())


@pytest.mark.parametrize("name", KEYSLOTS["vectors"])
def test_keyslots(name: str, tmp_path: Path) -> None:
    expected = KEYSLOTS["vectors"][name]
    (tmp_path / slotfile.NAME).write_bytes((VECTORS / "keyslots" / name).read_bytes())
    secret = KEYSLOTS["passphrase"].encode()
    if expected["class"] == "opened":
        slots = Keyslots.load(tmp_path)
        assert slots.vault_id == expected["vault"]
        assert slots.unlock(bytearray(secret)).hex() == expected["dek"]
        if "recovery" in expected:
            assert slots.unlock(bytearray(expected["recovery"].encode())).hex() == expected["dek"]
    elif expected["class"] == "wrong_passphrase":
        slots = Keyslots.load(tmp_path)
        with pytest.raises(WrongPassphrase):
            slots.unlock(bytearray(secret))
    else:
        with pytest.raises(Damaged) as refused:
            Keyslots.load(tmp_path).unlock(bytearray(secret))
        assert refused.value.reason == expected["reason"]


@pytest.mark.parametrize("name", HEADS["vectors"])
def test_head(name: str) -> None:
    expected: dict[str, Any] = HEADS["vectors"][name]
    content = (VECTORS / "head" / name).read_bytes()
    if expected["class"] == "state":
        state, _ = head.unseal(content, bytes.fromhex(HEADS["key"]), HEADS["vault"])
        assert (state.counter, state.audit_head.hex()) == (expected["counter"], expected["audit_head"])
    else:
        with pytest.raises(Damaged) as refused:
            head.unseal(content, bytes.fromhex(HEADS["key"]), HEADS["vault"])
        assert refused.value.reason == expected["reason"]


@pytest.mark.parametrize("name", SEALED["vectors"])
def test_sealed_files(name: str) -> None:
    expected: dict[str, Any] = SEALED["vectors"][name]
    content, key = (VECTORS / "sealed" / name).read_bytes(), bytearray.fromhex(SEALED["key"])

    def read() -> bytes:
        bound = sealed.bound(SEALED["vault"], SEALED["name"])
        reader = sealed.Reader(io.BytesIO(content), len(content), key, bound)
        found = reader.take(expected["size"])
        reader.end()
        return bytes(found)

    if expected["class"] == "opened":
        assert sha256(read()).hexdigest() == expected["sha256"]
    else:
        with pytest.raises(Damaged):
            read()


def test_most_vectors_are_refusals() -> None:
    answers = [answer["class"] for vectors in (KEYSLOTS, HEADS, SEALED) for answer in vectors["vectors"].values()]
    assert len(answers) >= 70
    assert sum(answer in ("damaged", "wrong_passphrase") for answer in answers) >= 0.7 * len(answers)


def test_the_command_rewrites_what_is_checked_in(tmp_path: Path) -> None:
    write_all(tmp_path)
    for kind in ("keyslots", "head", "sealed"):
        written = {path.name: path.read_bytes() for path in (tmp_path / kind).iterdir()}
        assert written == {path.name: path.read_bytes() for path in (VECTORS / kind).iterdir()}
