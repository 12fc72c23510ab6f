"""One request's way from a token to a recorded answer or a recorded refusal.

A `Decision` is entered for every request. It turns the token into a `Scope`, gates records, and
writes the audit entry. Whatever error ends it is recorded as a refusal before it is raised on.
"""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, TypeVar

from vault import limits
from vault.errors import (
    AuditFailed,
    NotAllowed,
    NotFound,
    Overloaded,
    Refused,
    StorageFailed,
    Throttled,
    VaultError,
)
from vault.gate import Gate, Passage
from vault.holding import Ask, Leaving
from vault.legible import legible
from vault.meter import Meter
from vault.permissions import audit, grants, notices, scope, tokens, wordings
from vault.types import (
    EVERYTHING,
    UNPROVEN,
    Action,
    Approval,
    Conditions,
    Connection,
    Detail,
    Entry,
    Filter,
    Grant,
    Holder,
    Names,
    Receipt,
    Record,
    Scope,
    Status,
)

T = TypeVar("T")
URGENT = frozenset({"unlock", "lock", Action.AUDIT, Action.REVOKE, Action.FORGET})
"""What the owner must be able to do on a full disk: their entries may use the ballast."""
TEXT = frozenset({Action.SEARCH, Action.READ})
"""What gives text, and so is nothing for a grant of answers only."""
KEPT_QUERY = 300
"""Characters of a query that are kept when its grant is dead."""


