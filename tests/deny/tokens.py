"""Tokens that are none: every way of spoiling or forging one that `cases.toml` names."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from biscuit_auth import Biscuit, BlockBuilder, PublicKey

from tests.deny.said import Bearer
from tests.permissions.biscuits import message, parse
from vault.permissions import grants, tokens
from vault.types import EVERYTHING, Action, Grant, Names, Status

STRANGER = hashlib.sha256(b"a stranger's key").digest()


@dataclass(frozen=True)
class Given:
    """What there is to spoil: a good token, its grant's id and client, and what signs and checks it.

    `second` is a good token of another grant, `foreign` one of another vault.
    """

    token: str
    grant: str
    client: str
    root: tokens.Root
    audience: str
    now: datetime
    passphrase: str
    second: str
    foreign: str

    @property
    def key(self) -> PublicKey:
        return self.root.public


def _raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _one_bit_changed(given: Given) -> str:
    raw = bytearray(_raw(given.token))
    raw[-1] ^= 1
    return _text(bytes(raw))


def _without_its_padding(given: Given) -> str:
    bare = given.token.rstrip("=")
    return bare if bare != given.token else bare + "===="


def _minted(given: Given, root: tokens.Root, audience: str = "", **changes: object) -> str:
    notes = replace(EVERYTHING, collections=Names.of("notes"))
    grant = Grant(
        given.grant, given.client, "", frozenset({Action.SEARCH, Action.READ, Action.COUNT}), notes, Status.ACTIVE,
        given.now, given.now + timedelta(days=30), None,
    )  # fmt: skip
    return tokens.mint(root, replace(grant, **changes), audience or given.audience, grant.expires, given.now)  # type: ignore[arg-type]


def _owner(given: Given) -> str:
    stranger = tokens.Root.from_seed(STRANGER, given.root.kid)
    return tokens.mint(
        stranger, grants.owner(given.now), given.audience, given.now + timedelta(hours=1), given.now
    )  # fmt: skip


def _appended(given: Given, datalog: str) -> str:
    """Return the good token with any block behind it: whoever bears a token can sign that."""
    return Biscuit.from_base64(given.token, given.key).append(BlockBuilder(datalog)).to_base64()


def _cut_off(given: Given) -> str:
    narrowed = tokens.attenuate(given.token, given.key, actions=[Action.COUNT])
    return _text(message(*[(number, value) for number, value in parse(_raw(narrowed)) if number != 3]))


def _joined(given: Given) -> str:
    """Return the blocks of the token with the last block and proof of another one's child."""
    child = tokens.attenuate(given.second, given.key, actions=[Action.SEARCH])
    first = [field for field in parse(_raw(given.token)) if field[0] != 4]
    return _text(message(*first, *[field for field in parse(_raw(child)) if field[0] in (3, 4)]))


_BOMB = "; ".join(f'n("{i}")' for i in range(10)) + "; check if " + ", ".join(f"n($x{i})" for i in range(6))

CROOKED: Mapping[str, Callable[[Given], str | Bearer | None]] = {
    "none": lambda given: None,
    "empty": lambda given: "",
    "the grant's id": lambda given: given.grant,
    "the passphrase": lambda given: given.passphrase,
    "too large": lambda given: "En" + "A" * 10_000,
    "cut short": lambda given: given.token[:-12],
    "one bit changed": _one_bit_changed,
    "in small letters": lambda given: given.token.lower(),
    "without its padding": _without_its_padding,
    "with an unknown field": lambda given: _text(_raw(given.token) + message((15, 1))),
    "of another vault": lambda given: given.foreign,
    "with a stranger's signature": lambda given: _minted(given, tokens.Root.from_seed(STRANGER, given.root.kid)),
    "with a stranger's key of its own number": lambda given: _minted(given, tokens.Root.from_seed(STRANGER, 4711)),
    "the owner's, with a stranger's signature": _owner,
    "for another audience": lambda given: _minted(given, given.root, tokens.audience("0" * 32)),
    "of a grant that never was": lambda given: _minted(given, given.root, id="g" + "0" * 16),
    "narrowed to counting, with the last block cut off": _cut_off,
    "with a block of another token": _joined,
    "with a block that adds rights": lambda given: _appended(given, 'op("search"); op("read"); collection("*")'),
    "with a block that derives rights": lambda given: _appended(given, "op($x) <- request_op($x)"),
    "with a block that is a bomb": lambda given: _appended(given, _BOMB),
    "with a condition that nobody knows": lambda given: _appended(
        given, 'check if request_op($x), {"count", "read", "search"}.contains($x), time($t), $t < 2100-01-01T00:00:00Z'
    ),
    "twice": lambda given: Bearer(given.token, "twice"),
    "by another scheme": lambda given: Bearer(given.token, "basic"),
    "in the address": lambda given: Bearer(given.token, "address"),
}
"""By their names in `cases.toml`. Any other name there is presented as it stands."""
