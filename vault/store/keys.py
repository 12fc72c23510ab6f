"""Every key comes from the vault's one data key (DEK) under a label of its own (SPEC.md, "Keys")."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SIZE = 32
"""Bytes in the DEK and in every key derived from it."""

LABELS = frozenset(
    f"ownvault/v1/{purpose}"
    for purpose in (
        "vault-id", "recovery", "database", "head", "content-hash", "blobs", "index", "token-root", "log-signing",
        "refresh-rotation", "keyring", "index/file", "extension",
    )
)  # fmt: skip


NUMBERED = re.compile(r"ownvault/v1/token-root/[1-9][0-9]{0,9}")
"""The seeds of the token keys, derived from the secret `token-root`: key n has the number n."""


def derive(dek: bytearray, label: str, salt: bytes | None = None) -> bytearray:
    """Return the 32-byte key for `label`: HKDF-SHA256 (RFC 5869). The caller wipes it.

    A label that SPEC.md does not list is a mistake in the program: ValueError.
    """
    if label not in LABELS and not NUMBERED.fullmatch(label):
        raise ValueError(f"no such key label: {label}")
    key = bytearray(SIZE)
    HKDF(algorithm=hashes.SHA256(), length=SIZE, salt=salt, info=label.encode("ascii")).derive_into(dek, key)
    return key


def wipe(secret: bytearray) -> None:
    """Overwrite `secret` with zeros, in place."""
    secret[:] = bytes(len(secret))
