"""Putting in and taking out: what the owner imports, what clients add, and what is forgotten."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime

from vault import limits
from vault.decision import Decision
from vault.errors import BadRequest, NotFound, TooLarge, UnderWay
from vault.legible import legible
from vault.parts import Room
from vault.permissions import instructions, once, scope, sensitivity, wordings
from vault.store import records
from vault.types import (
    Action,
    AddAnswer,
    AddRequest,
    AddTerms,
    Conditions,
    Connection,
    Draft,
    Filter,
    Holder,
    Outcome,
    Provenance,
    Receipt,
    Record,
    Sensitivity,
)

INSTRUCTION_LIKE = "instruction-like"
"""The label of records by others that read like instructions to an assistant, so that a grant can leave them out."""


TITLES, TITLE = 8, 80
"""Of records to be added, and characters of each, that an approval shows."""


class Adding(Room):
    """The methods of a vault that add records and take them away."""

    def add(self, holder: Holder, request: AddRequest, key: str = "") -> AddAnswer:
        """Take drafts in. Durable and searchable when it returns; the same drafts again change nothing.

        The owner imports under any source. A client adds under its own name, as a third party,
        and can touch nothing that it did not add itself. The same request with the same idempotency `key` is
        answered as it was, for a day, and done once: KeyReused for another request, UnderWay while it is being done.
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
            drafts, digest = tuple(map(_examined, drafts)), _digest(request) if key else b""

            def record(conn: Connection, outcomes: Sequence[Outcome]) -> Receipt:
                kept = [o.id for o in outcomes if o.outcome in ("added", "changed")]
                said = {"collection": collection, "source": source, **_tally(outcomes)}
                receipt = decision.append(conn, kept, said)
                if key:
                    answer = AddAnswer(tuple(outcomes), receipt)
                    once.keep(conn, decision.grant_id, key, digest, answer, decision.now)
                return receipt

            with self._alone(decision, key):
                if key and (before := self._answered(decision, key, digest)):
                    return before
                decision.reserve()
                whole = bool(key) or not owner  # an import may be several entries: done again, it changes nothing
                return self._parts.library.take_in(drafts, collection, source, decision.now, record, whole=whole)

    @contextmanager
    def _alone(self, decision: Decision, key: str) -> Iterator[None]:
        if not key:
            yield
            return
        once.check(key)
        with self._parts.once.alone(decision.grant_id, key) as free:
            if not free:
                raise UnderWay("the request with this idempotency key is being answered")
            yield

    def _answered(self, decision: Decision, key: str, digest: bytes) -> AddAnswer | None:
        """Return the answer that this request got before, on the record. It costs nothing again."""
        with self._parts.db.read() as conn:
            found = once.find(conn, decision.grant_id, key, digest, decision.now)
        if found is not None:
            again = {"again": found.receipt.entry}
            self._parts.db.write(lambda conn: decision.append(conn, [], again))
        return found

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
                once.forget(conn, id)
                return decision.append(conn, [id], {})

            receipt = self._parts.library.forget(id, record)
            self._settle()
            return receipt


def _imagined(draft: Draft, collection: str, source: str) -> Record | None:
    """Return the record that a draft would become; None for one that cannot be stored, whose outcome will say so."""
    try:
        return records.imagined(draft, collection, source)
    except BadRequest:
        return None


def _summary(request: AddRequest) -> AddTerms:
    """Return what the owner is shown of records to be added; the digest tells equal requests from others."""
    titles = tuple(legible(draft.title or draft.text)[:TITLE] for draft in request.drafts[:TITLES])
    return AddTerms(request.collection[: limits.NAME], len(request.drafts), titles, _digest(request).hex())


def _digest(request: AddRequest) -> bytes:
    said = json.dumps(asdict(request), sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).digest()


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
