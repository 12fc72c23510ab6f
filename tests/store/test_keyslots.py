"""Who can unlock: right and wrong secrets, every way to damage the file, and what never comes out."""

from __future__ import annotations

import hmac
import json
import stat
import subprocess
import sys
import textwrap
import unicodedata
from pathlib import Path

import pytest

from vault.errors import BadRequest, Damaged, NoVault, VaultError, VaultExists, WrongPassphrase
from vault.store import keys, keyslots, slotfile
from vault.store.keyslots import Keyslots

FLOOR = slotfile.FLOOR.memory_kib
ROOT = Path(__file__).parents[2]
PASSPHRASE = b"correct horse battery staple"


def make(directory: Path, passphrase: bytes = PASSPHRASE) -> tuple[Keyslots, bytearray, str]:
    directory.mkdir(mode=0o700, exist_ok=True)
    return keyslots.create(directory, bytearray(passphrase), FLOOR)


def opens(directory: Path, secret: bytes) -> bytearray:
    return Keyslots.load(directory).unlock(bytearray(secret))


def test_passphrase_and_recovery_key_open_and_others_do_not(tmp_path: Path) -> None:
    _, dek, recovery = make(tmp_path)
    assert [slot.kind for slot in Keyslots.load(tmp_path).slots] == ["passphrase", "recovery"]
    assert opens(tmp_path, PASSPHRASE) == dek
    assert opens(tmp_path, recovery.encode()) == dek
    assert opens(tmp_path, f"  {recovery.lower().replace('-', ' ')}\n".encode()) == dek
    for secret in (b"", b"Correct horse battery staple", PASSPHRASE + b" ", b"\xff\xfe", b"x" * (64 * 1024 + 1)):
        with pytest.raises(WrongPassphrase):
            opens(tmp_path, secret)


def test_a_mistyped_recovery_key_gets_a_hint(tmp_path: Path) -> None:
    _, _, recovery = make(tmp_path)
    mistyped = ("X" if recovery[0] != "X" else "Y") + recovery[1:]
    with pytest.raises(WrongPassphrase) as refused:
        opens(tmp_path, mistyped.encode())
    assert "typing error" in refused.value.hint


def test_a_passphrase_is_the_same_however_it_is_composed(tmp_path: Path) -> None:
    make(tmp_path, unicodedata.normalize("NFD", "schöne Grüße").encode())
    opens(tmp_path, unicodedata.normalize("NFC", "schöne Grüße").encode())


def test_two_vaults_with_one_passphrase_have_nothing_in_common(tmp_path: Path) -> None:
    _, dek, recovery = make(tmp_path / "a")
    _, other, second = make(tmp_path / "b")
    assert dek != other
    assert recovery != second
    mine, theirs = ((tmp_path / name / slotfile.NAME).read_bytes() for name in "ab")
    values = [
        {
            slot[name]
            for body in (json.loads(text),)
            for slot in body["slots"]
            for name in ("id", "salt", "nonce", "wrapped")
        }
        for text in (mine, theirs)
    ]
    assert values[0].isdisjoint(values[1])


