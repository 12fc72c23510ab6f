"""The vault itself: the one place where store, permissions and embed meet.

Every method takes the holder first. The way of each request is the same:
verify the token, reduce it to a scope, find, gate each record once more, record, release.
What the owner alone does is in `previewing`, `granting`, `requesting`, `history` and `keeping`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vault import limits, release
from vault.asking import Asking
from vault.config import CONFIG_FILE, Config
from vault.counting import tally, told
from vault.decision import Desk
from vault.errors import BadRequest, NotAllowed, NotFound, StorageFailed, TooLarge, VaultExists
from vault.finding import check, find, fitting, worded
from vault.founding import Clock, Unlocked, found, now, unlock
from vault.history import History
from vault.holding import Leaving
from vault.keeping import Keeping
from vault.legible import legible
from vault.library import Library
from vault.parts import Parts
from vault.permissions import (
    approvals,
    audit,
    grants,
    instructions,
    notices,
    scope,
    sensitivity,
    tokens,
    wordings,
)
from vault.permissions.checkpoint import Signer, origin
from vault.release import Release
from vault.requesting import Requesting
from vault.ring import Ring
from vault.store import keys, keyslots, lock, records
from vault.types import (
    Action,
    AddAnswer,
    AddRequest,
    AddTerms,
    Answer,
    Brief,
    BriefRequest,
    Conditions,
    Connection,
    CountAnswer,
    CountRequest,
    Draft,
    Filter,
    Holder,
    Outcome,
    OwnerToken,
    Provenance,
    ReadAnswer,
    ReadRequest,
    Receipt,
    Record,
    SearchRequest,
    Sensitivity,
    Status,
    VaultStatus,
)

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder

OWNER_TOKEN_LIFE = timedelta(hours=1)
LOCK_WAIT_S = 5.0
"""Seconds to wait for another command to finish with the vault."""


INSTRUCTION_LIKE = "instruction-like"
"""The label of records by others that read like instructions to an assistant, so that a grant can leave them out."""


TITLES, TITLE = 8, 80
"""Of records to be added, and characters of each, that an approval shows."""
WAITING = ("approval", "access")
"""Notices of what is counted among the requests already."""


class Vault(Requesting, Asking, History, Keeping):
    """An unlocked vault. Thread-safe; one process at a time owns it (`Busy` otherwise)."""

    def __init__(self, config: Config, unlocked: Unlocked, encoder: Encoder | None, clock: Clock) -> None:
        db, vault_id = unlocked.db, unlocked.slots.vault_id
        self._directory, self._ownership, self._slots = config.directory, unlocked.ownership, unlocked.slots
        self.audience = tokens.audience(vault_id)
        with db.read() as conn:
            live = Ring.live(conn)
        ring = Ring(keys.derive(unlocked.dek, "ownvault/v1/token-root"), self.audience, live)
        signer = Signer.from_seed(keys.derive(unlocked.dek, "ownvault/v1/log-signing"), origin(vault_id))
        hash_key = keys.derive(unlocked.dek, "ownvault/v1/content-hash")
        library = Library(db, hash_key, config.model, config.device, encoder)
        desk = Desk(db, ring.verify, self.audience, clock, library.collections, records.current, Ring.holds)
        super().__init__(Parts(db, library, desk, ring, signer, self.audience, clock))

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
        self._parts.library.close()
        self._parts.db.close()
        self._ownership.release()

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self) -> None:
        """Load index and encoder now instead of at the first question."""
        self._parts.library.warm()

    @property
    def readiness(self) -> str:
        """`idle`, `loading`, `ready` or `failed: ...`."""
        return self._parts.library.readiness

    def owner_token(self, via: str = "local") -> OwnerToken:
        """Mint the owner's capability, on the record, for a caller who has just proved the passphrase here."""
        with self._decide(Holder("", via), "unlock") as decision:
            decision.client = decision.grant_id = grants.OWNER
            decision.record()
            return self._owner_token()

    def _owner_token(self) -> OwnerToken:
        now = self._parts.clock()
        expires = now + OWNER_TOKEN_LIFE
        with self._parts.db.read() as conn:
            return OwnerToken(self._mint(grants.get(conn, grants.OWNER), expires, now), expires)

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

    # ------------------------------------------------------------ asking

    def admit(self, holder: Holder, action: str) -> None:
        """Raise Refused, on the record, unless the token is good: asked before the rest of a request is looked at."""
        with self._decide(holder, action) as decision:
            decision.grant()

    def decline(self, holder: Holder, what: str) -> None:
        """Raise NotAllowed, on the record: something was asked for by a name that nothing here has."""
        with self._decide(holder, "unknown", what[: limits.NAME]) as decision:
            decision.grant()
            raise NotAllowed("nothing here is called so", reason="unknown_name")

    def actions(self, holder: Holder) -> frozenset[Action]:
        """Return what this token may do now; Refused when it is no good."""
        with self._decide(holder, "actions") as decision:
            return decision.actions()

    def search(self, holder: Holder, request: SearchRequest) -> Answer:
        """Return the records that answer the query best, seen through the token's scope."""
        with self._decide(holder, Action.SEARCH, request.query, request) as decision:
            # 1. verify the token, reduce it to a scope
            allowed = decision.scope(request.filter, detail=request.detail)
            check(request)
            # 2. mask rows, rank those
            candidates = find(
                self._parts.library, allowed.where, request, allowed.results, decision.client, decision.now
            )
            # 3. gate each record once more
            admitted = [one for one in candidates if decision.admits(one.record)]
            # 4. no more of it than the detail shows
            hits = worded(admitted, allowed.detail, owner=decision.owner)
            admitted, hits = fitting(admitted, hits, request.size)
            # 5. record: limits and approval hold it back, or from here on it may be released
            receipt = decision.record(Leaving([one.record for one in admitted], release.wordings(hits)))
            # 6. release
            return Answer(hits, receipt)

    def read(self, holder: Holder, request: ReadRequest) -> ReadAnswer:
        """Return one record, whole or the part that is asked for. Absent and out of scope are the same NotFound."""
        with self._decide(holder, Action.READ, request=request) as decision:
            record = self._parts.library.record(request.id) if request.id.isascii() else None
            allowed = decision.scope(Filter(), [record.collection] if record else [], request.detail)
            if record is None or not decision.admits(record) or not scope.admits(allowed.where, record, decision.now):
                raise NotFound("no such record", reason="absent" if record is None else "out_of_scope")
            whole = Release(allowed.detail, owner=decision.owner).whole(record)
            view, more = release.part(whole, request.offset, request.size)
            return ReadAnswer(view, decision.record(Leaving([record], release.wordings([view]))), more)

    def count(self, holder: Holder, request: CountRequest) -> CountAnswer:
        """Return how many records in the token's scope meet the filter; when asked, of what and when.

        A number that tells of a few records only is charged to the limits as if they had been released.
        """
        with self._decide(holder, Action.COUNT, request=request) as decision:
            allowed, library = decision.scope(request.filter), self._parts.library
            found = tally(library, allowed.where, request)
            whole = allowed.where if decision.owner else decision.scope(Filter()).where
            tells = () if decision.owner else told(library, whole, allowed.where, request.by, found)
            said = {"count": found.number} | (
                {"by": str(request.by), "groups": len(found.groups)} if request.by else {}
            )
            groups = Release(allowed.detail, owner=decision.owner).groups(found.groups)
            receipt = decision.record(Leaving(counted=tells), said)
            return CountAnswer(found.number, receipt, groups, found.first, found.last)

    def brief(self, holder: Holder, name: str, request: BriefRequest) -> Brief:
        """Return exactly what goes to a provider, released to it on the record; with `rehearse`, only shown.

        Raises NotFound for no such provider, NotAllowed when its grant does not answer now, and what `search` does.
        """
        return self._brief(holder, name, request, self.search)

    # ------------------------------------------------------------ putting in and taking out

    def add(self, holder: Holder, request: AddRequest) -> AddAnswer:
        """Take drafts in. Durable and searchable when it returns; the same drafts again change nothing.

        The owner imports under any source. A client adds under its own name, as a third party,
        and can touch nothing that it did not add itself.
        """
        with self._decide(holder, Action.ADD, request=lambda: _summary(request)) as decision:
            owner = decision.owner
            decision.action = Action.IMPORT if owner else Action.ADD
            if len(request.drafts) > limits.DRAFTS:
                raise TooLarge(f"at most {limits.DRAFTS} drafts in one request")
            collection = scope.name(request.collection)
            allowed = decision.scope(Filter(), [collection])
            if collection not in allowed.where.collections:
                raise NotFound(f"no collection {collection!r}", reason="out_of_scope")
            # A client's records are its own within one collection: narrowed to another, it cannot reach them.
            source = scope.name(request.source or "owner") if owner else f"client:{decision.client}:{collection}"
            drafts = request.drafts if owner else tuple(map(_from_client, request.drafts))
            if not owner and not self._writable(allowed.where, drafts, collection, source, decision.now):
                raise NotFound(f"no collection {collection!r} for this", reason="out_of_scope")
            drafts = tuple(map(_examined, drafts))
            decision.reserve()

            def record(conn: Connection, outcomes: Sequence[Outcome]) -> Receipt:
                kept = [o.id for o in outcomes if o.outcome in ("added", "changed")]
                return decision.append(conn, kept, {"collection": collection, "source": source, **_tally(outcomes)})

            return self._parts.library.take_in(drafts, collection, source, decision.now, record)

    def _writable(
        self, where: Conditions, drafts: Sequence[Draft], collection: str, source: str, now: datetime
    ) -> bool:
        """Say whether these drafts may be added within `where`: what its holder may not see it may not write either.

        Neither a record nor what it replaces may be outside. More sensitive it may be than the holder reads.
        """
        writable = replace(where, ceiling=Sensitivity.SECRET)
        replaced = self._parts.library.standing(source, [draft.origin for draft in drafts])
        made = [record for draft in drafts if (record := _imagined(draft, collection, source))]
        return all(scope.admits(writable, record, now) for record in (*replaced, *made))

    def origins(self, holder: Holder, source: str) -> tuple[str, ...]:
        """Return the origins known of a source, so that an importer can tell what has vanished."""
        with self._decide(holder, Action.IMPORT) as decision:
            decision.whole()
            name = scope.name(source)
            with self._parts.db.read() as conn:
                known = tuple(sorted(records.origins(conn, name)))
            decision.record(detail={"source": name, "origins": len(known)})
            return known

    def forget(self, holder: Holder, id: str) -> Receipt:
        """Remove a record, its chunks and vectors. When this returns no answer can hold it."""
        with self._decide(holder, Action.FORGET) as decision:
            decision.whole()

            def record(conn: Connection) -> Receipt:
                wordings.forget(conn, id)  # nor do its words stay in what replay shows
                return decision.append(conn, [id], {})

            receipt = self._parts.library.forget(id, record)
            self._parts.desk.gate.drain()
            return receipt

    # ------------------------------------------------------------ the whole

    def status(self, holder: Holder) -> VaultStatus:
        """Return how the vault is, in numbers. Reveals no content and is not recorded."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                live = [g for g in grants.all(conn) if grants.live(g, decision.now) is Status.ACTIVE]
                waiting = approvals.listed(conn)
                told = tuple(f"{n.kind}: {n.client}" for n in notices.listed(conn) if n.kind not in WAITING)
                kept = records.collections(conn)
                return VaultStatus(
                    "unlocked", str(self._directory), records=sum(view.records for view in kept),
                    chunks=records.chunk_count(conn), collections=tuple(kept), encoder=self._parts.library.model,
                    device=self._parts.library.device, grants=len(live), requests=len(waiting),
                    audit_entries=audit.size(conn), notices=told + self._parts.library.notices,
                )  # fmt: skip


def _imagined(draft: Draft, collection: str, source: str) -> Record | None:
    """Return the record that a draft would become; None for one that cannot be stored, whose outcome will say so."""
    try:
        return records.imagined(draft, collection, source)
    except BadRequest:
        return None


def _summary(request: AddRequest) -> AddTerms:
    """Return what the owner is shown of records to be added; the digest tells equal requests from others."""
    said = json.dumps(asdict(request), sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    titles = tuple(legible(draft.title or draft.text)[:TITLE] for draft in request.drafts[:TITLES])
    return AddTerms(request.collection[: limits.NAME], len(request.drafts), titles, hashlib.sha256(said).hexdigest())


def _examined(draft: Draft) -> Draft:
    """Return a draft with the sensitivity that its words call for, and marked if it tries to instruct an assistant."""
    draft = replace(draft, sensitivity=sensitivity.raised(draft.title, draft.text, draft.sensitivity))
    if draft.provenance is Provenance.OWNER or INSTRUCTION_LIKE in draft.labels:
        return draft
    suspect = instructions.suspicious(f"{draft.title}\n{draft.text}")
    return replace(draft, labels=(*draft.labels, INSTRUCTION_LIKE)) if suspect else draft


def _from_client(draft: Draft) -> Draft:
    return replace(draft, provenance=Provenance.THIRD_PARTY)


def _tally(outcomes: Iterable[Outcome]) -> dict[str, object]:
    return dict(Counter(outcome.outcome for outcome in outcomes))
