"""Attacks on the token door, each by its published name. Every one must get nothing.

Used by the tests, which want a no to each, and by `bench.permission`, which wants it quickly.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace

from biscuit_auth import Algorithm, BiscuitBuilder, BlockBuilder, KeyPair, PrivateKey
from biscuits import (
    AUDIENCE,
    DAY,
    FIRST,
    GRANT,
    KID,
    NOW,
    REST,
    ROOT,
    USUAL,
    VALUES,
    compiled,
    container,
    library,
    make,
    message,
    minted,
    parse,
    proof,
    seal,
    signed,
    stranger,
    text,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from vault.errors import BadRequest, Refused
from vault.permissions import tokens
from vault.types import Action, Detail

P256_ROOT = PrivateKey.from_bytes(hashlib.sha256(b"p256").digest(), Algorithm.Secp256r1)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ONLY_SEARCH = 'check if request_op($x), {"search"}.contains($x)'
ONLY_READ = 'check if request_op($x), {"read"}.contains($x)'
BOTH = 'check if request_op($x), {"read", "search"}.contains($x)'
ONLY_NOTES = 'check if request_collection($x), {"notes"}.contains($x)'


@dataclass(frozen=True)
class Attack:
    """A token, and what somebody hopes to get with it: an action somewhere, or anything at all."""

    token: str
    action: Action | None = None
    collections: tuple[str, ...] = ("notes", "mail", "photos", "*")

    def succeeds(self) -> bool:
        """Go the whole way, as far as it comes, and say whether anything was got."""
        try:
            verified = tokens.verify(tokens.vet(self.token), ROOT.keys, AUDIENCE, NOW)
        except Refused:
            return False
        hoped = [self.action] if self.action else list(Action)
        return any(tokens.authorize(verified, action, self.collections, NOW, AUDIENCE) for action in hoped)


# ---------------------------------------------------------------- tokens made once


MINE = signed(compiled(FIRST + USUAL + REST, ONLY_SEARCH, ONLY_NOTES))
"""The signed blocks of a token narrowed twice."""
OTHER = signed(compiled(FIRST + USUAL + REST, ONLY_READ), chain=b"another chain")
"""Those of another token of the same grant, narrowed in another way."""


def unsigned(first: str) -> bytes:
    """Return a first block that says this, with the signature of one that says something else."""
    fields = parse(MINE[0])
    return message((1, compiled(FIRST + first + REST)[0]), *fields[1:])


def louder() -> str:
    """Return a token of the least detail, its number changed into that of the most."""
    small = base64.urlsafe_b64decode(minted(replace(GRANT, detail=Detail.ANSWERS)))
    least, most = message((2, message((2, 0)))), message((2, message((2, 3))))
    assert small.count(least) == 1
    return text(small.replace(least, most))


def p256() -> str:
    """Return a token of a P-256 root."""
    builder = BiscuitBuilder(FIRST + USUAL + REST, VALUES)
    builder.set_root_key_id(KID)
    return builder.build(P256_ROOT).to_base64()


def flipped(token: str) -> str:
    """Return a P-256 token with s turned into n - s: as good, with another revocation id."""
    fields = dict(parse(base64.urlsafe_b64decode(token)))
    block = dict(parse(fields[2]))
    r, s = decode_dss_signature(block[3])
    block[3] = encode_dss_signature(r, P256_ORDER - s)
    return text(message(*{**fields, 2: message(*block.items())}.items()))


def third_party() -> str:
    biscuit = library(make())
    block = biscuit.third_party_request().create_block(stranger(), BlockBuilder('op("forget")'))
    return biscuit.append_third_party(KeyPair.from_private_key(stranger()).public_key, block).to_base64()


def other_root(kid: int) -> str:
    return tokens.mint(tokens.Root.from_seed(b"o" * 32, kid), GRANT, AUDIENCE, NOW + DAY, NOW)


def joined(predicates: int) -> str:
    """Return the body of a query that multiplies the ops of the first block with themselves."""
    return ", ".join(f"op($x{i})" for i in range(predicates))


EVERY_OP = "".join(f'op("{op}");' for op in sorted(Action)) + 'collection("notes");'
NESTED = "[1, 2, 3].all($a -> [1, 2, 3].all($b -> [1, 2, 3].all($c -> $a + $b + $c > 0)))"
DEEP = "&& (true " * 40 + ")" * 40
ESCAPED = 'notes"); collection("photos'

# ---------------------------------------------------------------- the attacks

BOMBS = {
    "a rule that joins six facts": make(EVERY_OP, f"x(1) <- {joined(6)}"),
    "a check that joins six facts": make(EVERY_OP, f"check if {joined(6)}, $x0 == $x5"),
    "a rule that feeds itself": make(USUAL, 'collection($x) <- collection($x); collection("photos") <- collection($x)'),
    "closures in closures over arrays": make(USUAL, f"check if {NESTED}"),
    "one large array": make(USUAL, f"check if {list(range(900))}.any($x -> $x == -1)"),
    "a backtracking regular expression": make(USUAL, 'check if client($x), $x.matches("(a*)*(a*)*(a*)*(a*)*b")'),
    "strings that double": make(USUAL, "check if client($x), " + " + ".join(["$x"] * 30) + ' == "y"'),
    "a call into the host": make(USUAL, 'check if client($x), {"a"}.extern::f($x)'),
    "closures forty deep": make(USUAL, f"check if time($t), true {DEEP}"),
    "sixteen labels times sixteen people": make(USUAL, "check if record_label($a), record_person($b), $a == $b"),
    "five alternatives": make(USUAL, "check if " + " or ".join(["time($t)"] * 5)),
    "seventeen checks": make(USUAL, ";".join(["check if time($t)"] * 17)),
    "nine holders": make(USUAL, *['check if request_op("search")'] * 9),
}
OVERSIZED = {
    "one character too many": "A" * 8193,
    "a megabyte": "A" * 2**20,
    "thousands of empty fields": text(b"\x1a\x00" * 3000),
    "one field in another in another": text(message((2, message((1, b"\x0a\x00" * 2900))))),
    "hundreds of facts": make('op("search");' + "".join(f'collection("c{i:03}");' for i in range(300))),
}

ATTACKS = {
    **{f"Datalog bomb: {name}": Attack(token) for name, token in BOMBS.items()},
    **{f"oversized: {name}": Attack(token) for name, token in OVERSIZED.items()},
    "re-ordered blocks": Attack(text(container([MINE[0], MINE[2], MINE[1]]))),
    "re-ordered fields": Attack(text(message((4, proof(1)), (2, MINE[0]), (1, KID)))),
    "stripped of the last block": Attack(text(container(MINE[:2], ending=proof(3)))),
    "stripped of every block": Attack(text(container(MINE[:1], ending=proof(3)))),
    "stripped of a sealed block": Attack(text(container(MINE[:2], ending=seal(MINE)))),
    "a block of another token": Attack(text(container([MINE[0], OTHER[1]]))),
    "widened: every collection": Attack(text(container([unsigned('op("read"); op("search"); collection("*");')]))),
    "widened: more detail": Attack(louder()),
    "widened: a fact in a child": Attack(make(USUAL, 'collection("photos")')),
    "widened: a detail in a child": Attack(make(USUAL, "detail(3)")),
    "widened: a rule in a child": Attack(make(USUAL, "op($x) <- request_op($x)")),
    "widened: a later, larger caveat": Attack(make(USUAL, ONLY_READ, BOTH), Action.SEARCH),
    "widened: a block signed by a third party": Attack(third_party()),
    "an existential check over a batch": Attack(make(USUAL, ONLY_NOTES), Action.SEARCH, ("mail", "photos")),
    "unescaped strings": Attack(make('op("search"); collection({c});', c=ESCAPED), None, ("notes", "photos", "*")),
    "a P-256 root": Attack(p256()),
    "P-256 malleability": Attack(flipped(p256())),
    "another root under our number": Attack(other_root(KID)),
    "an unknown root key": Attack(other_root(KID + 1)),
    "no root key number": Attack(text(container(MINE, kid=None))),
    "expired": Attack(make(expires=NOW)),
    "expired by its own caveat": Attack(make(USUAL, "check if time($x), $x < 2026-11-22T12:00:00Z")),
    "the wrong audience": Attack(make(audience="ownvault:" + "f" * 32)),
    "another spelling of base64": Attack(make().rstrip("=") if make().endswith("=") else make() + "===="),
    "an unknown field appended": Attack(text(base64.urlsafe_b64decode(make()) + message((15, b"x")))),
}


def costliest() -> str:
    """Return a good token with as many canonical caveats as fit, each over all labels or people of a record."""
    token, names = minted(), [f"n{i}" for i in range(64)]
    for block in range(8):
        try:
            token = tokens.attenuate(
                token, ROOT.public, labels=names[block:], without_labels=names[block:], people=names[block:], last=90
            )
        except BadRequest:
            break
    return token
