"""The keyslot of the system's keyring: what opens it, what does not, and which keyrings are used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE
from vault.errors import BadRequest, Damaged, Missing, WrongPassphrase
from vault.store import keyring, keyslots, slotfile
from vault.store.keyslots import Keyslots


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Keyslots, bytearray]:
    (tmp_path / "vault").mkdir()
    slots, dek, _ = keyslots.create(tmp_path / "vault", bytearray(PASSPHRASE), FLOOR_KIB)
    return tmp_path / "vault", slots, dek


def test_the_secret_opens_and_nothing_like_it_does(made: tuple[Path, Keyslots, bytearray]) -> None:
    place, slots, dek = made
    id, secret = slots.add_keyring(dek)
    assert [(slot.id, slot.kind) for slot in Keyslots.load(place).slots][2] == (id, "keyring")
    assert Keyslots.load(place).unlock(bytearray(secret)) == dek
    flipped = bytearray(secret)
    flipped[-1] = ord("0") if flipped[-1] != ord("0") else ord("1")
    for wrong in (flipped, secret[:-1], secret + b"0", secret.upper(), secret[19:], b" " + secret, secret + b"\n"):
        with pytest.raises(WrongPassphrase):
            Keyslots.load(place).unlock(bytearray(wrong))


def test_a_second_one_takes_the_place_of_the_first(made: tuple[Path, Keyslots, bytearray]) -> None:
    place, slots, dek = made
    _, first = slots.add_keyring(dek)
    _, second = slots.add_keyring(dek)
    assert [slot.kind for slot in Keyslots.load(place).slots] == ["passphrase", "recovery", "keyring"]
    assert Keyslots.load(place).unlock(bytearray(second)) == dek
    with pytest.raises(WrongPassphrase):
        Keyslots.load(place).unlock(bytearray(first))


def test_a_new_recovery_key_leaves_it_and_it_is_no_passphrase(made: tuple[Path, Keyslots, bytearray]) -> None:
    place, slots, dek = made
    id, secret = slots.add_keyring(dek)
    slots.replace_recovery(dek)
    assert Keyslots.load(place).unlock(bytearray(secret)) == dek
    with pytest.raises(BadRequest):
        slots.replace_passphrase(dek, id, bytearray(b"something else"))
    first = slots.slots[0].id
    with pytest.raises(BadRequest, match="last passphrase"):
        slots.remove(first)
    slots.remove(id)
    with pytest.raises(WrongPassphrase):
        Keyslots.load(place).unlock(bytearray(secret))


def test_a_passphrase_that_looks_like_one_is_a_passphrase(tmp_path: Path) -> None:
    odd = keyring.spell(bytearray(32))
    (tmp_path / "vault").mkdir()
    _, dek, _ = keyslots.create(tmp_path / "vault", bytearray(odd), FLOOR_KIB)
    assert Keyslots.load(tmp_path / "vault").unlock(bytearray(odd)) == dek


def test_two_of_them_are_damage(made: tuple[Path, Keyslots, bytearray]) -> None:
    place, slots, dek = made
    slots.add_keyring(dek)
    id, found = slotfile.parse((place / slotfile.NAME).read_bytes())
    (place.parent / "other").mkdir()
    other, dek2, _ = keyslots.create(place.parent / "other", bytearray(PASSPHRASE), FLOOR_KIB)
    other.add_keyring(dek2)
    _, foreign = slotfile.parse((place.parent / "other" / slotfile.NAME).read_bytes())
    (place / slotfile.NAME).write_bytes(slotfile.render(id, (*found, foreign[2])))
    with pytest.raises(Damaged, match="two slots for the keyring"):
        Keyslots.load(place)
    (place / slotfile.NAME).write_bytes(slotfile.render(id, (*found[:2], foreign[2])))
    body = json.loads((place / slotfile.NAME).read_text())
    assert body["slots"][2]["kind"] == "keyring"
    with pytest.raises(WrongPassphrase):  # another vault's slot opens with neither's secret
        Keyslots.load(place).unlock(bytearray(keyring.spell(bytearray(32))))


# ---------------------------------------------------------------- the system's keyring


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("OWNVAULT_TEST_KEYRING", str(tmp_path / "keyring.json"))
    return monkeypatch


def use(kind: type) -> None:
    import keyring as library

    library.set_keyring(kind())


def test_keeping_fetching_and_dropping(system: pytest.MonkeyPatch) -> None:
    from tests.filekeyring import Keyring

    use(Keyring)
    assert keyring.fetch("v") is None
    keyring.drop("v")
    keyring.keep("v", bytearray(b"secret"))
    assert keyring.fetch("v") == b"secret" and keyring.fetch("w") is None
    keyring.drop("v")
    assert keyring.fetch("v") is None


def test_what_is_no_safe_keyring_is_not_used(system: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from keyring.backends.fail import Keyring as Nothing

    from tests.filekeyring import Unsafe

    for kind in (Unsafe, Nothing):
        use(kind)
        with pytest.raises(Missing):
            keyring.keep("v", bytearray(b"secret"))
        assert keyring.fetch("v") is None
        keyring.drop("v")
    assert not (tmp_path / "keyring.json").exists()
