"""A vault with the records of the table, and its owner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deny.table import FILTER, Record
from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder
from vault.api import wire
from vault.config import Config
from vault.permissions import audit
from vault.service import Vault
from vault.store import lock
from vault.types import (
    AddRequest,
    AuditEntry,
    AuditRequest,
    Draft,
    Granted,
    GrantRequest,
    Holder,
    Provenance,
    Sensitivity,
)

EVERYTHING = {"all": True, "sensitivity": "secret"}
NOTES = {"collections": ["notes"]}


@dataclass
class House:
    """An unlocked vault with some of the records, and its owner."""

    vault: Vault
    clock: Clock
    names: dict[str, str]
    """The name in the table of each record, by its id."""
    _known: dict[object, Holder] = field(default_factory=dict)

    @property
    def owner(self) -> Holder:
        """Return the owner, with a token that is good at this hour."""
        when = self.clock.now, str(self.vault.public_keys())
        if when not in self._known:
            self._known[when] = Holder(self.vault.owner_token().token)
        return self._known[when]

    @property
    def ids(self) -> dict[str, str]:
        """Return the id of each record, by its name in the table."""
        return {name: id for id, name in self.names.items()}

    def grant(self, client: str, said: Mapping[str, Any]) -> Granted:
        """Grant what the table says; the collection `notes` where it names nothing."""
        return self.vault.grant(self.owner, wire.read(GrantRequest, json.dumps(wish(client, said))))

    def put(self, records: Iterable[Record]) -> None:
        """Put records of the table in, or back to what they were."""
        for record in records:
            made = self.vault.add(self.owner, AddRequest(record.collection, (_draft(record),), record.source))
            self.names = {id: name for id, name in self.names.items() if name != record.name}
            self.names[made.outcomes[0].id] = record.name

    def tidy(self, records: Mapping[str, Record], doubted: str = "") -> None:
        """Take out what is not of the table, and put back what is gone or `doubted`."""
        with self.vault._parts.db.read() as conn:
            kept = {id for (id,) in conn.execute("SELECT id FROM record")}
        for id in kept - self.names.keys():
            self.vault.forget(self.owner, id)
        gone = {name for id, name in self.names.items() if id not in kept} | ({doubted} & records.keys())
        self.put(records[name] for name in gone)

    def entries_since(self, mark: int) -> list[AuditEntry]:
        """Return the audit entries from number `mark` on, as the owner sees them."""
        page = self.vault.audit(self.owner, AuditRequest(max(1, self.mark() - mark)))
        return [one for one in page.entries if one.number >= mark]

    def mark(self) -> int:
        """Return the number of the next audit entry."""
        with self.vault._parts.db.read() as conn:
            return audit.size(conn)


def wish(client: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the grant request that a line of the table stands for."""
    where = {name: value for name, value in said.items() if name in FILTER}
    more = {name: value for name, value in said.items() if name not in FILTER}
    if not more.get("all") and not where.keys() & {"collections", "sources", "kinds", "labels", "people"}:
        where |= NOTES
    return {"client": client, "filter": where} | more


def build(
    directory: Path, clock: Clock, records: Sequence[Record], *, ownership: lock.Ownership | None = None
) -> House:
    """Make a vault in `directory`, if there is none, open it and put the records in."""
    config = Config(directory=directory, argon2_memory=FLOOR_KIB)
    if not (directory / "keyslots.json").exists():
        Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    vault = Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock, ownership=ownership)
    house = House(vault, clock, {})
    house.put(records)
    return house


def _draft(record: Record) -> Draft:
    return Draft(
        origin=f"{record.name} {record.marker}.md", text=f"{record.text.strip()} {record.marker}",
        title=f"{record.name.capitalize()} {record.marker}", kind=record.kind, people=record.people,
        labels=record.labels, sensitivity=Sensitivity.parse(record.sensitivity),
        created=wire.moment(record.date) if record.date else None,
        provenance=Provenance.OWNER if record.by == "owner" else Provenance.THIRD_PARTY,
    )  # fmt: skip
