"""What may be wrong with a vault that its owner should know, looked at in passing: `Vault.checkup`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vault import sentences
from vault.parts import Room
from vault.permissions import grants
from vault.store import cipher, keyslots
from vault.types import Action, Check, Checkup, Connection, Grant, Holder, Look, Sensitivity, Status, from_micros

if TYPE_CHECKING:
    from vault.library import Library

SPARE = 2 * 2**30
"""Free bytes of the disk below which the owner is told, or the size of the database if that is more."""
UNUSED = timedelta(days=60)
"""A grant that nobody used for so long is perhaps not needed."""
DRIFT = timedelta(minutes=2)
"""By so much an audit entry may be ahead of the clock."""


class Checking(Room):
    """The method of a vault that looks it over. The owner's."""

    _directory: Path
    _slots: keyslots.Keyslots

    def checkup(self, holder: Holder) -> Checkup:
        """Look at what goes wrong unnoticed. Reveals no content and is not recorded; the log is verified elsewhere."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                given = [one for one in grants.all(conn) if grants.live(one, decision.now) is Status.ACTIVE]
                newest = _newest(conn)
            return Checkup((
                _search(self._parts.library),
                _disk(self._directory),
                _files(self._directory),
                _recovery([slot.kind for slot in self._slots.slots]),
                _clock(newest, decision.now),
                *_unused(given, decision.now),
                *_broad(given),
            ))  # fmt: skip


def _newest(conn: Connection) -> datetime | None:
    (time,) = conn.execute("SELECT max(time) FROM entry").fetchone()
    return from_micros(time) if time else None


def _search(library: Library) -> Check:
    if library.notices:
        return Check("search", Look.LOOK, "; ".join(library.notices), "it still answers, perhaps more slowly")
    if library.reembedding:
        at = library.reembedding
        return Check("search", Look.GOOD, f"{at.encoder} reads everything anew: {at.done:,} of {at.total:,}")
    return Check("search", Look.GOOD, f"{library.model} on {library.device or 'the CPU'}")


def _disk(directory: Path) -> Check:
    room, size = os.statvfs(directory), (directory / cipher.NAME).stat().st_size
    free = room.f_bavail * room.f_frsize
    says = f"{sentences.size(free)} free, the vault has {sentences.size(size)}"
    if free >= max(SPARE, size):
        return Check("disk", Look.GOOD, says)
    return Check("disk", Look.LOOK, says, "make room before the next import; revoke and forget always work")


def _files(directory: Path) -> Check:
    mode = directory.stat().st_mode & 0o077
    if not mode:
        return Check("files", Look.GOOD, "only your account can open the vault's files")
    return Check("files", Look.BAD, "other accounts can look into the vault's directory", f"chmod 700 {directory}")


def _recovery(kinds: list[str]) -> Check:
    said = "a passphrase and a recovery key" + (" and this computer's keyring" if "keyring" in kinds else "")
    if "recovery" in kinds:
        return Check("keys", Look.GOOD, f"{said} open it")
    return Check("keys", Look.BAD, "no recovery key opens it", "whoever forgets the passphrase loses everything")


def _clock(newest: datetime | None, now: datetime) -> Check:
    if newest is None or newest <= now + DRIFT:
        return Check("clock", Look.GOOD, "later than everything in the log")
    return Check("clock", Look.BAD, f"the log has an entry of {newest:%Y-%m-%d %H:%M} UTC, which is yet to come",
                 "set this computer's clock: grants expire by it")  # fmt: skip


def _unused(given: list[Grant], now: datetime) -> Iterator[Check]:
    idle = sorted({one.client for one in given if (one.last_used or one.created) < now - UNUSED})
    if idle:
        yield Check("unused", Look.LOOK, f"not used for {UNUSED.days} days: {', '.join(idle[:5])}",
                    "revoke what is not needed")  # fmt: skip


def _broad(given: list[Grant]) -> Iterator[Check]:
    open_ = sorted({one.client for one in given if one.where.ceiling >= Sensitivity.SECRET})
    if open_:
        yield Check("broad", Look.LOOK, f"may see what is secret: {', '.join(open_[:5])}", "narrow them")
