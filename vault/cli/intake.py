"""Moving an importer's records into the vault: batches, three of them under way at a time.

While one batch is being stored the next is already being encoded, so neither waits for the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from vault import limits
from vault.cli.open import Open
from vault.errors import TooLarge, VaultError
from vault.plugins import Failure, Item, Progress
from vault.types import AddRequest, Draft, Outcome

BATCH_RECORDS = limits.DRAFTS
"""Records that travel together, as many as a request may have: the encoder sorts them by length, and the more there
are, the less it pads (250 at a time took it a quarter more batches)."""
BATCH_TEXT = 2**20
"""Characters of text after which a batch is full, whatever its number of records."""
DEPTH = 3
"""Batches under way at the same time: one is being embedded, one stored, one read and cut."""


@dataclass(slots=True)
class Report:
    """What became of an import. `vanished` are known origins that the source no longer has; they stay."""

    importer: str
    collection: str
    source: str
    added: int = 0
    unchanged: int = 0
    changed: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def counts(self) -> dict[str, int]:
        return {"added": self.added, "unchanged": self.unchanged, "changed": self.changed}

    @property
    def kept(self) -> int:
        """How many of the source's records the vault holds now."""
        return sum(self.counts.values())

    def fail(self, place: str, reason: str) -> None:
        self.failed.append({"place": place, "reason": reason})


class Intake:
    """Feeds one import into the vault and keeps its report.

    `moved` is called as things go on, with the report and the number of records that there will be in
    all: None while nobody can tell, an estimate while the importer still reads.
    """

    def __init__(self, vault: Open, report: Report, moved: Callable[[Report, int | None], None]) -> None:
        self._vault, self.report, self._moved = vault, report, moved
        self._part: float | None = None
        self._seen: set[str] = set()
        self._whole = True
        self._under_way: deque[Future[tuple[Outcome, ...]]] = deque()

    def take(self, items: Iterable[Item]) -> None:
        """Take in drafts and failures until they end or Ctrl-C.

        A bad item is counted and the run goes on. After Ctrl-C the batches under way are finished, the
        report says `interrupted`, and what it counts is durable; a second Ctrl-C leaves at once. The same
        before anything that `Vault.add` or `plugins.run` raises is raised on.
        """
        pool = ThreadPoolExecutor(DEPTH, thread_name_prefix="intake")
        try:
            for batch in self._batches(items):
                self._under_way.append(pool.submit(self._add, batch))
                if len(self._under_way) >= DEPTH:
                    self._count_first()
            self._finish()
            self._look_for_vanished()
        except KeyboardInterrupt:
            self.report.interrupted = True
            self._finish()
        except VaultError:
            self.report.interrupted = True
            with suppress(VaultError):  # the first error is the one to tell
                self._finish()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _batches(self, items: Iterable[Item]) -> Iterator[list[Draft]]:
        batch: list[Draft] = []
        size = 0
        for item in items:
            if isinstance(item, Progress):
                self._part = item.done / item.total if item.total else None
                self._moved(self.report, self._expected())
            elif isinstance(item, Failure):
                self.report.fail(item.place, item.reason)
                self._whole = self._whole and item.place != self.report.importer  # the importer itself ended early
            else:
                self._seen.add(item.origin)
                batch.append(item)
                size += len(item.text)
            if len(batch) >= BATCH_RECORDS or size >= BATCH_TEXT:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _add(self, batch: list[Draft]) -> tuple[Outcome, ...]:
        request = AddRequest(self.report.collection, tuple(batch), self.report.source)
        try:
            return self._vault.vault.add(self._vault.holder, request).outcomes
        except TooLarge as error:  # a server takes so many bytes at once; one record too large is one failure
            if len(batch) == 1:
                return (Outcome(batch[0].origin, "failed", reason=error.message),)
            half = len(batch) // 2
            return self._add(batch[:half]) + self._add(batch[half:])

    def _count_first(self) -> None:
        report, outcomes = self.report, self._under_way[0].result()  # Ctrl-C while it waits leaves it to be counted
        self._under_way.popleft()
        for outcome in outcomes:
            match outcome.outcome:
                case "added":
                    report.added += 1
                case "unchanged":
                    report.unchanged += 1
                case "changed":
                    report.changed += 1
                case _:
                    report.fail(outcome.origin, outcome.reason)
        self._moved(report, self._expected())

    def _expected(self) -> int | None:
        read = len(self._seen) + len(self.report.failed)
        return round(read / self._part) if self._part else None

    def _finish(self) -> None:
        while self._under_way:
            self._count_first()

    def _look_for_vanished(self) -> None:
        """Name what the vault knows of this source and the source did not show, unless it could not be read."""
        if not self._whole:
            return
        unread = tuple(failure["place"] for failure in self.report.failed)
        known = self._vault.vault.origins(self._vault.holder, self.report.source)
        self.report.vanished = [o for o in known if o not in self._seen and not (unread and o.startswith(unread))]
