"""The sealed head: outside the database, how far the database had come (SPEC.md, "head").

SQLCipher does not notice a database, page or WAL that was replaced by an older version of itself. The head does:
it holds the commit counter and the audit head of the newest commit, sealed under a key of its own.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from vault.errors import Damaged
from vault.store import files

NAME = "head"
MAGIC = b"ovhead1\n"
PAGE = 4096
"""Bytes from slot to slot: a write that tears one cannot reach the other."""
NONCE = 12
_BODY = struct.Struct(">Q32s")
SLOT = len(MAGIC) + NONCE + _BODY.size + 16
"""Bytes of a slot in use; the rest of its page is zero."""


class State(NamedTuple):
    """A commit: its number, and the root of the audit tree after it."""

    counter: int
    audit_head: bytes


def seal(state: State, slot: int, key: bytes | bytearray, vault_id: str, nonce: bytes) -> bytes:
    """Return the SLOT bytes that say `state` in slot 0 or 1 of this vault's head: AES-256-GCM-SIV (RFC 8452)."""
    sealed = AESGCMSIV(key).encrypt(nonce, _BODY.pack(*state), _bound(slot, vault_id))
    return MAGIC + nonce + sealed


def unseal(content: bytes, key: bytes | bytearray, vault_id: str) -> tuple[State, int]:
    """Return the newest state in a head file and the slot it stands in. Damaged when neither slot can be read.

    One unreadable slot is what a crash while writing it leaves: the other one counts.
    """
    states = [(state, slot) for slot in (0, 1) if (state := _unseal(content, slot, key, vault_id))]
    if len(content) != 2 * PAGE or not states:
        raise Damaged("the sealed head of the vault cannot be read", reason="head_unreadable")
    return max(states, key=lambda found: found[0].counter)


def _unseal(content: bytes, slot: int, key: bytes | bytearray, vault_id: str) -> State | None:
    page = content[slot * PAGE : (slot + 1) * PAGE]
    nonce, sealed = page[len(MAGIC) : len(MAGIC) + NONCE], page[len(MAGIC) + NONCE : SLOT]
    if len(page) != PAGE or not page.startswith(MAGIC) or any(page[SLOT:]):
        return None
    try:
        return State._make(_BODY.unpack(AESGCMSIV(key).decrypt(nonce, sealed, _bound(slot, vault_id))))
    except InvalidTag:
        return None


def _bound(slot: int, vault_id: str) -> bytes:
    return b"ownvault/v1/head\0" + bytes.fromhex(vault_id) + bytes([slot])


class Head:
    """The head file of one open vault. One thread writes it."""

    def __init__(self, directory: Path, key: bytearray, vault_id: str) -> None:
        self._path, self._key, self._vault_id = directory / NAME, bytearray(key), vault_id
        self._fd, self._newest = -1, 0
        self.state: State | None = None

    def read(self) -> State | None:
        """Return what the file says; None when there is no file. Raises Damaged."""
        try:
            content = files.read(self._path, 2 * PAGE)
        except FileNotFoundError:
            return None
        self.state, self._newest = unseal(content, self._key, self._vault_id)
        return self.state

    def found(self, state: State) -> None:
        """Write the file anew, whatever it said before: for a new vault, and for an owner who accepts an older one."""
        slots = (seal(state, slot, self._key, self._vault_id, os.urandom(NONCE)).ljust(PAGE, b"\0") for slot in (0, 1))
        self.close_file()
        files.replace(self._path, b"".join(slots))
        self.state, self._newest = state, 0

    def write(self, state: State) -> None:
        """Return when `state` is on the disk. Written over the older slot, so that a torn write leaves the newer one.

        In place, not by renaming: half the cost, and no new space, which a full disk would not have.
        """
        slot = 1 - self._newest
        with files.failing("write the sealed head"):
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)
            page = seal(state, slot, self._key, self._vault_id, os.urandom(NONCE)).ljust(PAGE, b"\0")
            if os.pwrite(self._fd, page, slot * PAGE) != PAGE:
                raise OSError(5, "short write")
            files.sync(self._fd)
        self.state, self._newest = state, slot

    def close_file(self) -> None:
        """Let go of the file; the next write opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Let go of the file and wipe the key."""
        self.close_file()
        self._key[:] = bytes(len(self._key))
