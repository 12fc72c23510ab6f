"""Work in the background waits for what somebody waits for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Courtesy:
    """Counts what is done for somebody. Thread-safe."""

    def __init__(self) -> None:
        self._quiet = threading.Condition()
        self._busy = 0

    @contextmanager
    def first(self) -> Iterator[None]:
        """Do inside the block what somebody waits for."""
        with self._quiet:
            self._busy += 1
        try:
            yield
        finally:
            with self._quiet:
                self._busy -= 1
                if not self._busy:
                    self._quiet.notify_all()

    def wait(self, seconds: float) -> bool:
        """Return when nothing is done for anybody, or after so many seconds; tell whether it is quiet."""
        with self._quiet:
            return self._quiet.wait_for(lambda: not self._busy, seconds)
