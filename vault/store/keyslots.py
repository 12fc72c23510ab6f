"""`keyslots.json`: who can unlock the vault (SPEC.md, "keyslots.json").

Each slot wraps the same random data key (DEK), so a passphrase is added, changed or removed without touching data.
"""

from __future__ import annotations

import hmac
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from vault.errors import BadRequest, Damaged, NoVault, Overloaded, VaultExists, WrongPassphrase
from vault.store import files, keyring, keys, recovery, slotfile
from vault.store.slotfile import NAME, Cost, Slot

MAX_PASSPHRASE = 64 * 1024
"""Bytes of a passphrase."""
PASSES, LANES = 3, 4
"""Argon2id time and parallelism for new slots; the memory is the owner's choice (`Config.argon2_memory`)."""
_Random = Callable[[int], bytes]
_DERIVING = Lock()  # one derivation at a time: each takes 256 MiB


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot without its secrets. `kind` is "passphrase", "recovery" or "keyring"."""

    id: str
    kind: str


def create(
    directory: Path, passphrase: bytearray, memory_kib: int, random: _Random = os.urandom
) -> tuple[Keyslots, bytearray, str]:
    """Make a new data key and write `keyslots.json` with a passphrase and a recovery slot.

    Returns the slots, the DEK (the caller wipes it) and the recovery key, which is nowhere else.
    Raises VaultExists, BadRequest for an empty or endless passphrase or too little memory.
    """
    if (directory / NAME).exists() or (directory / NAME).is_symlink():
        raise VaultExists(f"there is a vault in {directory}", hint="choose another directory with --vault DIR")
    files.private(directory)
    dek, spare = bytearray(random(keys.SIZE)), bytearray(random(recovery.SIZE))
    try:
        slots = Keyslots(directory, _vault_id(dek), (), random)
        slots._slots = (slots._passphrase_slot(dek, passphrase, memory_kib), slots._recovery_slot(dek, spare))
        slots._save()
        return slots, dek, recovery.spell(spare)
    finally:
        keys.wipe(spare)


class Keyslots:
    """The keyslots of one vault. Changing them needs the DEK, and the vault's Ownership."""

    def __init__(self, directory: Path, vault_id: str, slots: tuple[Slot, ...], random: _Random = os.urandom) -> None:
        self._directory, self._slots, self._random = directory, slots, random
        self.vault_id = vault_id

    @classmethod
    def load(cls, directory: Path) -> Keyslots:
        """Read the slots of the vault in `directory`. Raises NoVault, Damaged."""
        try:
            content = files.read(directory / NAME, slotfile.MAX_FILE)
        except FileNotFoundError:
            raise NoVault(f"there is no vault in {directory}") from None
        vault_id, slots = slotfile.parse(content)
        return cls(directory, vault_id, slots)

    @property
    def slots(self) -> tuple[SlotView, ...]:
        return tuple(SlotView(slot.id, slot.kind) for slot in self._slots)

    def unlock(self, secret: bytearray) -> bytearray:
        """Return the DEK for a passphrase, the recovery key or a keyring's secret; the caller wipes both.

        Raises WrongPassphrase when no slot opens, Damaged when one opens with another vault's key.
        """
        if not 0 < len(secret) <= MAX_PASSPHRASE:
            raise WrongPassphrase("wrong passphrase")
        dek = self._by_recovery(secret) or self._by_keyring(secret) or self._by_passphrase(secret)
        if dek is None:
            hint = "it looks like the recovery key; check it for a typing error" if recovery.looks_like(secret) else ""
            raise WrongPassphrase("wrong passphrase", hint=hint)
        if not self._ours(dek):
            keys.wipe(dek)
            raise Damaged(f"a slot in {NAME} belongs to another vault", reason="foreign_slot")
        return dek

    def add_passphrase(self, dek: bytearray, passphrase: bytearray, memory_kib: int | None = None) -> str:
        """Add a slot and return its id. It costs as much to try as the strongest slot, if not said otherwise."""
        if len(self._slots) >= slotfile.MAX_SLOTS:
            raise BadRequest(f"a vault has at most {slotfile.MAX_SLOTS} keyslots")
        slot = self._passphrase_slot(dek, passphrase, memory_kib or self._strongest())
        self._change((*self._slots, slot))
        return slot.id

    def replace_passphrase(self, dek: bytearray, slot_id: str, new: bytearray) -> str:
        """Put a new passphrase in the place of one slot and return the new slot's id. The old one opens no more."""
        old = self._find(slot_id)
        if old.cost is None:
            raise BadRequest(f"keyslot {slot_id} is not a passphrase")
        slot = self._passphrase_slot(dek, new, max(old.cost.memory_kib, self._strongest()))
        self._change(tuple(slot if kept is old else kept for kept in self._slots))
        return slot.id

    def replace_recovery(self, dek: bytearray) -> str:
        """Make a new recovery key and return it; the one before opens nothing any more."""
        spare = bytearray(self._random(recovery.SIZE))
        try:
            slot = self._recovery_slot(dek, spare)
            self._change((*(kept for kept in self._slots if kept.kind != "recovery"), slot))
            return recovery.spell(spare)
        finally:
            keys.wipe(spare)

    def add_keyring(self, dek: bytearray) -> tuple[str, bytearray]:
        """Add a slot for the system's keyring, in the place of one that is there; return its id and the secret."""
        if len(self._slots) - len(self._of("keyring")) >= slotfile.MAX_SLOTS:
            raise BadRequest(f"a vault has at most {slotfile.MAX_SLOTS} keyslots")
        spare = bytearray(self._random(keyring.SIZE))
        try:
            empty = Slot(self._new_id(), "keyring", None, self._random(slotfile.SALT), b"", b"")
            slot = self._wrap(dek, empty, _keyring_kek(spare, empty.salt))
            self._change((*(kept for kept in self._slots if kept.kind != "keyring"), slot))
            return slot.id, keyring.spell(spare)
        finally:
            keys.wipe(spare)

    def remove(self, slot_id: str) -> None:
        """Remove a slot. The last passphrase stays: BadRequest."""
        gone = self._find(slot_id)
        kept = tuple(slot for slot in self._slots if slot is not gone)
        if all(slot.cost is None for slot in kept):
            raise BadRequest("the last passphrase cannot be removed", hint="change it instead")
        self._change(kept)

    # ------------------------------------------------------------ opening

    def _by_recovery(self, secret: bytearray) -> bytearray | None:
        spare = recovery.parse(secret)
        if spare is None:
            return None
        opened = (self._open(slot, _recovery_kek(spare, slot.salt)) for slot in self._of("recovery"))
        try:
            return next((dek for dek in opened if dek is not None), None)
        finally:
            keys.wipe(spare)

    def _by_keyring(self, secret: bytearray) -> bytearray | None:
        spare = keyring.parse(secret)
        if spare is None:
            return None
        opened = (self._open(slot, _keyring_kek(spare, slot.salt)) for slot in self._of("keyring"))
        try:
            return next((dek for dek in opened if dek is not None), None)
        finally:
            keys.wipe(spare)

    def _of(self, kind: str) -> list[Slot]:
        return [slot for slot in self._slots if slot.kind == kind]

    def _by_passphrase(self, secret: bytearray) -> bytearray | None:
        opened = (self._open(slot, _kek(secret, slot.salt, slot.cost)) for slot in self._slots if slot.cost is not None)
        return next((dek for dek in opened if dek is not None), None)

    def _open(self, slot: Slot, kek: bytearray) -> bytearray | None:
        dek = bytearray(keys.SIZE)
        try:
            AESGCMSIV(kek).decrypt_into(slot.nonce, slot.wrapped, slotfile.bound(self.vault_id, slot), dek)
        except InvalidTag:
            return None
        finally:
            keys.wipe(kek)
        return dek

    # ------------------------------------------------------------ making

    def _passphrase_slot(self, dek: bytearray, passphrase: bytearray, memory_kib: int) -> Slot:
        if not 0 < len(passphrase) <= MAX_PASSPHRASE:
            raise BadRequest("the passphrase is empty" if not passphrase else "the passphrase is too long")
        cost, salt = Cost(memory_kib, PASSES, LANES), self._random(slotfile.SALT)
        if not cost.allowed:
            raise BadRequest(f"a keyslot needs {slotfile.FLOOR.memory_kib} to {slotfile.ROOF.memory_kib} KiB of memory")
        return self._wrap(dek, Slot(self._new_id(), "passphrase", cost, salt, b"", b""), _kek(passphrase, salt, cost))

    def _recovery_slot(self, dek: bytearray, spare: bytearray) -> Slot:
        salt = self._random(slotfile.SALT)
        return self._wrap(dek, Slot(self._new_id(), "recovery", None, salt, b"", b""), _recovery_kek(spare, salt))

    def _wrap(self, dek: bytearray, slot: Slot, kek: bytearray) -> Slot:
        nonce = self._random(slotfile.NONCE)
        try:
            wrapped = AESGCMSIV(kek).encrypt(nonce, dek, slotfile.bound(self.vault_id, slot))
        finally:
            keys.wipe(kek)
        return Slot(slot.id, slot.kind, slot.cost, slot.salt, nonce, wrapped)

    def _change(self, slots: tuple[Slot, ...]) -> None:
        before, self._slots = self._slots, slots
        try:
            self._save()
        except BaseException:
            self._slots = before
            raise

    def _save(self) -> None:
        files.replace(self._directory / NAME, slotfile.render(self.vault_id, self._slots))

    def _ours(self, dek: bytearray) -> bool:
        return hmac.compare_digest(_vault_id(dek), self.vault_id)

    def _new_id(self) -> str:
        taken = {slot.id for slot in self._slots}
        return next(id for _ in range(100) if (id := self._random(slotfile.ID).hex()) not in taken)

    def _find(self, slot_id: str) -> Slot:
        found = next((slot for slot in self._slots if slot.id == slot_id), None)
        if found is None:
            raise BadRequest(f"there is no keyslot {slot_id!r}")
        return found

    def _strongest(self) -> int:
        return max(slot.cost.memory_kib for slot in self._slots if slot.cost is not None)


