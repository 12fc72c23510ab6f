"""What surrounds the sealed parent: the signals that reach it, and the terminal that it speaks to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from vault.api.doors import Opened
from vault.config import Config

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD)


@contextmanager
def signals() -> Iterator[int]:
    """Yield a descriptor from which the numbers of our signals can be read as they come."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, _noted) for number in SIGNALS}
    waking = signal.set_wakeup_fd(writing)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(waking)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def _noted(_: int, __: FrameType | None) -> None:
    """Python writes the number into the wakeup descriptor; there is nothing else to do here."""


class Voice:
    """What the owner is told, on stdout once and on stderr later."""

    def __init__(self, config: Config, port: int, as_json: bool, quiet: bool, doors: Opened) -> None:
        self._address, self._directory, self._doors = f"http://127.0.0.1:{port}", str(config.directory), doors
        self._json, self._quiet, self._said = as_json, quiet, False

    def state(self, state: str, why: str = "") -> None:
        """Tell a change of state. The first one is the announcement that the server is there."""
        if self._said:
            if why or not self._quiet:
                self._write(sys.stderr, f"ownvault: {state}{why}")
            return
        self._said = True
        told: dict[str, Any] = {"address": self._address, "state": state, "pid": os.getpid()}
        told["directory"] = self._directory
        far = [f"https://{one}" for one in self._doors.authorities]
        told |= ({"socket": self._doors.place} if self._doors.place else {}) | ({"elsewhere": far} if far else {})
        line = f"ownvault serves {self._directory} at {self._address} ({state}); Ctrl-C ends it"
        self._write(sys.stdout, json.dumps(told) if self._json else self._address if self._quiet else line)

    def _write(self, stream: Any, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody listens any more
            stream.write(line + "\n")
            stream.flush()
