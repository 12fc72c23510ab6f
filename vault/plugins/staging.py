"""Where files that came over the wire lie while an importer reads them: in memory, never on a disk.

Linux's own memory file system, in a directory of ours alone, held by a lock: what a crash leaves behind is removed by
whoever stages next. A system that has none cannot stage; its owner imports with the command, which reads in place.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import secrets
import shutil
import stat
import unicodedata
from pathlib import Path

from vault import limits
from vault.errors import BadRequest, NotAllowed, TooLarge

MEMORY = Path("/dev/shm")  # noqa: S108 - of this the mounts say that it is memory
PREFIX = "ownvault-import-"
SPARE = 256 << 20
"""Bytes of that memory that are left to everybody else."""
DEPTH, SEGMENT = 32, 255
"""Folders in one another, and bytes of one name."""


class Staging:
    """A folder for the files of one import. `close` removes it; a process that dies leaves it to `sweep`."""

    def __init__(self, memory: Path = MEMORY) -> None:
        """Raises NotAllowed where there is no file system in memory."""
        if not in_memory(memory):
            raise NotAllowed(
                "files cannot be handed over here: this system has no file system in memory",
                hint="use the command: ownvault import",
            )
        sweep(memory)
        self._memory, self._place = memory, memory / f"{PREFIX}{os.getuid()}-{secrets.token_hex(8)}"
        self._place.mkdir(mode=0o700)
        self._lock = os.open(self._place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._root = self._place / "files"
        self._root.mkdir(mode=0o700)
        self.files, self.size = 0, 0
        atexit.register(self.close)  # a vault that is locked ends its process

    def put(self, path: str, at: int, part: bytes, modified: float) -> None:
        """Write the next part of a file, which begins at `at`. TooLarge, and BadRequest for a path or place that is
        none."""
        target = self._root.joinpath(*_parts(path))
        if self.size + len(part) > limits.UPLOAD or (at == 0 and self.files >= limits.UPLOAD_FILES):
            raise TooLarge(
                f"at most {limits.UPLOAD >> 20:,} MiB in {limits.UPLOAD_FILES:,} files at once",
                hint="use the command: ownvault import",
            )
        room = os.statvfs(self._memory)
        if room.f_bavail * room.f_frsize - len(part) < SPARE:
            raise TooLarge("there is no room in memory for these files", hint="use the command: ownvault import")
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_EXCL if at == 0 else 0)
            with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
                if at and os.fstat(file.fileno()).st_size != at:
                    raise BadRequest("a part of the file is missing", hint="send it again from the beginning")
                file.seek(at)
                file.write(part)
            os.utime(target, (modified, modified))
        except (OSError, OverflowError, ValueError):
            raise BadRequest("this file cannot be taken", hint="another of the same name may be there") from None
        self.files += at == 0
        self.size += len(part)

    @property
    def root(self) -> Path:
        """What an importer is given: the one file or folder there is, or the folder of all of them."""
        entries = list(self._root.iterdir())
        return entries[0] if len(entries) == 1 else self._root

    @property
    def named(self) -> bool:
        """Whether that has a name of its owner's: several things at once have none."""
        return self.root != self._root

    def close(self) -> None:
        """Remove the files."""
        atexit.unregister(self.close)
        shutil.rmtree(self._place, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)


def in_memory(place: Path) -> bool:
    """Say whether a directory is on a file system in memory, and ours to write in."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    kinds = {fields[1]: fields[2] for line in mounts if len(fields := line.split()) > 2}
    return kinds.get(str(place)) == "tmpfs" and os.access(place, os.W_OK | os.X_OK)


def sweep(memory: Path = MEMORY) -> None:
    """Remove what processes that are gone have left behind."""
    for place in memory.glob(f"{PREFIX}{os.getuid()}-*"):
        try:
            state = place.lstat()
            if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
                continue
            lock = os.open(place / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        with os.fdopen(lock, "rb"), contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)


def _parts(path: str) -> list[str]:
    """Return the names in a relative path as a browser says it. BadRequest for one that leads anywhere else."""
    parts = path.split("/")
    good = path.isprintable() and len(parts) <= DEPTH and all(
        part not in ("", ".", "..") and "\\" not in part and len(part.encode("utf-8", "replace")) <= SEGMENT
        for part in parts
    )  # fmt: skip
    if not good:
        raise BadRequest("this is no name of a file", hint="rename it")
    return [unicodedata.normalize("NFC", part) for part in parts]
