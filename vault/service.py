"""The vault itself: the one place where store, permissions and embed meet.

Every method takes the holder first. The way of each request is the same:
verify the token, reduce it to a scope, find, gate each record once more, record, release.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vault.config import Config
from vault.decision import Decision, Desk
from vault.errors import BadRequest, NotFound, VaultError, VaultExists
from vault.library import Library
from vault.permissions import audit, grants, scope, tokens
from vault.permissions.checkpoint import Signer
from vault.store import database, keys, keyslots, lock, records
from vault.types import (
    EVERYTHING,
    GRANTABLE,
    Action,
    AddAnswer,
    AddRequest,
    Answer,
    AuditPage,
    AuditRequest,
    CountAnswer,
    CountRequest,
    Draft,
    Entry,
    Exposure,
    Filter,
    Grant,
    Granted,
    GrantRequest,
    GrantView,
    Hit,
    Holder,
    Outcome,
    OwnerToken,
    Provenance,
    ReadAnswer,
    ReadRequest,
    Receipt,
    Record,
    RecordView,
    SearchRequest,
    Status,
    TreeReport,
    VaultStatus,
)

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder

MAX_GRANT = timedelta(days=365)
OWNER_TOKEN_LIFE = timedelta(hours=1)


def _now() -> datetime:
    return datetime.now(UTC)


class Vault:
    """An unlocked vault. Thread-safe; one process at a time owns it (`Busy` otherwise)."""

    def __init__(self, config: Config, ownership: lock.Ownership, db: database.Database, dek: bytearray,
                 slots: keyslots.Keyslots, encoder: Encoder | None, clock: Callable[[], datetime]) -> None:  # fmt: skip
        self._config, self._ownership, self._db, self._slots, self._clock = config, ownership, db, slots, clock
        self._root = tokens.Root.from_seed(bytes(keys.derive(dek, "ownvault/v1/token-root")), kid=1)
        self._signer = Signer.from_seed(f"ownvault.invalid/{slots.vault_id}", bytes(keys.derive(dek, "ownvault/v1/log-signing")))
        self._library = Library(db, keys.derive(dek, "ownvault/v1/content-hash"), config.model, config.device, encoder)
        self._desk = Desk(db, {self._root.kid: self._root.public}, f"ownvault:{slots.vault_id}", clock, self._library.collections)

    # ------------------------------------------------------------ life

    @staticmethod
    def create(config: Config, passphrase: bytearray, *, clock: Callable[[], datetime] = _now) -> str:
        """Make a new vault in `config.directory` and return its recovery key, which is shown once.

        The vault appears at its place complete or not at all. Raises VaultExists when anything is there.
        """
        place = config.directory
        if place.exists() and any(place.iterdir()):
            raise VaultExists(f"{place} is not empty", hint="choose another directory with --vault DIR")
        place.parent.mkdir(parents=True, exist_ok=True)
        making = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
        making.mkdir(mode=0o700)
        slots, dek, recovery = keyslots.create(making, passphrase, config.argon2_memory)
        try:
            key = keys.derive(dek, "ownvault/v1/database")
            database.Database.create(making, key, slots.vault_id, clock())
            with Vault._opened(replace(config, directory=making), slots, dek, lock.Ownership.acquire(making, 0), None, clock) as vault:
                vault._db.write(vault._found)
        finally:
            keys.wipe(dek)
        if place.exists():
            place.rmdir()
        making.rename(place)
        return recovery

    @classmethod
    def open(cls, config: Config, secret: bytearray, *, ownership: lock.Ownership | None = None,
             encoder: Encoder | None = None, clock: Callable[[], datetime] = _now) -> Vault:  # fmt: skip
        """Unlock the vault with a passphrase or its recovery key; `secret` is wiped.

        Raises NoVault, WrongPassphrase, Busy, Damaged, RolledBack. Index and encoder load at first use.
        """
        slots = keyslots.Keyslots.load(config.directory)
        try:
            dek = slots.unlock(secret)
        finally:
            keys.wipe(secret)
        try:
            ownership = ownership or lock.Ownership.acquire(config.directory, wait_s=5)
            return cls._opened(config, slots, dek, ownership, encoder, clock)
        finally:
            keys.wipe(dek)

    @classmethod
    def _opened(cls, config: Config, slots: keyslots.Keyslots, dek: bytearray, ownership: lock.Ownership,
                encoder: Encoder | None, clock: Callable[[], datetime]) -> Vault:  # fmt: skip
        key, head_key = keys.derive(dek, "ownvault/v1/database"), keys.derive(dek, "ownvault/v1/head")
        try:
            db = database.Database.open(config.directory, key, slots.vault_id, head_key)
        except VaultError:
            ownership.release()
            raise
        return cls(config, ownership, db, dek, slots, encoder, clock)

    def _found(self, conn: object) -> None:
        """Write what every vault begins with: the owner's grant and the first audit entry."""
        now = self._clock()
        everything = Grant(id="owner", client="owner", purpose="the owner", actions=frozenset(Action), where=EVERYTHING,
                           status=Status.ACTIVE, created=now, expires=datetime(9999, 1, 1, tzinfo=UTC), last_used=None)  # fmt: skip
        grants.create(conn, everything)
        audit.append(conn, Entry(now, "owner", "owner", "init", "local", "allow", "created"), secrets.token_bytes(32))

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
        return self._library.readiness

    def owner_token(self) -> OwnerToken:
        """Mint the owner's capability for a caller who has just proved the passphrase in this process."""
        now = self._clock()
        with self._db.read() as conn:
            owner = grants.get(conn, "owner")
        assert owner is not None
        return OwnerToken(tokens.mint(self._root, owner, self._desk.audience, now + OWNER_TOKEN_LIFE), now + OWNER_TOKEN_LIFE)

    def prove_owner(self, secret: bytearray, via: str = "local") -> OwnerToken:
        """Check the passphrase again and mint the owner's capability; `secret` is wiped. Both outcomes are recorded."""
        with self._decide(Holder("", via), "unlock") as decision:
            try:
                keys.wipe(self._slots.unlock(secret))
            finally:
                keys.wipe(secret)
            decision.client = decision.grant_id = "owner"
            decision.record()
            return self.owner_token()

    def public_keys(self) -> dict[str, object]:
        """Return what anybody may have: the keys that verify tokens and checkpoints."""
        return {
            "vault": self._desk.audience,
            "token_keys": [{"kid": self._root.kid, "algorithm": "Ed25519", "public_key": self._root.public}],
            "log": self._signer.verifier,
        }

    def _decide(self, holder: Holder, action: Action | str, query: str = "") -> Decision:
        return Decision(self._desk, holder, action, query)

    # ------------------------------------------------------------ asking

    def actions(self, holder: Holder) -> frozenset[Action]:
        """Return what this token may do now; Refused when it is no good."""
        return self._decide(holder, "actions").grant().actions

    def search(self, holder: Holder, request: SearchRequest) -> Answer:
        """Return the records that answer the query best, seen through the token's scope."""
        with self._decide(holder, Action.SEARCH, request.query) as decision:
            allowed = decision.scope(request.filter)                                      # 1. verify the token, reduce it to a scope
            ranked = self._library.rank(allowed.where, request.query, request.limit)      # 2. mask the rows, 3. rank only those
            found = self._library.records([hit.record for hit in ranked])
            admitted = [(hit, found[hit.record]) for hit in ranked                        # 4. gate each record once more
                        if hit.record in found and decision.admits(found[hit.record])]  # fmt: skip
            hits = tuple(_hit(record, hit.start, hit.end, hit.score) for hit, record in admitted)
            receipt = decision.record([hit.id for hit in hits])                           # 5. record: from here it may be released
            return Answer(hits, receipt)                                                  # 6. release

    def read(self, holder: Holder, request: ReadRequest) -> ReadAnswer:
        """Return one record whole. Absent and out of scope are the same NotFound."""
        with self._decide(holder, Action.READ) as decision:
            record = self._library.record(request.id)
            allowed = decision.scope(Filter(), collections=[record.collection] if record else [])
            if record is None or not scope.admits(allowed.where, record, decision.now) or not decision.admits(record):
                raise NotFound("no such record", reason="absent" if record is None else "out_of_scope")
            return ReadAnswer(_view(record), decision.record([record.id]))

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
            collection = scope.name(request.collection)
            if collection not in decision.scope(Filter(), collections=[collection]).where.collections:
                raise NotFound(f"no collection {collection!r}", reason="out_of_scope")
            source = scope.name(request.source or "owner") if owner else f"client:{decision.client}"
            drafts = request.drafts if owner else tuple(_from_client(draft) for draft in request.drafts)

            def record(conn: object, outcomes: Sequence[Outcome]) -> Receipt:
                kept = [o.id for o in outcomes if o.outcome in ("added", "changed")]
                return decision.append(conn, kept, {"collection": collection, "source": source} | _tally(outcomes))

            outcomes, receipt = self._library.take_in(drafts, collection, source, decision.now, record)
            return AddAnswer(outcomes, receipt)

    def origins(self, holder: Holder, source: str) -> tuple[str, ...]:
        """Return the origins known of a source, so that an importer can tell what has vanished."""
        with self._decide(holder, Action.IMPORT) as decision:
            decision.whole()
            with self._db.read() as conn:
                return tuple(sorted(records.origins(conn, source)))

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
            made = self._grant(request, decision.now)
            sees = self._exposure(made, decision.now)
            token = tokens.mint(self._root, made, self._desk.audience, made.expires)

            def work(conn: object) -> None:
                grants.create(conn, made)
                decision.append(conn, [], {"grant": made.id, "client": made.client, "scope": scope.in_words(made.where)})

            self._db.write(work)
            return Granted(_grant_view(made, decision.now), token, sees)

    def preview(self, holder: Holder, request: GrantRequest) -> Exposure:
        """Return what a grant would show now, without making it."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            decision.detail = {"preview": True}
            sees = self._exposure(self._grant(request, decision.now), decision.now)
            decision.record()
            return sees

    def grants(self, holder: Holder) -> tuple[GrantView, ...]:
        """Return every grant the owner ever made, newest first."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                made = [g for g in grants.all(conn) if g.id != "owner"]
            return tuple(_grant_view(g, decision.now) for g in sorted(made, key=lambda g: g.created, reverse=True))

    def revoke(self, holder: Holder, id: str) -> GrantView:
        """End a grant and all tokens under it. When this returns, none of them is answered any more."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()

            def work(conn: object) -> Grant:
                found = grants.get(conn, id)
                if found is None or id == "owner":
                    raise NotFound(f"no grant {id!r}", hint="see: ownvault grants")
                grants.set_status(conn, id, Status.REVOKED)
                decision.append(conn, [], {"grant": id, "client": found.client})
                return replace(found, status=Status.REVOKED)

            revoked = self._db.write(work)
            self._desk.gate.drain()
            return _grant_view(revoked, decision.now)

    def _grant(self, request: GrantRequest, now: datetime) -> Grant:
        if not request.actions or not set(request.actions) <= GRANTABLE:
            raise BadRequest("a grant needs actions out of: " + ", ".join(sorted(GRANTABLE)))
        life = timedelta(seconds=request.expires_in)
        if not timedelta(0) < life <= MAX_GRANT:
            raise BadRequest("a grant lasts at least a second and at most 365 days")
        where = scope.from_filter(request.filter, all=request.all)
        unknown = where.collections.only - self._library.collections() if set(request.actions) != {Action.ADD} else set()
        if unknown:
            raise NotFound(f"no collection {min(unknown)!r}", hint="see: ownvault collections")
        return Grant("g" + secrets.token_hex(8), scope.name(request.client), request.purpose[:500], frozenset(request.actions),
                     where, Status.ACTIVE, now, now + life, None)  # fmt: skip

    def _exposure(self, grant: Grant, now: datetime) -> Exposure:
        where = scope.resolve(grant.where, now)
        counts = {name: self._library.count(where.narrow(collections=scope.only(name)))
                  for name in sorted(self._library.collections()) if name in where.collections}  # fmt: skip
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
        """Recompute the whole audit tree and sign a checkpoint of it."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                return audit.verify(conn, self._signer)

    def prove(self, holder: Holder, number: int) -> str:
        """Return a C2SP tlog-proof of one audit entry, which anybody can check with the public keys."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                return audit.prove(conn, number, self._signer)

    def status(self, holder: Holder) -> VaultStatus:
        """Return how the vault is, in numbers. Reveals no content and is not recorded."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._db.read() as conn:
                kept = records.collections(conn)
                entries = audit.size(conn)
                live = [g for g in grants.all(conn) if g.id != "owner" and grants.live(g, decision.now) is Status.ACTIVE]
                chunks = records.chunk_count(conn)
            return VaultStatus(
                "unlocked", str(self._config.directory), records=sum(c.records for c in kept), chunks=chunks,
                collections=tuple(kept), encoder=self._config.model, device=self._library.device,
                grants=len(live), audit_entries=entries, notices=tuple(self._library.notices),
            )  # fmt: skip


# ---------------------------------------------------------------- views


def _hit(record: Record, start: int, end: int, score: float) -> Hit:
    return Hit(record.id, record.title, record.text[start:end], round(score, 6), record.collection, record.source, record.kind,
               record.date, record.people, record.labels, record.origin, record.provenance)  # fmt: skip


def _view(record: Record) -> RecordView:
    return RecordView(record.id, record.title, record.text, record.collection, record.source, record.kind, record.date,
                      record.people, record.labels, record.origin, record.provenance, record.url)  # fmt: skip


def _grant_view(grant: Grant, now: datetime) -> GrantView:
    return GrantView(grant.id, grant.client, grant.purpose, tuple(sorted(grant.actions)), scope.in_words(grant.where),
                     grants.live(grant, now), grant.created, grant.expires, grant.last_used)  # fmt: skip


def _from_client(draft: Draft) -> Draft:
    return replace(draft, provenance=Provenance.THIRD_PARTY)


def _tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    tally = {"added": 0, "changed": 0, "unchanged": 0, "failed": 0}
    for outcome in outcomes:
        tally[outcome.outcome] += 1
    return tally
