"""Every view of the extension for those without a mouse, without eyes, or with other colours; and as pictures.

`OWNVAULT_PICTURES=DIR` keeps what is seen here, each view in light and dark.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.extension.browser import Extension
from tests.extension.desk import CHATS, Desk, desk
from tests.extension.house import House
from vault.errors import ApprovalRequired
from vault.types import AddRequest, Approval, Draft, Filter, GrantRequest, Holder, SearchRequest, Sensitivity

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

Look = Callable[["Page", str], None]
WIDTHS = {"popup": 360, "panel": 380, "settings": 900}


@pytest.fixture(scope="module")
def at(driver: Playwright, house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(driver, house, tmp_path_factory.mktemp("views")) as made:
        yield made


def height(page: Page) -> int:
    """Return how high a view is that shows all it holds."""
    return max(360, int(page.evaluate("document.body.lastElementChild.getBoundingClientRect().bottom + scrollY")))


@pytest.fixture
def seen(at: Desk, request: pytest.FixtureRequest) -> Iterator[Look]:
    """Look at a view: nothing is wrong with it, it says nothing on the console, and it keeps its width."""
    complaints: list[str] = []
    heard = at.extension.context.on
    heard("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    heard("weberror", lambda wrong: complaints.append(str(wrong.error)))

    def look(page: Page, name: str) -> None:
        page.emulate_media(reduced_motion="reduce")  # a colour on its way is neither the one nor the other
        page.set_viewport_size({"width": WIDTHS[name.partition("-")[0]], "height": 700})
        assert page.title() and page.locator("h1").count() == 1
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
        if kept := os.environ.get("OWNVAULT_PICTURES"):
            for colours in ("light", "dark"):
                page.emulate_media(color_scheme=colours, forced_colors="none", reduced_motion="reduce")
                page.set_viewport_size({"width": WIDTHS[name.partition("-")[0]], "height": height(page)})
                page.screenshot(path=Path(kept) / f"extension-{name}-{colours}.png")
        page.close()

    yield look
    assert complaints == []


def ask(at: Desk, name: str, *collections: str, query: str = "hull insurance", level: str | None = None) -> None:
    asked = GrantRequest(
        name, purpose="planning the spring refit", approval=Approval.EACH,
        filter=Filter(collections=collections, sensitivity=level),
    )  # fmt: skip
    holder = Holder(at.house.vault.grant(at.house.owner, asked).token)
    with pytest.raises(ApprovalRequired):
        at.house.vault.search(holder, SearchRequest(query))


def test_the_popup_before_it_is_paired(at: Desk, seen: Look, extension: Extension) -> None:
    page = extension.open("popup.html")
    page.get_by_text("The vault is at another port").click()
    seen(page, "popup-unpaired")


def test_the_words(at: Desk, seen: Look, extension: Extension) -> None:
    seen(at.house.ask_to_pair(extension), "popup-words")


def test_saving_a_page(at: Desk, seen: Look) -> None:
    popup = at.extension.popup(at.visit(CHATS["claude"]))
    popup.get_by_text("Rule for this site").click()
    seen(popup, "popup-save")


def test_requests(at: Desk, seen: Look) -> None:
    secret = Draft("tax", "The tax on the hull insurance was paid.", "Tax", sensitivity=Sensitivity.SENSITIVE)
    at.house.vault.add(at.house.owner, AddRequest("money", (secret,), "test"))
    ask(at, "claude", "boat", "letters")
    ask(at, "cursor", "money", level="sensitive")
    popup = at.extension.open("popup.html")
    expect(popup.locator(".request")).to_have_count(2)
    popup.get_by_text("Narrower").click()
    seen(popup, "popup-requests")
    panel = at.panel(at.visit(CHATS["claude"]))
    panel.get_by_text("2 requests waiting").first.click()
    expect(panel.locator(".request")).to_have_count(2)
    seen(panel, "panel-requests")
    for one in at.house.vault.requests(at.house.owner):
        at.house.vault.deny(at.house.owner, one.id)


def test_search(at: Desk, seen: Look) -> None:
    panel = at.panel(at.visit(CHATS["chatgpt"]))
    at.search(panel, "hull insurance")
    at.choose(panel, "Hull policy", "Letter from the yard")
    panel.locator(".hit").first.get_by_role("button").click()
    expect(panel.locator(".whole")).to_be_visible()
    seen(panel, "panel-search")


def test_a_conversation(at: Desk, seen: Look) -> None:
    panel = at.panel(at.visit(CHATS["chatgpt"]), "Conversation")
    panel.get_by_role("button", name="Read this conversation").click()
    expect(panel.locator(".turns")).to_be_visible()
    seen(panel, "panel-conversation")


def test_a_conversation_that_cannot_be_read(at: Desk, seen: Look) -> None:
    page = at.visit(CHATS["chatgpt"])
    page.evaluate("document.querySelector('#thread').replaceChildren('Something new.')")
    panel = at.panel(page, "Conversation")
    panel.get_by_role("button", name="Read this conversation").click()
    expect(panel.get_by_label("The conversation")).to_be_focused()
    seen(panel, "panel-paste")


def test_what_a_site_has_seen(at: Desk, seen: Look) -> None:
    page = at.visit(CHATS["claude"])
    panel = at.panel(page)
    at.search(panel, "hull")
    at.choose(panel, "Hull policy", "Letter from the yard")
    panel.get_by_role("button", name="Insert into claude.ai").click()
    expect(panel.locator("#notice")).to_contain_text("Inserted")
    panel.get_by_role("tab", name="This site").click()
    panel.get_by_role("button", name="Revoke now").click()
    seen(panel, "panel-site")


def test_settings(at: Desk, seen: Look) -> None:
    seen(at.extension.open("settings.html"), "settings")


def test_nothing_to_search_beside(at: Desk, seen: Look) -> None:
    panel = at.extension.open("panel.html")
    panel.get_by_role("tab", name="This site").click()
    expect(panel.locator("#seen")).to_contain_text("No site to tell about")
    seen(panel, "panel-nothing")


def test_a_locked_vault(at: Desk, seen: Look) -> None:
    with at.house.locked():
        panel = at.extension.open("panel.html")
        expect(panel.locator("[data-cause=locked]")).to_be_visible()
        seen(panel, "panel-locked")
        popup = at.extension.open("popup.html")
        expect(popup.locator("[data-cause=locked]")).to_be_visible()
        seen(popup, "popup-locked")
