"""The vault itself: the one place where store, permissions and embed meet.

Every method takes the holder first. The way of each request is the same:
verify the token, reduce it to a scope, find, gate each record once more, record, release.
What the owner alone does is in `previewing`, `granting`, `requesting`, `history` and `keeping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault import limits, release
from vault.adding import Adding
from vault.admitting import Admitting
from vault.asking import Asking
from vault.browsing import Browsing
from vault.capturing import Capturing
from vault.checking import Checking
from vault.config import CONFIG_FILE, Config
from vault.counting import tally, told
from vault.deciding import Deciding
from vault.decision import Desk
from vault.errors import (
    NotAllowed,
    NotFound,
    StorageFailed,
    Throttled,
    VaultExists,
)
from vault.exposing import Exposing
from vault.finding import check, find, fitting, worded
from vault.founding import Clock, Unlocked, found, now, unlock
from vault.history import History
from vault.holding import Leaving
from vault.inserting import Inserting
from vault.keeping import Keeping
from vault.labelling import Labelling
from vault.library import Library
from vault.looking import Looking
from vault.meter import Allowance
from vault.parts import Parts
from vault.permissions import (
    approvals,
    audit,
    grants,
    notices,
    scope,
    tokens,
)
from vault.permissions.checkpoint import Signer, origin
from vault.projecting import Projecting
from vault.release import Release
from vault.renewing import Renewing
from vault.ring import Ring
from vault.store import keys, keyslots, lock, records
from vault.store.proven import Proven
from vault.store.sealed import Files
from vault.types import (
    Action,
    Answer,
    Brief,
    BriefRequest,
    CountAnswer,
    CountRequest,
    Filter,
    Holder,
    OwnerToken,
    ReadAnswer,
    ReadRequest,
    SearchRequest,
    Status,
    VaultStatus,
)
from vault.unlocking import Unlocking

if TYPE_CHECKING:
    from vault.embed.encoder import Encoder

OWNER_TOKEN_LIFE = timedelta(hours=1)
LOCK_WAIT_S = 5.0
"""Seconds to wait for another command to finish with the vault."""


WAITING = ("approval", "access")
"""Notices of what is counted among the requests already."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was let in: the grant behind the token, and what is left of its client's rate, None for the owner."""

    grant: str
    allowance: Allowance | None


class Vault(
    Admitting, Capturing, Inserting, Deciding, Renewing, Adding, Browsing, Labelling, Projecting, Asking, History,
    Looking, Exposing, Keeping, Unlocking, Checking,
):  # fmt: skip
    """An unlocked vault. Thread-safe; one process at a time owns it (`Busy` otherwise)."""

    def __init__(self, config: Config, unlocked: Unlocked, encoder: Encoder | None, clock: Clock) -> None:
        db, vault_id = unlocked.db, unlocked.slots.vault_id
        self._directory, self._ownership, self._slots = config.directory, unlocked.ownership, unlocked.slots
        self._proven = Proven()
        self.audience = tokens.audience(vault_id)
        with db.read() as conn:
            live = Ring.live(conn)
        ring = Ring(keys.derive(unlocked.dek, "ownvault/v1/token-root"), self.audience, live)
        signer = Signer.from_seed(keys.derive(unlocked.dek, "ownvault/v1/log-signing"), origin(vault_id))
        hash_key = keys.derive(unlocked.dek, "ownvault/v1/content-hash")
        sealing = keys.derive(unlocked.dek, "ownvault/v1/index")
        sealed = Files(config.directory, sealing, vault_id)
        keys.wipe(sealing)
        library = Library(db, hash_key, sealed, config.model, config.device, encoder, config.rerank)
        desk = Desk(db, ring.verify, self.audience, clock, library.collections, records.current, Ring.holds)
        rotation = keys.derive(unlocked.dek, "ownvault/v1/refresh-rotation")
        greeting = keys.derive(unlocked.dek, "ownvault/v1/extension")
        greeter = Ed25519PrivateKey.from_private_bytes(greeting)
        keys.wipe(greeting)
        super().__init__(Parts(db, library, desk, ring, signer, self.audience, clock, rotation, greeter))

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
                    vault = cls(config, unlock(config.directory, slots, dek, held), encoder, clock)
                    if ownership is not None:  # a server: its owner's commands will prove the same soon
                        vault._proven.remember(secret, tuple(slots.slots))
                    return vault
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
    def directory(self) -> Path:
        """Where the vault lies."""
        return self._directory

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
                self._prove(secret)
            finally:
                keys.wipe(secret)
            decision.client = decision.grant_id = "owner"
            decision.record()
            return self._owner_token()

    def _prove(self, secret: bytearray) -> None:
        """Raise WrongPassphrase unless the secret opens the vault. The one that did last is known again at once."""
        slots = tuple(self._slots.slots)
        if not self._proven.same(secret, slots):
            keys.wipe(self._slots.unlock(secret))
            self._proven.remember(secret, slots)

    def link(self, holder: Holder) -> OwnerToken:
        """Return the capability of a browser that the owner's own command sends to the console.

        It ends when the one that was shown does. Raises Refused, NotAllowed.
        """
        with self._decide(holder, "link") as decision:
            grant = decision.whole(Action.GRANT)
            expires = min(self._parts.ring.verify(holder.token, decision.now).expires, decision.now + OWNER_TOKEN_LIFE)
            decision.record()
            return OwnerToken(self._mint(grant, expires, decision.now), expires)

    def permit_lock(self, holder: Holder) -> None:
        """Record that the owner locks the vault: whoever may revoke may end every answer at once.

        The caller then ends the process, for only with it is the key gone. Raises Refused, NotAllowed.
        """
        with self._decide(holder, "lock") as decision:
            decision.whole(Action.REVOKE)
            decision.record()

    # ------------------------------------------------------------ asking

    def admit(self, holder: Holder, action: str) -> Admission:
        """Raise Refused, on the record, unless the token is good: asked before the rest of a request is looked at.

        Throttled for a client that asks too often; the owner may.
        """
        with self._decide(holder, action) as decision:
            grant = decision.grant()
            return Admission(grant.id, None if decision.owner else self._paced(grant.client))

    def _paced(self, client: str) -> Allowance:
        left = self._parts.rates.ask(client)
        if left.wait:
            hint = f"at most {limits.RATE} requests a second; try again in a moment"
            raise Throttled("too many requests", hint=hint, reason="rate", seconds=left.wait)
        return left

    def decline(self, holder: Holder, what: str) -> None:
        """Raise NotAllowed, on the record: something was asked for by a name that nothing here has."""
        with self._decide(holder, "unknown", what[: limits.NAME]) as decision:
            decision.grant()
            raise NotAllowed("nothing here is called so", reason="unknown_name")

    def actions(self, holder: Holder) -> frozenset[Action]:
        """Return what this token may do now; Refused when it is no good."""
        with self._decide(holder, "actions") as decision:
            return decision.actions()

    def attend(self, holder: Holder) -> frozenset[Action]:
        """Return what this token may do now, to whoever is going to be asked for it: `admit` and `actions` in one."""
        with self._decide(holder, "actions") as decision:
            allowed = decision.actions()
            if not decision.owner:
                self._paced(decision.client)
            return allowed

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
                    index=self._parts.library.loaded, reembedding=self._parts.library.reembedding,
                )  # fmt: skip
