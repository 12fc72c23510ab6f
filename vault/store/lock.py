"""One process at a time owns an unlocked vault, and tells the others where to find it.

`lock` is held with flock(2) for as long as its owner lives; the kernel lets go of it when the last process
that has it open ends, however that happens. `owner.json` beside it says who and where; it means nothing
while the lock is free.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from vault.errors import Busy, Damaged, NoVault, StorageFailed, VaultError
from vault.store import files
from vault.store.ballast import Ballast

LOCK = "lock"
OWNER = "owner.json"
MAX_OWNER = 4096
"""Bytes in `owner.json`, and in what the lock file says."""
MAX_PID = 2**31
GRACE = 0.25
"""Seconds that an acquirer always tries: somebody who only looks (`find_server`) holds the lock for a moment."""
_PAUSE = 0.02


class Ownership:
    """The right to open the vault in one directory. Ends with `release`, or with the process."""

    def __init__(self, directory: Path, fd: int, first: bool) -> None:
        self._directory, self._fd, self._first = directory, fd, first

    @classmethod
    def acquire(cls, directory: Path, wait_s: float = 0.0, what: str = "ownvault") -> Ownership:
        """Take the lock, waiting up to `wait_s` seconds. `what` tells the others who has it.

        Raises NoVault when there is no such directory and Busy, with the holder's pid, when it stays taken.
        """
        fd = _open(directory)
        try:
            _take(fd, max(wait_s, GRACE))
            with contextlib.suppress(OSError):  # on a full disk nobody learns our pid; the lock holds all the same
                os.ftruncate(fd, 0)
                os.pwrite(fd, json.dumps({"pid": os.getpid(), "what": what}).encode(), 0)
                (directory / OWNER).unlink(missing_ok=True)  # left by an owner that was killed
        except BaseException:
            os.close(fd)
            raise
        return cls(directory, fd, first=True)

    @classmethod
    def inherit(cls, directory: Path, fd: int) -> Ownership:
        """Take over the lock that the parent process holds and passed on as `fd`.

        Raises Busy when `fd` is not this directory's lock or the lock is not held through it.
        """
        try:
            ours = os.path.samestat(os.fstat(fd), (directory / LOCK).lstat())
            os.set_inheritable(fd, False)  # our own children are importers: they own nothing
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            ours = False
        if not ours:
            raise Busy("the lock that was passed on is not this vault's")
        return cls(directory, fd, first=False)

    def fileno(self) -> int:
        """Return the descriptor, to pass on to a child: `subprocess.Popen(..., pass_fds=[ownership.fileno()])`."""
        return self._fd

    def announce(self, address: dict[str, Any]) -> None:
        """Tell other commands where the vault answers: {"pid", "port", "what"}. The ballast makes room if need be."""
        content = json.dumps(address, indent=2).encode() + b"\n"
        try:
            files.replace(self._directory / OWNER, content)
        except StorageFailed:
            if not Ballast(self._directory).release():
                raise
            files.replace(self._directory / OWNER, content)

    def release(self) -> None:
        """Give the vault up. Closing is enough, and leaves it to a parent or child that shares the lock."""
        if self._fd < 0:
            return
        if self._first:
            with contextlib.suppress(OSError):
                (self._directory / OWNER).unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = -1


def find_server(directory: Path) -> dict[str, Any] | None:
    """Return what the running owner announced, at least {"pid", "port"}; None when nobody owns the vault or answers."""
    return _announced(directory) if held(directory) else None


def held(directory: Path) -> bool:
    """Return whether some process owns the vault, be it a server or a command at work."""
    try:
        fd = os.open(directory / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _open(directory: Path) -> int:
    try:
        return os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        raise NoVault(f"there is no vault in {directory}") from None
    except OSError as error:
        if (directory / LOCK).is_symlink():
            raise Damaged("lock is not a regular file", reason="not_a_file") from None
        with files.failing("lock the vault"):
            raise error


def _take(fd: int, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise _busy(fd) from None
        time.sleep(_PAUSE)


def _busy(fd: int) -> Busy:
    try:
        said = json.loads(os.pread(fd, MAX_OWNER, 0))
        who = f"{said['what']}, process {int(said['pid'])}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return Busy(f"the vault is in use by {who}", hint="wait until it is done, or end it and try again")


def _announced(directory: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(files.read(directory / OWNER, MAX_OWNER))
    except (OSError, ValueError, RecursionError, VaultError):
        return None
    if not isinstance(said, dict) or type(said.get("pid")) is not int or type(said.get("port")) is not int:
        return None
    return said if 0 < said["pid"] < MAX_PID and 0 < said["port"] < 2**16 else None
