"""How a request presents its token: as `Bearer TOKEN`, or as `DPoP TOKEN` with a proof of the key it is bound to."""

from __future__ import annotations

import time
from collections.abc import Iterable

from vault.api.oauth.dpop import Proofs
from vault.errors import FlowRefused, Refused
from vault.types import UNPROVEN, Holder

PROOFS = Proofs(since=time.time())
"""The proofs that were used with this process; it is the only one that answers."""


def holder(headers: Iterable[tuple[str, str]], method: str, url: str, via: str) -> Holder:
    """Return whoever asks, by the headers of a request (names in lower case) to `url`.

    Without a token the holder has an empty one, and with a proof that does not hold UNPROVEN: the vault refuses both
    and records it. Raises Refused when two tokens come.
    """
    said = [(name, value) for name, value in headers if name in ("authorization", "dpop")]
    given = [value for name, value in said if name == "authorization"]
    proofs = [value for name, value in said if name == "dpop"]
    if len(given) > 1:
        raise Refused("more than one token")
    kind, _, token = (given[0] if given else "").partition(" ")
    token = token.strip()
    if kind.lower() == "bearer":
        return Holder(token, via)
    if kind.lower() != "dpop":
        return Holder("", via)
    try:
        if len(proofs) != 1 or not token:
            return Holder(token, via, UNPROVEN)
        return Holder(token, via, PROOFS.check(proofs[0], method, url, time.time(), token))
    except FlowRefused:
        return Holder(token, via, UNPROVEN)
