"""A client without a library, and its owner: what the tests of the authorization server do again and again."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.api import raw
from tests.api.conftest import Running
from vault.types import ApproveRequest, Filter, PairingRequest

CLAUDE_CODE = "https://claude.ai/oauth/claude-code-client-metadata"
ZED = "https://zed.dev/oauth/client-metadata.json"
BACK = "http://127.0.0.1:4711/callback"
NOTES = ApproveRequest(filter=Filter(collections=("notes",)))
FORM = "application/x-www-form-urlencoded"


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Client:
    """An OAuth client by hand, on one server."""

    running: Running
    id: str = CLAUDE_CODE
    redirect: str = BACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(40))

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.running.port}"

    def get(self, target: str, **headers: str | None) -> raw.Response:
        answer = raw.request(self.running.port, "GET", target, **headers)
        assert answer
        return answer

    def post(self, target: str, said: Mapping[str, str], **headers: str | None) -> raw.Response:
        told = {"content_type": FORM} | headers
        answer = raw.request(self.running.port, "POST", target, urlencode(said).encode(), **told)
        assert answer
        return answer

    def parameters(self, **change: str | None) -> dict[str, str]:
        said = {
            "response_type": "code", "client_id": self.id, "redirect_uri": self.redirect,
            "state": secrets.token_hex(4), "code_challenge": challenge(self.verifier),
            "code_challenge_method": "S256", "resource": self.issuer + "/mcp",
        } | change  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def authorize(self, **change: str | None) -> raw.Response:
        return self.get("/oauth/authorize?" + urlencode(self.parameters(**change)))

    def wait(self, **change: str | None) -> tuple[str, str]:
        """Return the address of the page that waits, and the id of the request."""
        page = self.authorize(**change)
        assert page.status == 200, page.body
        text = page.body.decode()
        place, id = re.search(r"url=(/oauth/authorize/[^\"?]+)", text), re.search(r"q[0-9a-f]{16}", text)
        assert place and id
        return place[1], id[0]

    def approve(self, id: str, request: ApproveRequest = NOTES) -> None:
        self.running.remote.approve(self.running.owner, id, request)

    def code(self, **change: str | None) -> dict[str, str]:
        """Return what the client is told at its own address."""
        place, id = self.wait(**change)
        self.approve(id)
        sent = self.get(place + "?go")
        assert sent.status == 303
        return told(sent)

    def redeem(self, code: str, **change: str | None) -> raw.Response:
        said = {
            "grant_type": "authorization_code", "code": code, "client_id": self.id, "redirect_uri": self.redirect,
            "code_verifier": self.verifier, "resource": self.issuer + "/mcp",
        } | change  # fmt: skip
        return self.post("/oauth/token", {name: value for name, value in said.items() if value is not None})

    def tokens(self) -> dict[str, Any]:
        answer = self.redeem(self.code()["code"])
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def refresh(self, token: str, **change: str) -> raw.Response:
        said = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.id} | change
        return self.post("/oauth/token", said)

    def register(self, **metadata: Any) -> raw.Response:
        said = {"client_name": "A tool", "redirect_uris": [self.redirect]} | metadata
        answer = raw.request(self.running.port, "POST", "/oauth/register", json.dumps(said).encode())
        assert answer
        return answer

    def let_in(self) -> None:
        self.running.remote.open_pairing(self.running.owner, PairingRequest())

    def search(self, authorization: str | None, **headers: str) -> raw.Response:
        body = json.dumps({"query": "bolts"}).encode()
        answer = raw.request(self.running.port, "POST", "/v1/search", body, authorization=authorization, **headers)
        assert answer
        return answer


def told(sent: raw.Response) -> dict[str, str]:
    """Return what an address that a browser is sent to says."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["location"]).query).items()}


@pytest.fixture
def client(running: Running) -> Client:
    return Client(running)
