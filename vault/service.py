"""The vault itself: the one place where store, permissions and embed meet.

Every method takes the holder first. The way of each request is the same:
verify the token, reduce it to a scope, find, gate each record once more, record, release.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vault import limits, release
from vault.config import CONFIG_FILE, Config
from vault.decision import Decision, Desk
from vault.errors import BadRequest, NotFound, StorageFailed, TooLarge, VaultExists
from vault.founding import Clock, Unlocked, found, now, unlock
from vault.library import Library
from vault.permissions import audit, fsck, grants, scope, tokens
from vault.permissions.checkpoint import Signer, origin
from vault.store import keys, keyslots, lock, records
from vault.types import (
    GRANTABLE,
    Action,
    AddAnswer,
    AddRequest,
    Answer,
    AuditPage,
    AuditRequest,
    Connection,
    CountAnswer,
    CountRequest,
    Draft,
    Exposure,
    Filter,
    Grant,
    Granted,
    GrantRequest,
    GrantView,
    Holder,
    Names,
    Outcome,
    OwnerToken,
    Provenance,
    ReadAnswer,
    ReadRequest,
    Receipt,
    SearchRequest,
    Status,
    TreeReport,
    VaultStatus,
)

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder

OWNER_TOKEN_LIFE = timedelta(hours=1)
LOCK_WAIT_S = 5.0
"""Seconds to wait for another command to finish with the vault."""


class Vault:
    """An unlocked vault. Thread-safe; one process at a time owns it (`Busy` otherwise)."""

    def __init__(self, config: Config, unlocked: Unlocked, encoder: Encoder | None, clock: Clock) -> None:
        self._directory, self._ownership, self._db = config.directory, unlocked.ownership, unlocked.db
        self._slots, self._clock = unlocked.slots, clock
        self._root = tokens.Root.from_seed(keys.derive(unlocked.dek, "ownvault/v1/token-root"), kid=1)
        log_seed = keys.derive(unlocked.dek, "ownvault/v1/log-signing")
        self._signer = Signer.from_seed(log_seed, origin(unlocked.slots.vault_id))
        hash_key = keys.derive(unlocked.dek, "ownvault/v1/content-hash")
        self._library = Library(self._db, hash_key, config.model, config.device, encoder)
        self.audience = tokens.audience(unlocked.slots.vault_id)
        verifier = tokens.Verifier(self._root.keys, self.audience)
        self._desk = Desk(self._db, verifier, self.audience, clock, self._library.collections, records.current)

    # ------------------------------------------------------------ life

    @staticmethod
    def create(config: Config, passphrase: bytearray, *, clock: Clock = now) -> str:
        """Make a new vault in `config.directory` and return its recovery key, which is shown once.

        The vault appears at its place complete or not at all. `passphrase` is wiped.
        Raises VaultExists when anything but a `config.toml` is there, StorageFailed.
        """
        place = config.directory
        if place.is_symlink() or (place.exists() and any(entry.name != CONFIG_FILE for entry in place.iterdir())):
            raise VaultExists(f"{place} is not empty", hint="choose another directory with --vault DIR")
        try:
            return found(config, passphrase, clock)
        except OSError as error:
            raise StorageFailed(f"cannot create {place}: {error.strerror}") from None
        finally:
            keys.wipe(passphrase)

    @classmethod
    def open(
        cls, config: Config, secret: bytearray, *, ownership: lock.Ownership | None = None,
        encoder: Encoder | None = None, clock: Clock = now,
    ) -> Vault:  # fmt: skip
        """Unlock the vault with a passphrase or its recovery key; `secret` is wiped.

        Raises NoVault, WrongPassphrase, Busy, Damaged, RolledBack. Index and encoder load at first use.
        """
        try:
            slots = keyslots.Keyslots.load(config.directory)
            held = ownership or lock.Ownership.acquire(config.directory, wait_s=LOCK_WAIT_S)
            try:
                dek = slots.unlock(secret)
                try:
                    return cls(config, unlock(config.directory, slots, dek, held), encoder, clock)
                finally:
                    keys.wipe(dek)
            except BaseException:
                held.release()
                raise
        finally:
            keys.wipe(secret)

    def close(self) -> None:
        """Finish what is being written and give the vault up."""
        self._library.close()
        self._db.close()
        self._ownership.release()

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Load index and encoder now instead of at the first question."""
        self._library.warm()

    @property
    def readiness(self) -> str:
        """`idle`, `loading`, `ready` or `failed: ...`."""
        return self._library.readiness

    def owner_token(self, via: str = "local") -> OwnerToken:
        """Mint the owner's capability, on the record, for a caller who has just proved the passphrase here."""
        with self._decide(Holder("", via), "unlock") as decision:
            decision.client = decision.grant_id = grants.OWNER
            decision.record()
            return self._owner_token()

    def _owner_token(self) -> OwnerToken:
        now = self._clock()
        expires = now + OWNER_TOKEN_LIFE
        with self._db.read() as conn:
            return OwnerToken(tokens.mint(self._root, grants.get(conn, "owner"), self.audience, expires, now), expires)

    def prove_owner(self, secret: bytearray, via: str = "local") -> OwnerToken:
        """Check the passphrase again and mint the owner's capability; `secret` is wiped. Both outcomes are recorded."""
        with self._decide(Holder("", via), "unlock") as decision:
            try:
                keys.wipe(self._slots.unlock(secret))
            finally:
                keys.wipe(secret)
            decision.client = decision.grant_id = "owner"
            decision.record()
            return self._owner_token()

    def permit_lock(self, holder: Holder) -> None:
        """Record that the owner locks the vault: whoever may revoke may end every answer at once.

        The caller then ends the process, for only with it is the key gone. Raises Refused, NotAllowed.
        """
        with self._decide(holder, "lock") as decision:
            decision.whole(Action.REVOKE)
            decision.record()

    def public_keys(self) -> dict[str, object]:
        """Return what anybody may have: the keys that verify tokens and checkpoints."""
        live = [{"kid": kid, "public_key": str(key)} for kid, key in self._root.keys.items()]
        return {"audience": self.audience, "token_keys": live, "log": str(self._signer.verifier)}

    def _decide(self, holder: Holder, action: Action | str, query: str = "") -> Decision:
        return Decision(self._desk, holder, action, query)

    # ------------------------------------------------------------ asking

    def admit(self, holder: Holder, action: str) -> None:
        """Raise Refused, on the record, unless the token is good: asked before the rest of a request is looked at."""
        with self._decide(holder, action) as decision:
            decision.grant()

    def actions(self, holder: Holder) -> frozenset[Action]:
        """Return what this token may do now; Refused when it is no good."""
        with self._decide(holder, "actions") as decision:
            return decision.actions()

    def search(self, holder: Holder, request: SearchRequest) -> Answer:
        """Return the records that answer the query best, seen through the token's scope."""
        with self._decide(holder, Action.SEARCH, request.query) as decision:
            allowed = decision.scope(request.filter)  # 1. verify the token, reduce it to a scope
            _check(request)
            ranked = self._library.rank(allowed.where, request.query, request.limit)  # 2. mask rows, 3. rank those
            stored = self._library.records([hit.record for hit in ranked])
            admitted = [
                (hit, stored[hit.record])
                for hit in ranked
                if hit.record in stored and decision.admits(stored[hit.record])  # 4. gate each record once more
            ]
            hits = tuple(release.hit(record, hit.start, hit.end, hit.score) for hit, record in admitted)
            receipt = decision.record(
                {record.id: record.version for _, record in admitted}
            )  # 5. record: from here on it may be released
            return Answer(hits, receipt)  # 6. release

    def read(self, holder: Holder, request: ReadRequest) -> ReadAnswer:
        """Return one record whole. Absent and out of scope are the same NotFound."""
        with self._decide(holder, Action.READ) as decision:
            record = self._library.record(request.id)
            allowed = decision.scope(Filter(), [record.collection] if record else [])
            if record is None or not decision.admits(record) or not scope.admits(allowed.where, record, decision.now):
                raise NotFound("no such record", reason="absent" if record is None else "out_of_scope")
            return ReadAnswer(release.whole(record), decision.record({record.id: record.version}))

    def count(self, holder: Holder, request: CountRequest) -> CountAnswer:
        """Return how many records in the token's scope meet the filter."""
        with self._decide(holder, Action.COUNT) as decision:
            number = self._library.count(decision.scope(request.filter).where)
            return CountAnswer(number, decision.record(detail={"count": number}))

    # ------------------------------------------------------------ putting in and taking out

    def add(self, holder: Holder, request: AddRequest) -> AddAnswer:
        """Take drafts in. Durable and searchable when it returns; the same drafts again change nothing.

        The owner imports under any source. A client adds under its own name, as a third party,
        and can touch nothing that it did not add itself.
        """
        with self._decide(holder, Action.ADD) as decision:
            owner = Action.IMPORT in decision.grant().actions
            decision.action = Action.IMPORT if owner else Action.ADD
            if len(request.drafts) > limits.DRAFTS:
                raise TooLarge(f"at most {limits.DRAFTS} drafts in one request")
            collection = scope.name(request.collection)
            if collection not in decision.scope(Filter(), [collection]).where.collections:
                raise NotFound(f"no collection {collection!r}", reason="out_of_scope")
            # A client's records are its own within one collection: narrowed to another, it cannot reach them.
            source = scope.name(request.source or "owner") if owner else f"client:{decision.client}:{collection}"
            drafts = request.drafts if owner else tuple(map(_from_client, request.drafts))

            def record(conn: Connection, outcomes: Sequence[Outcome]) -> Receipt:
                kept = [o.id for o in outcomes if o.outcome in ("added", "changed")]
                return decision.append(conn, kept, {"collection": collection, "source": source, **_tally(outcomes)})

            return self._library.take_in(drafts, collection, source, decision.now, record)

    def origins(self, holder: Holder, source: str) -> tuple[str, ...]:
        """Return the origins known of a source, so that an importer can tell what has vanished."""
        with self._decide(holder, Action.IMPORT) as decision:
            decision.whole()
            name = scope.name(source)
            with self._db.read() as conn:
                known = tuple(sorted(records.origins(conn, name)))
            decision.record(detail={"source": name, "origins": len(known)})
            return known

    def forget(self, holder: Holder, id: str) -> Receipt:
        """Remove a record, its chunks and vectors. When this returns no answer can hold it."""
        with self._decide(holder, Action.FORGET) as decision:
            decision.whole()
            receipt = self._library.forget(id, lambda conn: decision.append(conn, [id], {}))
            self._desk.gate.drain()
            return receipt

    # ------------------------------------------------------------ granting

    def grant(self, holder: Holder, request: GrantRequest) -> Granted:
        """Decide what a client may do, and mint its token, which is shown this once."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            made = self._wanted(decision, request)
            sees = self._exposure(made, decision)
            token = tokens.mint(self._root, made, self.audience, made.expires, decision.now)

            def work(conn: Connection) -> None:
                grants.create(conn, made)
                said = {"grant": made.id, "client": made.client, "scope": scope.in_words(made.where)}
                decision.append(conn, [], said)

            self._db.write(work)
            return Granted(grants.view(made, decision.now), token, sees)

    def preview(self, holder: Holder, request: GrantRequest) -> Exposure:
        """Return what a grant would show now, without making it."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            sees = self._exposure(self._wanted(decision, request), decision)
            decision.record(detail={"preview": True})
            return sees

    def grants(self, holder: Holder) -> tuple[GrantView, ...]:
        """Return every grant the owner ever made, newest first."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                made = tuple(grants.view(grant, decision.now) for grant in grants.all(conn))
            decision.record(detail={"grants": len(made)})
            return made

    def revoke(self, holder: Holder, id: str) -> GrantView:
        """End a grant and all tokens under it. When this returns, none of them is answered any more."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()

            def work(conn: Connection) -> Grant:
                revoked = grants.set_status(conn, id, Status.REVOKED)
                decision.append(conn, [], {"grant": id, "client": revoked.client})
                return revoked

            revoked = self._db.write(work, urgent=True)
            self._desk.gate.drain()
            return grants.view(revoked, decision.now)

    def _wanted(self, decision: Decision, request: GrantRequest) -> Grant:
        """Return the grant that is asked for; BadRequest when it grants nothing or too much."""
        if not request.actions or not set(request.actions) <= GRANTABLE:
            raise BadRequest(f"a grant needs actions out of: {', '.join(sorted(GRANTABLE))}")
        life = timedelta(seconds=min(request.expires_in, 10**9))
        if not timedelta(0) < life <= grants.LONGEST:
            raise BadRequest(f"a grant lasts at least a second and at most {limits.GRANT_DAYS} days")
        where = scope.from_filter(request.filter, all=request.all)
        if Action.ADD not in request.actions and (unknown := where.collections.only - self._library.collections()):
            raise NotFound(f"no collection {min(unknown)!r}", hint="see: ownvault collections")
        return Grant(
            f"g{secrets.token_hex(8)}", scope.name(request.client), request.purpose, frozenset(request.actions), where,
            Status.ACTIVE, decision.now, decision.now + life, None,
        )  # fmt: skip

    def _exposure(self, grant: Grant, decision: Decision) -> Exposure:
        where = scope.resolve(grant.where, decision.now)
        names = sorted(name for name in self._library.collections() if name in where.collections)
        counts = {name: self._library.count(where.narrow(collections=Names.of(name))) for name in names}
        return Exposure(sum(counts.values()), {name: number for name, number in counts.items() if number})

    # ------------------------------------------------------------ looking back

    def audit(self, holder: Holder, request: AuditRequest) -> AuditPage:
        """Return a page of the audit log, newest first."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                page = audit.page(conn, request)
            decision.record()
            return page

    def verify(self, holder: Holder) -> TreeReport:
        """Recompute the whole audit tree, compare it with the sealed head, and sign a checkpoint of it."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            decision.record()
            while True:
                sealed = self._db.head
                with self._db.read() as conn:
                    report = fsck.verify(conn, sealed.audit_head, self._signer)
                if report.ok or sealed == self._db.head:  # else an entry came in between: look again
                    return report

    def prove(self, holder: Holder, number: int) -> str:
        """Return a C2SP tlog-proof of one audit entry, which anybody can check with the public keys."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            decision.record(detail={"proof": number})
            with self._db.read() as conn:
                return audit.prove(conn, number, self._signer)

    def status(self, holder: Holder) -> VaultStatus:
        """Return how the vault is, in numbers. Reveals no content and is not recorded."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                live = [g for g in grants.all(conn) if grants.live(g, decision.now) is Status.ACTIVE]
                kept = records.collections(conn)
                return VaultStatus(
                    "unlocked", str(self._directory), records=sum(view.records for view in kept),
                    chunks=records.chunk_count(conn), collections=tuple(kept), encoder=self._library.model,
                    device=self._library.device, grants=len(live), audit_entries=audit.size(conn),
                )  # fmt: skip


def _check(request: SearchRequest) -> None:
    if not request.query.strip():
        raise BadRequest("the query is empty", hint="ask something")
    if len(request.query) > limits.QUERY:
        raise TooLarge(f"a query has at most {limits.QUERY} characters")
    if not 1 <= request.limit <= limits.HITS:
        raise BadRequest(f"the limit is a number from 1 to {limits.HITS}")


def _from_client(draft: Draft) -> Draft:
    return replace(draft, provenance=Provenance.THIRD_PARTY)


def _tally(outcomes: Iterable[Outcome]) -> dict[str, object]:
    return dict(Counter(outcome.outcome for outcome in outcomes))
