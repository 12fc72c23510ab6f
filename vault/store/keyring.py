"""The secret of a keyslot that the owner's system keeps for them: its form, and the way to the keyring (SPEC.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vault.errors import Missing

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SIZE = 32
"""Bytes."""
SERVICE = "ownvault"
_MARK = b"ownvault-keyring-1:"
_FORM = re.compile(re.escape(_MARK) + rb"[0-9a-f]{64}")


def spell(spare: bytearray) -> bytearray:
    """Return the secret as text."""
    return bytearray(_MARK + spare.hex().encode())


def parse(secret: bytearray) -> bytearray | None:
    """Return the bytes behind the text; None for what is no such secret."""
    return bytearray(bytes.fromhex(secret[len(_MARK) :].decode())) if _FORM.fullmatch(secret) else None


def keep(vault_id: str, secret: bytearray) -> None:
    """Put a vault's secret into the system's keyring. Raises Missing where there is none that is one."""
    _backend().set_password(SERVICE, vault_id, secret.decode())


def fetch(vault_id: str) -> bytearray | None:
    """Return a vault's secret; None when the keyring holds none, is locked, or is not there."""
    from keyring.errors import KeyringError

    try:
        found = _backend().get_password(SERVICE, vault_id)
    except (KeyringError, Missing):
        return None
    return bytearray(found.encode()) if found else None


def drop(vault_id: str) -> None:
    """Take a vault's secret out of the keyring, if it is there."""
    from keyring.errors import KeyringError

    try:
        _backend().delete_password(SERVICE, vault_id)
    except (KeyringError, Missing):
        return


def _backend() -> KeyringBackend:
    import keyring
    from keyring.backends.chainer import ChainerBackend

    found = keyring.get_keyring()
    if isinstance(found, ChainerBackend):
        found = max(found.backends, key=lambda one: one.priority)
    if found.priority < 1:  # the library's own mark of what is no safe place: files, and nothing at all
        raise Missing("this system has no keyring that is safe to use", hint="give the passphrase as before")
    return found
