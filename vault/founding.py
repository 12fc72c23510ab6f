"""How a vault comes into being and how its parts are opened: directory, keyslots, database, first entries."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vault.config import CONFIG_FILE, Config
from vault.permissions import audit, grants
from vault.store import keys, keyslots, lock
from vault.store.database import Database
from vault.types import Connection, Entry

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The opened parts of a vault. Whoever made `dek` wipes it once the other keys are derived."""

    slots: keyslots.Keyslots
    dek: bytearray
    db: Database
    ownership: lock.Ownership


def unlock(directory: Path, slots: keyslots.Keyslots, dek: bytearray, ownership: lock.Ownership) -> Unlocked:
    """Open the database of an owned vault. Raises Damaged, RolledBack, StorageFailed."""
    key, head_key = keys.derive(dek, "ownvault/v1/database"), keys.derive(dek, "ownvault/v1/head")
    try:
        return Unlocked(slots, dek, Database.open(directory, key, slots.vault_id, head_key), ownership)
    finally:
        keys.wipe(key)
        keys.wipe(head_key)


def found(config: Config, passphrase: bytearray, clock: Clock) -> str:
    """Build a vault beside its place, move it there in one step, and return the recovery key.

    A crash on the way leaves at most a hidden `.NAME.XXXX.new` directory and nothing at the place itself.
    """
    place = config.directory
    place.parent.mkdir(parents=True, exist_ok=True)
    making = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
    making.mkdir(mode=0o700)
    try:
        recovery = _build(making, passphrase, config.argon2_memory, clock)
        if (place / CONFIG_FILE).exists():
            shutil.copy2(place / CONFIG_FILE, making)
            (place / CONFIG_FILE).unlink()
        making.rename(place)  # POSIX: replaces an empty directory, and nothing else
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return recovery


def _build(place: Path, passphrase: bytearray, memory_kib: int, clock: Clock) -> str:
    slots, dek, recovery = keyslots.create(place, passphrase, memory_kib)
    ownership = lock.Ownership.acquire(place)
    try:
        key = keys.derive(dek, "ownvault/v1/database")
        Database.create(place, key, slots.vault_id, clock())
        with unlock(place, slots, dek, ownership).db as db:
            db.write(lambda conn: _first(conn, clock()))
    finally:
        keys.wipe(dek)
        ownership.release()
    return recovery


def _first(conn: Connection, now: datetime) -> None:
    """Write what every vault begins with: the owner's grant, and the audit entry that says so."""
    grants.create(conn, grants.owner(now))
    audit.append(conn, Entry(now, "owner", "owner", "init", "local", "allow", "created"), secrets.token_bytes(32))
