"""Hostile pages, and programs that take the vault's place, met by the extension in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.extension.desk import Desk, desk
from tests.extension.house import House
from tests.extension.test_capture import read
from tests.extension.test_panel import WRITTEN
from vault.types import AuditRequest

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

FIELDS = (
    "parentElement", "parentNode", "childNodes", "tagName", "closest", "checkVisibility", "getBoundingClientRect",
    "nodeName", "cloneNode",
)  # fmt: skip


@pytest.fixture(scope="module")
def at(driver: Playwright, house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(driver, house, tmp_path_factory.mktemp("foe")) as made:
        made.extension.context.route(
            "https://box.test/**", lambda route: route.fulfill(body=WRITTEN, content_type="text/html; charset=utf-8")
        )
        yield made


def test_a_form_whose_fields_take_the_place_of_its_methods_is_read(at: Desk) -> None:
    """`<input name="parentElement">` makes a form its own field's child: whoever climbs from it would never arrive."""
    page = at.visit("https://box.test/form")
    page.evaluate(
        """(names) => {
          const form = document.createElement("form");
          form.append("Directly within the form.");
          for (const name of names) form.append(Object.assign(document.createElement("input"), {name}));
          document.body.replaceChildren(form, "Beside the form.");
          getSelection().selectAllChildren(document.body);
        }""",
        FIELDS,
    )
    assert page.evaluate("document.forms[0].parentElement.name") == "parentElement", "the page does what it says"
    for what in ("page", "selection"):
        assert "Beside the form." in read(at.extension, page, what)
    page.close()


def test_a_greeting_is_not_believed_for_long(at: Desk) -> None:
    """The vault may end unseen and another program take its port: what is saved would go to that one."""
    worker, settings = at.extension.worker, at.extension.open("settings.html")
    ask = "() => chrome.runtime.sendMessage({name: 'vault', asked: {name: 'adapters', body: {}}})"
    settings.wait_for_load_state("networkidle")
    worker.evaluate(
        """() => {
          const fetched = fetch;
          Object.assign(self, {called: [], at: 1e9, back: () => { self.fetch = fetched; delete performance.now; }});
          self.fetch = (url, ...rest) => { called.push(url.split("/extension/")[1]); return fetched(url, ...rest); };
          performance.now = () => self.at;
        }"""
    )
    try:
        for later, greeted in ((0, True), (1900, False), (2100, True)):
            worker.evaluate("(later) => { [self.at, self.called] = [1e9 + later, []]; }", later)
            assert "ok" in settings.evaluate(ask)
            assert worker.evaluate("called") == [*(["hello"] if greeted else []), "adapters"]
    finally:
        worker.evaluate("back()")
    settings.close()


def test_only_the_site_on_the_button_gets_what_was_chosen(at: Desk) -> None:
    """A tab goes to another site just before the click: what was meant for the one is not released to the other."""
    page = at.visit("https://box.test/chat")
    panel = at.panel(page)
    at.search(panel, "hull")
    at.choose(panel, "Hull policy")
    button = panel.get_by_role("button", name="Insert into box.test")
    expect(button).to_be_enabled()
    panel.evaluate(
        "() => { const get = chrome.tabs.get; chrome.tabs.get = async (id) =>"
        " ({...(await get.call(chrome.tabs, id)), url: 'https://other.test/'}); }"
    )
    button.click()
    expect(panel.locator("#notice")).to_contain_text("gone to another site")
    entries = at.house.vault.audit(at.house.owner, AuditRequest(limit=20, action="insert")).entries
    assert not [one for one in entries if one.entry.client.startswith("other.test")]
    panel.close()
    page.close()


def test_a_page_that_left_before_it_was_read_is_not_saved_as_what_it_was(at: Desk) -> None:
    """The site's rule was asked for the one address: of another nothing is read, and nothing is named after it."""
    page = at.visit("https://box.test/rule")
    tab = at.extension.tab(page)
    at.extension.worker.evaluate(
        "() => { const get = chrome.tabs.get; self.back = () => { chrome.tabs.get = get; };"
        " chrome.tabs.get = async (id) => ({...(await get.call(chrome.tabs, id)), url: 'https://other.test/'}); }"
    )
    try:
        order = {"id": "foe-left-01", "tab": tab, "what": "page", "collection": "web", "labels": [], "shown": True}
        assert "gone to another site" in at.extension.ask("capture", order)["message"]
    finally:
        at.extension.worker.evaluate("back()")
    page.close()


def test_a_link_with_an_endless_address_has_a_title_that_the_vault_takes(at: Desk) -> None:
    page = at.visit("https://box.test/links")
    link = "https://box.test/" + "long/" * 500
    order = {"id": "foe-long-link", "tab": at.extension.tab(page), "what": "link", "url": link, "collection": "",
             "labels": [], "shown": True}  # fmt: skip
    answer = at.extension.ask("capture", order)
    assert len(answer["ok"]["title"]) == 500 and answer["ok"]["where"] == "vault"
    page.close()
