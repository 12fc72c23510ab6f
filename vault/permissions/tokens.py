"""Capability tokens: Biscuits of version 1 (SPEC.md). Mint, vet, verify, authorize, gate, attenuate, inspect.

Pure: no clock, no disk, no network, no database. A token climbs `str` -> Vetted (cheap to evaluate) -> Verified
(signed by the vault, for this vault, in time), and only a Verified one is ever evaluated.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from biscuit_auth import AuthorizerBuilder, Biscuit, PublicKey, Rule

from vault import limits
from vault.errors import Overloaded
from vault.permissions import caveats, scope
from vault.permissions.attenuation import Inspection, attenuate, fitting, inspect
from vault.permissions.datalog import authorizer, fact, guarded, within_limits
from vault.permissions.facts import EVERY_COLLECTION, Facts
from vault.permissions.minting import audience, mint
from vault.permissions.roots import Published, Root, public_key
from vault.permissions.vetting import MAX_TOKEN, Reason, Vetted, refused, vet
from vault.types import EPOCH, Action, Conditions, Detail, Record

__all__ = [
    "EVERY_COLLECTION", "Inspection", "Published", "Root", "Verified", "Verifier", "Vetted", "actions", "attenuate",
    "audience", "authorize", "fitting", "gate", "inspect", "mint", "public_key", "verify", "verify_offline", "vet",
]  # fmt: skip

_POLICY = AuthorizerBuilder(
    "allow if request_op($op), op($op), request_collection($c), collection($c);"
    'allow if request_op($op), op($op), request_collection($c), collection("*");'
)
_EVALUATED = {name: Rule(f"fact($x) <- {name}($x)") for name in ("grant", "client", "audience", "op", "collection")}
"""The facts of the first block that policy and checks can ask about."""
_DAY = timedelta(days=1)


# ---------------------------------------------------------------- verify


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that this vault signed, for itself, and that has not expired. Only verification makes one.

    `facts` are what the first block says. `where`, `actions`, `detail`, `results` and `expires` are what its canonical
    caveats leave of them, for the index to filter by. `exact` says that there are no other caveats; else only
    `authorize` and `gate` know. `revocation_ids` runs from the first block to the last: a child begins with its
    parent's.
    """

    facts: Facts
    where: Conditions
    actions: frozenset[Action]
    detail: Detail
    results: int | None
    expires: datetime
    exact: bool
    attenuated: bool
    revocation_ids: tuple[str, ...]
    kid: int
    _biscuit: Biscuit = field(repr=False, compare=False)

    @property
    def grant(self) -> str:
        return self.facts.grant

    @property
    def client(self) -> str:
        return self.facts.client

    @property
    def audience(self) -> str:
        return self.facts.audience

    @property
    def holder(self) -> str:
        """The thumbprint of the key that its bearer must prove, empty for none."""
        return self.facts.holder


def verify(vetted: Vetted, keys: Mapping[int, PublicKey], audience: str, now: datetime) -> Verified:
    """Check signature, audience and expiry; Refused(reason) otherwise. `keys` are the live root keys by number."""
    key = keys.get(vetted.kid)
    if key is None:
        raise refused(Reason.UNKNOWN_KEY)
    biscuit = guarded(lambda: Biscuit.from_bytes(vetted.raw, key), Reason.SIGNATURE)
    # One token, one spelling: what the library would write is what came in, and it reads the facts that we read.
    if not guarded(lambda: biscuit.to_base64() == vetted.token and _agree(biscuit, vetted.facts), Reason.MALFORMED):
        raise refused(Reason.MALFORMED)
    if vetted.facts.audience != audience:
        raise refused(Reason.AUDIENCE)
    left = caveats.read(vetted)
    verified = Verified(
        facts=vetted.facts,
        where=left.where,
        actions=left.actions,
        detail=left.detail,
        results=left.results,
        expires=caveats.moment(left.expires),
        exact=left.exact,
        attenuated=bool(vetted.blocks),
        revocation_ids=tuple(biscuit.revocation_ids),
        kid=vetted.kid,
        _biscuit=biscuit,
    )
    _in_time(verified, now)
    return verified


def verify_offline(token: str, published: Published, now: datetime) -> Verified:
    """Check a token with the published keys of its vault: signature, expiry, and audience where it is known.

    Refused(reason) otherwise. Whether it was revoked, or its grant paused or narrowed, only the vault can tell.
    """
    vetted = vet(token)
    return verify(vetted, {vetted.kid: published.key(vetted.kid)}, published.audience or vetted.facts.audience, now)


