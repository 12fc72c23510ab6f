"""What a client asks to be granted, as it is stored with its request (SPEC.md, Request)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import rfc8785

from vault import limits
from vault.errors import BadRequest, Damaged
from vault.permissions import budgets, scope
from vault.types import GRANTABLE, UNLIMITED, AccessRequest, Action, Conditions, Detail, Limits

_VERSION = 1
_KEYS = {"v", "actions", "detail", "limits", "scope", "expires_in"}


def write(request: AccessRequest, where: Conditions) -> str:
    """Return the canonical JSON of what is asked; `where` is what its filter means."""
    return rfc8785.dumps({
        "v": _VERSION,
        "actions": sorted(request.actions),
        "detail": request.detail.name.lower(),
        "limits": asdict(request.limits),
        "scope": json.loads(scope.to_json(where)),
        "expires_in": request.expires_in,
    }).decode()  # fmt: skip


def read(text: str) -> tuple[frozenset[Action], Detail, Limits, Conditions, int]:
    """Return actions, detail, limits, conditions and seconds; Damaged for what `write` did not write."""
    try:
        said = json.loads(text)
        if said.keys() != _KEYS or said["v"] != _VERSION:
            raise ValueError
        return (
            frozenset(map(Action, said["actions"])),
            Detail.parse(said["detail"]),
            budgets.checked(Limits(**said["limits"])),
            scope.from_json(rfc8785.dumps(said["scope"]).decode()),
            int(said["expires_in"]),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, BadRequest):
        raise Damaged("a stored request cannot be read") from None


def in_words(text: str) -> dict[str, Any]:
    """Return the terms for a person: the scope in the owner's words, and only what is said."""
    actions, detail, asked, where, seconds = read(text)
    words = {"actions": sorted(actions), "detail": detail.name.lower(), "scope": scope.in_words(where)}
    some = {} if asked == UNLIMITED else {"limits": {name: n for name, n in asdict(asked).items() if n is not None}}
    return words | some | {"expires_in": seconds}


def check(request: AccessRequest, *, new: bool = False) -> Conditions:
    """Return the conditions of what is asked. Raises BadRequest for nothing named and what could never be granted.

    A `new` client that cannot know what there is may name nothing, and give no purpose: it is the owner who must then
    name something, or say `all`.
    """
    if not new and not request.purpose.strip():
        raise BadRequest("say what the access is for: `purpose`")
    if len(request.purpose) > limits.PURPOSE:
        raise BadRequest(f"a purpose has at most {limits.PURPOSE} characters")
    if not request.actions or not set(request.actions) <= GRANTABLE:
        raise BadRequest(f"actions are some of: {', '.join(sorted(GRANTABLE))}")
    if not 1 <= request.expires_in <= limits.GRANT_DAYS * 86400:
        raise BadRequest(f"access lasts at least a second and at most {limits.GRANT_DAYS} days")
    budgets.checked(request.limits)
    named = request.filter
    nothing = not any((named.collections, named.sources, named.kinds, named.labels, named.people))
    return scope.from_filter(named, all=new and nothing)
