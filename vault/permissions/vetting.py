"""Vetting: what a token may look like before anything evaluates it. SPEC.md, "Vetting", has the limits.

Biscuit's authorizer cannot be interrupted inside one rule or check and holds the interpreter meanwhile, so a
holder could stop the vault with a 1.3 kB block. Vetting decodes the protobuf itself and passes only the shapes
that are known and cheap. It checks no signature: a Vetted token is harmless, not genuine.
Format: eclipse-biscuit/biscuit, schema.proto and SPECIFICATIONS.md, version 3.3.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from vault.errors import Refused
from vault.permissions import facts
from vault.permissions.facts import Facts, Predicate
from vault.permissions.protobuf import Malformed, Unknown, decode
from vault.permissions.schema import BINARY_OPS, BISCUIT, BLOCK, FIRST_SYMBOL, KINDS, SYMBOLS, UNARY_OPS, VERSIONS

MAX_TOKEN = 8192
"""Characters of the token."""
MAX_BLOCKS = 8
"""Blocks after the first."""
MAX_FACTS = 256
"""Facts in the first block; later blocks have none."""
MAX_CHECKS = 16
"""Checks in one later block."""
MAX_QUERIES = 4
"""Alternatives (`or`) in one check."""
MAX_PREDICATES = 2
"""Predicates in one query; at most one of them over a fact that occurs many times."""
MAX_OPS = 32
"""Operations of all expressions of one query, closures included."""
MAX_SET = 64
"""Members of a set."""
MAX_SYMBOLS = 512
"""Strings in all blocks together."""

SINGLE = frozenset({
    "time", "stage", "grant", "client", "audience", "request_audience", "request_op", "request_collection",
    "request_detail", "request_results", "record_collection", "record_source", "record_kind", "record_date",
    "record_age", "record_sensitivity", "record_provenance",
})  # fmt: skip
MANY = frozenset({"op", "collection", "record_label", "record_person"})
"""The facts that checks may ask about: those with one value at a time, and those with many."""


class Reason(StrEnum):
    """Why a token was refused; for the audit log, never for the client."""

    MISSING = "token_missing"
    TOO_LARGE = "token_too_large"
    ENCODING = "token_encoding"
    MALFORMED = "token_malformed"
    UNKNOWN_FIELD = "token_unknown_field"
    VERSION = "token_version"
    ALGORITHM = "token_algorithm"
    TOO_MANY_BLOCKS = "token_too_many_blocks"
    THIRD_PARTY = "token_third_party"
    RULE = "token_rule"
    FACT = "token_fact"
    TRUSTING = "token_trusting"
    LIMIT = "token_limit"
    CAVEAT = "token_caveat"
    OPERATION = "token_operation"
    VOCABULARY = "token_vocabulary"
    UNKNOWN_KEY = "token_unknown_key"
    SIGNATURE = "token_signature"
    AUDIENCE = "token_audience"
    EXPIRED = "token_expired"


def refused(reason: Reason) -> Refused:
    """Return the one refusal that every bad token gets; only `reason` tells them apart."""
    return Refused("the token is not accepted", reason=reason.value)


class Query(NamedTuple):
    """All predicates match and all expressions hold. A term is (type, value), an operation (name, value)."""

    predicates: tuple[Predicate, ...]
    expressions: tuple[tuple[tuple[str, Any], ...], ...]


class Check(NamedTuple):
    """`kind` is `if`, `all` or `reject`; one of the queries must hold (none, for `reject`)."""

    kind: str
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Vetted:
    """A token of known, cheap shape. Nothing in it is proven yet: only `tokens.verify` does that.

    `expires` is in seconds since 1970; `blocks` are the checks of the later blocks.
    """

    token: str
    raw: bytes
    kid: int
    facts: Facts
    expires: int
    blocks: tuple[tuple[Check, ...], ...]


# ---------------------------------------------------------------- vetting


def vet(token: str) -> Vetted:
    """Return the token if its shape is one that this version knows and can afford; Refused(reason) otherwise.

    Never raises anything but Refused, whatever the bytes.
    """
    raw = _raw(token)
    try:
        container = decode(raw, BISCUIT)
        if len(container["blocks"]) > MAX_BLOCKS:
            raise refused(Reason.TOO_MANY_BLOCKS)
        _proof(container["proof"])
        if "kid" not in container:
            raise refused(Reason.UNKNOWN_KEY)
        if container["kid"] >> 32:
            raise Malformed("kid")
        symbols: list[str] = []
        said, expires = _authority(_block(container["authority"], symbols), symbols)
        blocks = tuple(_later(_block(signed, symbols), symbols) for signed in container["blocks"])
    except Unknown:
        raise refused(Reason.UNKNOWN_FIELD) from None
    except Malformed:
        raise refused(Reason.MALFORMED) from None
    return Vetted(token, raw, container["kid"], said, expires, blocks)


def _raw(token: str) -> bytes:
    """Decode base64url in the one spelling that Biscuit libraries write: padded, no stray bits or characters."""
    if not isinstance(token, str) or not token:
        raise refused(Reason.MISSING)
    if len(token) > MAX_TOKEN:
        raise refused(Reason.TOO_LARGE)
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise refused(Reason.ENCODING) from None
    if base64.urlsafe_b64encode(raw).decode() != token:
        raise refused(Reason.ENCODING)
    return raw


def _proof(proof: dict[str, bytes]) -> None:
    """Exactly one of: the next private key (may be attenuated further), a final signature (sealed)."""
    if {name: len(value) for name, value in proof.items()} not in ({"secret": 32}, {"seal": 64}):
        # A P-256 secret has its own length and never gets here: the algorithm is checked with its block.
        raise Malformed("proof")


def _block(signed: dict[str, Any], symbols: list[str]) -> dict[str, Any]:
    if "external" in signed:
        raise refused(Reason.THIRD_PARTY)
    if signed["key"]["algorithm"] != 0:  # Ed25519; P-256 signatures, and so revocation ids, are malleable
        raise refused(Reason.ALGORITHM)
    if len(signed["key"]["key"]) != 32 or len(signed["signature"]) != 64:
        raise Malformed("key or signature")
    if signed.get("version", 1) != 1:  # absent: signature version 0
        raise refused(Reason.VERSION)
    block = decode(signed["block"], BLOCK)
    if block["version"] not in VERSIONS:
        raise refused(Reason.VERSION)
    if block["rules"]:
        raise refused(Reason.RULE)
    if block["scope"] or block["keys"]:
        raise refused(Reason.TRUSTING)
    _extend(symbols, block["symbols"])
    return block


def _extend(symbols: list[str], added: list[bytes]) -> None:
    if len(symbols) + len(added) > MAX_SYMBOLS:
        raise refused(Reason.LIMIT)
    try:
        symbols.extend(text.decode() for text in added)
    except UnicodeDecodeError:
        raise Malformed("symbol") from None


def _authority(block: dict[str, Any], symbols: list[str]) -> tuple[Facts, int]:
    """Read the first block. Only the vocabulary of version 1 is one: each fact known, the two checks in place."""
    if len(block["facts"]) > MAX_FACTS:
        raise refused(Reason.LIMIT)
    predicates = [_predicate(fact["predicate"], symbols) for fact in block["facts"]]
    checks = tuple(_check(check, symbols) for check in block["checks"])
    expires = expiry(checks[0]) if len(checks) == 2 and checks[1] == _AUDIENCE else None
    if expires is None:
        raise refused(Reason.VOCABULARY)
    try:
        return facts.read(predicates), expires
    except ValueError:
        raise refused(Reason.VOCABULARY) from None


def _later(block: dict[str, Any], symbols: list[str]) -> tuple[Check, ...]:
    if block["facts"]:
        raise refused(Reason.FACT)
    if len(block["checks"]) > MAX_CHECKS:
        raise refused(Reason.LIMIT)
    return tuple(_check(check, symbols) for check in block["checks"])


def _check(check: dict[str, Any], symbols: list[str]) -> Check:
    kind = KINDS.get(check.get("kind", 0))
    if kind is None:
        raise refused(Reason.CAVEAT)
    if not 1 <= len(check["queries"]) <= MAX_QUERIES:
        raise refused(Reason.LIMIT)
    return Check(kind, tuple(_query(query, symbols) for query in check["queries"]))


def _query(query: dict[str, Any], symbols: list[str]) -> Query:
    if query["scope"]:
        raise refused(Reason.TRUSTING)
    if _predicate(query["head"], symbols) != ("query", ()):
        raise refused(Reason.CAVEAT)
    predicates = tuple(_predicate(predicate, symbols) for predicate in query["body"])
    names = [predicate.name for predicate in predicates]
    if not all(name in SINGLE or name in MANY for name in names) or any(len(p.terms) != 1 for p in predicates):
        raise refused(Reason.CAVEAT)
    # Two of many values are a join: the product of their numbers, for every query of every block.
    if len(names) > MAX_PREDICATES or sum(name in MANY for name in names) > 1:
        # The vault's own audience check is the only one that needs two, and joins one value with one.
        raise refused(Reason.LIMIT)
    budget = [MAX_OPS]
    return Query(predicates, tuple(_ops(e["ops"], symbols, budget) for e in query["expressions"]))


def _ops(ops: list[dict[str, Any]], symbols: list[str], budget: list[int]) -> tuple[tuple[str, Any], ...]:
    budget[0] -= len(ops)
    if budget[0] < 0:
        raise refused(Reason.LIMIT)
    return tuple(_operation(op, symbols, budget) for op in ops)


def _operation(op: dict[str, Any], symbols: list[str], budget: list[int]) -> tuple[str, Any]:
    if len(op) != 1:
        raise Malformed("operation")
    ((kind, body),) = op.items()
    if kind == "value":
        return _term(body, symbols)
    if kind == "closure":  # the right side of && and ||: no parameters, so nothing is iterated over
        return "closure", _ops(body["ops"], symbols, budget)
    name = (UNARY_OPS if kind == "unary" else BINARY_OPS).get(body["kind"])
    if name is None:
        raise refused(Reason.OPERATION)
    return "op", name


def _predicate(predicate: dict[str, Any], symbols: list[str]) -> Predicate:
    return Predicate(_symbol(predicate["name"], symbols), tuple(_term(term, symbols) for term in predicate["terms"]))


def _term(term: dict[str, Any], symbols: list[str]) -> tuple[str, Any]:
    if len(term) != 1:
        raise Malformed("term")
    ((kind, value),) = term.items()
    if kind in {"str", "var"}:
        return kind, _symbol(value, symbols)
    if kind == "int":
        return kind, value - (value >> 63 << 64)
    if kind == "bool":
        if value > 1:
            raise Malformed("bool")
        return kind, bool(value)
    if kind == "set":
        members = [_term(member, symbols) for member in value["members"]]
        if len(members) > MAX_SET:
            raise refused(Reason.LIMIT)
        if len(set(members)) != len(members) or any(of == "var" for of, _ in members):
            raise Malformed("set")
        return kind, frozenset(members)
    return kind, value


def _symbol(index: int, symbols: list[str]) -> str:
    try:
        return symbols[index - FIRST_SYMBOL] if index >= FIRST_SYMBOL else SYMBOLS[index]
    except IndexError:
        raise Malformed("symbol") from None


# ---------------------------------------------------------------- the first block's two checks

_AUDIENCE = Check(
    "if", (Query((Predicate("request_audience", (("var", "a"),)), Predicate("audience", (("var", "a"),))), ()),)
)


def expiry(check: Check) -> int | None:
    """Return T, in seconds since 1970, if this is `check if time($t), $t < T`, and None if it is not."""
    match check:
        case ("if", ((((("time", (("var", x),))),), ((("var", y), ("date", int(moment)), ("op", "<")),)),)) if x == y:
            return moment
    return None
