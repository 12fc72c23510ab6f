"""HTTP by hand, for what no client library would send."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(port: int, *parts: bytes) -> Response | None:
    """Send bytes on a connection of their own and return the answer, None when there is none."""
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        try:
            for part in parts:
                sock.sendall(part)
            data = b""
            while b"\r\n\r\n" not in data or len(data.split(b"\r\n\r\n", 1)[1]) < _length(data, parts):
                more = sock.recv(65536)
                if not more:
                    break
                data += more
        except ConnectionError:
            data = b""
    if not data:
        return None
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Response(int(first.split()[1]), headers, body)


def _length(data: bytes, asked: tuple[bytes, ...]) -> int:
    if asked and asked[0].startswith(b"HEAD "):
        return 0
    for line in data.split(b"\r\n\r\n")[0].lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def request(
    port: int, method: str = "GET", target: str = "/healthz", body: bytes | None = None, **headers: str | None
) -> Response | None:
    """Send a proper request; a header given as None is left out, `_` in its name is `-`."""
    said: dict[str, str | None] = {"host": f"127.0.0.1:{port}"}
    if body is not None:
        said |= {"content-type": "application/json", "content-length": str(len(body))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value is not None)
    return send(port, f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
