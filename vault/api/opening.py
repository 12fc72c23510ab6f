"""Which assistants' programs can open a page for their person, as they say when they begin (MCP 2025-11-25).

The session id that they are given says so, and nothing else: nobody need keep a session, and a restart ends none.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping

HEADER = "Mcp-Session-Id"
_OPENS = ".url"


def session(body: bytes) -> str:
    """Return the session id for a program that begins with this message and can open pages; empty for all others."""
    if b'"initialize"' not in body:
        return ""
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(body)
        for name in ("params", "capabilities", "elicitation", "url"):
            said = said.get(name) if isinstance(said, Mapping) else None
        return secrets.token_hex(16) + _OPENS if said is not None else ""
    return ""


def opens(id: str) -> bool:
    """Tell whether a session id says that its program opens pages. Whoever made it up sees errors that name one."""
    return id.endswith(_OPENS)