class Storage(Protocol):
    """The part of the database that decisions use (store.database.Database)."""

    def read(self) -> AbstractContextManager[Connection]: ...
    def write(self, work: Callable[[Connection], T], /, *, urgent: bool = False) -> T: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What every decision of one vault shares."""

    storage: Storage
    verify: Callable[[str, datetime], tokens.Verified]
    audience: str
    clock: Callable[[], datetime]
    collections: Callable[[Conditions], frozenset[str]]
    """The collections that hold a record within some conditions."""
    current: Callable[[Connection, Mapping[str, int]], bool]
    """Whether these records (id to version) are all still stored so."""
    key_live: Callable[[Connection, int], bool]
    """Whether the root key of this number is live."""
    gate: Gate = field(default_factory=Gate)
    meter: Meter = field(default_factory=Meter)


NOTHING = Leaving()


class Decision:
    """Use as a context manager. Raises Refused, NotAllowed, NotFound, ApprovalRequired, Denied, LimitReached;
    AuditFailed when nothing can be written."""

    def __init__(
        self, desk: Desk, holder: Holder, action: Action | str, query: str = "", request: Any = None
    ) -> None:  # fmt: skip
        self._desk, self._holder, self.query, self._request = desk, holder, query, request
        self.action: Action | str = action
        self.now = desk.clock()
        self.client = self.grant_id = ""
        self.detail: dict[str, object] = {}
        self._grant: Grant | None = None
        self._token: tokens.Verified | None = None
        self._passage: Passage | None = None
        self._recorded = False
        self._approved: Conditions | None = None
        self._level = Detail.FULL

    def __enter__(self) -> Decision:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._passage is not None:
            self._passage.leave()
        elif isinstance(error, Exception) and not self._recorded:
            self._refuse(error)

    # ------------------------------------------------------------ from token to scope

    def grant(self) -> Grant:
        """Return the live grant behind the token. The grant row is the authority, the token only a ceiling."""
        if self._grant is None:
            token = self._desk.verify(self._holder.token, self.now)
            if not token.exact:  # a caveat that we cannot push down to the index could change what a count reveals
                raise Refused("the token is not accepted", reason="unknown_caveat")
            self._token, self.grant_id = token, token.grant
            with self._desk.storage.read() as conn:
                self._grant = self._live(conn)
        return self._grant

    def asker(self) -> Grant:
        """Return the grant for whom a request may be made and answered: not for whoever got a narrowed token of it."""
        grant = self.grant()
        if self._token is not None and self._token.attenuated:
            raise NotAllowed("a narrowed token asks for nothing more", reason="token_narrower")
        return grant

    @property
    def owner(self) -> bool:
        """Whether the owner asks: nothing is held back, counted or reworded then. Whoever got a narrowed token of the
        owner's is not the owner."""
        return self.grant().id == grants.OWNER and self._token is not None and not self._token.attenuated

    def actions(self) -> frozenset[Action]:
        """Return what grant and token together allow, somewhere."""
        grant, token = self.grant(), self._token
        assert token is not None
        allowed = grant.actions & tokens.actions(token, self.now, self._desk.audience)
        return allowed - TEXT if min(grant.detail, token.detail) is Detail.ANSWERS else allowed

    def scope(
        self, narrowing: Filter, collections: Sequence[str] | None = None, detail: Detail | None = None,
        right: Action | None = None,
    ) -> Scope:  # fmt: skip
        """Return grant row ∩ token ∩ every attenuation ∩ this request.

        `collections` are the ones that matter to the request; without it, those that hold a record within the grant.
        `right` is what must be granted for an action that has no right of its own.
        Raises NotAllowed for an action that is not granted, BadRequest for a filter that is none, and NotFound for a
        collection named but not in scope: whether it exists outside cannot be told.
        """
        action, grant, token = self._granted(right)
        level = min(grant.detail, token.detail, Detail.FULL if detail is None else detail)
        self._level = level
        if level is Detail.ANSWERS and action in TEXT:
            raise NotAllowed(f"this token does not allow {self.action}", reason="detail_answers")
        wanted = scope.narrowing(narrowing)
        named = wanted.collections.only
        granted = scope.resolve(grant.where & token.where, self.now)
        if collections is None:
            held = self._desk.collections(granted)
            collections = sorted((named or held) & held)
        within = frozenset(name for name in collections if name in granted.collections)
        allowed = tokens.authorize(token, action, within, self.now, self._desk.audience)
        if hidden := named - allowed:
            raise NotFound(f"no collection {min(hidden)!r}", reason="out_of_scope")
        where = (granted & scope.resolve(wanted, self.now)).narrow(collections=Names(allowed))
        most = [n for n in (grant.limits.results, token.results, limits.HITS) if n is not None]
        return Scope(grant.id, grant.client, frozenset({action}), where, level, min(most))

    def whole(self, right: Action | None = None) -> Grant:
        """Return the grant if the token allows this action on the vault as a whole, as the owner's does.

        `right` is what must be granted for an action that has no right of its own.
        """
        action, grant, token = self._granted(right)
        narrowed = (token.where, token.detail, token.results) != (EVERYTHING, Detail.FULL, None)
        if narrowed or not tokens.authorize(token, action, {tokens.EVERY_COLLECTION}, self.now, self._desk.audience):
            raise NotAllowed(f"this token does not allow {self.action}", reason="token_narrower")
        return grant

    def admits(self, record: Record, right: Action | None = None) -> bool:
        """Gate one record against grant, token and approval: the second evaluation, independent of the row mask."""
        action, grant, token = self._granted(right)
        return (
            scope.admits(grant.where, record, self.now)
            and tokens.gate(token, record, action, self.now)
            and scope.admits(self._approval(), record, self.now)
        )

    def _approval(self) -> Conditions:
        """Return what the owner's approval of this very request, if it has one, leaves of the scope."""
        if self.grant().approval is Approval.NEVER:
            return EVERYTHING
        if self._approved is None:
            with self._desk.storage.read() as conn:
                self._approved = self._ask(self.grant()).approved(conn)
        return self._approved

    def _granted(self, right: Action | None = None) -> tuple[Action, Grant, tokens.Verified]:
        grant, token, action = self.grant(), self._token, right or self.action
        if token is None or not isinstance(action, Action) or action not in grant.actions:
            raise NotAllowed(f"this token does not allow {self.action}", reason="action_not_granted")
        if action not in token.actions:
            raise NotAllowed(f"this token does not allow {self.action}", reason="token_narrower")
        return action, grant, token

    def _live(self, conn: Connection) -> Grant:
        """Read the grant row again; raise Refused unless it is in order now."""
        try:
            found = grants.get(conn, self.grant_id)
        except NotFound:
            raise Refused("the token is not accepted", reason="unknown_grant") from None
        self.client = found.client
        status = grants.live(found, self.now)
        if status is not Status.ACTIVE:
            raise Refused("the token is not accepted", reason=f"grant_{status}")
        token = self._token
        assert token is not None
        proof = self._holder.proof
        if proof == UNPROVEN or any(key and key != proof for key in (found.holder, token.holder)):
            raise Refused("the token is not accepted", reason="wrong_holder")
        if not self._desk.key_live(conn, token.kid):
            raise Refused("the token is not accepted", reason="token_unknown_key")
        if grants.token_revoked(conn, token.revocation_ids):
            raise Refused("the token is not accepted", reason="token_revoked")
        return found

    # ------------------------------------------------------------ record, then release

    def record(self, leaving: Leaving = NOTHING, detail: Mapping[str, object] = MappingProxyType({})) -> Receipt:
        """Write the allow entry; only after this may the answer leave.

        The grant, its limits and approvals, and whether the records still are what was read, are looked up again in
        the very transaction that writes the entry, on the one writer thread, so a revocation is either before it
        (refused here) or waits at the gate until this answer is out.
        A crash before the commit: nothing was released. After it: an entry for an answer never delivered.
        """
        passage = self._desk.gate.enter(self.grant_id)
        try:
            settled = self._desk.storage.write(
                lambda conn: self._settle(conn, leaving, detail), urgent=self.action in URGENT
            )
        except BaseException:
            passage.abandon()
            raise
        if isinstance(settled, VaultError):  # refused, and recorded in that transaction
            passage.abandon()
            self._recorded = True
            raise settled
        self._passage = passage
        return settled

    def reserve(self) -> None:
        """Settle limits and approval now, for a request whose allow entry is written in a transaction of its own."""
        refusal = self._desk.storage.write(lambda conn: None if self.owner else self._hold(conn, NOTHING, {}))
        if refusal is not None:
            self._recorded = True
            raise refusal

    def _settle(self, conn: Connection, leaving: Leaving, detail: Mapping[str, object]) -> Receipt | VaultError:
        """Write the allow entry and return the receipt; or what holds the answer back, recorded, and return that."""
        if not self._desk.current(conn, leaving.versions):
            raise Overloaded("what was found has changed meanwhile", reason="changed_meanwhile")
        if self._token is None or self.owner:
            return self.append(conn, list(leaving.versions), detail)
        if refusal := self._hold(conn, leaving, detail):
            return refusal
        digests: list[str] = []
        said: dict[str, object] = {}
        if leaving.wordings:
            said["wording"] = digests = [wordings.digest(*one).hex() for one in leaving.wordings]
            said["shown"] = self._level.name.lower()
        receipt = self._allow(conn, list(leaving.versions), {**detail, **said})
        wordings.keep(conn, receipt.entry, leaving.wordings, digests)
        return receipt

    def _hold(self, conn: Connection, leaving: Leaving, detail: Mapping[str, object]) -> VaultError | None:
        refusal = self._ask(self._unchanged(conn)).hold(conn, leaving)
        if refusal is not None:
            asked = {"request": refusal.request} if refusal.request else {}
            self._entry(conn, "deny", refusal.reason, (), {**detail, **asked})
        return refusal

    def _ask(self, grant: Grant) -> Ask:
        assert self._token is not None
        if grant.approval is Approval.NEVER:  # nobody will ask what it was
            return Ask(grant, str(self.action), self.query, "", "", "", self.now)
        request = self._request() if callable(self._request) else self._request
        terms = asdict(request) if request else {}
        ceiling = f"{scope.to_json(self._token.where)} {int(self._token.detail)} {self._token.results}"
        return Ask(grant, str(self.action), self.query, _json(terms), _json(_canonical(terms, request)), ceiling,
                   self.now)  # fmt: skip

    def _unchanged(self, conn: Connection) -> Grant:
        """Return the grant as it is now. Raises Refused when it is over, Overloaded when it allows another thing."""
        found = self._live(conn)
        if found.version != self.grant().version:
            raise Overloaded("the grant has changed meanwhile", reason="changed_meanwhile")
        return found

    def append(self, conn: Connection, records: Sequence[str], detail: Mapping[str, object]) -> Receipt:
        """Write the allow entry inside a transaction of the caller's own."""
        if self._token is not None:
            self._unchanged(conn)
        return self._allow(conn, records, detail)

    def _allow(self, conn: Connection, records: Sequence[str], detail: Mapping[str, object]) -> Receipt:
        if self._token is not None:
            grants.touch(conn, self.grant_id, self.now)
        return self._entry(conn, "allow", "granted", records, detail)

    def deny(self, conn: Connection, reason: str, detail: Mapping[str, object]) -> None:
        """Write the deny entry inside a transaction of the caller's own, which changes something in consequence."""
        self._entry(conn, "deny", reason, (), detail)
        self._recorded = True

    def _refuse(self, error: Exception) -> None:
        """Record that `error` was the answer. If even that fails, AuditFailed takes its place."""
        reason = error.reason if isinstance(error, VaultError) else "internal"
        expired = reason in ("token_expired", "grant_expired")
        unrecorded: int | None = 0
        if self._grant is None and isinstance(error, Refused):  # whoever it is may not fill the log
            unrecorded = self._desk.meter.admit(self.now)
            self.query = self.query[:KEPT_QUERY] if self._token else ""  # nor write into it what they like
            if unrecorded is None and not expired:
                raise Throttled("too many refusals") from None

        def work(conn: Connection) -> None:
            if expired:  # seen once, it stays, whatever the clock says later
                expire(conn, self.now)
            if unrecorded is not None:
                self._entry(conn, "deny", reason, (), {"unrecorded": unrecorded} if unrecorded else {})

        try:
            self._desk.storage.write(work)
        except StorageFailed:
            raise
        except VaultError as failed:
            raise AuditFailed("the audit log cannot be written", reason=failed.reason) from None

    def _entry(
        self, conn: Connection, decision: str, reason: str, records: Sequence[str], detail: Mapping[str, object]
    ) -> Receipt:
        entry = Entry(self.now, self.client, self.grant_id, str(self.action), self._holder.via, decision, reason,
                      self.query, tuple(records), {**self.detail, **detail})  # fmt: skip
        return audit.append(conn, entry, secrets.token_bytes(32))


def named(token: str) -> frozenset[Action]:
    """Return the actions that a token names, whoever made it and whatever has become of its grant: nothing is decided.

    None for what is no token.
    """
    try:
        return frozenset(map(Action, tokens.inspect(token).actions))
    except VaultError:
        return frozenset()


def _canonical(terms: dict[str, Any], request: Any) -> dict[str, Any]:
    """Return a request's terms so that what looks the same to the owner is the same: one prompt, one answer to it."""
    same = {name: _plain(value) if isinstance(value, str) else value for name, value in terms.items()}
    if isinstance(filter := getattr(request, "filter", None), Filter):
        same["filter"] = scope.to_json(scope.narrowing(filter))
    return same


def _plain(text: str) -> str:
    return " ".join(legible(unicodedata.normalize("NFC", text)).split())


def _json(said: dict[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, default=str)


def expire(conn: Connection, now: datetime) -> None:
    """End the grants whose time is over, by their date or unused for too long, and tell the owner."""
    for ended in grants.expire(conn, now):
        kind = "expired" if now >= ended.expires else "idle"
        notices.put(conn, now, kind, ended.client, ended.id, {})
