"""What makes a draft fit to become a record."""

from __future__ import annotations

import secrets
from base64 import b32encode

from vault import limits
from vault.errors import BadRequest
from vault.store import records
from vault.types import Draft, utc

BOUNDS = {
    "origin": limits.ORIGIN, "text": limits.TEXT, "title": limits.TITLE, "kind": limits.KIND,
    "language": limits.LANGUAGE, "url": limits.URL, "thread": limits.THREAD,
}  # fmt: skip
"""Characters in each text of a draft."""


def objection(draft: Draft) -> str:
    """Return why a draft cannot be taken, or nothing."""
    texts = {name: str(getattr(draft, name)) for name in BOUNDS}
    if not draft.origin or not draft.kind.strip():
        return "it has no origin or no kind"
    if not draft.text.strip() and not draft.title.strip():
        return "it is empty"
    for name, most in BOUNDS.items():
        if len(texts[name]) > most:
            return f"its {name} is longer than {most} characters"
    for names in (draft.people, draft.labels):
        if len(names) > limits.NAMES or any(len(name) > limits.LABEL for name in names):
            return f"it has more than {limits.NAMES} people or labels, or one longer than {limits.LABEL} characters"
    if not all(map(records.encodes, (*texts.values(), *draft.people, *draft.labels))):
        return "it is not valid Unicode"
    if not 0 <= draft.position <= limits.POSITION:
        return f"its position is not a number from 0 to {limits.POSITION}"
    return _date_objection(draft)


def _date_objection(draft: Draft) -> str:
    try:
        for moment in (draft.created, draft.updated):
            if moment is not None:
                utc(moment)
    except BadRequest as error:
        return error.message
    return ""


def new_id() -> str:
    """Return a record id: "r" and 128 random bits in base32."""
    return "r" + b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
