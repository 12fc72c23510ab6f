"""Moving an importer's records into a vault, here or behind a server: batches, three of them under way at a time.

While one batch is being stored the next is already being encoded, so neither waits for the other.
"""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from vault import limits, plugins
from vault.errors import BadRequest, TooLarge, VaultError
from vault.plugins import Failure, Item, Progress, staging
from vault.types import AddAnswer, AddRequest, Draft, Outcome

Items: TypeAlias = Generator[Item]
"""What an importer yields; closing it ends the importer."""
BATCH_RECORDS = limits.DRAFTS
"""Records that travel together, as many as a request may have: the encoder sorts them by length, and the more there
are, the less it pads (250 at a time took it a quarter more batches)."""
BATCH_TEXT = 2**20
"""Characters of text after which a batch is full, whatever its number of records."""
NAME = 48
"""Characters of a file's name in the name of its source."""
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

    `add` and `origins` are the vault's, for the one who imports. `moved` is called as things go on, with the report
    and the number of records that there will be in all: None while nobody can tell, an estimate while the importer
    still reads. Once `stopped` says so, no new batch is begun. `new` are the ids of the records that it added.
    """

    def __init__(
        self,
        add: Callable[[AddRequest], AddAnswer],
        origins: Callable[[str], Sequence[str]],
        report: Report,
        moved: Callable[[Report, int | None], None],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._put, self._origins, self.report, self._moved, self._stopped = add, origins, report, moved, stopped
        self.new: list[str] = []
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
            if not self.report.interrupted:
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
            if self._stopped():
                self.report.interrupted = True
                return
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
            return self._put(request).outcomes
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
                    self.new.append(outcome.id)
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
        known = self._origins(self.report.source)
        self.report.vanished = [o for o in known if o not in self._seen and not (unread and o.startswith(unread))]


# ---------------------------------------------------------------- what a source is called


def default_source(importer: str, collection: str, path: Path) -> str:
    """Return a name that tells two directories of the same name in different collections apart."""
    name = name_of(path)
    return f"{importer}:{collection}:{name}" if name and name != collection else f"{importer}:{collection}"


def name_of(path: Path) -> str:
    """Return a name made of a folder's name, or a file's without what tells its format.

    What may not stand in a name becomes a hyphen, so the result may be empty.
    """
    whole = Path(os.path.abspath(path))  # noqa: PTH100  `.` has no name, and a link's own name is the better one
    name = whole.name if whole.is_dir() else Path(whole.name.removesuffix(".gz")).stem
    kept = (c if c.isalnum() or unicodedata.combining(c) or c in " ._@+-'&()" else "-" for c in _nfc(name))
    return "".join(kept).lstrip(" ._@+-'&()")[:NAME].rstrip(" -")


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())


# ---------------------------------------------------------------- files that a browser hands over


def importers() -> dict[str, str]:
    """Return what can be imported: each importer's name, and what it reads."""
    return {name: info.summary for name, info in plugins.importers().items()}


def takes_files() -> bool:
    """Say whether files can be handed over here, and not only read in place."""
    return staging.in_memory(staging.MEMORY)


def sweep() -> None:
    """Remove files that were handed over to a process which is gone."""
    if takes_files():
        staging.sweep()


def begun(importer: str, collection: str) -> Report:
    """Return the report of an import that begins. BadRequest for an importer or a collection that is none."""
    if importer not in plugins.importers():
        raise BadRequest("choose an importer", hint=", ".join(plugins.importers()))
    if not collection.strip():
        raise BadRequest("name a collection")
    return Report(importer, collection.strip(), "")


class Handed:
    """The files of one import, handed over in parts and held in memory until they are read. NotAllowed where that
    cannot be."""

    def __init__(self) -> None:
        self._staging = staging.Staging()
        self.id = secrets.token_hex(8)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._staging.size

    def put(self, path: str, at: int, part: bytes, modified: float) -> None:
        """Take the next part of a file, `path` as the browser names it. Raises BadRequest, TooLarge."""
        self._staging.put(path, at, part, modified)

    def read(self, report: Report, owners: Sequence[str]) -> Items:
        """Begin to read them, and name the source in the report as the command would. Raises ImportFailed."""
        if not self._staging.files:
            raise BadRequest("no file was handed over", hint="choose some files, or a folder")
        path = self._staging.root if self._staging.named else Path(report.collection)
        report.source = default_source(report.importer, report.collection, path)
        known = plugins.importers()[report.importer].options
        options: dict[str, Any] = {"owner": list(owners)} if owners and "owner" in known else {}
        return cast("Items", plugins.run(report.importer, self._staging.root, options))

    @property
    def whole(self) -> bool:
        """Whether they are a source of their own, one folder or one file, of which can be said what is no longer there.
        Another choice of files is another choice, not a smaller source."""
        return self._staging.named

    def close(self) -> None:
        """Remove them."""
        self._staging.close()
