"""The process that keeps the doors of a server: it looks at who comes, and passes on what they say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable

from vault.api.doors import Doors, context
from vault.store import hygiene

CONNECTIONS = 128
"""At one door at the same time; one more is hung up on."""
HANDSHAKE_SECONDS = 5.0
PIECE = 32 * 1024


def keep(told: str) -> None:
    """Keep the doors until the parent is gone."""
    hygiene.harden()
    hygiene.allow_connections()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    said = json.loads(told)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_keep(said))


async def _keep(said: dict[str, object]) -> None:
    doors = Doors(**said["doors"])  # type: ignore[arg-type]
    inner, life = int(str(said["inner"])), int(str(said["life"]))
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(life, over.set)  # nothing is ever written: it can be read when the other end is gone
    loop.add_signal_handler(signal.SIGTERM, over.set)
    if "local" in said:
        made = socket.socket(fileno=int(str(said["local"])))
        await asyncio.start_unix_server(_Door(inner, ours).passing, sock=made, limit=PIECE)
    if "outer" in said:
        made = socket.socket(fileno=int(str(said["outer"])))
        tls = {"ssl": context(doors), "ssl_handshake_timeout": HANDSHAKE_SECONDS}
        await asyncio.start_server(_Door(inner, None).passing, sock=made, limit=PIECE, **tls)  # type: ignore[arg-type]
    await over.wait()


def ours(sock: socket.socket) -> bool:
    """Tell whether the process at the other end of a Unix socket is the owner's, as the kernel has it."""
    if sys.platform == "linux":
        _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    else:  # LOCAL_PEERCRED of the BSDs: struct xucred
        _, uid = struct.unpack_from("2I", sock.getsockopt(0, 1, 76))
    return bool(uid == os.getuid())


class _Door:
    """Passes connections on to the server; `known` says who may come, None for everybody."""

    def __init__(self, inner: int, known: Callable[[socket.socket], bool] | None) -> None:
        self._inner, self._known, self._there = inner, known, 0

    async def passing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        sock = writer.get_extra_info("socket")
        if self._there >= CONNECTIONS or (self._known and not self._known(sock)):
            writer.transport.abort()
            return
        self._there += 1
        try:
            await self._pass(reader, writer)
        except OSError:
            writer.transport.abort()
        finally:
            self._there -= 1

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._inner, limit=PIECE)
        for one in (writer, back):
            one.transport.set_write_buffer_limits(high=0)  # what is read is handed on before more is read
        going = asyncio.ensure_future(_pump(reader, back))
        try:
            await _pump(there, writer)
            writer.close()  # the server has ended it, and so do we
        except OSError:  # it was cut
            writer.transport.abort()
        finally:
            going.cancel()
            back.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Hand on what comes, until it ends."""
    while part := await source.read(PIECE):
        sink.write(part)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
