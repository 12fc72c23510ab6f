"""A second writer of Biscuits, byte by byte and without the library, so that tokens can be made wrong on purpose.

Every key comes from a seed, so the same call gives the same token. Only the Datalog of a block may be compiled by
the library. Signatures: eclipse-biscuit/biscuit, SPECIFICATIONS.md, "Signature (one block)", versions 0 and 1.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from biscuit_auth import Algorithm, Biscuit, BiscuitBuilder, BlockBuilder, KeyPair, PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault.errors import Refused
from vault.permissions import tokens
from vault.types import EVERYTHING, Action, Grant, Names, Status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EXPIRES = NOW + 30 * DAY
SEED = hashlib.sha256(b"ownvault test root 1").digest()
KID = 7
ROOT = tokens.Root.from_seed(SEED, KID)
AUDIENCE = tokens.audience("0123456789abcdef0123456789abcdef")

GRANT = Grant(
    id="g-1", client="Claude", purpose="", actions=frozenset({Action.SEARCH, Action.READ}),
    where=replace(EVERYTHING, collections=Names.of("notes", "mail")), status=Status.ACTIVE, created=NOW,
    expires=EXPIRES, last_used=None,
)  # fmt: skip

FIRST = "grant({grant}); client({client}); audience({audience});"
DETAIL = "detail(3);"
REST = DETAIL + "check if time($t), $t < {expires}; check if request_audience($a), audience($a);"
VALUES = {"grant": "g-1", "client": "claude", "audience": AUDIENCE, "expires": EXPIRES}
USUAL = 'op("read"); op("search"); collection("mail"); collection("notes");'


def minted(grant: Grant = GRANT, expires: datetime = NOW + DAY) -> str:
    return tokens.mint(ROOT, grant, AUDIENCE, expires, NOW)


def verified(token: str, now: datetime = NOW) -> tokens.Verified:
    return tokens.verify(tokens.vet(token), ROOT.keys, AUDIENCE, now)


def reason(call: Callable[[], object]) -> str:
    """Return why `call` is refused."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.reason


# ---------------------------------------------------------------- bytes


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """Encode (number, value) pairs in the order given: an int as a varint, bytes with their length."""
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


def compiled(first: str, *later: str, **values: object) -> list[bytes]:
    """Let the library compile the Datalog of a first block and later ones; return the blocks' own bytes."""
    used = {key: value for key, value in {**VALUES, **values}.items() if "{" + key + "}" in first}
    builder = BiscuitBuilder(first, used)
    token = builder.build(PrivateKey.from_bytes(SEED, Algorithm.Ed25519))
    for source in later:
        mine = {key: value for key, value in values.items() if "{" + key + "}" in source}
        token = token.append(BlockBuilder(source, mine))
    fields = parse(bytes(token.to_bytes()))
    return [parse(signed)[0][1] for number, signed in fields if number in {2, 3}]


def parse(data: bytes) -> list[tuple[int, int | bytes]]:
    """Return the (number, value) pairs of a well-formed message."""
    fields, at = [], 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == 2:
            fields.append((tag >> 3, data[at : at + value]))
            at += value
        else:
            fields.append((tag >> 3, value))
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value, shift = value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, at


def key(seed: bytes, i: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed + bytes([i])).digest())


def signed(
    blocks: Iterable[bytes], *, root: bytes = SEED, chain: bytes = b"chain", versions: Iterable[int] = ()
) -> list[bytes]:
    """Return the SignedBlock messages of these blocks, each signed by the key that the one before it names."""
    signer, previous, out = Ed25519PrivateKey.from_private_bytes(root), b"", []
    chosen = [*versions]
    for i, block in enumerate(blocks):
        following = key(chain, i)
        public = following.public_key().public_bytes_raw()
        version = chosen[i] if i < len(chosen) else int(i > 0)
        if version == 0:
            text = block + bytes(4) + public
        else:
            text = b"\0BLOCK\0\0VERSION\0" + version.to_bytes(4, "little") + b"\0PAYLOAD\0" + block
            text += b"\0ALGORITHM\0" + bytes(4) + b"\0NEXTKEY\0" + public
            text += b"\0PREVSIG\0" + previous if previous else b""
        previous = signer.sign(text)
        fields: list[tuple[int, int | bytes]] = [(1, block), (2, message((1, 0), (2, public))), (3, previous)]
        out.append(message(*fields, *([(5, version)] if version else [])))
        signer = following
    return out


def proof(count: int, chain: bytes = b"chain") -> bytes:
    return message((1, key(chain, count - 1).private_bytes_raw()))


def seal(parts: list[bytes], chain: bytes = b"chain") -> bytes:
    """Return a final signature over the last block: nobody can attenuate any more."""
    fields = dict(parse(parts[-1]))
    public = dict(parse(fields[2]))[2]
    return message((2, key(chain, len(parts) - 1).sign(fields[1] + bytes(4) + public + fields[3])))


def container(parts: list[bytes], *, kid: int | None = KID, ending: bytes | None = None) -> bytes:
    head: list[tuple[int, int | bytes]] = [] if kid is None else [(1, kid)]
    later: list[tuple[int, int | bytes]] = [(3, part) for part in parts[1:]]
    return message(*head, (2, parts[0]), *later, (4, proof(len(parts)) if ending is None else ending))


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def make(first: str = USUAL, *later: str, before: str = FIRST, after: str = REST, **values: object) -> str:
    """Return a well-signed token with this Datalog; `values` replace the usual ones."""
    return text(container(signed(compiled(before + first + after, *later, **values))))


def raw_block(block: bytes) -> str:
    """Return a well-signed token whose second block is these bytes."""
    return text(container(signed([*compiled(FIRST + USUAL + REST), block])))


def library(token: str) -> Biscuit:
    """Read a token as the library does, without vetting."""
    return Biscuit.from_base64(token, ROOT.public)


def stranger() -> PrivateKey:
    return KeyPair.from_private_key(
        PrivateKey.from_bytes(hashlib.sha256(b"stranger").digest(), Algorithm.Ed25519)
    ).private_key
