"""The encrypted database of an unlocked vault: consistent reads on any thread, durable writes through one.

The ten rules it keeps are in SPEC.md. Nothing in this process opens `vault.db`, its WAL or its shared memory
but SQLite itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from vault.errors import Busy, Damaged, Locked, StorageFailed, VaultError, VaultExists
from vault.store import cipher, continuity, files, keys, schema, slotfile
from vault.store.ballast import Ballast
from vault.store.cipher import Fence, Link
from vault.store.head import Head, State
from vault.store.writer import Health, Writer
from vault.types import Connection, micros

T = TypeVar("T")

FILES = (cipher.NAME, f"{cipher.NAME}-wal", f"{cipher.NAME}-shm", "head", "ballast", slotfile.NAME)
IDLE_READERS = 16
"""Read connections kept open for the next reader."""
CLOSE_WAIT_S = 5.0
"""Seconds that close() waits for a reader that it has interrupted."""
EMPTY_TREE = hashlib.sha256(b"").digest()
"""The audit head of an empty log: the root of the empty RFC 6962 tree."""


class Database:
    """An open database. Thread-safe. The caller holds the vault's Ownership for as long as it is open."""

    def __init__(self, path: Path, key: bytearray, head: Head, link: Link, fence: Fence, ballast: Ballast) -> None:
        self._path, self._key, self._head, self._link = path, bytearray(key), head, link
        self._health = Health()
        self._door = threading.Lock()
        self._idle: list[Link] = []
        self._reading: set[Link] = set()
        self._left = threading.Condition(self._door)
        self._closed = False
        self._writer = Writer(link, fence, head, ballast, self._health)

    # ------------------------------------------------------------ life

    @staticmethod
    def create(directory: Path, key: bytearray, vault_id: str, now: datetime) -> None:
        """Make the database of a new vault in `directory`, where there must be none: VaultExists.

        It becomes `vault.db` when it is complete. Raises StorageFailed.
        """
        path = directory / cipher.NAME
        beside = directory / f".{cipher.NAME}.new"
        if path.exists() or path.is_symlink():
            raise VaultExists(f"there is a database in {directory}", hint="choose another directory with --vault DIR")
        files.private(directory)
        for name in (beside.name, f"{beside.name}-wal", f"{beside.name}-shm"):
            (directory / name).unlink(missing_ok=True)
        link, fence = cipher.connect(beside, key, create=True)
        try:
            files.private(beside)
            with cipher.told(), fence.lifted():
                schema.migrate(link, 0, found=lambda: _found(link, vault_id, now))
                link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            link.close()
        with files.failing("create the database"):
            beside.rename(path)
            files.sync_directory(directory)

    @classmethod
    def open(
        cls, directory: Path, key: bytearray, vault_id: str, head_key: bytearray, *, accept_older: bool = False
    ) -> Database:
        """Open the vault's database with its raw key, and check it against the sealed head. The keys are copied.

        Raises Damaged, RolledBack, StorageFailed, Busy. `accept_older` is the owner's word that a database older
        than its head is what they want (a restored copy): the head is written anew.
        """
        _protect(directory)
        path, ballast = directory / cipher.NAME, Ballast(directory)
        head = Head(directory, head_key, vault_id)
        try:
            link, fence = _connect(path, key, ballast)
            try:
                with cipher.told():
                    continuity.reconcile(link, fence, head, vault_id, accept_older)
                ballast.restore()
                return cls(path, key, head, link, fence, ballast)
            except BaseException:
                link.close()
                raise
        except BaseException:
            head.close()
            raise

    def close(self) -> None:
        """Finish queued writes, end readers, fold the WAL into the database, wipe the key. More than once is fine."""
        self._writer.close()
        with self._door:
            if self._closed:
                return
            self._closed = True
            until = time.monotonic() + CLOSE_WAIT_S
            while self._reading and time.monotonic() < until:
                for link in self._reading:
                    link.interrupt()  # again and again: between two statements it has no effect
                self._left.wait(0.05)
            for link in self._idle:
                link.close()
            self._idle.clear()
        with contextlib.suppress(VaultError, cipher.Error), cipher.told():
            self._link.close()  # the last connection checkpoints and removes the WAL
        self._head.close()
        keys.wipe(self._key)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> State:
        """The newest commit that the sealed head holds: its number and the audit head after it."""
        assert self._head.state is not None
        return self._head.state

    # ------------------------------------------------------------ reading and writing

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection of the caller's own that sees one state of the database, as of its first statement.

        Raises Locked after close(), Damaged, StorageFailed, Busy. Statements that write are refused.
        """
        link = self._borrow()
        try:
            with cipher.told():
                link.execute("BEGIN")
                yield link
        except Damaged as error:
            self._health.note(error)
            raise
        finally:
            self._give_back(link)

    def write(self, work: Callable[[Connection], T], *, urgent: bool = False, patient: bool = False) -> T:
        """Run `work` on the writer thread and return its result when it is on the disk and under the sealed head.

        What `work` raises is raised here and undoes `work` alone. After StorageFailed it is unknown whether it lasted:
        read before repeating. `urgent` work (revoke, forget) may use the reserve of a full disk, and may be run twice.
        `patient` work takes long, and lets what others wait for go first.
        """
        return self.submit(work, urgent=urgent, patient=patient).result()

    def submit(self, work: Callable[[Connection], T], *, urgent: bool = False, patient: bool = False) -> Future[T]:
        """Queue `work` and return at once; the future is done when `write` would return. Locked after close()."""
        return self._writer.submit(work, urgent=urgent, patient=patient)

    # ------------------------------------------------------------ care

    def check(self) -> tuple[str, ...]:
        """Read every page and index and return what is wrong with them; nothing means sound. A second per 100 MB."""
        return self._writer.submit(_check, alone=True).result()  # type: ignore[no-any-return]

    def checkpoint(self) -> bool:
        """Fold the WAL into the database and cut it to nothing: when idle, or to erase what was forgotten.

        False when a reader or the disk stands in the way; then a later commit, or close(), does it.
        """
        try:
            return bool(self._writer.submit(_checkpoint, alone=True).result())
        except (StorageFailed, Busy):
            return False

    def _borrow(self) -> Link:
        with self._door:
            if self._closed:
                raise Locked("the vault is locked")
            self._health.check()
            link = self._idle.pop() if self._idle else cipher.connect(self._path, self._key, reader=True)[0]
            self._reading.add(link)
        return link

    def _give_back(self, link: Link) -> None:
        keep = True
        try:
            if link.in_transaction:
                link.execute("ROLLBACK")
            self._health.check()
        except (VaultError, cipher.Error):
            keep = False
        with self._left:
            self._reading.discard(link)
            if keep and not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(link)
            else:
                link.close()
            self._left.notify_all()


def _protect(directory: Path) -> None:
    """Refuse links in the place of files, and take others' access away."""
    files.private(directory)
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            files.regular(directory / name)
            files.private(directory / name)


