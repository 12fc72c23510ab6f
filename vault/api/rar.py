"""The language in which a client asks for access: one authorization details type, `vault_query` (RFC 9396).

MCP's `request_access` takes it, and so does an OAuth request. `vault.types.AccessRequest` is the same wish in the
vault's own words; the two functions here turn one into the other and lose nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from vault.errors import BadRequest, FlowRefused
from vault.types import AccessRequest, Action, Detail, Filter, GrantView, Limits


class Type(StrEnum):
    VAULT_QUERY = "vault_query"


class Tool(StrEnum):
    """What a client wants to do, by the names of the tools that do it."""

    SEARCH = "search"
    FETCH = "fetch"
    COUNT = "count"
    ADD = "add"


ACTIONS = {Tool.SEARCH: Action.SEARCH, Tool.FETCH: Action.READ, Tool.COUNT: Action.COUNT, Tool.ADD: Action.ADD}
TOOLS = {action: tool for tool, action in ACTIONS.items()}
SCOPES = {f"vault:{tool}": action for tool, action in ACTIONS.items()}
"""What clients say that know scopes only; what they get is for the owner to say."""
DEFAULT_SCOPES = ("vault:search", "vault:fetch", "vault:count")
PASSED_OVER = frozenset({"offline_access", "openid", "profile"})
"""Scopes that clients add out of habit and that mean nothing here: tokens can always be renewed."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """When the records were written: `from` is inclusive, `to` is not."""

    from_: datetime | None = None
    to: datetime | None = None


@dataclass(frozen=True, slots=True)
class VaultQuery:
    """What a client asks to be granted; `purpose` is told to the owner as its claim. What is left out is not narrowed.

    `datatypes` are collections, `locations` the vaults that it is meant for, by the address of their `/mcp`.
    """

    purpose: str
    type: Type = Type.VAULT_QUERY
    actions: tuple[Tool, ...] = (Tool.SEARCH, Tool.FETCH, Tool.COUNT)
    locations: tuple[str, ...] | None = None
    datatypes: tuple[str, ...] | None = None
    time_range: TimeRange = TimeRange()
    sources: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    without_labels: tuple[str, ...] = ()
    people: tuple[str, ...] | None = None
    last: int | None = None
    sensitivity: str | None = None
    owner_written: bool = False
    detail: Detail = Detail.FULL
    max_results: int | None = None
    max_queries_per_hour: int | None = None
    max_records_per_day: int | None = None
    max_bytes_per_day: int | None = None
    expires_in: int = 30 * 86400


def request(query: VaultQuery, location: str = "") -> AccessRequest:
    """Return what is asked in the vault's words. BadRequest when it is meant for vaults other than `location`."""
    if query.locations is not None and location not in query.locations:
        raise BadRequest("locations: this vault is not among them")
    where = Filter(
        collections=query.datatypes, sources=query.sources, kinds=query.kinds, labels=query.labels,
        without_labels=query.without_labels, people=query.people, since=query.time_range.from_,
        until=query.time_range.to, last=query.last, sensitivity=query.sensitivity, owner_written=query.owner_written,
    )  # fmt: skip
    limits = Limits(query.max_results, query.max_queries_per_hour, query.max_records_per_day, query.max_bytes_per_day)
    actions = tuple(ACTIONS[tool] for tool in query.actions)
    return AccessRequest(query.purpose, actions, where, query.detail, limits, query.expires_in)


def query(request: AccessRequest) -> VaultQuery:
    """Return the same wish as an authorization details object. Raises KeyError for an action that has no tool."""
    where, limits = request.filter, request.limits
    return VaultQuery(
        request.purpose, actions=tuple(TOOLS[action] for action in request.actions), datatypes=where.collections,
        time_range=TimeRange(where.since, where.until), sources=where.sources, kinds=where.kinds, labels=where.labels,
        without_labels=where.without_labels, people=where.people, last=where.last, sensitivity=where.sensitivity,
        owner_written=where.owner_written, detail=request.detail, max_results=limits.results,
        max_queries_per_hour=limits.queries_per_hour, max_records_per_day=limits.records_per_day,
        max_bytes_per_day=limits.bytes_per_day, expires_in=request.expires_in,
    )  # fmt: skip


# ---------------------------------------------------------------- OAuth


def wish(details: str, scope: str, places: Collection[str]) -> AccessRequest:
    """Return what an OAuth request asks for: its `authorization_details` if it has any, else its `scope`.

    `places` are the addresses of this vault. FlowRefused for what is neither.
    """
    from vault.api import wire

    if not details:
        return AccessRequest("", _actions(scope.split()))
    try:
        wire.unambiguous(details)
        said = json.loads(details)
        if not isinstance(said, list) or len(said) != 1:
            raise BadRequest("say one object of the type vault_query")
        asked = wire.read(VaultQuery, json.dumps(said[0]))
        here = next((place for place in asked.locations or () if place in places), "")
        return request(asked, here)
    except (ValueError, RecursionError):
        raise FlowRefused("authorization_details: this is not JSON", "invalid_authorization_details") from None
    except BadRequest as error:
        raise FlowRefused(f"authorization_details: {error.message}", "invalid_authorization_details") from None


def _actions(scopes: Iterable[str]) -> tuple[Action, ...]:
    named = [one for one in dict.fromkeys(scopes) if one not in PASSED_OVER] or DEFAULT_SCOPES
    if unknown := [one for one in named if one not in SCOPES]:
        raise FlowRefused(f"scope: {unknown[0][:40]!r} is none of {' '.join(SCOPES)}", "invalid_scope")
    return tuple(SCOPES[one] for one in named)


def scope(grant: GrantView) -> str:
    """Return the scopes that a grant amounts to."""
    return " ".join(name for name, action in SCOPES.items() if action in grant.actions)


def granted(grant: GrantView) -> list[dict[str, Any]]:
    """Return what was granted, as authorization details: of several label or people conditions each is a list."""
    where = dict(grant.scope)
    said: dict[str, Any] = {
        "type": str(Type.VAULT_QUERY),
        "actions": [TOOLS[one] for one in grant.actions if one in TOOLS],
    }
    if (collections := where.pop("collections")) != "*":
        said["datatypes"] = collections
    window = {name: where.pop(old) for name, old in (("from", "since"), ("to", "until")) if old in where}
    said |= where | ({"time_range": window} if window else {}) | {"detail": grant.detail.name.lower()}
    said |= {f"max_{name}": most for name, most in asdict(grant.limits).items() if most is not None}
    return [said]
