"""Four megabytes kept in reserve, so that a full disk does not keep the owner from opening, reading and revoking.

A WAL database on a full disk cannot even be opened for reading: there is no room for its shared memory.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from vault.errors import Damaged, StorageFailed, VaultError
from vault.store import files

NAME = "ballast"
SIZE = 4 * 2**20
"""Bytes. More than a checkpointed WAL, its shared memory and a revocation need together."""


class Ballast:
    """The reserve of one vault: there, or given to urgent work."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    @property
    def held(self) -> bool:
        """Whether the reserve is in place."""
        try:
            return files.regular(self._path).st_size == SIZE
        except (OSError, VaultError):
            return False

    def release(self) -> bool:
        """Give the space back to the disk; False when there was nothing to give."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Put the reserve back when the disk has twice its size to spare. Return whether it is in place."""
        if self.held:
            return True
        with contextlib.suppress(OSError, Damaged, StorageFailed):
            room = os.statvfs(self._path.parent)
            if room.f_bavail * room.f_frsize >= 2 * SIZE:
                files.replace(
                    self._path, os.urandom(SIZE)
                )  # random: zeros take no space where the file system compresses
        return self.held
