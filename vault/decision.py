"""One request's way from a token to a recorded answer or a recorded refusal.

A `Decision` is entered for every request. It turns the token into a `Scope`, gates records, and
writes the audit entry. Whatever error ends it is recorded as a refusal before it is raised on.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Condition, Lock
from types import MappingProxyType, TracebackType
from typing import Protocol, TypeVar

from vault.errors import AuditFailed, NotAllowed, NotFound, Overloaded, Refused, StorageFailed, Throttled, VaultError
from vault.permissions import audit, grants, scope, tokens
from vault.types import (
    Action,
    Conditions,
    Connection,
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
REFUSALS_PER_MINUTE = 600
"""Refusals without a valid token that get an audit entry of their own; more are counted in the next one."""
KEPT_QUERY = 300
"""Characters of a query that are kept when its grant is dead."""
DRAIN_SECONDS = 5.0


class Gate:
    """Counts answers between their audit entry and their release, so that a revocation can wait for them."""

    def __init__(self) -> None:
        self._leaving = 0
        self._changed = Condition()

    def enter(self) -> None:
        with self._changed:
            self._leaving += 1

    def leave(self) -> None:
        with self._changed:
            self._leaving -= 1
            self._changed.notify_all()

    def drain(self) -> None:
        """Return when no answer recorded before this call is still on its way out (or after 5 seconds)."""
        with self._changed:
            self._changed.wait_for(lambda: self._leaving == 0, DRAIN_SECONDS)


class Meter:
    """Bounds what a stranger's refusals cost: so many entries a minute, the rest only counted."""

    def __init__(self, per_minute: int = REFUSALS_PER_MINUTE) -> None:
        self._per_minute, self._lock = per_minute, Lock()
        self._minute, self._used, self._over = 0, 0, Counter[str]()

    def admit(self, now: datetime) -> int | None:
        """Return how many went unrecorded since the last entry, or None when this one does too."""
        with self._lock:
            minute = int(now.timestamp()) // 60
            if minute != self._minute:
                self._minute, self._used = minute, 0
            self._used += 1
            if self._used > self._per_minute:
                self._over["n"] += 1
                return None
            return self._over.pop("n", 0)


class Storage(Protocol):
    """The part of the database that decisions use (store.database.Database)."""

    def read(self) -> AbstractContextManager[Connection]: ...
    def write(self, work: Callable[[Connection], T], /, *, urgent: bool = False) -> T: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What every decision of one vault shares."""

    storage: Storage
    verify: tokens.Verifier
    audience: str
    clock: Callable[[], datetime]
    collections: Callable[[Conditions], frozenset[str]]
    """The collections that hold a record within some conditions."""
    current: Callable[[Connection, Mapping[str, int]], bool]
    """Whether these records (id to version) are all still stored so."""
    gate: Gate = field(default_factory=Gate)
    meter: Meter = field(default_factory=Meter)


class Decision:
    """Use as a context manager. Raises Refused, NotAllowed, NotFound; AuditFailed when nothing can be written."""

    def __init__(self, desk: Desk, holder: Holder, action: Action | str, query: str = "") -> None:
        self._desk, self._holder, self.query = desk, holder, query
        self.action: Action | str = action
        self.now = desk.clock()
        self.client = self.grant_id = ""
        self.detail: dict[str, object] = {}
        self._grant: Grant | None = None
        self._token: tokens.Verified | None = None
        self._leaving = False

    def __enter__(self) -> Decision:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._leaving:
            self._desk.gate.leave()
        elif isinstance(error, Exception):
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

    def actions(self) -> frozenset[Action]:
        """Return what grant and token together allow, somewhere."""
        grant = self.grant()
        assert self._token is not None
        return grant.actions & tokens.actions(self._token, self.now, self._desk.audience)

    def scope(self, narrowing: Filter, collections: Sequence[str] | None = None) -> Scope:
        """Return grant row ∩ token ∩ every attenuation ∩ this request.

        `collections` are the ones that matter to the request; without it, those that hold a record within the grant.
        Raises NotAllowed for an action that is not granted, BadRequest for a filter that is none, and NotFound for a
        collection named but not in scope: whether it exists outside cannot be told.
        """
        action, grant, token = self._granted()
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
        where = granted & scope.resolve(wanted, self.now)
        return Scope(grant.id, grant.client, frozenset({action}), where.narrow(collections=Names(allowed)))

    def whole(self, right: Action | None = None) -> Grant:
        """Return the grant if the token allows this action on the vault as a whole, as the owner's does.

        `right` is what must be granted for an action that has no right of its own.
        """
        action, grant, token = self._granted(right)
        if not tokens.authorize(token, action, {tokens.EVERY_COLLECTION}, self.now, self._desk.audience):
            raise NotAllowed(f"this token does not allow {self.action}", reason="token_narrower")
        return grant

    def admits(self, record: Record) -> bool:
        """Gate one record against grant and token: the second evaluation, independent of the row mask."""
        action, grant, token = self._granted()
        return scope.admits(grant.where, record, self.now) and tokens.gate(token, record, action, self.now)

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
        return found

    # ------------------------------------------------------------ record, then release

    def record(
        self, records: Mapping[str, int] = MappingProxyType({}), detail: Mapping[str, object] | None = None
    ) -> Receipt:
        """Write the allow entry; only after this may the answer leave. `records` are released: id to version.

        The grant, and whether the records still are what was read, is looked up again in the very transaction that
        writes the entry, on the one writer thread, so a revocation is either before it (refused here) or waits at
        the gate for this answer to be out.
        A crash before the commit: nothing was released. After it: an entry for an answer never delivered.
        """
        self._desk.gate.enter()
        self._leaving = True
        try:
            said = detail or {}
            receipt = self._desk.storage.write(
                lambda conn: self._allow(conn, records, said), urgent=self.action in URGENT
            )
        except BaseException:
            self._leaving = False
            self._desk.gate.leave()
            raise
        return receipt

    def _allow(self, conn: Connection, records: Mapping[str, int], detail: Mapping[str, object]) -> Receipt:
        if not self._desk.current(conn, records):
            raise Overloaded("what was found has changed meanwhile", reason="changed_meanwhile")
        return self.append(conn, list(records), detail)

    def append(self, conn: Connection, records: Sequence[str], detail: Mapping[str, object]) -> Receipt:
        """Write the allow entry inside a transaction of the caller's own."""
        if self._token is not None:
            self._live(conn)
            grants.touch(conn, self.grant_id, self.now)
        return self._entry(conn, "allow", "granted", records, detail)

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
                grants.expire(conn, self.now)
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
