"""A configuration file that belongs to its client and its owner: read with care, replaced whole or not at all.

A link in the owner's own configuration is followed (dotfiles often lie elsewhere), one in a project not out of it.
Nothing that is somebody else's is touched, and what was read is what is replaced: a change in between is noticed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vault.errors import ConfigRefused
from vault.store import files

MOST = 32 << 20
"""Bytes of a configuration file; Claude Code's holds its history and has reached megabytes."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration file as it was read. `path` is where it really is; `content` is None when it is absent."""

    path: Path
    content: bytes | None
    mode: int = 0o600
    group: int = -1

    @property
    def text(self) -> str:
        """Return the content without its byte order mark. Raises ConfigRefused when it is not UTF-8."""
        try:
            return (self.content or b"").removeprefix(_BOM).decode("utf-8")
        except UnicodeDecodeError:
            raise ConfigRefused(f"{self.path} is not UTF-8 text") from None

    def encoded(self, text: str) -> bytes:
        """Return a text as the bytes of this file, with its byte order mark if it had one."""
        return (_BOM if (self.content or b"").startswith(_BOM) else b"") + text.encode()


def read(path: Path, root: Path | None = None) -> Found:
    """Return the file at `path`, links followed, but not out of `root`. Raises ConfigRefused."""
    real = _real(path, root)
    try:
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        _ours(_existing(real.parent))
        return Found(real, None)
    except OSError as error:
        raise ConfigRefused(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    state = os.fstat(fd)
    if not stat.S_ISREG(state.st_mode):
        os.close(fd)
        raise ConfigRefused(f"{path} is not a regular file")
    with os.fdopen(fd, "rb") as file:
        if state.st_uid != os.geteuid():
            raise ConfigRefused(f"{path} belongs to somebody else")
        _ours(real.parent)
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise ConfigRefused(f"{path} is larger than {MOST >> 20} MiB")
    return Found(real, content, stat.S_IMODE(state.st_mode), state.st_gid)


def replace(found: Found, content: bytes, mode: int | None = None) -> list[Path]:
    """Put `content` in the place of what was read, and return the directories that had to be made, outermost first.

    A new file gets `mode`, and so do they. Written beside it, flushed, renamed over it. Raises ConfigRefused when the
    file changed since it was read.
    """
    made = []
    mode = found.mode if mode is None or found.content is not None else mode
    with _refusing(f"write {found.path}"):
        for directory in reversed(_missing(found.path.parent)):
            directory.mkdir()
            directory.chmod(mode | (mode & 0o444) >> 2)  # whoever may read may look into it
            made.append(directory)
        beside = found.path.with_name(f".{found.path.name}.ownvault-{os.getpid()}")
        beside.unlink(missing_ok=True)  # of a process that was killed; it may have had this number, too
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                with contextlib.suppress(OSError):  # a group that we are no member of
                    os.fchown(fd, -1, found.group)
                os.fchmod(fd, mode)
                file.flush()
                files.sync(fd)
            _unchanged(found)
            beside.rename(found.path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        files.sync_directory(found.path.parent)
    return made


def remove(found: Found, directories: Sequence[Path]) -> None:
    """Remove the file that was read, and of the directories those that it leaves empty, innermost first."""
    with _refusing(f"remove {found.path}"):
        _unchanged(found)
        found.path.unlink(missing_ok=True)
        for directory in reversed(directories):
            with contextlib.suppress(OSError):  # something else lives there now
                directory.rmdir()


def _unchanged(found: Found) -> None:
    if found.path.is_symlink() or read(found.path).content != found.content:
        raise ConfigRefused(f"{found.path} was changed at the same moment", hint="try again")


def _real(path: Path, root: Path | None) -> Path:
    """Return where a path leads. ConfigRefused when that is outside of `root`: a project may come from a stranger."""
    real = Path(os.path.realpath(path))  # to the end also where nothing is yet
    if root is not None and not real.is_relative_to(os.path.realpath(root)):
        raise ConfigRefused(f"{path} leads to {real}, outside of {root}")
    if real.is_symlink():
        raise ConfigRefused(f"{path} is a link in a circle")
    return real


def _missing(directory: Path) -> list[Path]:
    """Return the directories on the way that are not there, innermost first."""
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    return missing


def _existing(directory: Path) -> Path:
    missing = _missing(directory)
    return missing[-1].parent if missing else directory


def _ours(directory: Path) -> None:
    try:
        state = directory.stat()
    except OSError as error:
        raise ConfigRefused(f"cannot reach {directory}: {(error.strerror or '').lower()}") from None
    if not stat.S_ISDIR(state.st_mode):
        raise ConfigRefused(f"{directory} is not a directory")
    if state.st_uid != os.geteuid():
        raise ConfigRefused(f"{directory} belongs to somebody else")


@contextlib.contextmanager
def _refusing(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigRefused(f"cannot {doing}: {(error.strerror or 'input/output error').lower()}") from None
