"""The pictures in docs/images: `python -m bench.pictures [NAME...]`. Looked at by a person before they are committed.

A real server over the sample life and a month of assistants that asked; each page of the console, light and dark, as
Chromium draws it. Those of the extension: `OWNVAULT_PICTURES=docs/images pytest tests/extension/test_views.py`.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import vault as package
from tests.e2e.browser import Box, chromium
from tests.support import FLOOR_KIB, PASSPHRASE, Clock, start_server
from vault.config import Config
from vault.errors import ApprovalRequired, VaultError
from vault.service import Vault
from vault.types import (
    AccessRequest,
    Action,
    Approval,
    AuditRequest,
    Detail,
    Ending,
    Filter,
    GrantRequest,
    Holder,
    Limits,
    SearchRequest,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLACE = Path("docs/images")
SAMPLE = Path(package.__file__).parent / "sample"
SOURCES = (("markdown", "notes", "notes"), ("mbox", "mail.mbox", "mail"), ("jsonl", "chats.jsonl", "chats"),
           ("jsonl", "pages.jsonl", "pages"), ("markdown", "journal", "journal"))  # fmt: skip
DAYS = 28
QUESTIONS = ("heat pump", "which van did we buy", "who comes to dinner", "the boat", "what did the doctor say",
             "insurance", "birthday", "book about Nantes", "golf with Declan", "pistachio cake")  # fmt: skip
WIDTH, HEIGHT = 1280, 860


def main() -> None:
    wanted = sys.argv[1:]
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        environment = furnished(Path(home))
        server = start_server(environment)
        try:
            box = Box(server, browser)
            for look in ("light", "dark"):
                page = box.page(color_scheme=look, viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
                for name, path in pages(box).items():
                    if not wanted or name in wanted:
                        shoot(box, page, name, path, look)
                page.context.close()
        finally:
            server.stop()


def shoot(box: Box, page: Page, name: str, path: str, look: str) -> None:
    box.go(page, path)
    page.wait_for_load_state("networkidle")
    if name == "map":
        page.wait_for_timeout(3000)  # it is drawn in the vault first
    page.screenshot(path=PLACE / f"{name}-{look}.png")
    print(f"{name}-{look}.png {(PLACE / f'{name}-{look}.png').stat().st_size:,}")


def pages(box: Box) -> dict[str, str]:
    """Return where each page stands."""
    claude = next(one for one in box.vault.grants(box.owner) if one.client == "claude")
    waiting = next(one for one in box.vault.requests(box.owner) if one.client == "cursor")
    entry = box.vault.audit(box.owner, AuditRequest(1, outcome=(Ending.REDACTED,))).entries[0].number
    record = next(iter(box.vault.search(box.owner, SearchRequest("heat pump")).hits)).id
    return {
        "now": "/", "requests": "/requests", "request": f"/requests/{waiting.id}", "clients": "/clients",
        "grant": f"/clients/{claude.id}", "wizard": "/clients/new", "log": "/log?period=month",
        "entry": f"/log/{entry}", "exposure": "/exposure", "data": "/data", "search": "/data/search?query=heat+pump",
        "record": f"/data/records/{record}", "import": "/data/import", "map": "/map", "settings": "/settings",
        "browsers": "/settings/browsers", "passkeys": "/settings/passkeys",
    }  # fmt: skip


def furnished(home: Path) -> dict[str, str]:
    """Make a vault with the sample life and a month of questions; return the environment of its server."""
    place, secret = home / "vault", home / "passphrase"
    secret.write_bytes(PASSPHRASE + b"\n")
    environment = {**os.environ, "HOME": str(home), "OWNVAULT_DIR": str(place), "OWNVAULT_PASSPHRASE_FILE": str(secret)}
    config, clock = Config(place, argon2_memory=FLOOR_KIB), Clock(datetime.now(UTC) - timedelta(days=DAYS))
    Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    for importer, file, collection in SOURCES:
        command = [sys.executable, "-m", "vault", "import", importer, str(SAMPLE / file), "--collection", collection]
        subprocess.run([*command, "--quiet"], env=environment, check=True, stdout=subprocess.DEVNULL)
    with Vault.open(config, bytearray(PASSPHRASE), clock=clock) as vault:
        month(vault, clock)
    return environment


def month(vault: Vault, clock: Clock) -> None:
    """Let assistants ask, by day and by night."""
    chance = random.Random(3)
    owner = Holder(vault.owner_token().token)
    askers = [Holder(vault.grant(owner, one).token) for one in given()]
    end = clock.now + timedelta(days=DAYS, hours=-1)
    while clock.now < end:
        for _ in range(chance.choice((0, 1, 2, 4)) if 8 <= clock.now.hour <= 22 else 0):
            with suppress(VaultError):
                question = SearchRequest(chance.choice(QUESTIONS), limit=chance.randint(1, 5))
                vault.search(chance.choice((askers[0], askers[0], askers[2])), question)
        clock.forward(hours=chance.randint(1, 5))
    clock.now = datetime.now(UTC)  # what waits lapses soon
    for asker, question in ((askers[1], "insurance of the house"), (askers[3], "what did the doctor say")):
        with suppress(ApprovalRequired):
            vault.search(asker, SearchRequest(question))
    vault.request_access(askers[2], AccessRequest("planning the summer", filter=Filter(collections=("mail", "notes"))))


def given() -> Iterator[GrantRequest]:
    """Yield what assistants may see: much, some, little."""
    year = 300 * 86400
    yield GrantRequest("claude", filter=Filter(collections=("notes", "pages", "mail")), purpose="help with the house",
                       detail=Detail.REDACTED, expires_in=year,
                       limits=Limits(queries_per_hour=60, records_per_day=200))  # fmt: skip
    yield GrantRequest("cursor", filter=Filter(collections=("notes",)), purpose="planning", expires_in=year,
                       approval=Approval.FIRST)  # fmt: skip
    yield GrantRequest(
        "chatgpt", filter=Filter(collections=("pages",)), detail=Detail.SNIPPET, purpose="reading", expires_in=year
    )
    yield GrantRequest("health helper", filter=Filter(collections=("journal", "chats"), sensitivity="sensitive"),
                       actions=(Action.SEARCH,), approval=Approval.EACH, purpose="sleep", expires_in=year)  # fmt: skip


if __name__ == "__main__":
    main()
