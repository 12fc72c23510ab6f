"""A browser's extension in Python: its key, its proofs, its calls over a real connection."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from tests.api.conftest import Running, new, started, stopped
from tests.api.raw import Response, request
from tests.support import PASSPHRASE
from vault.api.client import RemoteVault
from vault.permissions import transcripts
from vault.permissions.transcripts import encoded
from vault.types import AddRequest, Draft, Filter, Holder, PairApproval, Sensitivity

CHROMIUM = "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"
FIREFOX = "moz-extension://5b0f6d1e-4c3a-4e0e-9a53-3a2f2a1f0c77"
FOREIGN = "chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba"
WEB = PairApproval(collections=("web",))
PAGE = {
    "kind": "page", "url": "https://example.org/keel", "title": "Keel bolts", "text": "Anders replaced the keel bolts.",
    "captured": "2026-11-23T10:00:00Z", "collection": "web",
}  # fmt: skip


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class Extension:
    """One extension at one server. `say` sends whatever it is told to; `ask` expects an answer."""

    port: int
    origin: str = CHROMIUM
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256"))
    token: str = ""
    refresh: str = ""

    def proof(self, name: str, **changes: Any) -> str:
        said = {
            "jti": secrets.token_urlsafe(16), "htm": "POST", "htu": f"http://127.0.0.1:{self.port}/extension/{name}",
            "iat": int(time.time()),
        }  # fmt: skip
        token = changes.pop("token", self.token)
        if token:
            said["ath"] = b64(hashlib.sha256(token.encode()).digest())
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return jws.serialize_compact(header, json.dumps(said | changes).encode(), self.key, algorithms=["ES256"])

    def say(
        self, name: str, body: Any = None, *, method: str = "POST", proof: str | None = None, **headers: str | None
    ) -> Response:
        said: dict[str, str | None] = {"origin": self.origin, "sec-fetch-site": "none"}
        if self.token:
            said["authorization"] = f"DPoP {self.token}"
        said["dpop"] = self.proof(name) if proof is None else proof
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        named = said | {key.replace("_", "-"): value for key, value in headers.items()}
        answer = request(self.port, method, f"/extension/{name}", content, **named)
        assert answer is not None
        return answer

    def ask(self, name: str, body: Any = None) -> Any:
        answer = self.say(name, body)
        assert answer.status == 200, answer.body
        return answer.json

    def refused(self, name: str, body: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.say(name, body, **more)
        assert answer.status >= 400, answer.body
        return answer.status, answer.json["code"]

    def start(
        self, name: str = "Chromium on Linux", asks: tuple[str, ...] = ("capture",)
    ) -> tuple[str, tuple[str, ...]]:
        """Begin to pair; return the pairing and the words."""
        mine = secrets.token_bytes(32)
        commit = encoded(transcripts.commitment(mine))
        begun = self.ask("pair/start", {"name": name, "commit": commit, "asks": list(asks)})
        self.ask("pair/reveal", {"pairing": begun["pairing"], "nonce": encoded(mine)})
        server, theirs = (transcripts.decoded(begun[one], 32) for one in ("server_key", "nonce"))
        words = transcripts.words(
            self.key.thumbprint(), server, mine, theirs, self.origin, f"http://127.0.0.1:{self.port}", name,
            ",".join(sorted(asks)),
        )  # fmt: skip
        return begun["pairing"], words

    def fetch(self, pairing: str) -> Any:
        given = self.ask("pair/token", {"pairing": pairing})
        self.token, self.refresh = given["access_token"], given["refresh_token"]
        return given


@dataclass
class Place:
    """A server with records, its owner, and a way to pair."""

    running: Running
    count: int = 0

    @property
    def port(self) -> int:
        return self.running.port

    @property
    def remote(self) -> RemoteVault:
        return self.running.remote

    @property
    def owner(self) -> Holder:
        return self.running.owner

    def paired(self, approval: PairApproval = WEB, origin: str = CHROMIUM) -> Extension:
        """Return an extension that its owner has let in, under a name of its own."""
        self.count += 1
        made = Extension(self.port, origin)
        pairing, words = made.start(f"Browser {self.count}")
        (waiting,) = [one for one in self.remote.browsers(self.owner).waiting if one.id == pairing]
        assert waiting.words == words
        self.remote.pair_browser(self.owner, pairing, approval)
        made.fetch(pairing)
        return made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    server = started(new(tmp_path_factory.mktemp("extension")))
    try:
        remote = RemoteVault(server.address)
        owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
        drafts = (
            Draft("keel", "The keel bolts were replaced in May by Anders.", "Keel bolts"),
            Draft("choir", "The choir sings on Lucia evening.", "Choir"),
            Draft("health", "The blood pressure was measured.", "Health", sensitivity=Sensitivity.SENSITIVE),
        )
        remote.add(owner, AddRequest("notes", drafts, "test"))
        yield Place(Running(server, remote, owner, owner))
    finally:
        stopped(server)


SEARCH = PairApproval(collections=("web",), search=Filter(collections=("notes",)))
