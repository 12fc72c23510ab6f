"""Where a capability token comes from: a file, stdin or OWNVAULT_TOKEN. Never argv, which other programs can see."""

from __future__ import annotations

import os
from pathlib import Path

from vault.errors import BadRequest

LONGEST = 64 * 1024
"""Characters of what may stand where a token or a key is expected; the token's own limit is far below."""
STDIN = "-"


def obtain(file: str | None) -> str:
    """Return the token in `file` (`-` is stdin), without one that in OWNVAULT_TOKEN. BadRequest when there is none."""
    found = os.environ.get("OWNVAULT_TOKEN", "") if file is None else read(file)
    if not found:
        raise BadRequest("there is no token", hint="set OWNVAULT_TOKEN, or name a file that holds it; - is stdin")
    return found


def read(file: str) -> str:
    """Return what stands in `file` (`-` is stdin), without blanks around it. BadRequest when it cannot be read."""
    try:
        with open(0, "rb", closefd=False) if file == STDIN else Path(file).open("rb") as source:
            return source.read(LONGEST).decode("ascii", "replace").strip()
    except OSError as error:
        raise BadRequest(f"cannot read {file}: {(error.strerror or 'unreadable').lower()}") from None
