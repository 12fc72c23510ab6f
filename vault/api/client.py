"""The vault behind a running server, with the same methods as `vault.service.Vault`."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from vault.api import stream, wire
from vault.api.attempts import KNOCK
from vault.api.calls import LONG_SECONDS, SECONDS, VIA, Caller, sendable
from vault.api.headers import MATCH, ONCE
from vault.errors import BadRequest
from vault.types import (
    AccessRequest,
    AddAnswer,
    AddRequest,
    Answer,
    Approved,
    ApproveRequest,
    AuditEntry,
    AuditPage,
    AuditRequest,
    Brief,
    BriefRequest,
    Browsers,
    BrowserView,
    Checkup,
    Choices,
    ClientView,
    Collected,
    Contrast,
    CountAnswer,
    CountRequest,
    Description,
    Effect,
    EntryView,
    Event,
    Exposed,
    ExposedRecord,
    ExposedRequest,
    Exposure,
    ForgetRequest,
    Forgotten,
    Granted,
    GrantRequest,
    GrantView,
    Holder,
    Holdings,
    Labelled,
    LabelRequest,
    Link,
    Matrix,
    MatrixRequest,
    NarrowRequest,
    Notice,
    Notices,
    OrderRequest,
    OwnerToken,
    PairApproval,
    Paired,
    Pairing,
    PairingRequest,
    Preview,
    Provided,
    ProviderRequest,
    ProviderView,
    ReadAnswer,
    ReadRequest,
    Receipt,
    RecordLine,
    Records,
    RecordsRequest,
    Replay,
    ReplayRequest,
    RequestState,
    RequestView,
    Revoked,
    RevokeRequest,
    SearchRequest,
    Simulation,
    SiteRequest,
    Timeline,
    TimelineRequest,
    TreeReport,
    VaultStatus,
)

if TYPE_CHECKING:
    from vault.api.proving import Prover

__all__ = ["VIA", "RemoteVault", "sendable"]


class RemoteVault:
    """A vault at `address` (`http://127.0.0.1:PORT`). Raises the errors that the vault would, and Unreachable.

    `knock` is the one that the server announced in the vault's directory; it keeps strangers' wrong passphrases from
    throttling ours. `place` is the server's Unix socket, where it has one. `prover` proves the key that a holder's
    token is bound to. A holder's `via` is told to the server.
    """

    def __init__(
        self, address: str, timeout: float = SECONDS, knock: str = "", place: str = "", prover: Prover | None = None
    ) -> None:  # fmt: skip
        self._calls, self._knock = Caller(address, timeout, place, prover), knock

    @property
    def address(self) -> str:
        return self._calls.address

    # ------------------------------------------------------------ the server itself

    def health(self) -> dict[str, Any]:
        """Return {"state", "version"}; needs no token.

        `locked`; `starting` while the key is being derived; `loading` while the first index and encoder are
        (it answers already, the first question waits); `unlocked`.
        """
        said: dict[str, Any] = json.loads(self._calls.call("GET", "/healthz", None))
        return said

    def unlock(self, secret: bytearray, via: str = "rest") -> OwnerToken:
        """Prove the passphrase, unlock if locked, and return the owner's token; `secret` is wiped."""
        try:
            body = json.dumps({"passphrase": secret.decode()}).encode()
        except UnicodeDecodeError:
            raise BadRequest("the passphrase is not UTF-8 text") from None
        finally:
            secret[:] = bytes(len(secret))
        said = {KNOCK: self._knock, VIA: via}
        return self._calls.answer(OwnerToken, self._calls.call("POST", "/v1/unlock", None, body, LONG_SECONDS, said))

    def lock(self, holder: Holder) -> None:
        """End the process that holds the key."""
        self._calls.call("POST", "/v1/lock", holder, b"{}")

    def link(self, holder: Holder) -> Link:
        """Return a link that signs one browser in to the console, once."""
        return self._calls.do(Link, "/v1/console", holder)

    def public_keys(self) -> dict[str, object]:
        """Return the keys that verify tokens and checkpoints; needs no token."""
        said: dict[str, object] = json.loads(self._calls.call("GET", "/.well-known/vault-keys.json", None))
        return said

    # ------------------------------------------------------------ the vault's methods

    def search(self, holder: Holder, request: SearchRequest) -> Answer:
        return self._calls.post(Answer, "/v1/search", holder, request)

    def read(self, holder: Holder, request: ReadRequest) -> ReadAnswer:
        return self._calls.post(ReadAnswer, "/v1/records/read", holder, request)

    def count(self, holder: Holder, request: CountRequest) -> CountAnswer:
        return self._calls.post(CountAnswer, "/v1/count", holder, request)

    def add(self, holder: Holder, request: AddRequest, key: str = "") -> AddAnswer:
        said = {ONCE: f'"{key}"'} if key else {}
        return self._calls.post(AddAnswer, "/v1/records", holder, request, LONG_SECONDS, said)

    def records(self, holder: Holder, request: RecordsRequest) -> Records:
        """Return all records of a list, up to its limit; `more` and `before` mean nothing over the wire."""
        found = self._calls.pages(RecordLine, "records", "/v1/records", holder, collection=request.collection)
        return Records(tuple(islice(found, request.limit)), None)

    def origins(self, holder: Holder, source: str) -> tuple[str, ...]:
        said = json.loads(self._calls.call("GET", f"/v1/sources/{quote(source, safe='')}/origins", holder))
        return tuple(said["origins"])

    def forget(self, holder: Holder, id: str) -> Receipt:
        return self._calls.answer(Receipt, self._calls.call("DELETE", f"/v1/records/{_part(id)}", holder))

    def label(self, holder: Holder, request: LabelRequest) -> Labelled:
        return self._calls.post(Labelled, "/v1/records/label", holder, request)

    def forget_many(self, holder: Holder, request: ForgetRequest) -> Forgotten:
        return self._calls.post(Forgotten, "/v1/records/forget", holder, request)

    def describe(self, holder: Holder, id: str) -> Description:
        return self._calls.get(Description, f"/v1/records/{_part(id)}", holder)

    def holdings(self, holder: Holder) -> Holdings:
        return self._calls.get(Holdings, "/v1/holdings", holder)

    def status(self, holder: Holder) -> VaultStatus:
        return self._calls.get(VaultStatus, "/v1/status", holder)

    def checkup(self, holder: Holder) -> Checkup:
        return self._calls.get(Checkup, "/v1/checkup", holder)

    # ------------------------------------------------------------ grants

    def grant(self, holder: Holder, request: GrantRequest) -> Granted:
        return self._calls.post(Granted, "/v1/grants", holder, request)

    def preview(self, holder: Holder, request: GrantRequest) -> Exposure:
        return self._calls.post(Exposure, "/v1/grants/preview", holder, request)

    def propose(self, holder: Holder, request: GrantRequest) -> Effect:
        return self._calls.post(Effect, "/v1/grants/propose", holder, request)

    def expose(self, holder: Holder, id: str) -> Preview:
        return self._calls.get(Preview, f"/v1/grants/{_part(id)}/preview", holder)

    def simulate(self, holder: Holder, id: str, request: SearchRequest) -> Simulation:
        return self._calls.post(Simulation, f"/v1/grants/{_part(id)}/search", holder, request)

    def contrast(self, holder: Holder, id: str, request: SearchRequest) -> Contrast:
        return self._calls.post(Contrast, f"/v1/grants/{_part(id)}/contrast", holder, request)

    def choices(self, holder: Holder, id: str) -> Choices:
        return self._calls.get(Choices, f"/v1/grants/{_part(id)}/choices", holder)

    def foresee(self, holder: Holder, id: str, request: NarrowRequest) -> Effect:
        return self._calls.post(Effect, f"/v1/grants/{_part(id)}/narrow", holder, request)

    def clients(self, holder: Holder) -> tuple[ClientView, ...]:
        return tuple(self._calls.pages(ClientView, "clients", "/v1/clients", holder))

    def grants(self, holder: Holder) -> tuple[GrantView, ...]:
        return tuple(self._calls.pages(GrantView, "grants", "/v1/grants", holder))

    def see(self, holder: Holder, id: str) -> GrantView:
        return self._calls.get(GrantView, f"/v1/grants/{_part(id)}", holder)

    def narrow(self, holder: Holder, id: str, request: NarrowRequest, match: str | None = None) -> GrantView:
        body = wire.dump(request)
        content = self._calls.call("PATCH", f"/v1/grants/{_part(id)}", holder, body, None, _match(match))
        return self._calls.answer(GrantView, content)

    def pause(self, holder: Holder, id: str, match: str | None = None) -> GrantView:
        return self._calls.do(GrantView, f"/v1/grants/{_part(id)}/pause", holder, _match(match))

    def resume(self, holder: Holder, id: str, match: str | None = None) -> GrantView:
        return self._calls.do(GrantView, f"/v1/grants/{_part(id)}/resume", holder, _match(match))

    def revoke(self, holder: Holder, id: str, match: str | None = None) -> GrantView:
        content = self._calls.call("DELETE", f"/v1/grants/{_part(id)}", holder, None, None, _match(match))
        return self._calls.answer(GrantView, content)

    def revoke_many(self, holder: Holder, request: RevokeRequest) -> Revoked:
        return self._calls.post(Revoked, "/v1/grants/revoke", holder, request)

    def revoke_token(self, holder: Holder, token: str) -> GrantView:
        return self._calls.post(GrantView, "/v1/tokens/revoke", holder, {"token": token})

    # ------------------------------------------------------------ requests

    def request_access(self, holder: Holder, request: AccessRequest) -> RequestState:
        return self._calls.post(RequestState, "/v1/requests", holder, request)

    def request_state(self, holder: Holder, id: str) -> RequestState:
        return self._calls.get(RequestState, f"/v1/requests/{_part(id)}", holder)

    def collect(self, holder: Holder, id: str) -> Collected:
        return self._calls.do(Collected, f"/v1/requests/{_part(id)}/collect", holder)

    def requests(self, holder: Holder, all: bool = False) -> tuple[RequestView, ...]:
        query = {"all": "true"} if all else {}
        return tuple(self._calls.pages(RequestView, "requests", "/v1/requests", holder, **query))

    def approve(self, holder: Holder, id: str, request: ApproveRequest) -> Approved:
        return self._calls.post(Approved, f"/v1/requests/{_part(id)}/approve", holder, request)

    def deny(self, holder: Holder, id: str) -> RequestView:
        return self._calls.do(RequestView, f"/v1/requests/{_part(id)}/deny", holder)

    # ------------------------------------------------------------ language models

    def providers(self, holder: Holder) -> tuple[ProviderView, ...]:
        return self._calls.each(ProviderView, "providers", self._calls.call("GET", "/v1/providers", holder))

    def provide(self, holder: Holder, request: ProviderRequest) -> Provided:
        return self._calls.post(Provided, "/v1/providers", holder, request)

    def prefer(self, holder: Holder, request: OrderRequest) -> tuple[ProviderView, ...]:
        content = self._calls.call("POST", "/v1/providers/order", holder, wire.dump(request))
        return self._calls.each(ProviderView, "providers", content)

    def withdraw(self, holder: Holder, name: str) -> ProviderView:
        return self._calls.answer(ProviderView, self._calls.call("DELETE", f"/v1/providers/{_part(name)}", holder))

    def brief(self, holder: Holder, name: str, request: BriefRequest) -> Brief:
        return self._calls.post(Brief, f"/v1/providers/{_part(name)}/brief", holder, request)

    # ------------------------------------------------------------ new OAuth clients

    def pairing(self, holder: Holder) -> Pairing:
        return self._calls.get(Pairing, "/v1/pairing", holder)

    def open_pairing(self, holder: Holder, request: PairingRequest) -> Pairing:
        return self._calls.post(Pairing, "/v1/pairing", holder, request)

    def close_pairing(self, holder: Holder) -> Pairing:
        return self._calls.answer(Pairing, self._calls.call("DELETE", "/v1/pairing", holder))

    # ------------------------------------------------------------ browsers

    def browsers(self, holder: Holder) -> Browsers:
        return self._calls.get(Browsers, "/v1/browsers", holder)

    def pair_browser(self, holder: Holder, id: str, request: PairApproval) -> Paired:
        return self._calls.post(Paired, f"/v1/browsers/waiting/{_part(id)}", holder, request)

    def refuse_browser(self, holder: Holder, id: str) -> Browsers:
        return self._calls.answer(Browsers, self._calls.call("DELETE", f"/v1/browsers/waiting/{_part(id)}", holder))

    def unpair(self, holder: Holder, id: str) -> BrowserView:
        return self._calls.answer(BrowserView, self._calls.call("DELETE", f"/v1/browsers/{_part(id)}", holder))

    def allow_site(self, holder: Holder, id: str, request: SiteRequest) -> BrowserView:
        return self._calls.post(BrowserView, f"/v1/browsers/{_part(id)}/allow", holder, request)

    # ------------------------------------------------------------ as it happens

    def events(self, holder: Holder, after: str = "") -> Generator[tuple[str, Event], None, None]:
        """Yield what happens from now on, or after the position that an earlier event had, each with its position.

        Ends when the token does or the vault is locked; close it to end it before. Raises Unreachable when the
        connection breaks.
        """
        return stream.events(self._calls.lines(stream.PATH, holder, {"Last-Event-ID": after} if after else {}))

    # ------------------------------------------------------------ looking back

    def audit(self, holder: Holder, request: AuditRequest) -> AuditPage:
        return self._calls.get(AuditPage, "/v1/audit" + _query(request), holder)

    def entries(self, holder: Holder, request: AuditRequest) -> Iterator[AuditEntry]:
        """Yield every entry that is asked for; `limit` and `before` of the request mean nothing."""
        query = {name: value for name, value in _said(request).items() if name not in ("limit", "before")}
        return self._calls.pages(AuditEntry, "entries", "/v1/audit", holder, **query)

    def entry(self, holder: Holder, number: int) -> EntryView:
        return self._calls.get(EntryView, f"/v1/audit/{number}", holder)

    def timeline(self, holder: Holder, request: TimelineRequest) -> Timeline:
        return self._calls.get(Timeline, "/v1/audit/timeline" + _query(request), holder)

    def matrix(self, holder: Holder, request: MatrixRequest) -> Matrix:
        return self._calls.get(Matrix, "/v1/exposure" + _query(request), holder)

    def exposed(self, holder: Holder, request: ExposedRequest) -> Exposed:
        """Return all records or clients that are asked for, up to the limit; `more` and `before` mean nothing here."""
        query = {name: value for name, value in _said(request).items() if name not in ("limit", "before")}
        if request.collection == "":
            query = {name: value for name, value in query.items() if name != "collection"} | {"forgotten": "true"}
        found = self._calls.pages(ExposedRecord, "records", "/v1/exposure/records", holder, **query)
        return Exposed(tuple(islice(found, request.limit)), None)

    def replay(self, holder: Holder, request: ReplayRequest) -> Replay:
        return self._calls.get(Replay, "/v1/audit/replay" + _query(request), holder)

    def verify(self, holder: Holder) -> TreeReport:
        return self._calls.answer(TreeReport, self._calls.call("GET", "/v1/audit/verify", holder, None, LONG_SECONDS))

    def prove(self, holder: Holder, number: int) -> str:
        said: str = json.loads(self._calls.call("GET", f"/v1/audit/{number}/proof", holder))["proof"]
        return said

    def notices(self, holder: Holder) -> Notices:
        return Notices(tuple(self._calls.pages(Notice, "notices", "/v1/notices", holder)))

    def dismiss(self, holder: Holder, number: int) -> Notices:
        return self._calls.answer(Notices, self._calls.call("DELETE", f"/v1/notices/{number}", holder))

    # ------------------------------------------------------------ keys

    def rotate(self, holder: Holder) -> dict[str, object]:
        said: dict[str, object] = json.loads(self._calls.call("POST", "/v1/keys/rotate", holder, b"{}"))
        return said

    def retire(self, holder: Holder, kid: int) -> dict[str, object]:
        said: dict[str, object] = json.loads(self._calls.call("DELETE", f"/v1/keys/{kid}", holder))
        return said


def _part(id: str) -> str:
    """Return an id as one part of a path."""
    return quote(id, safe="")


def _match(tag: str | None) -> dict[str, str]:
    return {} if tag is None else {MATCH: f'"{tag}"'}


def _query(request: Any) -> str:
    return "?" + urlencode(_said(request))


def _said(request: Any) -> dict[str, Any]:
    """Return what a request says, as a query says it: lists with commas."""
    said = {name: value for name, value in wire.plain(request).items() if value not in (None, [])}
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in said.items()}
