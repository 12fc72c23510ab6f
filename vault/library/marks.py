"""How far the index has followed the store, while several threads change both."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vault.errors import StorageFailed, VaultError
from vault.store.changes import Mark


class Marks:
    """Changes under way: each has a floor, a moment of the store before any of its own."""

    def __init__(self, last: Callable[[], Mark]) -> None:
        """`last` tells the store's present moment."""
        self._last = last
        self._door = threading.Lock()
        self._floors: dict[object, Mark] = {}

    @contextmanager
    def change(self) -> Iterator[None]:
        """Change the store, then the index, inside the block.

        A block that fails may have changed the store and not the index: its floor stays, unless the failure says that
        nothing was changed.
        """
        key = object()
        with self._door:
            self._floors[key] = self._last()
        try:
            yield
        except VaultError as error:
            if not isinstance(error, StorageFailed):  # then nobody knows what lasted
                self._end(key)
            raise
        self._end(key)

    def reached(self) -> Mark:
        """Return a moment up to which every change of the store is in the index that is looked at after this."""
        with self._door:  # nobody begins meanwhile: with none under way the index has everything
            return min(self._floors.values()) if self._floors else self._last()

    def _end(self, key: object) -> None:
        with self._door:
            del self._floors[key]
