"""The doors: a Unix socket for the owner's own programs, and TLS for other machines. Behind each the same rules."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.api.conftest import new, stopped
from tests.support import PASSPHRASE, Server
from vault.api import doorkeeper
from vault.api.client import RemoteVault
from vault.api.doors import Doors
from vault.api.guard import Guard
from vault.api.problems import Refusal
from vault.errors import BadRequest, Unreachable
from vault.store.lock import find_server
from vault.types import AddRequest, AuditRequest, CountRequest, Draft, Filter, GrantRequest, Holder, SearchRequest

NAME = "vault.example"


def certificate(home: Path) -> tuple[Path, Path]:
    """Make a certificate of its own authority for NAME and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    cert, private = home / "cert.pem", home / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return cert, private


class House:
    """A server with both doors."""

    def __init__(self, server: Server, said: dict[str, object], cert: Path) -> None:
        self.server, self.cert = server, cert
        self.place = str(said["socket"])
        self.port = int(str(said["elsewhere"][0]).rpartition(":")[2])  # type: ignore[index]
        self.knock = str((find_server(server.directory) or {})["knock"])
        self.remote = RemoteVault(server.address, knock=self.knock, place=self.place)
        self.owner = Holder(self.remote.unlock(bytearray(PASSPHRASE)).token)

    @property
    def inner(self) -> int:
        return int(self.server.address.rsplit(":", 1)[1])

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.cert))

    def far(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, object]]:
        """Ask through the TLS door."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.trust)
        with contextlib.closing(connection):
            said = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, said | {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("doors")
    environment = new(home)
    cert, key = certificate(home)
    log = home / "server.log"
    words = ["--socket", "--host", "127.0.0.1", "--tls-port", "0", "--tls-cert", str(cert), "--tls-key", str(key),
             "--name", NAME]  # fmt: skip
    with log.open("a") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "vault", "serve", "--port", "0", "--json", *words],
            env=environment, stdout=subprocess.PIPE, stderr=sink, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    said = json.loads(process.stdout.readline() or log.read_text())
    server = Server(process, said["address"], home / "vault", home, environment, log)
    try:
        yield House(server, said, cert)
    finally:
        assert stopped(server) == 0
        assert not (home / "vault" / "socket").exists()


def test_the_socket_is_the_owners_alone(house: House) -> None:
    there = Path(house.place).stat()
    assert stat.S_ISSOCK(there.st_mode) and stat.S_IMODE(there.st_mode) == 0o600 and there.st_uid == os.getuid()
    assert house.remote.health()["state"] in ("loading", "unlocked")
    added = house.remote.add(house.owner, AddRequest("notes", (Draft("a", "The keel bolts."),), "test"))
    assert added.outcomes[0].outcome in ("added", "unchanged")
    granted = house.remote.grant(house.owner, GrantRequest("near", filter=Filter(collections=("notes",))))
    assert house.remote.search(Holder(granted.token), SearchRequest("keel")).hits
    house.remote.revoke(house.owner, granted.grant.id)


def test_another_user_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = socket.socketpair()
    with one, other:
        assert doorkeeper.ours(one)
        monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
        assert not doorkeeper.ours(one)


def test_another_user_is_hung_up_on(house: House, tmp_path: Path) -> None:
    async def knocking() -> bytes:
        place = str(tmp_path / "s")
        door = await asyncio.start_unix_server(doorkeeper._Door(house.inner, lambda _: False).passing, place)
        async with door:
            reader, writer = await asyncio.open_unix_connection(place)
            writer.write(f"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{house.inner}\r\n\r\n".encode())
            try:
                return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.transport.abort()

    assert asyncio.run(knocking()) == b""


def test_the_command_line_takes_the_socket(house: House) -> None:
    environment = house.server.environment | {"OWNVAULT_TOKEN": house.owner.token}
    done = subprocess.run(
        [sys.executable, "-m", "vault", "--json", "status"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout)["state"] == "unlocked", done.stderr
    assert (find_server(house.server.directory) or {})["socket"] == house.place


def test_through_tls(house: House) -> None:
    assert house.far("GET", "/healthz")[0] == 200
    token = {"Authorization": f"Bearer {house.owner.token}"}
    assert house.far("POST", "/v1/count", b"{}", **token)[0] == 200
    assert house.far("POST", "/v1/count", b"{}")[0] == 401
    own = {"host": f"{NAME}:{house.port}", "origin": f"https://{NAME}:{house.port}"}
    assert house.far("POST", "/v1/count", b"{}", **token, **own)[0] == 200
    for host, origin, status in (
        ("evil.example", None, 400), (f"{NAME}:1", None, 400), (NAME, None, 400),
        (f"{NAME}:{house.port}", f"http://{NAME}:{house.port}", 403),
        (f"{NAME}:{house.port}", "https://evil.example", 403), (f"{NAME}:{house.port}", "null", 403),
    ):  # fmt: skip
        said = {"host": host} | ({"origin": origin} if origin else {})
        assert house.far("GET", "/healthz", **said)[0] == status, said
    issuer = house.far("GET", "/.well-known/oauth-authorization-server", host=f"{NAME}:{house.port}")[1]["issuer"]
    assert issuer == f"https://{NAME}:{house.port}"


def test_nothing_but_tls_13_gets_in(house: House) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(house.cert)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", house.port), 20) as sock, pytest.raises(OSError):
        old.wrap_socket(sock, server_hostname=NAME)
    with socket.create_connection(("127.0.0.1", house.port), 20) as sock:
        sock.sendall(f"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:{house.port}\r\n\r\n".encode())
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = sock.recv(4096)
        assert not answer.startswith(b"HTTP/")


def test_half_open_handshakes_keep_nobody_out(house: House) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(socket.create_connection(("127.0.0.1", house.port), 20))
        assert house.far("GET", "/healthz")[0] == 200


def test_a_killed_keeper_takes_nobody_else_with_it(tmp_path: Path) -> None:
    home = tmp_path / "h"
    home.mkdir()
    environment = new(home)
    log = home / "server.log"
    with log.open("a") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "vault", "serve", "--port", "0", "--json", "--socket"],
            env=environment, stdout=subprocess.PIPE, stderr=sink, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    server = Server(process, said["address"], home / "vault", home, environment, log)
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        keeper = next(int(one) for one in children if b"doorkeeper" in Path(f"/proc/{one}/cmdline").read_bytes())
        os.kill(keeper, 9)
        assert RemoteVault(server.address).health()["state"] in ("loading", "unlocked")
    finally:
        assert stopped(server) == 0


@pytest.mark.parametrize(
    ("doors", "allowed", "words"),
    [
        (Doors(host="0.0.0.0"), True, "needs TLS"), (Doors(host="192.0.2.1", certificate="c"), True, "needs TLS"),
        (Doors(host="vault.example", certificate="c", key="k"), True, "no IP address"),
        (Doors(host="192.0.2.1", certificate="c", key="k"), False, "could reach"),
        (Doors(host="::", certificate="c", key="k"), False, "could reach"),
        (Doors(host="127.0.0.1", certificate="/nowhere", key="/nowhere"), True, "cannot be used"),
        (Doors(certificate="c"), True, "for an address"), (Doors(names=("x",)), True, "for an address"),
    ],
)  # fmt: skip
def test_a_door_that_would_be_none_is_refused(doors: Doors, allowed: bool, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        doors.check(allowed)


def test_a_key_with_a_password_is_refused_without_asking(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    with pytest.raises(BadRequest, match="cannot be used"):
        Doors(host="127.0.0.1", certificate=str(cert), key=str(key)).check(True)


def test_what_the_host_may_be_called() -> None:
    assert Doors(host="0.0.0.0", names=(NAME,)).authorities(7118) == (f"{NAME}:7118",)
    assert Doors(host="::1").authorities(443) == ("[::1]",)
    guard = Guard(7117, (f"{NAME}:7118",))
    host = [(b"host", f"{NAME}:7118".encode())]
    guard.check("GET", "/healthz", host)
    assert guard.scheme(host) == "https" and guard.scheme([(b"host", b"127.0.0.1:7117")]) == "http"
    with pytest.raises(Refusal):
        guard.check("GET", "/healthz", [(b"host", NAME.encode())])


def test_nobody_at_the_socket(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        RemoteVault("http://127.0.0.1:1", place=str(tmp_path / "none")).health()


def test_what_was_asked_by_the_socket_is_in_the_log(house: House) -> None:
    holder = Holder(house.owner.token, "cli")
    house.remote.count(holder, CountRequest())
    assert house.remote.audit(holder, AuditRequest(limit=1)).entries[0].entry.via == "cli"
