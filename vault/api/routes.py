"""The table of REST routes. `rest` answers them, `openapi` describes them; there is no other list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from vault import types
from vault.errors import BadRequest
from vault.service import Vault
from vault.types import Holder

Answering: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `takes` is the request's class: of the body, or of the query when the method is GET.

    `answers(vault, holder, request, **path)` is the one line between decoding and encoding.
    """

    method: str
    path: str
    name: str
    summary: str
    takes: type | None
    gives: Any
    answers: Answering


@dataclass(frozen=True, slots=True)
class Grants:
    grants: tuple[types.GrantView, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof in C2SP tlog-proof form, as text."""

    number: int
    proof: str


def _grants(vault: Vault, holder: Holder, _: None) -> Grants:
    return Grants(vault.grants(holder))


def _forget(vault: Vault, holder: Holder, _: None, id: str) -> types.Receipt:
    return vault.forget(holder, id)


def _revoke(vault: Vault, holder: Holder, _: None, id: str) -> types.GrantView:
    return vault.revoke(holder, id)


def _verify(vault: Vault, holder: Holder, _: None) -> types.TreeReport:
    return vault.verify(holder)


def _prove(vault: Vault, holder: Holder, _: None, number: str) -> Proof:
    if not number.isdecimal() or len(number) > 15:
        raise BadRequest("number: should be an entry's number")
    return Proof(int(number), vault.prove(holder, int(number)))


def _status(vault: Vault, holder: Holder, _: None) -> types.VaultStatus:
    return vault.status(holder)


def _origins(vault: Vault, holder: Holder, _: None, name: str) -> Origins:
    return Origins(vault.origins(holder, name))


ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/search", "search", "Search by meaning and by words; best first.",
          types.SearchRequest, types.Answer, Vault.search),
    Route("POST", "/v1/records/read", "read", "Read one record whole.",
          types.ReadRequest, types.ReadAnswer, Vault.read),
    Route("POST", "/v1/count", "count", "Count records.",
          types.CountRequest, types.CountAnswer, Vault.count),
    Route("POST", "/v1/records", "add", "Add records; the same ones again change nothing.",
          types.AddRequest, types.AddAnswer, Vault.add),
    Route("DELETE", "/v1/records/{id}", "forget", "Delete one record for good.",
          None, types.Receipt, _forget),
    Route("GET", "/v1/grants", "grants", "List every grant, newest first.",
          None, Grants, _grants),
    Route("POST", "/v1/grants", "grant", "Grant a client access. The token is shown this once.",
          types.GrantRequest, types.Granted, Vault.grant),
    Route("POST", "/v1/grants/preview", "preview", "Say what a grant would show now, without making it.",
          types.GrantRequest, types.Exposure, Vault.preview),
    Route("DELETE", "/v1/grants/{id}", "revoke", "Revoke a grant, at once and everywhere.",
          None, types.GrantView, _revoke),
    Route("GET", "/v1/audit", "audit", "A page of the audit log, newest first.",
          types.AuditRequest, types.AuditPage, Vault.audit),
    Route("GET", "/v1/audit/verify", "verify", "Recompute the audit tree and sign a checkpoint of it.",
          None, types.TreeReport, _verify),
    Route("GET", "/v1/audit/{number}/proof", "prove", "Prove that one entry is in the tree.",
          None, Proof, _prove),
    Route("GET", "/v1/status", "status", "How the vault is, in numbers.",
          None, types.VaultStatus, _status),
    Route("GET", "/v1/sources/{name}/origins", "origins", "The origins known of a source.",
          None, Origins, _origins),
)  # fmt: skip