def _vault_id(dek: bytearray) -> str:
    """Return the vault's public name, which only its own DEK yields."""
    return keys.derive(dek, "ownvault/v1/vault-id")[:16].hex()


def _recovery_kek(spare: bytearray, salt: bytes) -> bytearray:
    return keys.derive(spare, "ownvault/v1/recovery", salt)


def _keyring_kek(spare: bytearray, salt: bytes) -> bytearray:
    return keys.derive(spare, "ownvault/v1/keyring", salt)


def _kek(passphrase: bytearray, salt: bytes, cost: Cost) -> bytearray:
    """Return the key that the passphrase yields: Argon2id (RFC 9106) over its NFC form."""
    kek, normal = bytearray(keys.SIZE), _normal(passphrase)
    try:
        with _DERIVING:
            derivation = Argon2id(
                salt=salt, length=keys.SIZE, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib
            )
            derivation.derive_into(normal, kek)  # type: ignore[arg-type]  # narrower than what it takes: any buffer
    except MemoryError:
        raise Overloaded(f"unlocking needs {cost.memory_kib // 1024} MiB of free memory") from None
    finally:
        keys.wipe(normal)
    return kek


def _normal(passphrase: bytearray) -> bytearray:
    """Return a copy in which é is the same however a keyboard composes it; ASCII never becomes an unwipeable str."""
    if not passphrase.isascii():
        try:
            return bytearray(unicodedata.normalize("NFC", passphrase.decode("utf-8")).encode("utf-8"))
        except UnicodeDecodeError:
            pass  # not text: its bytes are what counts
    return bytearray(passphrase)
