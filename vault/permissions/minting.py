"""Minting: the vault's token keys, and a token for a grant. SPEC.md, "Token"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from biscuit_auth import Algorithm, BiscuitBuilder, KeyPair, PrivateKey, PublicKey

from vault.errors import BadRequest, Refused, TooLarge
from vault.permissions import names
from vault.permissions.datalog import builder, fact, guarded
from vault.permissions.vetting import Reason
from vault.types import Grant, utc

EVERY_COLLECTION = "*"
"""Stands in a token for every collection, and in a request for the vault as a whole."""
MAX_MINTED = 6144
"""Characters of a fresh token: the rest up to `MAX_TOKEN` is left for attenuation."""


@dataclass(frozen=True, slots=True)
class Root:
    """The vault's signing key for tokens, and its number."""

    kid: int
    public: PublicKey
    _private: PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes | bytearray, kid: int) -> Root:
        """Make the Ed25519 key of this 32-byte seed; `kid` 0 to 2**32-1 tells it from other live keys."""
        private = PrivateKey.from_bytes(bytes(seed), Algorithm.Ed25519)  # type: ignore[call-arg,attr-defined]
        return cls(kid, KeyPair.from_private_key(private).public_key, private)

    @property
    def keys(self) -> dict[int, PublicKey]:
        """This key as `verify` wants it; two live keys are the union of two of these."""
        return {self.kid: self.public}


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


def audience(vault_id: str) -> str:
    """Return the audience of this vault's tokens. It names the vault, not an address, which may change."""
    return f"ownvault:{vault_id}"


def mint(root: Root, grant: Grant, audience: str, expires: datetime, now: datetime) -> str:
    """Return a token for `grant`, good until `expires` or the grant's own end, whichever is first.

    It names the grant's actions and collections; the other conditions stay in the grant's row, which is asked on
    every use. BadRequest when there is nothing to grant or no time left, TooLarge for more collections than fit.
    """
    until = min(utc(expires), grant.expires).replace(microsecond=0)
    if until <= now:
        raise BadRequest("the token would be expired at once")
    granted = grant.where.collections
    collections = [EVERY_COLLECTION] if granted.every else sorted(map(names.name, granted.only))
    if not collections or not grant.actions:
        raise BadRequest("nothing is named, so nothing is granted")
    block = builder(
        BiscuitBuilder,
        "grant({grant}); client({client}); audience({audience});"
        "check if time($t), $t < {expires}; check if request_audience($a), audience($a);",
        {"grant": names.grant_id(grant.id), "client": names.name(grant.client), "audience": audience, "expires": until},
    )
    for action in sorted(grant.actions):
        block.add_fact(fact("op", action.value))
    for collection in collections:
        block.add_fact(fact("collection", collection))
    block.set_root_key_id(root.kid)
    token: str = block.build(root._private).to_base64()
    if len(token) > MAX_MINTED:
        raise TooLarge("these collections do not fit into a token", hint="name fewer, or grant --all")
    return token
