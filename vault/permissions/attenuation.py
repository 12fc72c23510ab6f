"""Attenuation: what a holder can do with a token offline, narrow it and look into it. SPEC.md, "Caveats"."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from biscuit_auth import Biscuit, BlockBuilder, PublicKey

from vault.errors import BadRequest, Refused
from vault.permissions import caveats, names, scope
from vault.permissions.datalog import builder, guarded
from vault.permissions.vetting import Reason, vet
from vault.types import Conditions, Names, utc


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


def fitting(token: str, **narrower: Any) -> None:
    """Raise BadRequest if a dimension of `attenuate` asks for what the token does not allow.

    Attenuating would be harmless, nobody gets more by it. But what came out would not be what was meant. The hint says
    what the token does allow.
    """
    left = caveats.read(vet(token))
    _fits_names("action", Names(frozenset(left.actions)), narrower.get("actions"))
    _fits_names("collection", left.where.collections, narrower.get("collections"))
    _fits_names("source", left.where.sources, narrower.get("sources"))
    _fits_names("kind", left.where.kinds, narrower.get("kinds"))
    _fits_level(f"the detail {left.detail.name.lower()}", left.detail, narrower.get("detail"))
    _fits_level(f"{left.results} records in one answer", left.results, narrower.get("results"))
    ceiling = left.where.ceiling
    _fits_level(f"the sensitivity {ceiling.name.lower()}", ceiling, narrower.get("sensitivity"))
    _fits_window(left.where, narrower.get("since"), narrower.get("until"))


def _fits_names(noun: str, allowed: Names, wanted: Iterable[str] | None) -> None:
    missing = [value for value in map(names.name, wanted or ()) if value not in allowed]
    if missing:
        listed = ", ".join(sorted(allowed.only)) or "nothing any more"
        raise BadRequest(f"this token does not allow the {noun} '{missing[0]}'", hint=f"it allows: {listed}")


def _fits_level(words: str, most: int | None, wanted: int | None) -> None:
    if wanted is not None and most is not None and wanted > most:
        raise BadRequest(f"this token allows at most {words}", hint="ask for less, or leave it out")


def _fits_window(where: Conditions, since: datetime | None, until: datetime | None) -> None:
    late = since is not None and where.until is not None and utc(since) >= where.until
    early = until is not None and where.since is not None and utc(until) <= where.since
    if late or early:
        words = scope.in_words(where)
        hint = ", ".join(f"{bound} {words[bound]}" for bound in ("since", "until") if bound in words)
        raise BadRequest("nothing of this token's window would be left", hint=f"it allows records {hint}")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a token says, unproven. All but `key` … `audience` is what its canonical caveats leave.

    `scope` are its conditions in words, `blocks` how often it was signed, `other_checks` how many caveats are not
    canonical.
    """

    key: int
    grant: str
    client: str
    audience: str
    actions: tuple[str, ...]
    scope: dict[str, Any]
    detail: str
    results: int | None
    holder: str
    expires: datetime
    blocks: int
    other_checks: int


def inspect(token: str) -> Inspection:
    """Read a token without any key; Refused(reason) when its shape is none we know. It proves nothing."""
    vetted = vet(token)
    facts, left = vetted.facts, caveats.read(vetted)
    return Inspection(
        key=vetted.kid,
        grant=facts.grant,
        client=facts.client,
        audience=facts.audience,
        actions=tuple(sorted(action.value for action in left.actions)),
        scope=scope.in_words(left.where),
        detail=left.detail.name.lower(),
        results=left.results,
        holder=facts.holder,
        expires=caveats.moment(left.expires),
        blocks=1 + len(vetted.blocks),
        other_checks=sum(caveats.recognise(check) is None for block in vetted.blocks for check in block),
    )
