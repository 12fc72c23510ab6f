"""When a snapshot is worth writing: behind large changes, in the background, and on closing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from vault.errors import VaultError
from vault.library.marks import Marks
from vault.library.snapshots import Snapshots
from vault.library.space import Space

WORTH = 1000
"""Records, or changes, below which reading the database takes no time that anybody would notice."""
MANY = 25_000
"""Changes behind which one is written in the background; of a large vault, a tenth of its records."""
QUICK = 200_000
"""Chunks that closing writes at most: who locks does not want to wait."""

_log = logging.getLogger("ownvault.index")


class Keeper:
    """Writes the snapshots of one library. Thread-safe; what fails is a notice, never an error."""

    def __init__(self, snapshots: Snapshots, marks: Marks, space: Callable[[], Space | None]) -> None:
        self._snapshots, self._marks, self._space = snapshots, marks, space
        self._door = threading.Lock()
        self._changes, self._torn = 0, False
        self._thread: threading.Thread | None = None
        self._closed = False
        self.notices: tuple[str, ...] = ()

    def note(self, changes: int, *, torn: bool = False) -> None:
        """Take note of changes of the index; `torn`: files of the snapshot had to go. Writes behind many of them."""
        with self._door:
            self._changes += changes
            self._torn |= torn
            idle = self._thread is None or not self._thread.is_alive()
            if self._closed or not idle or self._changes < max(MANY, self._size() // 10):
                return
            self._thread = threading.Thread(target=self._run, name="snapshot", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self.write() and self._changes >= max(MANY, self._size() // 10):
            pass  # as much has changed meanwhile

    def write(self) -> bool:
        """Write a snapshot of what there is now; False when that did not work, or there is nothing."""
        space = self._space()
        if space is None:
            return False
        with self._door:
            seen, torn, self._changes, self._torn = self._changes, self._torn, 0, False
        try:
            self._snapshots.write(space.index, space.made_by, self._marks.reached())
            self.notices = ()
            return True
        except VaultError as error:
            self._again(seen, torn)
            self.notices = (f"the index was not saved, so that the next unlocking takes longer: {error.message}",)
            _log.warning("no snapshot of the index: %s", error.message)
            return False

    def close(self) -> None:
        """Write what is worth it and quickly written; nothing begins afterwards."""
        with self._door:
            self._closed = True
            thread = self._thread
        space = self._space()
        if space is not None and (thread is None or not thread.is_alive()):
            self._finish(space)
        self._snapshots.close()
        if thread is not None:
            thread.join()

    def _finish(self, space: Space) -> None:
        if self._due(space):
            self.write()
        elif self._torn and self._size() < WORTH:
            with suppress(VaultError):
                self._snapshots.discard()  # words and names of what was forgotten are in it

    def _due(self, space: Space) -> bool:
        worth = self._size() >= WORTH and (self._torn or self._changes >= WORTH)
        return worth and self._snapshots.unwritten(space.index) <= QUICK

    def _again(self, changes: int, torn: bool) -> None:
        with self._door:
            self._changes += changes
            self._torn |= torn

    def _size(self) -> int:
        space = self._space()
        return 0 if space is None else space.index.size