def _agree(biscuit: Biscuit, facts: Facts) -> bool:
    """Say whether the library sees the same as vetting did, in all that it evaluates. No rule runs: there are none."""

    def query() -> dict[str, set[str]]:
        world = authorizer().build(biscuit)
        return {name: {found.terms[0] for found in world.query(rule)} for name, rule in _EVALUATED.items()}

    collections = facts.where.collections
    return within_limits(query) == {
        "grant": {facts.grant}, "client": {facts.client}, "audience": {facts.audience}, "op": set(facts.actions),
        "collection": {EVERY_COLLECTION} if collections.every else set(collections.only),
    }  # fmt: skip


def _in_time(verified: Verified, now: datetime) -> None:
    if now >= verified.expires:
        raise refused(Reason.EXPIRED)


class Verifier:
    """Verifies tokens for one vault and remembers the last `size` good ones. Safe to share between threads.

    What is remembered is the signature; expiry is checked on every call, and revoking happens at the grant.
    """

    def __init__(self, keys: Mapping[int, PublicKey], audience: str, size: int = 256) -> None:
        self._keys, self._audience, self._size = dict(keys), audience, size
        self._known: OrderedDict[bytes, Verified] = OrderedDict()
        self._lock = Lock()

    def __call__(self, token: str, now: datetime) -> Verified:
        """Return the verified token; Refused(reason) otherwise."""
        if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN:
            vet(token)  # refuses, and says which it is
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            if known := self._known.get(digest):
                self._known.move_to_end(digest)
        if known:
            _in_time(known, now)
            return known
        verified = verify(vet(token), self._keys, self._audience, now)
        with self._lock:
            self._known[digest] = verified
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return verified


# ---------------------------------------------------------------- evaluate


def authorize(
    verified: Verified, action: Action, collections: Iterable[str], now: datetime, audience: str
) -> frozenset[str]:
    """Return those of `collections` in which this token allows `action` at `now`; none means refused.

    Ask for `EVERY_COLLECTION` alone for what concerns the vault as a whole. Each (action, collection) is one
    evaluation, because a check holds if any value of a fact satisfies it. Refused(reason) when expired or meant for
    another vault, Overloaded when a limit was hit twice.
    """
    _in_time(verified, now)
    if verified.audience != audience:
        raise refused(Reason.AUDIENCE)
    if action not in verified.actions:
        return frozenset()
    return frozenset(
        collection
        for collection in set(collections)
        if collection in verified.facts.where.collections
        and (not verified.attenuated or _allows(verified, action, collection, now, (("stage", "request"),)))
    )


def actions(verified: Verified, now: datetime, audience: str) -> frozenset[Action]:
    """Return the actions this token allows somewhere at `now`. Raises like `authorize`."""
    left = verified.where.collections
    places = frozenset({EVERY_COLLECTION}) if left.every else left.only
    return frozenset(a for a in verified.actions if authorize(verified, a, places, now, audience))


def gate(verified: Verified, record: Record, action: Action, now: datetime) -> bool:
    """Say whether this token allows `action` on this one record at `now`: the last decision before it is released.

    The first block's conditions in plain code, its caveats by one evaluation if there are any: nothing here is what
    the index was filtered by. Overloaded when a limit was hit twice.
    """
    if now >= verified.expires or action not in verified.actions or not scope.admits(verified.facts.where, record, now):
        return False
    if not verified.attenuated:
        return True
    facts: list[tuple[str, Any]] = [
        ("stage", "record"),
        ("record_collection", record.collection),
        ("record_source", record.source),
        ("record_kind", record.kind),
        ("record_sensitivity", int(record.sensitivity)),
        ("record_provenance", record.provenance.value),
        *(("record_label", label) for label in record.labels),
        *(("record_person", person) for person in record.people),
    ]
    if record.date is not None:
        facts.append(("record_age", -((record.date - now) // _DAY)))  # rounded up: "at most 90" is "the last 90 days"
        if record.date >= EPOCH:  # Biscuit knows no other dates: then as if unknown
            facts.append(("record_date", record.date))
    return _allows(verified, action, record.collection, now, facts)


def _allows(
    verified: Verified, action: Action, collection: str, now: datetime, facts: Iterable[tuple[str, Any]]
) -> bool:
    """Run Biscuit once, with one value for each dimension of the request; anything but a clear yes is no."""
    most = limits.HITS if verified.results is None else verified.results
    said = [
        ("time", now), ("request_audience", verified.audience), ("request_op", action.value),
        ("request_collection", collection), ("request_detail", int(verified.detail)), ("request_results", most), *facts,
    ]  # fmt: skip

    def run() -> bool:
        builder = authorizer()
        builder.merge(_POLICY)  # type: ignore[arg-type]  # the library's stub lags behind it
        for name, value in said:
            builder.add_fact(fact(name, value))
        builder.build(verified._biscuit).authorize()
        return True

    try:
        return within_limits(run)
    except (KeyboardInterrupt, SystemExit, Overloaded):
        raise
    except BaseException:  # a Rust panic is no Exception
        return False
