"""Who can open the vault: its keyslots, as the owner changes them."""

from __future__ import annotations

from pathlib import Path

from vault.errors import BadRequest, VaultError
from vault.parts import Room
from vault.store import keyring, keys, keyslots
from vault.types import Action, Holder


def listed(directory: Path) -> list[dict[str, str]]:
    """Return id and kind of each keyslot of the vault in `directory`. Raises NoVault, Damaged."""
    return [{"id": slot.id, "kind": slot.kind} for slot in keyslots.Keyslots.load(directory).slots]


def kept(directory: Path) -> bytearray | None:
    """Return what opens the vault in `directory` from the system's keyring; None where its owner did not allow that."""
    try:
        slots = keyslots.Keyslots.load(directory)
    except VaultError:
        return None
    allowed = any(slot.kind == "keyring" for slot in slots.slots)
    return keyring.fetch(slots.vault_id) if allowed else None


class Unlocking(Room):
    """The methods of a vault that concern its keyslots. The owner's; a new slot costs the passphrase once more."""

    _slots: keyslots.Keyslots

    def add_keyring(self, holder: Holder, secret: bytearray) -> str:
        """Let the system's keyring open the vault, and return the keyslot's id; `secret` is wiped.

        Raises WrongPassphrase, and Missing where there is no keyring that is safe: then nothing is changed.
        """
        with self._decide(holder, Action.KEYS) as decision:
            try:
                decision.whole()
                dek = self._slots.unlock(secret)
            finally:
                keys.wipe(secret)
            try:
                decision.record(detail={"keyslot": "keyring", "change": "add"})
                id, spare = self._slots.add_keyring(dek)
            finally:
                keys.wipe(dek)
            try:
                keyring.keep(self._slots.vault_id, spare)
            except BaseException:
                self._slots.remove(id)
                raise
            finally:
                keys.wipe(spare)
            return id

    def remove_keyring(self, holder: Holder) -> None:
        """Let the system's keyring open the vault no longer. Raises BadRequest when it does not."""
        with self._decide(holder, Action.KEYS) as decision:
            decision.whole()
            found = next((slot for slot in self._slots.slots if slot.kind == "keyring"), None)
            if found is None:
                raise BadRequest("the system's keyring has no keyslot")
            decision.record(detail={"keyslot": "keyring", "change": "remove"})
            self._slots.remove(found.id)
            keyring.drop(self._slots.vault_id)
