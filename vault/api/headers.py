"""What the headers of a REST request ask for, and what those of its answer tell."""

from __future__ import annotations

import re

from vault import limits
from vault.errors import BadRequest
from vault.meter import Allowance

ONCE = "Idempotency-Key"
MATCH = "If-Match"
KEY = rf'^("[ !#-\[\]-~]{{1,{limits.ONCE_KEY}}}"|[!#-+\--\[\]-~]{{1,{limits.ONCE_KEY}}})$'
"""An idempotency key as the draft has it, a quoted string; or, as many send it, the same without its quotes."""
TAG = r'^("[!#-~]{1,64}"|\*)$'


def once(said: str | None) -> str:
    """Return the idempotency key, '' for none. Raises BadRequest for what is not one key."""
    if said is None:
        return ""
    if not re.fullmatch(KEY, said.strip()):
        raise BadRequest(f"{ONCE}: should be one quoted string of at most {limits.ONCE_KEY} characters")
    return said.strip().strip('"')


def match(said: str | None) -> str | None:
    """Return the tag that must still hold, None for any. Raises BadRequest for what is not one strong tag."""
    if said is None or said.strip() == "*":
        return None
    if not re.fullmatch(TAG, said.strip()):
        raise BadRequest(f"{MATCH}: should be one tag, as an ETag gave it")
    return said.strip().strip('"')


def tag(value: str) -> dict[str, str]:
    """Return the header that tells the tag of what is answered."""
    return {"ETag": f'"{value}"'} if value else {}


def rate(left: Allowance | None) -> dict[str, str]:
    """Return what is left of the client's rate (draft-ietf-httpapi-ratelimit-headers); nothing for the owner."""
    if left is None:
        return {}
    return {
        "RateLimit-Policy": f'"client";q={limits.BURST};w={limits.BURST // limits.RATE}',
        "RateLimit": f'"client";r={left.left};t={left.reset}',
    }
