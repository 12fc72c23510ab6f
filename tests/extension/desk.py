"""A paired browser at work: the panel beside a page, and records to find in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.extension.browser import PLUGIN, SITES, Extension, build, chromium
from tests.extension.house import House
from vault.types import AddRequest, Draft, Filter, PairApproval

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright, Route

CHATS = {
    "chatgpt": "https://chatgpt.com/c/66f0aabb",
    "claude": "https://claude.ai/chat/66f0aabb",
    "gemini": "https://gemini.google.com/app/66f0aabb",
}
"""Where the stored chat pages are shown as if their sites had sent them."""
FIXTURES = PLUGIN / "fixtures"
RIGHTS = PairApproval(collections=("web", "chats"), search=Filter(collections=("boat", "letters")), decide=True)
BOAT = (
    Draft(
        "policy",
        "The hull is insured for 24,000 euros, less six percent a year.",
        "Hull policy",
        created=datetime(2024, 5, 2, tzinfo=UTC),
    ),
    Draft("bolts", "The keel bolts were renewed at the yard.", "Keel bolts"),
    Draft("tide", "High water at noon.\nThe second line.", "Tide notes"),
)
HOSTILE = (
    Draft("bolts", "The keel bolts were renewed at the yard.", "Keel <img src=x onerror=alert(1)> bolts"),
    Draft("tide", "High water \u202eat noon\u202c.\nThe second line.", "Tide \u202enotes"),
)
"""The same records, as somebody wrote them who wants to be more than text."""
LETTERS = (
    Draft(
        "yard",
        "The yard asks when the hull is to be painted.",
        "Letter from the yard",
        created=datetime(2026, 1, 12, tzinfo=UTC),
    ),
)


class Desk:
    """The panel in a tab of its own, beside a page."""

    def __init__(self, house: House, extension: Extension) -> None:
        self.house, self.extension = house, extension

    def furnish(self) -> None:
        """Put records into the vault for the browser to find."""
        for collection, drafts in {"boat": BOAT, "letters": LETTERS}.items():
            self.house.vault.add(self.house.owner, AddRequest(collection, drafts, "test"))

    def spoil(self) -> None:
        self.house.vault.add(self.house.owner, AddRequest("boat", HOSTILE, "test"))

    def visit(self, url: str) -> Page:
        page = self.extension.context.new_page()
        page.goto(url)
        return page

    def panel(self, page: Page, view: str = "Search") -> Page:
        """Open the panel beside a page, at one of its views."""
        opened = self.extension.open(f"panel.html?tab={self.extension.tab(page)}")
        opened.emulate_media(reduced_motion="reduce")
        if view != "Search":
            opened.get_by_role("tab", name=view).click()
        return opened

    def search(self, panel: Page, query: str) -> None:
        panel.get_by_label("Search your vault").fill(query)
        panel.get_by_role("button", name="Search", exact=True).click()
        expect(panel.locator("#found")).to_contain_text("record")

    def choose(self, panel: Page, *titles: str) -> None:
        for title in titles:
            panel.get_by_role("checkbox", name=title).check()


def show_chats(extension: Extension) -> None:
    """Show the stored pages at the addresses of their sites, to which nothing is sent."""
    for name, url in CHATS.items():
        show = partial(_show, (FIXTURES / f"{name}.html").read_text("utf-8"))
        extension.context.route(f"https://{url.split('/')[2]}/**", show)


def _show(body: str, route: Route) -> None:
    route.fulfill(body=body, content_type="text/html; charset=utf-8")


@contextmanager
def desk(driver: Playwright, house: House, home: Path, rights: PairApproval = RIGHTS) -> Iterator[Desk]:
    """Run a browser that the vault knows and that may read the chat sites."""
    hosts = ",".join(
        [f"http://{SITES}/*", f"https://{SITES}/*", *(f"https://{url.split('/')[2]}/*" for url in CHATS.values())]
    )
    built = build(home / "built", "--hosts", hosts)
    with chromium(driver, home / "profile", built / "chromium") as context:
        context.set_default_timeout(10_000)
        extension = Extension(context)
        show_chats(extension)
        made = Desk(house, extension)
        made.furnish()
        house.pair(extension, rights)
        yield made
