"""A running vault, its owner, and how a browser is let in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.extension.browser import Extension
from tests.support import PASSPHRASE, Server
from vault.api.client import RemoteVault
from vault.errors import NotFound
from vault.types import AddRequest, Draft, Filter, Holder, PairApproval, Record, RecordsRequest

if TYPE_CHECKING:
    from playwright.sync_api import Page

RIGHTS = PairApproval(collections=("web",), search=Filter(collections=("notes",)), decide=True)
NOTE = Draft("keel", "The keel bolts were torqued in May.", "Keel")


class House:
    """The server, and its owner at the console."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.vault = RemoteVault(server.address)
        self.owner, self._paired = Holder(""), 0
        self.unlock()
        self.vault.add(self.owner, AddRequest("notes", (NOTE,)))

    def unlock(self) -> None:
        self.owner = Holder(self.vault.unlock(bytearray(PASSPHRASE)).token)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the vault while the block runs."""
        self.vault.lock(self.owner)
        try:
            yield
        finally:
            self.unlock()

    def records(self, collection: str = "web") -> list[Record]:
        """Return every record of a collection, oldest import first."""
        try:
            lines = self.vault.records(self.owner, RecordsRequest(collection, limit=1000)).records
        except NotFound:
            return []
        return [self.vault.describe(self.owner, one.id).record for one in reversed(lines)]

    def ask_to_pair(self, extension: Extension) -> Page:
        """Let a browser ask; return its popup, which shows the words."""
        popup = extension.open("popup.html")
        popup.get_by_text("The vault is at another port").click()
        popup.get_by_label("Address").fill(self.server.address)
        popup.get_by_role("button", name="Pair with my vault").click()
        expect(popup.get_by_role("heading", name="Does your vault show the same words?")).to_be_visible()
        return popup

    def pair(self, extension: Extension, given: PairApproval = RIGHTS) -> Page:
        """Pair a browser: compare the words as its owner does, and let it in."""
        popup = self.ask_to_pair(extension)
        (waiting,) = self.vault.browsers(self.owner).waiting
        assert list(waiting.words) == popup.locator("#words li").all_inner_texts()
        self._paired += 1
        self.vault.pair_browser(self.owner, waiting.id, replace(given, name=f"browser {self._paired}"))
        expect(popup.locator("#standing")).to_have_text("vault open")
        return popup
