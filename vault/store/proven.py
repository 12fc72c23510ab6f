"""The secret that opened the vault, as far as this process must know it again to spare its owner the full price.

A keyslot costs a second and 256 MiB by design: that is what a guess costs whoever has stolen the vault's files. The
owner's own commands prove the same passphrase to a process that holds the key already. So that process keeps one
digest of it, Argon2id at the least that is recommended today, under a salt that is new with each process and in memory
only. Whoever could read it there could read the key beside it, and needs no passphrase.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Hashable
from threading import Lock

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from vault.store import keys

MEMORY_KIB, PASSES, LANES = 46 * 1024, 1, 1
"""OWASP's recommendation for Argon2id; about 30 ms."""


class Proven:
    """One secret that was proven, as long as the keyslots are those that it opened. Thread-safe."""

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._salt, self._lock = random(16), Lock()
        self._digest = bytearray()
        self._slots: Hashable = None

    def remember(self, secret: bytearray, slots: Hashable) -> None:
        """Keep the digest of a secret that has just opened one of `slots`. The caller wipes it."""
        digest = self._derived(secret)
        with self._lock:
            self._digest, self._slots = digest, slots

    def same(self, secret: bytearray, slots: Hashable) -> bool:
        """Tell whether this is that secret, and the keyslots are still the same. False says nothing."""
        with self._lock:
            digest, known = self._digest, self._slots
        if not digest or slots != known:
            return False
        return hmac.compare_digest(digest, self._derived(secret))

    def _derived(self, secret: bytearray) -> bytearray:
        derived = bytearray(keys.SIZE)
        derivation = Argon2id(salt=self._salt, length=keys.SIZE, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB)
        derivation.derive_into(secret, derived)  # type: ignore[arg-type]  # narrower than what it takes: any buffer
        return derived
