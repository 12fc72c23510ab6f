"""Other ways to the server than its loopback port: a Unix socket, and TLS on an address of the owner's choice.

Each is a door: a listening socket that the parent binds and a small process of its own keeps, from start to end. It
looks at who comes, and passes on what they say to the loopback port, where parent or worker answer and where every
rule is. It holds no key. Little lies in it on the way: a connection that is cut there is cut here.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vault.errors import BadRequest, Busy

if TYPE_CHECKING:
    import ssl

SOCKET = "socket"
"""What the Unix socket is called, in the vault's directory."""
BACKLOG = 128
_PROGRAM = "import sys; sys.path[:] = {path!r}; from vault.api import doorkeeper; doorkeeper.keep({told!r})"


@dataclass(frozen=True, slots=True)
class Doors:
    """Which doors there are. `host` is an address to listen on with TLS; `names` are what clients call it."""

    socket: bool = False
    host: str = ""
    port: int = 0
    certificate: str = ""
    key: str = ""
    names: tuple[str, ...] = ()

    def check(self, allowed: bool) -> None:
        """Raise BadRequest for a TLS door that would not be one, or was not said to be wanted.

        `allowed` is the owner's word that others than this machine may reach the vault.
        """
        if not self.host:
            if self.certificate or self.key or self.names:
                raise BadRequest("a certificate is for an address", hint="name it: --host ADDRESS")
            return
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            raise BadRequest(f"{self.host!r} is no IP address to listen on") from None
        if not (self.certificate and self.key):
            raise BadRequest("another address than loopback needs TLS", hint="--tls-cert FILE --tls-key FILE")
        if not allowed and not address.is_loopback:
            raise BadRequest(
                "others than this machine could reach the vault there", hint="if that is meant, say --remote as well"
            )
        context(self)

    def authorities(self, port: int) -> tuple[str, ...]:
        """Return what the `Host` header may say of those who come through the TLS door at `port`."""
        if not self.host:
            return ()
        address = ipaddress.ip_address(self.host)
        shown = f"[{address}]" if address.version == 6 else str(address)
        own = () if address.is_unspecified else (shown,)
        return tuple(f"{name}:{port}" if port != 443 else name for name in (*own, *self.names))


NONE = Doors()


def context(doors: Doors) -> ssl.SSLContext:
    """Return what TLS needs. Raises BadRequest when certificate and key do not serve."""
    import ssl  # deferred: the parent of a server without such a door has no use for it

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(doors.certificate, doors.key, password=_no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        why = (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
        raise BadRequest(f"the certificate or its key cannot be used: {why.lower()}") from None
    return made


def _no_password() -> str:
    raise ValueError("the key has a password")


@dataclass(frozen=True, slots=True)
class Opened:
    """The doors of a running server: where the socket is, '' for none, and the authorities that TLS goes by."""

    place: str = ""
    authorities: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None


@contextmanager
def opened(doors: Doors, directory: Path, inner: int) -> Iterator[Opened]:
    """Keep the doors open as long as the context lasts. `inner` is the port they lead to. Raises Busy, BadRequest."""
    if not (doors.socket or doors.host):
        yield Opened()
        return
    place = directory / SOCKET
    with contextlib.ExitStack() as stack:
        local = stack.enter_context(_local(place)) if doors.socket else None
        outer = stack.enter_context(_outer(doors)) if doors.host else None
        reading, writing = os.pipe()
        stack.callback(os.close, writing)
        sockets = {"local": local, "outer": outer}
        numbers = {name: one.fileno() for name, one in sockets.items() if one}
        told = json.dumps({"doors": asdict(doors), "inner": inner, "life": reading, **numbers})
        process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own words
            [sys.executable, "-P", "-c", _PROGRAM.format(path=sys.path, told=told)], stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(), pass_fds=(reading, *numbers.values()), process_group=0,
        )  # fmt: skip
        os.close(reading)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        port = outer.getsockname()[1] if outer else 0
        yield Opened(str(place) if local else "", doors.authorities(port), process)


@contextmanager
def _local(place: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        with contextlib.suppress(FileNotFoundError):
            if place.is_socket():  # of a server that was killed: the vault's lock is ours
                place.unlink()
        try:
            made.bind(str(place))  # the mask leaves it to us alone, and the directory is
            place.chmod(0o600)
            made.listen(BACKLOG)
        except (OSError, ValueError) as error:
            why = "its path is too long" if len(os.fsencode(place)) > 100 else getattr(error, "strerror", "")
            raise Busy(f"the socket {place} cannot be made: {why}") from None
        try:
            yield made
        finally:
            place.unlink(missing_ok=True)


@contextmanager
def _outer(doors: Doors) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in doors.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((doors.host, doors.port))
            made.listen(BACKLOG)
        except OSError as error:
            why = (error.strerror or "unusable").lower()
            raise Busy(f"{doors.host} port {doors.port} cannot be used: {why}") from None
        yield made
