"""Starting the server for an assistant that finds none, where the owner let the system's keyring open the vault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vault import unlocking
from vault.store import keys, lock


def start(directory: Path) -> bool:
    """Start a server that outlives us, and return whether one was started. Never where one runs, locked or not."""
    secret = None if lock.held(directory) else unlocking.kept(directory)
    if secret is None:
        return False
    try:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own words
            [sys.executable, "-m", "vault", "serve", "--vault", str(directory), "--passphrase-file", "-", "--quiet"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert process.stdin
        with process.stdin:
            process.stdin.write(secret)
    except OSError:
        return False
    finally:
        keys.wipe(secret)
    return True
