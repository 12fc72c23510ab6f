"""The one thread that writes: group commit, and the sealed head after each commit (SPEC.md, "Commit order")."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from vault.errors import Damaged, Locked, StorageFailed, VaultError
from vault.store import cipher
from vault.store.ballast import Ballast
from vault.store.cipher import Fence, Link
from vault.store.head import Head, State
from vault.types import Connection

E = TypeVar("E", bound=VaultError)
Work = Callable[[Connection], Any]
BATCH = 128
"""Pieces of work in one commit, at most."""
_BUMP = "UPDATE vault SET commit_counter = commit_counter + 1 RETURNING commit_counter, audit_head"


class Health:
    """Whether the database may still be used. After one damaged page it may not, until it is opened again."""

    def __init__(self) -> None:
        self._damaged: Damaged | None = None

    def note(self, error: BaseException) -> None:
        """Remember `error` if the engine says that the database is damaged; another part's own Damaged does not."""
        if isinstance(error, Damaged) and isinstance(error.__cause__, cipher.Error):
            self._damaged = error

    def check(self) -> None:
        """Raise Damaged when damage was seen."""
        if self._damaged:
            raise _again(self._damaged)


@dataclass(slots=True)
class _Item:
    work: Work
    urgent: bool
    alone: bool
    patient: bool
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Writer:
    """Takes work from any thread and runs it on its own, several pieces in one commit when they wait anyway."""

    def __init__(self, link: Link, fence: Fence, head: Head, ballast: Ballast, health: Health) -> None:
        self._link, self._fence, self._head, self._ballast, self._health = link, fence, head, ballast, health
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._door = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="vault-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, *, urgent: bool = False, alone: bool = False, patient: bool = False) -> Future[Any]:
        """Queue `work`. `urgent` may use the ballast and be run twice; `alone` has no transaction and no fence;
        `patient` takes long: it has a commit of its own, after the work that waits already."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("work cannot wait for other work")
        item = _Item(work, urgent, alone, patient)
        with self._door:
            if self._closed:
                raise Locked("the vault is locked")
            self._queue.put(item)
        return item.future

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._door:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        patient: deque[_Item] = deque()
        last = False
        while not last or patient:
            batch, ended = self._gather(wait=not patient and not last)
            last |= ended
            patient += [item for item in batch if item.patient]
            self._do([item for item in batch if not item.patient])
            if patient:
                self._do([patient.popleft()])  # one: what came meanwhile goes before the next

    def _do(self, batch: list[_Item]) -> None:
        for item in batch:
            if item.alone:
                self._alone(item)
        self._group([item for item in batch if not item.alone])
        for item in batch:
            item.settle()

    def _gather(self, *, wait: bool) -> tuple[list[_Item], bool]:
        """Return the work that waits already, or the next to come, and whether the queue was closed behind it."""
        batch: list[_Item] = []
        last = False
        with suppress(Empty):
            while len(batch) < BATCH and not last:
                item = self._queue.get(block=wait and not batch)
                if item is None:
                    last = True
                else:
                    batch.append(item)
        return [item for item in batch if item.future.set_running_or_notify_cancel()], last

    def _alone(self, item: _Item) -> None:
        try:
            self._health.check()
            with self._fence.lifted(), cipher.told():
                item.result = item.work(self._link)
        except BaseException as error:
            self._health.note(error)
            item.error = error

    def _group(self, batch: list[_Item]) -> None:
        batch = self._affordable(batch)
        try:
            self._commit(batch)
        except VaultError as failure:
            urgent = [item for item in batch if item.urgent]
            _fail((item for item in batch if not item.urgent), failure)
            if urgent and isinstance(failure, StorageFailed) and self._ballast.release():
                self._retry(urgent)  # the disk has room again for what the owner needs most
            else:
                _fail(urgent, failure)

    def _retry(self, urgent: list[_Item]) -> None:
        for item in urgent:
            item.result = item.error = None
        try:
            self._commit(urgent)
        except VaultError as failure:
            _fail(urgent, failure)

    def _affordable(self, batch: list[_Item]) -> list[_Item]:
        """Without ballast only urgent work is done, or the last room on the disk would go to anything."""
        if all(item.urgent for item in batch) or self._ballast.restore():
            return batch
        _fail((item for item in batch if not item.urgent), StorageFailed("the disk is full", reason="ballast_released"))
        return [item for item in batch if item.urgent]

    def _commit(self, batch: list[_Item]) -> None:
        """Run the batch in one transaction. Raises VaultError when none of it can be acknowledged.

        1. every piece of work in a savepoint of its own, 2. counter + 1, 3. COMMIT with fsync,
        4. sealed head with fsync, 5. acknowledge. A crash before 3 is as if nothing was asked; between
        3 and 4 the database is one commit ahead of its head, which is allowed; after 4 all is there.
        """
        if not batch:
            return
        self._health.check()
        try:
            with cipher.told():
                self._link.execute("BEGIN IMMEDIATE")
                for item in batch:
                    self._perform(item)
                if all(item.error is not None for item in batch):
                    self._link.execute("ROLLBACK")
                    return
                ((counter, audit_head),) = self._link.execute(_BUMP).fetchall()
                self._link.execute("COMMIT")
            self._head.write(State(counter, audit_head))
        except BaseException as error:
            self._abandon()
            self._health.note(error)
            if isinstance(error, VaultError):
                raise
            raise StorageFailed(f"the transaction failed: {error}", reason="transaction_failed") from error

    def _perform(self, item: _Item) -> None:
        self._link.execute("SAVEPOINT work")
        try:
            item.result = item.work(self._link)
        except BaseException as error:
            if not self._link.in_transaction or cipher.meaning(error) is not None:
                raise  # the disk or the file, not the work: the whole transaction is lost
            self._link.execute("ROLLBACK TO work")
            item.error = error
        self._link.execute("RELEASE work")

    def _abandon(self) -> None:
        try:
            if self._link.in_transaction:
                self._link.execute("ROLLBACK")
        except cipher.Error:
            pass  # SQLite had rolled back itself


def _fail(items: Iterable[_Item], failure: VaultError) -> None:
    for item in items:
        if item.error is None:
            item.result, item.error = None, _again(failure)


def _again(failure: E) -> E:
    """Return a fresh copy: one exception raised in several threads would collect all their tracebacks."""
    copy = type(failure)(failure.message, hint=failure.hint, reason=failure.reason)
    copy.__cause__ = failure.__cause__
    return copy
