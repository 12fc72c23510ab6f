"""A client that counts the bytes of its answers, so that it can be told what had arrived at one moment."""

from __future__ import annotations

import fcntl
import json
import select
import socket
import struct
import termios
import threading
from dataclasses import dataclass
from typing import Any

SMALL = 16 * 1024


@dataclass(frozen=True)
class Arrived:
    """What had reached this machine at one moment: so many bytes of the answer to the client's n-th request."""

    number: int
    size: int


@dataclass(frozen=True)
class Reply:
    """An answer as far as it came: of the client's n-th request, all the bytes, and whether it was whole."""

    number: int
    data: bytes
    whole: bool

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1]) if self.data else 0

    @property
    def json(self) -> Any:
        return json.loads(self.data.partition(b"\r\n\r\n")[2])


class Reading:
    """One connection. `buffer` bounds what the kernel takes for a client that does not read."""

    def __init__(self, port: int, buffer: int = 0) -> None:
        self._port, self._lock = port, threading.Lock()
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.connect(("127.0.0.1", port))
        self._number, self._data, self._ended = 0, bytearray(), False

    def close(self) -> None:
        self._socket.close()

    def ask(self, target: str, said: Any, **headers: str) -> None:
        """Send a request; its answer waits."""
        body = json.dumps(said).encode()
        told = {"host": f"127.0.0.1:{self._port}", "content-type": "application/json", "content-length": str(len(body))}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        with self._lock:
            self._number, self._data = self._number + 1, bytearray()
        self._socket.sendall(f"POST {target} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def arrived(self) -> Arrived:
        """Return what has arrived by now, whether it was read already or not."""
        with self._lock:
            waiting = 0 if self._ended else self._readable()
            return Arrived(self._number, len(self._data) + waiting)

    def some(self, size: int) -> None:
        """Read at least so many bytes, and then no more."""
        while len(self._data) < size:
            assert not self._ended, f"the answer was over after {len(self._data)} bytes"
            self._read(size - len(self._data))

    def reply(self) -> Reply:
        """Read the answer, or what comes of it."""
        while not self._whole() and not self._ended:
            self._read(65536)
        return Reply(self._number, bytes(self._data), self._whole())

    def _read(self, most: int) -> None:
        select.select([self._socket], [], [])
        with self._lock:
            try:
                part = self._socket.recv(most)
            except ConnectionError:
                part = b""
            self._data += part
            self._ended = not part

    def _whole(self) -> bool:
        head, end, body = bytes(self._data).partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return bool(end) and len(body) >= int(lengths[0])

    def _readable(self) -> int:
        waiting: int = struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, bytes(4)))[0]
        return waiting
