"""A real Chromium for tests: Debian's own, headless, nothing of the tester's in it; and a box that it looks into."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import PASSPHRASE, Server
from vault.api.client import RemoteVault
from vault.types import Holder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LOOKS: dict[str, dict[str, str]] = {
    "light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"}, "forced": {"forced_colors": "active"},
}  # fmt: skip
"""How a page may have to look: options of a browser's context."""


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Run the browser while the block does. Without one the test is skipped, except where CI says that it must be."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed (apt-get install chromium)")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's own sandbox refuses to run as root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*root, *arguments])
        try:
            yield browser
        finally:
            browser.close()


class Box:
    """A server over an unlocked vault, its owner, and a browser for them."""

    def __init__(self, server: Server, browser: Browser) -> None:
        self.server, self.browser = server, browser
        self.vault = RemoteVault(server.address)
        self.owner = Holder(self.vault.unlock(bytearray(PASSPHRASE)).token)

    @property
    def address(self) -> str:
        """Where the console is."""
        return f"http://vault.localhost:{self.server.address.rpartition(':')[2]}"

    def page(self, **context: Any) -> Page:
        """Return a page of a browser of its own, signed in, at Now; close it with `page.context.close()`."""
        page = self.browser.new_context(**context).new_page()
        self.sign_in(page)
        return page

    def sign_in(self, page: Page) -> None:
        """Sign a browser in by a one-time link."""
        page.goto(self.vault.link(self.owner).url)
        page.wait_for_url("**/console/~*/")

    def go(self, page: Page, path: str) -> None:
        """Navigate a browser that is signed in to a page of the console: `/clients`."""
        place = page.url.partition("/console/")[2].partition("/")[0]
        assert place.startswith("~"), page.url
        page.goto(f"{self.address}/console/{place}{path}")
