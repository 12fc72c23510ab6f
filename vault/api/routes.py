"""The table of REST routes. `rest` answers them, `openapi` describes them; there is no other list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vault import types
from vault.api.cursors import Pages
from vault.api.lists import (
    AuditEntries,
    AuditQuery,
    Clients,
    ExposedQuery,
    ExposedRecords,
    Grants,
    NoticesPage,
    PageRequest,
    RecordLines,
    RecordsQuery,
    Releases,
    ReplayQuery,
    Requests,
    RequestsRequest,
    TimelineQuery,
)
from vault.errors import (
    ApprovalRequired,
    BadRequest,
    Changed,
    Denied,
    KeyReused,
    LimitReached,
    UnderWay,
    VaultError,
)
from vault.service import Vault
from vault.types import Holder, micros

Answering: TypeAlias = Callable[..., Any]
KEYS: dict[str, Any] = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `takes` is the request's class: of the body, or of the query when the method is GET.

    `answers(vault, holder, request, **path)` is the one line between decoding and encoding. Some are given more:
    the `pages` of a list, the idempotency `key`, or the tag that must `match`. `refuses` is what it refuses beside
    what every route may.
    """

    method: str
    path: str
    name: str
    summary: str
    takes: type | None
    gives: Any
    answers: Answering
    given: str = ""
    refuses: tuple[type[VaultError], ...] = ()


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A capability token to end, with every token that was made of it."""

    token: str


@dataclass(frozen=True, slots=True)
class Providers:
    providers: tuple[types.ProviderView, ...]


@dataclass(frozen=True, slots=True)
class Origins:
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """An inclusion proof in C2SP tlog-proof form, as text."""

    number: int
    proof: str


def _on(method: Callable[..., Any]) -> Answering:
    """Answer by a method that takes the id in the path, and the request when there is one."""

    def answers(vault: Vault, holder: Holder, request: Any, id: str, **more: Any) -> Any:
        return method(vault, holder, id, **more) if request is None else method(vault, holder, id, request, **more)

    return answers


def _plainly(method: Callable[[Vault, Holder], Any]) -> Answering:
    """Answer by a method that takes nothing but the holder."""
    return lambda vault, holder, _: method(vault, holder)


def _numbered(method: Callable[[Vault, Holder, int], Any]) -> Answering:
    """Answer by a method that takes the number in the path."""
    return lambda vault, holder, _, number: method(vault, holder, _number(number))


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise BadRequest("number: should be a whole number")
    return int(text)


def _grants(vault: Vault, holder: Holder, request: PageRequest, pages: Pages) -> Grants:
    return Grants(*pages.cut(vault.grants(holder), request.limit, lambda one: [-micros(one.created), one.id]))


def _clients(vault: Vault, holder: Holder, request: PageRequest, pages: Pages) -> Clients:
    listed = vault.clients(holder)
    return Clients(*pages.cut(listed, request.limit, lambda one: [-micros(one.grants[0].grant.created), one.client]))


def _providers(vault: Vault, holder: Holder, _: None) -> Providers:
    return Providers(vault.providers(holder))


def _prefer(vault: Vault, holder: Holder, request: types.OrderRequest) -> Providers:
    return Providers(vault.prefer(holder, request))


def _requests(vault: Vault, holder: Holder, request: RequestsRequest, pages: Pages) -> Requests:
    listed = vault.requests(holder, request.all)
    return Requests(*pages.cut(listed, request.limit, lambda one: [-micros(one.created), one.id]))


def _notices(vault: Vault, holder: Holder, request: PageRequest, pages: Pages) -> NoticesPage:
    return NoticesPage(*pages.cut(vault.notices(holder).notices, request.limit, lambda one: [-one.number]))


def _audit(vault: Vault, holder: Holder, request: AuditQuery, pages: Pages) -> AuditEntries:
    before = _begin(request.before, pages)
    page = vault.audit(holder, types.AuditRequest(
        request.limit, before, request.client, _outcomes(request.outcome), request.action, request.since, request.until,
        request.collection, request.sensitivity, request.record, request.text,
    ))  # fmt: skip
    return AuditEntries(page.entries, page.size, page.more, pages.after(page.more))


def _outcomes(said: str | None) -> tuple[types.Ending, ...]:
    try:
        return tuple(map(types.Ending, said.split(","))) if said else ()
    except ValueError:
        raise BadRequest(f"outcome: should be some of {', '.join(types.Ending)}") from None


def _timeline(vault: Vault, holder: Holder, request: TimelineQuery) -> types.Timeline:
    asked = types.TimelineRequest(request.period, request.client, _outcomes(request.outcome), request.action)
    return vault.timeline(holder, asked)


def _exposed(vault: Vault, holder: Holder, request: ExposedQuery, pages: Pages) -> ExposedRecords:
    before = pages.position
    collection = "" if request.forgotten else request.collection
    page = vault.exposed(holder, types.ExposedRequest(
        request.client, request.record, collection, request.sensitivity, request.limit,
        None if before is None else (before[0], before[1]),
    ))  # fmt: skip
    return ExposedRecords(page.records, pages.after(page.more))


def _replay(vault: Vault, holder: Holder, request: ReplayQuery, pages: Pages) -> Releases:
    before = _begin(request.before, pages)
    page = vault.replay(holder, types.ReplayRequest(request.client, request.limit, before))
    end = _end(page.releases, request.limit)
    return Releases(page.client, page.releases, page.records, page.bytes, pages.after(end))


def _begin(before: int | None, pages: Pages) -> int | None:
    if before is not None and pages.cursor is not None:
        raise BadRequest("a cursor and `before` are two beginnings", hint="say one of them")
    begin: int | None = before if pages.cursor is None else pages.position
    return begin


def _end(page: Sequence[types.Release], limit: int) -> int | None:
    return page[-1].number if len(page) == limit and page[-1].number else None


def _records(vault: Vault, holder: Holder, request: RecordsQuery, pages: Pages) -> RecordLines:
    page = vault.records(holder, types.RecordsRequest(request.collection, request.limit, pages.position))
    return RecordLines(page.records, pages.after(page.more))


def _revoke_token(vault: Vault, holder: Holder, request: TokenRequest) -> types.GrantView:
    return vault.revoke_token(holder, request.token)


def _prove(vault: Vault, holder: Holder, _: None, number: str) -> Proof:
    return Proof(_number(number), vault.prove(holder, _number(number)))


def _origins(vault: Vault, holder: Holder, _: None, name: str) -> Origins:
    return Origins(vault.origins(holder, name))


HELD = (LimitReached, ApprovalRequired, Denied)
"""What holds an answer back that a grant allows."""

ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/search", "search", "Search by meaning and by words; best first.",
          types.SearchRequest, types.Answer, Vault.search, refuses=HELD),
    Route("POST", "/v1/records/read", "read", "Read one record.",
          types.ReadRequest, types.ReadAnswer, Vault.read, refuses=HELD),
    Route("POST", "/v1/count", "count", "Count records, broken down if asked; say when the first and last were.",
          types.CountRequest, types.CountAnswer, Vault.count, refuses=HELD),
    Route("POST", "/v1/records", "add", "Add records; the same ones again change nothing.",
          types.AddRequest, types.AddAnswer, Vault.add, "key", (*HELD, KeyReused, UnderWay)),
    Route("GET", "/v1/records", "records", "List what a collection holds, without its text.",
          RecordsQuery, RecordLines, _records, "pages"),
    Route("POST", "/v1/records/label", "label", "Add and take away labels, and set the sensitivity, of some records.",
          types.LabelRequest, types.Labelled, Vault.label),
    Route("POST", "/v1/records/forget", "forget_many", "Delete some records for good.",
          types.ForgetRequest, types.Forgotten, Vault.forget_many),
    Route("GET", "/v1/records/{id}", "describe", "Say all that is known of one record: also who can see it, and did.",
          None, types.Description, _on(Vault.describe)),
    Route("GET", "/v1/holdings", "holdings", "Say how much each source holds, and since when.",
          None, types.Holdings, _plainly(Vault.holdings)),
    Route("DELETE", "/v1/records/{id}", "forget", "Delete one record for good.",
          None, types.Receipt, _on(Vault.forget)),

    Route("GET", "/v1/grants", "grants", "List every grant, newest first.",
          PageRequest, Grants, _grants, "pages"),
    Route("GET", "/v1/grants/{id}", "see", "Say how one grant stands. Its tag is for `If-Match`.",
          None, types.GrantView, _on(Vault.see)),
    Route("POST", "/v1/grants", "grant", "Grant a client access. The token is shown this once.",
          types.GrantRequest, types.Granted, Vault.grant),
    Route("POST", "/v1/grants/preview", "preview", "Say what a grant would show now, without making it.",
          types.GrantRequest, types.Exposure, Vault.preview),
    Route("POST", "/v1/grants/propose", "propose", "Say what a grant would be and show now, without making it.",
          types.GrantRequest, types.Effect, Vault.propose),
    Route("POST", "/v1/grants/revoke", "revoke_many", "Revoke all grants of a client, or all there are.",
          types.RevokeRequest, types.Revoked, Vault.revoke_many),
    Route("GET", "/v1/grants/{id}/preview", "expose", "Say what a grant shows now, and what is new since it was made.",
          None, types.Preview, _on(Vault.expose)),
    Route("POST", "/v1/grants/{id}/search", "simulate", "Search as the holder of a grant would. Nothing is charged.",
          types.SearchRequest, types.Simulation, _on(Vault.simulate)),
    Route("POST", "/v1/grants/{id}/contrast", "contrast", "Search as its holder and as the owner: what it keeps back.",
          types.SearchRequest, types.Contrast, _on(Vault.contrast)),
    Route("GET", "/v1/grants/{id}/choices", "choices", "Say which names occur in what a grant shows now.",
          None, types.Choices, _on(Vault.choices)),
    Route("POST", "/v1/grants/{id}/narrow", "foresee", "Say what narrowing would make of a grant, without doing it.",
          types.NarrowRequest, types.Effect, _on(Vault.foresee)),
    Route("PATCH", "/v1/grants/{id}", "narrow", "Take something away from a grant. Nothing here can widen it.",
          types.NarrowRequest, types.GrantView, _on(Vault.narrow), "match", (Changed,)),
    Route("POST", "/v1/grants/{id}/pause", "pause", "Stop answering a grant until it is resumed.",
          None, types.GrantView, _on(Vault.pause), "match", (Changed,)),
    Route("POST", "/v1/grants/{id}/resume", "resume", "Answer a paused grant again; its allowance starts anew.",
          None, types.GrantView, _on(Vault.resume), "match", (Changed,)),
    Route("DELETE", "/v1/grants/{id}", "revoke", "Revoke a grant, at once and everywhere.",
          None, types.GrantView, _on(Vault.revoke), "match", (Changed,)),
    Route("POST", "/v1/tokens/revoke", "revoke_token", "Revoke one token and all that were made of it.",
          TokenRequest, types.GrantView, _revoke_token),

    Route("GET", "/v1/clients", "clients", "List every client with its grants: how each came to be, what it shows now.",
          PageRequest, Clients, _clients, "pages"),

    Route("GET", "/v1/requests", "requests", "List what waits for the owner's decision.",
          RequestsRequest, Requests, _requests, "pages"),
    Route("POST", "/v1/requests", "request_access", "Ask the owner for a grant. Any good token may.",
          types.AccessRequest, types.RequestState, Vault.request_access),
    Route("GET", "/v1/requests/{id}", "request_state", "Say where a request of one's own stands.",
          None, types.RequestState, _on(Vault.request_state)),
    Route("POST", "/v1/requests/{id}/approve", "approve", "Approve a request, as asked or narrower.",
          types.ApproveRequest, types.Approved, _on(Vault.approve)),
    Route("POST", "/v1/requests/{id}/deny", "deny", "Deny a request.",
          None, types.RequestView, _on(Vault.deny)),
    Route("POST", "/v1/requests/{id}/collect", "collect", "Fetch, once, the token of approved access of one's own.",
          None, types.Collected, _on(Vault.collect)),

    Route("GET", "/v1/providers", "providers", "List the language models that answer for the owner, in order.",
          None, Providers, _providers),
    Route("POST", "/v1/providers", "provide", "Add a language model, with the grant of what it may be shown.",
          types.ProviderRequest, types.Provided, Vault.provide),
    Route("POST", "/v1/providers/order", "prefer", "Say which language models are asked first.",
          types.OrderRequest, Providers, _prefer),
    Route("DELETE", "/v1/providers/{id}", "withdraw", "Forget a language model and its key; revoke its grant.",
          None, types.ProviderView, _on(Vault.withdraw)),
    Route("POST", "/v1/providers/{id}/brief", "brief", "Release to a language model what answers a question.",
          types.BriefRequest, types.Brief, _on(Vault.brief), refuses=HELD),

    Route("GET", "/v1/pairing", "pairing", "Say whether new OAuth clients may register, and list those that did.",
          None, types.Pairing, _plainly(Vault.pairing)),
    Route("POST", "/v1/pairing", "open_pairing", "Let new OAuth clients register for a while.",
          types.PairingRequest, types.Pairing, Vault.open_pairing),
    Route("DELETE", "/v1/pairing", "close_pairing", "Let no new OAuth client register any more.",
          None, types.Pairing, _plainly(Vault.close_pairing)),

    Route("GET", "/v1/browsers", "browsers", "List paired browsers, those that wait with their words, and strangers.",
          None, types.Browsers, _plainly(Vault.browsers)),
    Route("POST", "/v1/browsers/waiting/{id}", "pair_browser", "Pair a waiting browser, once its words were compared.",
          types.PairApproval, types.Paired, _on(Vault.pair_browser)),
    Route("DELETE", "/v1/browsers/waiting/{id}", "refuse_browser", "Send a waiting browser away.",
          None, types.Browsers, _on(Vault.refuse_browser)),
    Route("DELETE", "/v1/browsers/{id}", "unpair", "Unpair a browser: its tokens and grants end at once.",
          None, types.BrowserView, _on(Vault.unpair)),
    Route("POST", "/v1/browsers/{id}/allow", "allow_site", "Let a browser insert again into a site that was ended.",
          types.SiteRequest, types.BrowserView, _on(Vault.allow_site)),

    Route("GET", "/v1/audit", "audit", "A page of the audit log, newest first.",
          AuditQuery, AuditEntries, _audit, "pages"),
    Route("GET", "/v1/audit/timeline", "timeline", "How many entries there were, and when, by client and outcome.",
          TimelineQuery, types.Timeline, _timeline),
    Route("GET", "/v1/audit/{number}", "entry", "One entry with its records, its grant and its neighbours.",
          None, types.EntryView, _numbered(Vault.entry)),
    Route("GET", "/v1/exposure", "matrix", "How many different records each client ever got, and of what.",
          types.MatrixRequest, types.Matrix, Vault.matrix),
    Route("GET", "/v1/exposure/records", "exposed", "The records that a client ever got, or who ever got a record.",
          ExposedQuery, ExposedRecords, _exposed, "pages"),
    Route("GET", "/v1/audit/replay", "replay", "What a client was ever given, in the words it got, newest first.",
          ReplayQuery, Releases, _replay, "pages"),
    Route("GET", "/v1/audit/verify", "verify", "Recompute the audit tree and sign a checkpoint of it.",
          None, types.TreeReport, _plainly(Vault.verify)),
    Route("GET", "/v1/audit/{number}/proof", "prove", "Prove that one entry is in the tree.",
          None, Proof, _prove),
    Route("GET", "/v1/notices", "notices", "What the owner should know.",
          PageRequest, NoticesPage, _notices, "pages"),
    Route("DELETE", "/v1/notices/{number}", "dismiss", "Dismiss a notice.",
          None, types.Notices, _numbered(Vault.dismiss)),

    Route("POST", "/v1/keys/rotate", "rotate", "Sign new tokens with a new key; the one before it stays live.",
          None, KEYS, _plainly(Vault.rotate)),
    Route("DELETE", "/v1/keys/{number}", "retire", "Retire a key: no token that it signed is answered any more.",
          None, KEYS, _numbered(Vault.retire)),
    Route("GET", "/v1/status", "status", "How the vault is, in numbers.",
          None, types.VaultStatus, _plainly(Vault.status)),
    Route("GET", "/v1/checkup", "checkup", "What may be wrong with the vault that its owner should know.",
          None, types.Checkup, _plainly(Vault.checkup)),
    Route("GET", "/v1/sources/{name}/origins", "origins", "The origins known of a source.",
          None, Origins, _origins),
)  # fmt: skip
