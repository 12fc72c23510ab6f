"""The console over a vault in this process, as a browser would navigate it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder
from vault.api.attempts import Attempts
from vault.api.console import fill
from vault.api.console.ground import Console
from vault.api.console.sessions import Sessions
from vault.config import Config
from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, GrantRequest, Holder, SearchRequest, Sensitivity

KNOCK = "a" * 32
BASE = "http://vault.localhost:7117"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@dataclass
class Browser:
    """A person's browser: it navigates, and sends the forms that it was shown."""

    client: FlaskClient
    shown: str = field(default="", repr=False)
    place: str = ""

    def at(self, path: str) -> str:
        """Return where a page of the console stands for this browser, once it is signed in."""
        ways = ("/console/sign-in", "/console/enter/", "/console/~", "/console/static/")
        return path if not self.place or path.startswith(ways) else path.replace("/console/", self.place + "/", 1)

    def go(self, path: str, base: str = BASE, **headers: str) -> TestResponse:
        """Navigate to a page."""
        answer = self.client.get(self.at(path), base_url=base, headers={**NAVIGATION, **headers})
        self._see(answer)
        return answer

    def part(self, path: str, **headers: str) -> TestResponse:
        """Get a part of the console as our own scripts do."""
        said = re.search(r'name="vault-page" content="([^"]+)"', self.shown)
        sent = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "X-Vault-Page": said[1] if said else "", **headers}
        return self.client.get(self.at(path), base_url=BASE, headers=sent)

    def _see(self, answer: TestResponse) -> None:
        self.shown = answer.text or self.shown
        cookie = re.search(r"ownvault=[^;]+;.*Path=(/console/~[^;]+)", answer.headers.get("Set-Cookie", ""))
        self.place = cookie[1] if cookie else self.place

    def send(self, path: str, base: str = BASE, headers: dict[str, str] | None = None, **said: Any) -> TestResponse:
        """Send a form with the secret of the page shown last."""
        found = re.search(r'name="page" value="([^"]+)"', self.shown)
        form = {**({"page": found[1]} if found else {}), **said}
        sent = {**NAVIGATION, "Origin": base, **(headers or {})}
        answer = self.client.post(
            self.at(path), base_url=base, data={k: v for k, v in form.items() if v is not None}, headers=sent
        )
        self._see(answer)
        return answer

    def sign_in(self, passphrase: str = PASSPHRASE.decode()) -> TestResponse:
        return self.send("/console/sign-in", passphrase=passphrase)


@dataclass
class House:
    """A vault with its console."""

    vault: Vault
    clock: Clock
    sessions: Sessions
    flask: Flask

    @property
    def owner(self) -> Holder:
        return Holder(self.vault.owner_token().token)

    def browser(self) -> Browser:
        return Browser(self.flask.test_client())

    def grant(self, client: str = "claude", **more: Any) -> Holder:
        filter = more.pop("filter", Filter(collections=("notes",)))
        return Holder(self.vault.grant(self.owner, GrantRequest(client, filter=filter, **more)).token)

    def ask(self, holder: Holder, query: str = "boat") -> list[str]:
        return [hit.origin for hit in self.vault.search(holder, SearchRequest(query)).hits]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    config, clock = Config(tmp_path / "vault", argon2_memory=FLOOR_KIB), Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock) as vault:
        sessions = Sessions(clock)
        flask = Flask("console", static_folder=None)
        flask.url_map.merge_slashes = False
        console = Console(vault, sessions, Attempts(config.directory, KNOCK))
        fill(console)
        flask.register_blueprint(console.blueprint)
        made = House(vault, clock, sessions, flask)
        drafts = (
            Draft("red", "The boat is red.", "<b>Red</b> boat"), Draft("tea", "Tea at four.", "Tea"),
            Draft("ill", "The boat made me ill.", "Illness", sensitivity=Sensitivity.SENSITIVE),
        )  # fmt: skip
        vault.add(made.owner, AddRequest("notes", drafts, "test"))
        vault.add(made.owner, AddRequest("diary", (Draft("sank", "The boat sank.", "Sunk"),), "test"))
        yield made
