"""What a process does before it touches a secret."""

from __future__ import annotations

import os
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def harden() -> None:
    """Make new files ours alone, and keep our memory from core dumps and from other processes of the same user.

    First thing in every entry point; children inherit the mask and the core limit and call it again for the rest.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes  # deferred: start-up time

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_connections(wanted: int = 4096) -> None:
    """Raise the soft limit of open files, so that idle connections do not use up what the vault needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard)), hard))
