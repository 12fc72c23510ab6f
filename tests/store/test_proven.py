"""A secret that was proven is known again; another one, or the same with other keyslots, is not."""

from __future__ import annotations

import pytest

from tests.support import PASSPHRASE
from vault.errors import WrongPassphrase
from vault.service import Vault
from vault.store import keyslots
from vault.store.proven import Proven


def test_only_what_was_proven_is_known() -> None:
    proven = Proven()
    assert not proven.same(bytearray(PASSPHRASE), ("a",))
    proven.remember(bytearray(PASSPHRASE), ("a",))
    assert proven.same(bytearray(PASSPHRASE), ("a",))
    assert not proven.same(bytearray(PASSPHRASE), ("a", "b"))
    for wrong in (b"", b"x", PASSPHRASE + b" ", PASSPHRASE[:-1], PASSPHRASE.upper()):
        assert not proven.same(bytearray(wrong), ("a",))
    assert not Proven().same(bytearray(PASSPHRASE), ("a",))


def test_the_full_price_is_paid_once(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    whole = keyslots.Keyslots.unlock

    def counted(self: keyslots.Keyslots, secret: bytearray) -> bytearray:
        tried.append(len(secret))
        return whole(self, secret)

    monkeypatch.setattr(keyslots.Keyslots, "unlock", counted)
    for _ in range(3):
        given = bytearray(PASSPHRASE)
        assert vault.prove_owner(given).token
        assert not any(given)
    assert len(tried) == 1
    for _ in range(2):
        with pytest.raises(WrongPassphrase):
            vault.prove_owner(bytearray(b"wrong"))
    assert len(tried) == 3
    vault.prove_owner(bytearray(PASSPHRASE))
    assert len(tried) == 3


def test_a_removed_keyslot_is_not_remembered(vault: Vault) -> None:
    """A passphrase that opens nothing any more is wrong, whoever proved it before."""
    vault.prove_owner(bytearray(PASSPHRASE))
    slots = vault._slots
    dek = slots.unlock(bytearray(PASSPHRASE))
    old = next(slot for slot in slots.slots if slot.kind == "passphrase")
    slots.replace_passphrase(dek, old.id, bytearray(b"another passphrase"))
    with pytest.raises(WrongPassphrase):
        vault.prove_owner(bytearray(PASSPHRASE))
    assert vault.prove_owner(bytearray(b"another passphrase")).token