def test_nothing_secret_is_written(tmp_path: Path) -> None:
    _, dek, recovery = make(tmp_path)
    text = (tmp_path / slotfile.NAME).read_bytes()
    derived = [keys.derive(dek, label) for label in keys.LABELS if label != "ownvault/v1/vault-id"]
    for secret in (bytes(dek), PASSPHRASE, recovery.encode(), recovery.replace("-", "").encode(), *map(bytes, derived)):
        assert secret not in text
        assert secret.hex().encode() not in text
    assert stat.S_IMODE((tmp_path / slotfile.NAME).stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*"))


def test_labels_give_different_keys_and_unknown_labels_none() -> None:
    dek = bytearray(range(32))
    derived = {bytes(keys.derive(dek, label)) for label in keys.LABELS}
    assert len(derived) == len(keys.LABELS)
    assert keys.derive(dek, "ownvault/v1/head") == _hkdf(bytes(dek), b"ownvault/v1/head")
    with pytest.raises(ValueError, match="label"):
        keys.derive(dek, "ownvault/v1/whatever")


def _hkdf(secret: bytes, info: bytes) -> bytes:
    """RFC 5869 for one block, spelled out with the standard library."""
    return hmac.digest(hmac.digest(bytes(32), secret, "sha256"), info + b"\x01", "sha256")


def test_wipe() -> None:
    secret = bytearray(b"secret")
    keys.wipe(secret)
    assert secret == bytes(6)


# ---------------------------------------------------------------- changing


def test_passphrases_come_and_go(tmp_path: Path) -> None:
    slots, dek, recovery = make(tmp_path)
    first = slots.slots[0].id
    second = slots.add_passphrase(dek, bytearray(b"second"))
    assert opens(tmp_path, b"second") == opens(tmp_path, PASSPHRASE) == dek
    third = slots.replace_passphrase(dek, first, bytearray(b"third"))
    assert opens(tmp_path, b"third") == dek
    with pytest.raises(WrongPassphrase):
        opens(tmp_path, PASSPHRASE)
    slots.remove(second)
    with pytest.raises(WrongPassphrase):
        opens(tmp_path, b"second")
    with pytest.raises(BadRequest):
        slots.remove(third)
    with pytest.raises(BadRequest):
        slots.remove("ffffffff")
    renewed = slots.replace_recovery(dek)
    assert opens(tmp_path, renewed.encode()) == dek
    with pytest.raises(WrongPassphrase):
        opens(tmp_path, recovery.encode())
    assert opens(tmp_path, b"third") == dek


def test_there_is_room_for_eight_slots(tmp_path: Path) -> None:
    slots, dek, _ = make(tmp_path)
    for n in range(6):
        slots.add_passphrase(dek, bytearray(b"number %d" % n))
    with pytest.raises(BadRequest):
        slots.add_passphrase(dek, bytearray(b"one too many"))
    assert len(Keyslots.load(tmp_path).slots) == 8


@pytest.mark.parametrize("memory", [0, -1, FLOOR - 1, 2**32])
def test_a_new_slot_is_never_cheap_nor_endless(tmp_path: Path, memory: int) -> None:
    with pytest.raises(BadRequest):
        keyslots.create(tmp_path, bytearray(PASSPHRASE), memory)
    assert not (tmp_path / slotfile.NAME).exists()


def test_a_replaced_passphrase_costs_no_less_than_before(tmp_path: Path) -> None:
    slots, dek, _ = keyslots.create(tmp_path, bytearray(PASSPHRASE), FLOOR + 8)
    slots.replace_passphrase(dek, slots.slots[0].id, bytearray(b"new"))
    assert json.loads((tmp_path / slotfile.NAME).read_text())["slots"][0]["memory_kib"] == FLOOR + 8


def test_empty_passphrases_and_second_vaults_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        keyslots.create(tmp_path, bytearray(), FLOOR)
    make(tmp_path)
    before = (tmp_path / slotfile.NAME).read_bytes()
    with pytest.raises(VaultExists):
        make(tmp_path)
    assert (tmp_path / slotfile.NAME).read_bytes() == before


# ---------------------------------------------------------------- damage


def test_no_vault(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NoVault):
            Keyslots.load(directory)
    (tmp_path / "file").write_text("")
    with pytest.raises(NoVault):
        Keyslots.load(tmp_path / "file")


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path: Path) -> None:
    make(tmp_path)
    good = (tmp_path / slotfile.NAME).read_bytes()
    slotfile.parse(good)
    changed = [good[:i] + bytes([good[i] ^ 1 << bit]) + good[i + 1 :] for i in range(len(good)) for bit in range(8)]
    for content in [*changed, *(good[:size] for size in range(len(good)))]:
        with pytest.raises(Damaged):
            slotfile.parse(content)


def test_links_directories_and_huge_files_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "vault")
    file = tmp_path / "vault" / slotfile.NAME
    moved = file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(moved)
    with pytest.raises(Damaged):
        Keyslots.load(tmp_path / "vault")
    with pytest.raises(VaultExists):
        make(tmp_path / "vault")
    file.unlink()
    file.mkdir()
    with pytest.raises(Damaged):
        Keyslots.load(tmp_path / "vault")
    file.rmdir()
    file.write_bytes(b" " * (slotfile.MAX_FILE + 1))
    with pytest.raises(Damaged):
        Keyslots.load(tmp_path / "vault")


def test_a_failed_change_leaves_the_old_file(tmp_path: Path) -> None:
    """A disk that takes no more bytes, in a process of its own: the limit holds for everything it writes."""
    make(tmp_path)
    before = (tmp_path / slotfile.NAME).read_bytes()
    program = """
        import resource, sys
        from pathlib import Path
        from vault.errors import StorageFailed
        from vault.store.keyslots import Keyslots
        slots = Keyslots.load(Path(sys.argv[1]))
        dek = slots.unlock(bytearray(sys.argv[2].encode()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            slots.add_passphrase(dek, bytearray(b"second"))
        except StorageFailed:
            assert len(slots.slots) == 2
            sys.exit(42)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), tmp_path, PASSPHRASE.decode()], check=False, cwd=ROOT
    )
    assert done.returncode == 42
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {slotfile.NAME: before}


def test_too_little_memory_is_said_so(tmp_path: Path) -> None:
    """A slot that needs 1 GiB, in a process of its own that may have 600 MiB."""
    program = """
        import resource, sys
        from pathlib import Path
        from vault.errors import Overloaded
        from vault.store import keyslots
        resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20, 600 * 2**20))
        try:
            keyslots.create(Path(sys.argv[1]), bytearray(b"passphrase"), 2**20)
        except Overloaded:
            sys.exit(42)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program), tmp_path], check=False, cwd=ROOT)
    assert done.returncode == 42
    assert not list(tmp_path.iterdir())


def test_every_refusal_is_ours(tmp_path: Path) -> None:
    """Arbitrary JSON in place of each value ends in a VaultError, never in another exception."""
    make(tmp_path)
    body = json.loads((tmp_path / slotfile.NAME).read_text())
    strange = [None, True, -1, 1.5, "", "\u0000", [], {}, [[]], "0" * 96, 10**400]
    for value in strange:
        variants = [body | {key: value} for key in body]
        variants += [body | {"slots": [body["slots"][0] | {key: value}, body["slots"][1]]} for key in body["slots"][0]]
        for variant in variants:
            with pytest.raises(VaultError):
                slotfile.parse(json.dumps(variant, indent=2).encode() + b"\n")