def _connect(path: Path, key: bytearray, ballast: Ballast) -> tuple[Link, Fence]:
    try:
        return cipher.connect(path, key)
    except StorageFailed:
        if not ballast.release():
            raise
    return cipher.connect(path, key)  # on a full disk there was no room for the 32 KiB of shared memory


def _found(link: Link, vault_id: str, now: datetime) -> None:
    created = micros(now)
    link.execute(
        "INSERT INTO vault (one, id, created, commit_counter, audit_head) VALUES (1, ?, ?, 0, ?)",
        (vault_id, created, EMPTY_TREE),
    )


def _checkpoint(link: Connection) -> bool:
    link.execute("PRAGMA busy_timeout = 250").fetchall()  # other writes wait behind this
    try:
        return bool(link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    finally:
        link.execute(f"PRAGMA busy_timeout = {int(cipher.BUSY_S * 1000):d}").fetchall()


def _check(link: Connection) -> tuple[str, ...]:
    link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # the cipher check reads the main file only
    found = [str(row[0]) for row in link.execute("PRAGMA cipher_integrity_check").fetchall()]
    found += [str(row[0]) for row in link.execute("PRAGMA integrity_check").fetchall() if row[0] != "ok"]
    found += [f"foreign key of {row[0]}, row {row[1]}" for row in link.execute("PRAGMA foreign_key_check").fetchall()]
    return tuple(found)
