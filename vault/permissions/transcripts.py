"""What a browser and the vault compute alike when they pair and greet. plugins/browser/SPEC.md has the bytes. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files

from vault.errors import BadRequest

_COMMIT = b"ownvault/v1/pair-commit\x00"
_WORDS = b"ownvault/v1/pair-words\x00"
_HELLO = "ownvault/v1/hello"
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
COUNT = 3
"""Words that a person compares: one of 2,176,782,336, and nobody can try before they are fixed."""


@cache
def wordlist() -> tuple[str, ...]:
    """Return the 1,296 words: the EFF's first short list (Joseph Bonneau, CC BY 3.0 US), in its order."""
    return tuple(json.loads((files("vault.permissions") / "wordlist.json").read_text("utf-8")))


def commitment(nonce: bytes) -> bytes:
    """Return what a browser says of its nonce before it knows the vault's."""
    return hashlib.sha256(_COMMIT + nonce).digest()


def words(
    thumbprint: str, server_key: bytes, theirs: bytes, ours: bytes, origin: str, address: str, name: str, asks: str
) -> tuple[str, ...]:  # fmt: skip
    """Return the words of a pairing. `asks` are the rights asked for, sorted, with commas between."""
    texts = (hashlib.sha256(text.encode()).digest() for text in (origin, address, name, asks))
    said = hashlib.sha256(b"".join((_WORDS, decoded(thumbprint, 32), server_key, theirs, ours, *texts))).digest()
    listed = wordlist()
    number = int.from_bytes(said[:8], "big") % len(listed) ** COUNT
    return tuple(listed[number // len(listed) ** place % len(listed)] for place in reversed(range(COUNT)))


def greeting(address: str, nonce: bytes, seconds: int) -> bytes:
    """Return what the vault signs to show who it is: to whoever asks at this address, for this nonce, at this time."""
    return "".join(f"{line}\n" for line in (_HELLO, address, encoded(nonce), seconds)).encode()


def encoded(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str, least: int, most: int | None = None) -> bytes:
    """Return the bytes of base64url without padding, so many of them. BadRequest for anything else."""
    good = _BASE64URL.fullmatch(text) and len(text) % 4 != 1 and len(text) <= 4 * (most or least)
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if good else b""
    if not good or encoded(content) != text or not least <= len(content) <= (most or least):
        raise BadRequest("this is not so many bytes in base64url")
    return content
