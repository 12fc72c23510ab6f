"""Proofs of possession (DPoP, RFC 9449): a token that is bound to a key is good only with a fresh proof of that key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter, OrderedDict
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from vault.errors import FlowRefused, Overloaded, Throttled

ALGORITHMS = ("ES256", "Ed25519")
HEADER = "DPoP"
TYPE = "dpop+jwt"
LONGEST = 4096
"""Characters of a proof."""
AROUND = 60
"""Seconds by which the clocks of two sides may differ."""
REMEMBERED = 65_536
"""Proofs that are remembered until they are too old to come again; with more at once, new ones are turned away."""
EACH = 8192
"""Proofs of one key that are remembered: who sends more is turned away alone."""
_KEYS = {"ES256": {"kty": "EC", "crv": "P-256"}, "Ed25519": {"kty": "OKP", "crv": "Ed25519"}}
_PUBLIC = {"ES256": {"kty", "crv", "x", "y"}, "Ed25519": {"kty", "crv", "x"}}
_DESCRIBING = {"kid", "use", "alg", "key_ops", "ext"}
"""Members of a key that say nothing secret and that we do not need."""


class Proofs:
    """Checks proofs and knows those that were used. Thread-safe."""

    def __init__(self, most: int = REMEMBERED, each: int = EACH, since: float = 0.0) -> None:
        """Know no proof yet. Those made before `since` may have been used with whoever answered before: refused."""
        self._most, self._each, self._since, self._lock = most, each, int(since), Lock()  # proofs say whole seconds
        self._used: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._count: Counter[str] = Counter()

    def check(self, proof: str, method: str, url: str, now: float, token: str = "") -> str:
        """Return the thumbprint (RFC 7638) of the key that `proof` proves, for this request and this token, once.

        `now` in seconds since 1970. FlowRefused(invalid_dpop_proof) otherwise, Throttled when too many of this key are
        remembered, Overloaded when too many of all.
        """
        key, said = _signed(proof)
        if said.get("htm") != method or not _same(said.get("htu"), url):
            raise _refused("dpop_address")
        issued = said.get("iat")
        if (
            not isinstance(issued, int | float)
            or isinstance(issued, bool)
            or not now - AROUND <= issued <= now + AROUND
        ):
            raise _refused("dpop_time")  # compared, not subtracted: a whole number may be too large for that
        if issued < self._since:
            raise _refused("dpop_before_start")
        if token and said.get("ath") != _digest(token.encode()):
            raise _refused("dpop_token")
        jti = said.get("jti")
        if not isinstance(jti, str) or not 1 <= len(jti) <= 256:
            raise _refused("dpop_jti")
        thumbprint: str = key.thumbprint()
        self._once(thumbprint, hashlib.sha256(f"{thumbprint} {jti}".encode("utf-8", "replace")).digest(), issued, now)
        return thumbprint

    def _once(self, key: str, proof: bytes, issued: float, now: float) -> None:
        """Remember a proof until nobody could use it again. FlowRefused for one that is known."""
        with self._lock:
            while self._used and next(iter(self._used.values()))[0] < now:
                _, (_, other) = self._used.popitem(last=False)
                self._count[other] -= 1
                if not self._count[other]:
                    del self._count[other]
            if proof in self._used:
                raise _refused("dpop_replayed")
            if self._count[key] >= self._each:
                raise Throttled("too many proofs of one key")
            if len(self._used) >= self._most:
                raise Overloaded("too many proofs at once")
            self._used[proof] = max(now, issued) + 2 * AROUND, key
            self._count[key] += 1


def _signed(proof: str) -> tuple[Any, dict[str, Any]]:
    """Return the key that a proof names and what it says, after checking that the one has signed the other."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    try:
        if not proof.isascii() or len(proof) > LONGEST:
            raise ValueError
        header = json.loads(_decoded(proof.split(".", 1)[0]))
        algorithm, named = header["alg"], header["jwk"]
        if header["typ"] != TYPE or algorithm not in ALGORITHMS or not isinstance(named, dict):
            raise ValueError
        if {"crit", "b64"} & header.keys() or named.keys() - _DESCRIBING != _PUBLIC[algorithm]:
            raise ValueError  # a private key, too, is none that anybody should have sent
        if any(named[name] != value for name, value in _KEYS[algorithm].items()):
            raise ValueError
        key: Any = import_key({name: named[name] for name in _PUBLIC[algorithm]})
        said = json.loads(jws.deserialize_compact(proof, key, algorithms=[algorithm]).payload)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, JoseError):
        raise _refused("dpop_malformed") from None
    if not isinstance(said, dict):
        raise _refused("dpop_malformed")
    return key, said


def _same(told: object, url: str) -> bool:
    """Say whether a proof names this address; queries do not count."""
    if not isinstance(told, str) or len(told) > LONGEST:
        return False
    try:
        one, other = urlsplit(told), urlsplit(url)
    except ValueError:
        return False
    return (one.scheme.lower(), one.netloc.lower(), unquote(one.path)) == (
        other.scheme.lower(), other.netloc.lower(), unquote(other.path),
    )  # fmt: skip


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _refused(reason: str) -> FlowRefused:
    return FlowRefused("the proof (DPoP) does not hold", "invalid_dpop_proof", reason=reason)
