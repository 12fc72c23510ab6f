"""Which grant or request the owner means: a whole id, its beginning, or a client that has exactly one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from vault.cli import plain
from vault.cli.open import Open
from vault.errors import BadRequest, NotFound
from vault.types import GrantView, Status

SHORTEST = 4
"""Characters of an id's beginning."""
CANDIDATES = 6
ENDED = (Status.REVOKED, Status.EXPIRED)
_WHOLE = re.compile(r"owner|[gq][0-9a-f]{16}")


def grant(vault: Open, said: str) -> str:
    """Return the id of the grant that is meant. NotFound for none; BadRequest, with the candidates, for several."""
    if _WHOLE.fullmatch(said):
        return said
    made = vault.vault.grants(vault.holder)
    of_client = [view for view in made if view.client == unicodedata.normalize("NFC", said)]
    if of_client and said not in {view.id for view in made}:
        return _only_live(plain.one_line(said), of_client)
    return _begun("grant", said, {view.id: view.client for view in made}, "ownvault grants")


def request(vault: Open, said: str) -> str:
    """Return the id of the request that is meant. NotFound for none; BadRequest, with the candidates, for several."""
    if _WHOLE.fullmatch(said):
        return said
    asked = {view.id: view.client for view in vault.vault.requests(vault.holder, True)}
    return _begun("request", said, asked, "ownvault requests")


def _only_live(client: str, made: list[GrantView]) -> str:
    live = [view for view in made if view.status not in ENDED]
    if not live:
        raise NotFound(f"{client} has no live grant", hint="see: ownvault grants --all")
    if len(live) > 1:
        raise BadRequest(
            f"{client} has {len(live)} live grants", hint=f"name one: {', '.join(v.id for v in live[:CANDIDATES])}"
        )
    return live[0].id


def _begun(noun: str, said: str, ids: Mapping[str, str], listing: str) -> str:
    if said in ids:
        return said
    found = [id for id in ids if id.startswith(said)]
    if not found:
        raise NotFound(f"there is no {noun} {said}", hint=f"list them with: {listing}")
    if len(said) < SHORTEST:
        raise BadRequest(f"{said} is too short for an id", hint=f"at least {SHORTEST} characters, or: {listing}")
    if len(found) > 1:
        candidates = ", ".join(f"{id} of {plain.one_line(ids[id])}" for id in found[:CANDIDATES])
        raise BadRequest(f"{len(found)} {noun}s begin with {said}", hint=candidates)
    return found[0]
