"""Attenuation: what a holder can do with a token offline, narrow it and look into it. SPEC.md, "Caveats"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from biscuit_auth import Biscuit, BlockBuilder, PublicKey

from vault.errors import BadRequest, Refused
from vault.permissions import caveats, scope
from vault.permissions.datalog import builder, guarded
from vault.permissions.vetting import Reason, vet


def attenuate(token: str, key: PublicKey, **narrower: Any) -> str:
    """Return a token that allows at most what `token` does and what `narrower` leaves. Needs no vault, only its key.

    The dimensions are those of `caveats.write`. BadRequest for a bad or missing one and for a token that is sealed or
    would grow too large, Refused for one that is not signed by `key`. The new block is signed with a key that the
    library draws at random and forgets.
    """
    written = caveats.write(**narrower)
    vetted = vet(token)
    biscuit = guarded(lambda: Biscuit.from_bytes(vetted.raw, key), Reason.SIGNATURE)
    source = "; ".join(text.replace("{v}", f"{{v{i}}}") for i, (text, _) in enumerate(written))
    block = builder(BlockBuilder, source, {f"v{i}": value for i, (_, value) in enumerate(written)})
    try:
        narrowed: str = guarded(lambda: biscuit.append(block).to_base64(), Reason.MALFORMED)
        vet(narrowed)
    except Refused as error:
        raise BadRequest(
            "this token cannot be narrowed further: it is sealed or at its limits", reason=error.reason
        ) from None
    return narrowed


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a token says, unproven. `scope` is what its canonical caveats leave; `other_checks` counts the rest."""

    key: int
    grant: str
    client: str
    audience: str
    actions: tuple[str, ...]
    collections: tuple[str, ...]
    expires: datetime
    scope: dict[str, Any]
    blocks: int
    other_checks: int


def inspect(token: str) -> Inspection:
    """Read a token without any key; Refused(reason) when its shape is none we know. It proves nothing."""
    vetted = vet(token)
    facts, narrowed = vetted.facts, caveats.read(vetted.blocks)
    allowed = facts.ops if narrowed.actions is None else facts.ops & narrowed.actions
    return Inspection(
        key=vetted.kid,
        grant=facts.grant,
        client=facts.client,
        audience=facts.audience,
        actions=tuple(sorted(allowed)),
        collections=tuple(sorted(facts.collections)),
        expires=caveats.moment(facts.expires if narrowed.expires is None else min(facts.expires, narrowed.expires)),
        scope=scope.in_words(narrowed.where),
        blocks=1 + len(vetted.blocks),
        other_checks=sum(caveats.recognise(check) is None for block in vetted.blocks for check in block),
    )
