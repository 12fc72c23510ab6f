"""A proxy that bears a token for programs that cannot: the conformance suite has no way to send one.

Everything else goes through as it came: `Host` and `Origin` name the server where they named the proxy, and only there,
so that a foreign one is still foreign.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with (
            closing(http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)) as connection,
            suppress(ConnectionError),  # programs of the suite hang up when they have seen enough
        ):
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "authorization"):
                    connection.putheader(name, self._theirs(name, value))
            connection.putheader("Authorization", f"Bearer {self.server.token}")
            connection.endheaders(body)
            with connection.getresponse() as response:
                self._pass_on(response)

    do_GET = do_DELETE = do_OPTIONS = do_POST

    def _theirs(self, name: str, value: str) -> str:
        own = f":{self.server.server_port}"
        return value.replace(own, f":{self.server.behind}") if name.lower() in ("host", "origin") else value

    def _pass_on(self, response: http.client.HTTPResponse) -> None:
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while part := response.read1():
            self.wfile.write(part)
            self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind: int, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind, self.token = behind, token


@contextmanager
def bearing(port: int, token: str) -> Iterator[int]:
    """Yield the port of a proxy before the server on `port`; every request through it bears `token`."""
    proxy = _Proxy(port, token)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy.server_port
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
