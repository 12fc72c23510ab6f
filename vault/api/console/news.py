"""What our pages are told while they are open: whether anything happened, and how many requests wait.

To look on is not to use the vault: it is not recorded, and puts off neither the end of a session nor the idle lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, jsonify, request

from vault.api import stream
from vault.types import EventKind, Position

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

COUNTED = (EventKind.REQUEST, EventKind.DECISION, EventKind.NOTICE, EventKind.GRANT)
"""Events after which another number of requests may wait."""
END = Position(10**15, 10**15)
"""A position that no log has: it stands for where the log ends now."""


def add(console: Console) -> None:
    """Add the one part that every page asks for again and again."""
    vault = console.vault

    def news(session: Session) -> Answer:
        """Tell where the log ends now, the kinds of what happened after a position, and how many requests wait if
        that may be another number; nothing when nothing happened."""
        after = request.args.get("after")
        happened = vault.events(session.holder, stream.position(after) if after else END)
        if after == stream.name(happened.position):
            return Response(status=204)
        said: dict[str, object] = {"position": stream.name(happened.position)}
        said["kinds"] = sorted({str(one.kind) for one in happened.events})
        if not after or any(one.kind in COUNTED for one in happened.events):
            said["waiting"] = vault.status(session.holder).requests
        return jsonify(said)

    console.part("/news", news, quiet=True)
