"""Small files of the vault: written whole or not at all, readable by their owner only, never through a link.

Not for `vault.db`, its WAL or its shared memory: those are opened by SQLite alone. A process that opens and
closes one of them drops SQLite's locks on it, which has lost acknowledged commits (SPEC.md, "Ten rules").
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vault.errors import Damaged, NoVault, StorageFailed

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves data in the drive's cache
_DATA_SYNC = getattr(os, "fdatasync", os.fsync)


@contextmanager
def failing(doing: str) -> Iterator[None]:
    """Turn the system's refusal inside the block into StorageFailed: "cannot <doing>: <why>"."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or "input/output error").lower()
        raise StorageFailed(f"cannot {doing}: {why}", reason=f"errno_{error.errno}") from error


def sync(fd: int) -> None:
    """Return when what was written to `fd`, and the size that goes with it, is on the disk."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        _DATA_SYNC(fd)


def read(path: Path, limit: int) -> bytes:
    """Return the content of a regular file. FileNotFoundError when absent, Damaged for a link or over `limit` bytes."""
    regular(path)
    with failing(f"read {path.name}"):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            content = file.read(limit + 1)
    if len(content) > limit:
        raise Damaged(f"{path.name} is larger than {limit} bytes", reason="too_large")
    return content


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path`, mode 0600. After a crash the old or the new content is there, complete.

    Write beside it, flush, rename over it, flush the directory: only the rename makes it visible,
    and only the last flush makes the rename last.
    """
    beside = path.with_name(f".{path.name}.new")
    with failing(f"write {path.name}"):
        beside.unlink(missing_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                sync(fd)
            beside.rename(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Return when the names in `directory` are on the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def regular(path: Path) -> os.stat_result:
    """Return the file's state. FileNotFoundError when absent, Damaged when it is a link or anything but a file."""
    try:
        found = path.lstat()
    except NotADirectoryError:
        raise NoVault(f"{path.parent} is not a directory") from None
    except PermissionError as error:
        raise StorageFailed(f"cannot reach {path.name}: {(error.strerror or '').lower()}") from error
    if not stat.S_ISREG(found.st_mode):
        raise Damaged(f"{path.name} is not a regular file", reason="not_a_file")
    return found


def private(path: Path) -> None:
    """Take from everybody else what a copy, a restore or the mask may have given them. NoVault when it is absent."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise NoVault(f"{path} does not exist") from None
    if mode & 0o077:
        with failing(f"protect {path.name}"):
            path.chmod(stat.S_IMODE(mode) & 0o700)
