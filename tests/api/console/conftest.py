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
from vault.api.console.pages import Pages
from vault.api.console.sessions import Sessions
from vault.config import Config
from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, GrantRequest, Holder, SearchRequest, Sensitivity

BASE = "http://vault.localhost:7117"
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@dataclass
class Browser:
    """A person's browser: it navigates, and sends the forms that it was shown."""

    client: FlaskClient
    shown: str = field(default="", repr=False)

    def go(self, path: str, base: str = BASE, **headers: str) -> TestResponse:
        answer = self.client.get(path, base_url=base, headers={**NAVIGATION, **headers})
        self.shown = answer.text
        return answer

    def send(self, path: str, base: str = BASE, headers: dict[str, str] | None = None, **said: Any) -> TestResponse:
        """Send a form with the secret of the page shown last."""
        found = re.search(r'name="page" value="([^"]+)"', self.shown)
        form = {**({"page": found[1]} if found else {}), **said}
        sent = {**NAVIGATION, "Origin": base, **(headers or {})}
        answer = self.client.post(
            path, base_url=base, data={k: v for k, v in form.items() if v is not None}, headers=sent
        )
        self.shown = answer.text or self.shown
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
        flask.register_blueprint(Pages(vault, sessions, Attempts(config.directory)).blueprint)
        made = House(vault, clock, sessions, flask)
        drafts = (
            Draft("red", "The boat is red.", "<b>Red</b> boat"), Draft("tea", "Tea at four.", "Tea"),
            Draft("ill", "The boat made me ill.", "Illness", sensitivity=Sensitivity.SENSITIVE),
        )  # fmt: skip
        vault.add(made.owner, AddRequest("notes", drafts, "test"))
        vault.add(made.owner, AddRequest("diary", (Draft("sank", "The boat sank.", "Sunk"),), "test"))
        yield made
