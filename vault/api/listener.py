"""Granian's embedded server on a socket that somebody else has bound."""

from __future__ import annotations

import logging
import socket
from typing import Any

from vault.api.connection import QUEUED

MAX_HEAD = 32 * 1024
"""Bytes of a request's head."""
HEAD_MILLISECONDS = 5_000
"""How long a client may take to send it."""
CONNECTIONS = 768
"""Connections served at the same time; more wait in the socket's backlog."""


def make(app: Any, listening: socket.socket) -> Any:
    """Return a server of the ASGI application `app`: `await serve()` runs it, `stop()` ends it when it has answered."""
    from granian._granian import SocketHolder
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    logging.getLogger("_granian").setLevel(logging.CRITICAL)

    class Inheriting(Server):  # type: ignore[misc]
        """Granian binds its own socket; ours was bound by the sealed parent and outlives this process."""

        def _init_shared_socket(self) -> None:
            self._ssp, self._shd = None, SocketHolder(listening.fileno(), False, CONNECTIONS)  # type: ignore[call-arg]
            self._sfd = listening.fileno()

    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUED)  # what is accepted inherits it
    host, port = listening.getsockname()[:2]
    return Inheriting(
        app, address=host, port=port, interface=Interfaces.ASGINL, http=HTTPModes.http1, websockets=False,
        backpressure=CONNECTIONS, log_enabled=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_MILLISECONDS, max_buffer_size=MAX_HEAD),
    )  # fmt: skip
