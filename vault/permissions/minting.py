"""Minting: a token for a grant. SPEC.md, "Token"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from biscuit_auth import BiscuitBuilder

from vault.errors import BadRequest, TooLarge
from vault.permissions import facts, names
from vault.permissions.datalog import builder, fact
from vault.permissions.roots import Root
from vault.permissions.vetting import MAX_FACTS
from vault.types import Conditions, Grant, Names, utc

MAX_MINTED = 6144
"""Characters of a fresh token: the rest up to `MAX_TOKEN` is left for attenuation."""
_CHECKS = "check if time($t), $t < {expires}; check if request_audience($a), audience($a);"
_THUMBPRINT = re.compile(r"[A-Za-z0-9._:/@+=-]{0,128}", re.ASCII)
_WIDE = {"collection": "collections", "source": "sources", "kind": "kinds", "person": "people"}


def audience(vault_id: str) -> str:
    """Return the audience of this vault's tokens. It names the vault, not an address, which may change."""
    return f"ownvault:{vault_id}"


def mint(root: Root, grant: Grant, audience: str, expires: datetime, now: datetime) -> str:
    """Return a token that says all that `grant` allows, good until `expires` or the grant's own end, if that is first.

    BadRequest when there is nothing to grant or no time left, TooLarge for more names than fit.
    """
    until = min(utc(expires), grant.expires).replace(microsecond=0)
    if until <= now:
        raise BadRequest("the token would be expired at once")
    if not _THUMBPRINT.fullmatch(grant.holder):
        raise BadRequest("a holder is named by the thumbprint of its key")
    said = facts.write(
        facts.Facts(
            names.grant_id(grant.id), names.name(grant.client), audience, grant.actions, _named(grant.where),
            grant.detail, grant.limits.results, grant.holder,
        )
    )  # fmt: skip
    block = builder(BiscuitBuilder, _CHECKS, {"expires": until})
    for name, terms in said:
        block.add_fact(fact(name, *(value for _, value in terms)))
    block.set_root_key_id(root.kid)
    token: str = block.build(root._private).to_base64()
    if len(token) > MAX_MINTED or len(said) > MAX_FACTS:
        raise _too_wide(name for name, _ in said)
    return token


def _named(where: Conditions) -> Conditions:
    """Return the conditions with every name in its one spelling; BadRequest for what is no name."""

    def each(chosen: Names) -> Names:
        return replace(chosen, only=frozenset(map(names.name, chosen.only)))

    def alternatives(groups: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
        return tuple(frozenset(map(names.label, group)) for group in groups)

    return replace(
        where,
        collections=each(where.collections),
        sources=each(where.sources),
        kinds=each(where.kinds),
        labels=alternatives(where.labels),
        without_labels=frozenset(map(names.label, where.without_labels)),
        people=alternatives(where.people),
    )


def _too_wide(said: Iterable[str]) -> TooLarge:
    most = Counter(said).most_common(1)[0][0]
    also = ", or grant --all" if most == "collection" else ""
    return TooLarge(
        "this grant names more than fits into a token", hint=f"name fewer {_WIDE.get(most, 'labels')}{also}"
    )
