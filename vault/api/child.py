"""The worker as its parent sees it: a fresh program, a pipe that feeds it, one that hears it, one that is its life."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict

from vault.config import Config

IDLE = 75
"""The exit status of a worker that locked itself because nobody asked anything."""
MAX_LINE = 16 * 1024
_PROGRAM = "import sys; sys.path[:] = {path!r}; from vault.api import worker; sys.exit(worker.main({feed}))"
"""The same code as ours, whatever the current directory holds."""


class Worker:
    """A started worker. It ends by `end` or `kill`, by itself, or when this process does."""

    def __init__(self, process: subprocess.Popen[bytes], said: int, life: int) -> None:
        self._process, self.said, self._life = process, said, life
        self._line = bytearray()
        self.deadline = float("inf")
        self.heard = self.ready = self.asked = False

    def line(self) -> bytearray | None:
        """Return the first line it wrote, empty if it ended without one; None as long as it is not there."""
        if self.said < 0:
            return None
        scratch = bytearray(MAX_LINE)
        try:
            got = os.readv(self.said, [scratch])
        except BlockingIOError:
            return None
        self._line += memoryview(scratch)[:got]
        scratch[:] = bytes(len(scratch))
        if got and not self._line.endswith(b"\n") and len(self._line) < MAX_LINE:
            return None
        line, self._line = self._line, bytearray()
        return line if line.endswith(b"\n") else bytearray()

    def end(self, seconds: float) -> None:
        """Ask it to finish, and set the time after which it is to be killed."""
        if not self.asked:
            self.asked, self.deadline = True, time.monotonic() + seconds
            self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.deadline = float("inf")

    def ended(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return self._process.poll()

    def close(self) -> None:
        for descriptor in (self.said, self._life):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.said = -1


def start(
    config: Config, listening: int, lock: int, secret: bytearray | memoryview, form: str, knock: str,
    elsewhere: tuple[str, ...] = (),
) -> Worker:  # fmt: skip
    """Start a worker on a listening socket and a lock that we hold, and feed it the passphrase.

    `form` says what `secret` is: `raw`, or the `json` of an unlock request. The caller wipes it.
    """
    feed, feeding = os.pipe()
    said, saying = os.pipe()
    life, living = os.pipe()
    theirs = (feed, saying, life)
    program = _PROGRAM.format(path=sys.path, feed=feed)
    try:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own words
            [sys.executable, "-P", "-c", program], stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(),
            pass_fds=(*theirs, listening, lock), process_group=0,
        )  # fmt: skip
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    settings = asdict(config) | {"directory": str(config.directory)}
    told = {"config": settings, "listening": listening, "lock": lock, "saying": saying, "life": life,
            "parent": os.getpid(), "form": form, "knock": knock, "elsewhere": elsewhere}  # fmt: skip
    with contextlib.suppress(BrokenPipeError):  # it ended at once; we hear of it by SIGCHLD
        os.write(feeding, json.dumps(told).encode() + b"\n")
        os.write(feeding, secret)
    os.close(feeding)
    os.set_blocking(said, False)
    return Worker(process, said, living)


def cause(status: int) -> str:
    """Return in words how a process ended."""
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
