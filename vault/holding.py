"""What stands between an answer that is ready and its release: the grant's limits and the owner's approval."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault import limits
from vault.errors import ApprovalRequired, Denied, LimitReached, Overloaded, Throttled, VaultError
from vault.permissions import approvals, budgets, grants, notices, scope
from vault.types import EVERYTHING, Approval, Asked, Conditions, Connection, Grant, Record, Request, Verdict

ALWAYS = (Approval.FIRST, Approval.EACH)
"""Modes in which also an answer without records waits."""
SWEEP_PAUSE = timedelta(days=1)
"""Between two notices that a client is sweeping."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What an answer takes out of the vault: records, each in its wording (id, title, text).

    `counted` are the ids of records that a number tells of without their text.
    """

    records: Sequence[Record] = ()
    wordings: Sequence[tuple[str, str, str]] = ()
    counted: Sequence[str] = ()

    @property
    def versions(self) -> dict[str, int]:
        return {record.id: record.version for record in self.records}

    @property
    def shown(self) -> tuple[str, ...]:
        """The records as an approval names them: id and version, so that it covers no words that came later."""
        return tuple(f"{id}:{version}" for id, version in self.versions.items())

    @property
    def charged(self) -> list[str]:
        return [*(record.id for record in self.records), *self.counted]

    @property
    def size(self) -> int:
        """Bytes of text."""
        return sum(len(title.encode()) + len(text.encode()) for _, title, text in self.wordings)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request under one grant: `terms` as the owner is shown it. Equal ones (`same`, and `ceiling`, what the token
    leaves) are one question to the owner. Its methods run inside a transaction and write there what they decide."""

    grant: Grant
    action: str
    query: str
    terms: str
    same: str
    ceiling: str
    now: datetime

    @property
    def asks(self) -> bool:
        """Whether the owner is ever asked."""
        return self.grant.approval is not Approval.NEVER

    @property
    def key(self) -> str:
        return approvals.key(self.grant.id, self.action, self.same, self.ceiling)

    def approved(self, conn: Connection) -> Conditions:
        """Return what an approval of this very request, if it has one, leaves of the scope."""
        found = approvals.find(conn, self.grant.id, self.key, self.now) if self.asks else None
        narrower = found is not None and found.verdict is Verdict.APPROVED and found.scope
        return scope.from_json(narrower) if narrower else EVERYTHING

    def hold(self, conn: Connection, leaving: Leaving) -> VaultError | None:
        """Use up what the answer costs, its share of the limits and its approval, and return None; or return what
        holds it back: LimitReached, ApprovalRequired or Denied, told to the owner."""
        if limit := budgets.exceeded(conn, self.grant, self.now, leaving.charged, leaving.size):
            grants.pause(conn, self.grant.id, limit)
            self._tell(conn, "limit", limit=limit)
            return LimitReached("a limit of the grant is reached", reason=f"limit_{limit}")
        if self.asks and (refusal := self._refusal(conn, leaving)):
            budgets.charge(conn, self.grant.client, self.now, (), 0)  # it was asked all the same
            return refusal
        budgets.charge(conn, self.grant.client, self.now, leaving.charged, leaving.size)
        self._watch(conn, leaving)
        return None

    def _refusal(self, conn: Connection, leaving: Leaving) -> VaultError | None:
        try:
            return self._approval(conn, leaving)
        except Throttled as error:  # the owner is asked too much
            return error

    def _approval(self, conn: Connection, leaving: Leaving) -> VaultError | None:
        """Return None when the owner has approved; an approval for once is used up by that, in this transaction."""
        if self.stands(conn, leaving.records):
            return None
        found = approvals.find(conn, self.grant.id, self.key, self.now)
        if found and found.verdict is Verdict.DENIED:
            return Denied("the owner said no", reason="owner_denied")
        if found and found.verdict is Verdict.APPROVED and set(leaving.shown) <= set(found.records):
            narrower = scope.from_json(found.scope) if found.scope else EVERYTHING
            if not all(scope.admits(narrower, record, self.now) for record in leaving.records):
                raise Overloaded("the approval came in between", reason="changed_meanwhile")
            if approvals.use(conn, found.id, self.now):
                return None
        pending = self._pending(conn, leaving)
        return ApprovalRequired("this waits for the owner's approval", request=pending.id)

    def stands(self, conn: Connection, records: Sequence[Record]) -> bool:
        """Say whether nothing of this needs an approval that does not stand already. An answer without records, a
        number or an addition, is not covered by an approval for some records only."""
        standing = approvals.standing(conn, self.grant.id, self.action, self.now)
        if not records:
            return EVERYTHING in standing or self.grant.approval not in ALWAYS
        return all(
            not approvals.needs(self.grant, record) or any(scope.admits(where, record, self.now) for where in standing)
            for record in records
        )

    def _pending(self, conn: Connection, leaving: Leaving) -> Request:
        """Return the request that the owner is asked, the one that waits already if there is an equal one."""
        wanted = Request(
            f"q{secrets.token_hex(8)}", Asked.ANSWER, self.grant.id, self.grant.client, self.key, self.action,
            self.query, self.grant.purpose, self.terms, leaving.shown, self.now,
            self.now + timedelta(seconds=limits.PENDING_SECONDS), Verdict.PENDING,
        )  # fmt: skip
        pending = approvals.ask(conn, wanted)
        if pending.id == wanted.id:
            self._tell(conn, "approval", request=wanted.id)
        return pending

    def _watch(self, conn: Connection, leaving: Leaving) -> None:
        """Tell the owner, at most once a day, of a client that goes through the vault record by record."""
        swept = budgets.sweeps(conn, self.grant.client, self.now) if leaving.charged else None
        if swept and not notices.lately(conn, "sweep", self.grant.client, self.now - SWEEP_PAUSE):
            self._tell(conn, "sweep", **swept)

    def _tell(self, conn: Connection, kind: str, **detail: object) -> None:
        notices.put(conn, self.now, kind, self.grant.client, self.grant.id, detail)
