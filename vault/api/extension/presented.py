"""What a call of an extension shows of itself: its token, the key that it proves, its origin."""

from __future__ import annotations

import time

from flask import request

from vault.api.oauth.presenting import PROOFS
from vault.errors import FlowRefused
from vault.types import UNPROVEN, Shown


def address() -> str:
    """Return the address by which this call came; the guard has let only our own pass."""
    return f"{request.scheme}://{request.headers['Host']}"


def shown() -> Shown:
    """Return who calls. A proof that does not hold is UNPROVEN: the vault refuses it and records that."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip() if kind.lower() == "dpop" else ""
    proofs = request.headers.getlist("DPoP")
    try:
        proof = proofs[0] if len(proofs) == 1 else ""
        key = PROOFS.check(proof, request.method, address() + request.path, time.time(), token)
    except FlowRefused:
        key = UNPROVEN
    return Shown(token, key, request.headers.get("Origin", ""))
