"""The vault's token keys: the roots that sign, and what is published of them. SPEC.md, "Keys"."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from biscuit_auth import Algorithm, KeyPair, PrivateKey, PublicKey

from vault.errors import BadRequest, Refused
from vault.permissions.datalog import guarded
from vault.permissions.vetting import Reason, refused


@dataclass(frozen=True, slots=True)
class Root:
    """The root keys of a vault that are live, by number. The newest, `kid`, signs; all of them verify."""

    kid: int
    keys: Mapping[int, PublicKey]
    _private: PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes | bytearray, kid: int) -> Root:
        """Make the Ed25519 key of this 32-byte seed; `kid` 0 to 2**32-1 tells it from other live keys."""
        return cls.from_seeds({kid: seed})

    @classmethod
    def from_seeds(cls, seeds: Mapping[int, bytes | bytearray]) -> Root:
        """Make the Ed25519 keys of these 32-byte seeds by number, at least one."""
        private = {kid: _private(seed) for kid, seed in seeds.items()}
        newest = max(private)
        return cls(
            newest, {kid: KeyPair.from_private_key(key).public_key for kid, key in private.items()}, private[newest]
        )

    @property
    def public(self) -> PublicKey:
        """The key that checks what is signed now."""
        return self.keys[self.kid]


def _private(seed: bytes | bytearray) -> PrivateKey:
    return PrivateKey.from_bytes(bytes(seed), Algorithm.Ed25519)  # type: ignore[call-arg,attr-defined]


# ---------------------------------------------------------------- published


def public_key(text: str) -> PublicKey:
    """Read `ed25519/<64 hex digits>`, as `str(Root.public)` writes it and the vault publishes it; else BadRequest."""
    algorithm, _, digits = text.partition("/")
    if algorithm != "ed25519" or not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise BadRequest("a public key is written ed25519/ and 64 hex digits")
    try:
        return guarded(
            lambda: PublicKey.from_bytes(bytes.fromhex(digits), Algorithm.Ed25519),  # type: ignore[call-arg,attr-defined]
            Reason.UNKNOWN_KEY,
        )
    except Refused:
        raise BadRequest("this is no Ed25519 public key") from None


@dataclass(frozen=True, slots=True)
class Published:
    """What whoever checks tokens offline knows of their vault. Of a key alone number and audience are not known."""

    keys: Mapping[int | None, PublicKey]
    audience: str = ""

    @classmethod
    def parse(cls, text: str) -> Published:
        """Read one public key, or the JSON of `/.well-known/vault-keys.json`; BadRequest for anything else."""
        text = text.strip()
        if not text.startswith("{"):
            return cls({None: public_key(text)})
        try:
            said = json.loads(text)
            keys: dict[int | None, PublicKey] = {
                _number(one["kid"]): public_key(one["public_key"]) for one in said["token_keys"]
            }
            audience = said["audience"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise BadRequest(
                "these are no published vault keys", hint="they are at /.well-known/vault-keys.json"
            ) from None
        if not 0 < len(keys) == len(said["token_keys"]) or not isinstance(audience, str) or not audience:
            raise BadRequest("these are no published vault keys", hint="they are at /.well-known/vault-keys.json")
        return cls(keys, audience)

    def key(self, kid: int) -> PublicKey:
        """Return the root key of this number; Refused if it is not among those that are published."""
        found = self.keys.get(kid) or self.keys.get(None)
        if found is None:
            raise refused(Reason.UNKNOWN_KEY)
        return found


def _number(kid: Any) -> int:
    if type(kid) is not int:
        raise TypeError
    return kid
