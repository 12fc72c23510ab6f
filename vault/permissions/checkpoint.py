"""Signed checkpoints and proofs in the text formats of C2SP: signed-note, tlog-checkpoint, tlog-proof.

https://c2sp.org/signed-note, /tlog-checkpoint, /tlog-proof. Signatures are Ed25519 (type 0x01). Every reader here
raises AuditFailed for what does not parse or verify.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vault.errors import AuditFailed
from vault.permissions import tree

MAX_SIGNATURES = 64
MAX_EXTENSIONS = 16
"""Extension lines of a checkpoint that a reader puts up with. We write none."""

_ED25519 = 1
_PROOF = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIGNATURE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")


def origin(vault_id: str) -> str:
    """Return the log's name: 128 random bits and nothing about its owner."""
    return f"ownvault/{vault_id}"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key that may sign notes under one name."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or len(self.public) != 32 or re.search(r"[\s+]", self.name):
            raise AuditFailed("this is no name and key for signing notes")

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key, `name+key id+base64 key`; AuditFailed if it is not the one spelling of one."""
        name, _, rest = text.partition("+")
        key = _base64(rest.partition("+")[2])
        if key[:1] != bytes([_ED25519]):
            raise AuditFailed("this verifier key is not for Ed25519")
        verifier = cls(name, key[1:])
        if str(verifier) != text:
            raise AuditFailed("this is no verifier key")
        return verifier

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([_ED25519]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_text(bytes([_ED25519]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Signer:
    """The log's own key. `name` is the log's origin."""

    name: str
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes | bytearray, name: str) -> Signer:
        """Make the key of this 32-byte seed, to sign as `name`."""
        return cls(name, Ed25519PrivateKey.from_private_bytes(bytes(seed)))

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the signed note over `text`, which must end in a newline and hold no other control character."""
        _plain(text)
        signature = self.verifier.key_id + self._private.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {_text(signature)}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one log: its name, its size, its root hash."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{_text(self.root)}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """Return the text of a note that `verifier` signed. Signatures of unknown keys are ignored, a bad one is not."""
    head, gap, tail = note.rpartition("\n\n")
    text = head + "\n"
    if not gap or not tail.endswith("\n"):
        raise AuditFailed("note: there is no signature")
    _plain(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise AuditFailed("note: too many signatures")
    known = False
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None:
            raise AuditFailed("note: a signature line is malformed")
        signature = _base64(match[2])
        if len(signature) < 5:
            raise AuditFailed("note: a signature line is malformed")
        if match[1] == verifier.name and signature[:4] == verifier.key_id:
            _verify(verifier.public, signature[4:], text)
            known = True
    if not known:
        raise AuditFailed("note: not signed by the key that is known")
    return text


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """Return the checkpoint in a note that `verifier` signed, and whose origin is the verifier's name."""
    lines = open_note(note, verifier).split("\n")[:-1]
    if not 3 <= len(lines) <= 3 + MAX_EXTENSIONS or not all(lines) or not _NUMBER.fullmatch(lines[1]):
        raise AuditFailed("checkpoint: malformed")
    if lines[0] != verifier.name:
        raise AuditFailed("checkpoint: of another log")
    root = _base64(lines[2])
    if len(root) != 32:
        raise AuditFailed("checkpoint: malformed root")
    return Checkpoint(lines[0], int(lines[1]), root)


def proof(index: int, path: Sequence[bytes], note: str) -> str:
    """Return a .tlog-proof: that the leaf at `index` is in the tree of the signed checkpoint `note`."""
    return f"{_PROOF}\nindex {index}\n" + "".join(f"{_text(value)}\n" for value in path) + f"\n{note}"


def verify_proof(text: str, leaf: bytes, verifier: Verifier) -> tuple[int, Checkpoint]:
    """Return (index, checkpoint) of a .tlog-proof that holds for this leaf hash; AuditFailed otherwise."""
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != _PROOF:
        raise AuditFailed("proof: malformed")
    if len(lines) > 1 and lines[1].startswith("extra "):
        _base64(lines.pop(1)[6:])
    if len(lines) < 2 or not lines[1].startswith("index ") or not _NUMBER.fullmatch(lines[1][6:]):
        raise AuditFailed("proof: malformed index")
    index, path = int(lines[1][6:]), [_base64(line) for line in lines[2:66]]
    if len(lines) > 66:
        raise AuditFailed("proof: too long")
    checkpoint = open_checkpoint(note, verifier)
    tree.verify_inclusion(index, checkpoint.size, leaf, path, checkpoint.root)
    return index, checkpoint


def _verify(public: bytes, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        raise AuditFailed("note: the signature does not verify") from None


def _plain(text: str) -> None:
    if not text.endswith("\n") or len(text) < 2 or any(c < " " and c != "\n" for c in text):
        raise AuditFailed("note: the text is malformed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise AuditFailed("note: the text is malformed") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise AuditFailed("malformed base64") from None
    if _text(data) != text:
        raise AuditFailed("malformed base64")
    return data
