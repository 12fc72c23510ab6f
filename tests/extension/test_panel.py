"""The side panel: search under its own grant, look, choose, insert into a page; and what a site has had."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.extension.browser import PLUGIN, Sites
from tests.extension.desk import Desk, desk
from tests.extension.house import House
from vault.errors import ApprovalRequired
from vault.types import Approval, AuditRequest, Filter, GrantRequest, Holder, SearchRequest

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

BLOCK = re.compile(r"\[from my vault: (\d) records?, release ([0-9a-f]{16})\]\n(.*?)\n\[end of release \2\]", re.S)
WRITTEN = """
<!doctype html><meta charset="utf-8"><title>box</title>
<form><textarea id="area" aria-label="message"></textarea><button>Send</button></form>
<div id="rich" contenteditable="true" role="textbox" aria-label="rich"></div>
<script>
window.heard = [];
for (const name of ["submit", "keydown", "keyup", "keypress"])
  addEventListener(name, (event) => { heard.push(event.type); if (name === "submit") event.preventDefault(); });
</script>
"""


@pytest.fixture(scope="module")
def at(driver: Playwright, house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(driver, house, tmp_path_factory.mktemp("panel")) as made:
        made.spoil()
        for host in ("box", "second"):
            made.extension.context.route(
                f"https://{host}.test/**",
                lambda route: route.fulfill(body=WRITTEN, content_type="text/html; charset=utf-8"),
            )
        made.extension.context.route(
            "https://empty.test/**", lambda route: route.fulfill(body="<title>no box</title>", content_type="text/html")
        )
        yield made


@pytest.fixture
def page(at: Desk) -> Iterator[Page]:
    yield (opened := at.visit("https://box.test/chat"))
    opened.close()


@pytest.fixture
def panel(at: Desk, page: Page) -> Iterator[Page]:
    yield (opened := at.panel(page))
    opened.close()


def inserted(at: Desk) -> list[str]:
    """Return the clients to which insertions were recorded, oldest first."""
    page = at.house.vault.audit(at.house.owner, AuditRequest(limit=200, action="insert"))
    return [one.entry.client for one in reversed(page.entries) if one.entry.decision == "allow"]


def test_hits_tell_where_they_are_from(at: Desk, panel: Page) -> None:
    at.search(panel, "keel bolts of the boat")
    hit = panel.locator(".hit").filter(has_text="Keel <img src=x onerror=alert(1)> bolts")
    expect(hit).to_contain_text("boat · test")
    expect(hit).to_contain_text("renewed at the yard")
    assert panel.locator(".hit img").count() == 0
    assert "\u202e" not in panel.locator("#hits").inner_text()


def test_the_whole_of_a_record_before_it_is_chosen(at: Desk, panel: Page) -> None:
    at.search(panel, "tide")
    look = panel.locator(".hit").filter(has_text="notes").get_by_role("button", name="Show all of it")
    look.click()
    whole = panel.get_by_role("region", name=re.compile("^All of"))
    expect(whole).to_contain_text("The second line.")
    expect(look).to_have_attribute("aria-expanded", "true")
    look.click()
    expect(whole).to_have_count(0)


def test_nothing_found_is_said(at: Desk, panel: Page, house: House) -> None:
    panel.get_by_label("Search your vault").fill("x" * 1500)
    panel.get_by_role("button", name="Search", exact=True).click()
    expect(panel.locator("#found")).not_to_have_text("Searching…")
    expect(panel.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("box", ["area", "rich"])
def test_insertion_into_the_box_of_a_page(at: Desk, page: Page, panel: Page, box: str) -> None:
    """Recorded before it enters, after what is there already, to be undone, and never sent."""
    before = len(inserted(at))
    recorded: list[int] = []
    page.expose_function("entered", lambda: recorded.append(len(inserted(at)) - before))
    field = page.locator(f"#{box}")
    field.click()
    page.keyboard.type("mine ")
    page.evaluate("(id) => document.getElementById(id).addEventListener('input', () => entered(), {once: true})", box)
    page.evaluate("heard.length = 0")
    at.search(panel, "hull of the boat")
    at.choose(panel, "Hull policy", "Letter from the yard")
    expect(panel.locator("#chosen")).to_contain_text("2 records chosen")
    panel.get_by_role("button", name="Insert into box.test").click()
    expect(panel.locator("#notice")).to_contain_text("Inserted 2 records into box.test, and recorded.")
    text = field.input_value() if box == "area" else field.inner_text()
    assert text.startswith("mine ")
    found = BLOCK.search(text)
    assert found and found[1] == "2"
    assert "24,000 euros" in found[3] and "to be painted" in found[3]
    page.wait_for_function("true")
    assert recorded == [1], "the log had it when the page got it"
    assert page.evaluate("heard") == [], "no key, no form"
    expect(panel.locator("#choice")).to_be_hidden()
    field.focus()
    page.keyboard.press("Control+z")
    left = field.input_value() if box == "area" else field.inner_text()
    assert "24,000" not in left


def test_a_release_names_the_site(at: Desk, panel: Page, page: Page) -> None:
    page.locator("#area").click()
    at.search(panel, "hull")
    at.choose(panel, "Hull policy")
    panel.get_by_role("button", name="Insert into box.test").click()
    expect(panel.locator("#notice")).to_contain_text("recorded")
    entry = at.house.vault.audit(at.house.owner, AuditRequest(limit=1, action="insert")).entries[0].entry
    assert entry.client == "box.test (site)" and len(entry.records) == 1


def test_a_page_without_a_box_gets_nothing_and_is_told(at: Desk) -> None:
    page = at.visit("https://empty.test/")
    panel = at.panel(page)
    at.search(panel, "hull")
    at.choose(panel, "Hull policy")
    panel.get_by_role("button", name="Insert into empty.test").click()
    expect(panel.locator("#notice")).to_contain_text("no box to write in was found")
    expect(panel.locator("#choice")).to_be_visible()
    panel.close()
    page.close()


def test_a_page_that_is_not_encrypted_gets_nothing(at: Desk, web: Sites) -> None:
    page = at.visit(web.url("news"))
    panel = at.panel(page)
    at.search(panel, "hull")
    at.choose(panel, "Hull policy")
    panel.get_by_role("button", name="Insert into news.test").click()
    expect(panel.locator("#notice")).to_contain_text("could be read on its way")
    panel.close()
    page.close()


def test_a_locked_vault_lets_nothing_into_the_page(at: Desk, page: Page, panel: Page) -> None:
    at.search(panel, "hull")
    at.choose(panel, "Hull policy")
    with at.house.locked():
        panel.get_by_role("button", name="Insert into box.test").click()
        expect(panel.locator("#notice")).to_contain_text("locked")
        assert page.locator("#area").input_value() == "" and page.locator("#rich").inner_text().strip() == ""


def test_what_this_site_has_seen_and_its_end(at: Desk) -> None:
    page = at.visit("https://second.test/")
    panel = at.panel(page, "This site")
    seen = panel.locator("#seen")
    expect(seen).to_contain_text("Nothing of your vault.")
    panel.get_by_role("tab", name="Search").click()
    at.search(panel, "hull")
    at.choose(panel, "Hull policy", "Letter from the yard")
    page.locator("#area").click()
    panel.get_by_role("button", name="Insert into second.test").click()
    expect(panel.locator("#notice")).to_contain_text("Inserted 2 records")
    panel.get_by_role("tab", name="This site").click()
    expect(seen).to_contain_text("2 records of your vault")
    expect(seen.get_by_role("list", name="Records it has seen")).to_contain_text("Hull policy")
    panel.get_by_role("button", name="Revoke now").click()
    panel.get_by_role("button", name="Keep it").click()
    panel.get_by_role("button", name="Revoke now").click()
    panel.get_by_role("button", name="Yes, end it").click()
    expect(panel.locator("#notice")).to_contain_text("second.test gets nothing more. Ended: second.test (site).")
    expect(seen).to_contain_text("Revoked")
    panel.get_by_role("tab", name="Search").click()
    at.choose(panel, "Hull policy")
    before = page.locator("#area").input_value()
    panel.get_by_role("button", name="Insert into second.test").click()
    expect(panel.locator("#notice")).to_have_class("notice bad")
    assert page.locator("#area").input_value() == before
    panel.close()
    page.close()


def test_a_search_outside_its_grant_finds_nothing(at: Desk) -> None:
    said = at.extension.ask("vault", {"name": "search", "body": {"query": "hull", "filter": {"collections": ["web"]}}})
    assert said.get("ok", {"hits": []})["hits"] == [], said


def test_a_request_shows_itself_while_the_panel_is_open(at: Desk, panel: Page) -> None:
    asked = GrantRequest("knocker", filter=Filter(collections=("boat",)), approval=Approval.EACH)
    holder = Holder(at.house.vault.grant(at.house.owner, asked).token)
    panel.get_by_label("Search your vault").fill("half typed")
    with pytest.raises(ApprovalRequired) as held:
        at.house.vault.search(holder, SearchRequest("hull"))
    expect(panel.locator("#requests-count")).to_have_text("1 request waiting for your answer", timeout=20_000)
    expect(panel.get_by_label("Search your vault")).to_have_value("half typed")
    at.house.vault.deny(at.house.owner, str(held.value.request))
    expect(panel.locator("#requests-part")).to_be_hidden(timeout=20_000)


def test_the_tabs_by_keyboard(panel: Page) -> None:
    panel.get_by_role("tab", name="Search").focus()
    panel.keyboard.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Conversation")).to_be_focused()
    expect(panel.locator("#conversation")).to_be_visible()
    panel.keyboard.press("End")
    expect(panel.get_by_role("tab", name="This site")).to_have_attribute("aria-selected", "true")
    panel.keyboard.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Search")).to_be_focused()
    expect(panel.locator("[role=tab][tabindex='-1']")).to_have_count(2)


# ---------------------------------------------------------------- the function that goes into the page


@pytest.fixture(scope="module")
def inserts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The insertion alone, as a script for any page."""
    to = tmp_path_factory.mktemp("script") / "insertion.js"
    subprocess.run(
        [PLUGIN / "node_modules/.bin/esbuild", "src/panel/insertion.ts", "--bundle", "--format=iife",
         "--global-name=insertion", f"--outfile={to}", "--log-level=error"],
        cwd=PLUGIN, check=True, capture_output=True,
    )  # fmt: skip
    return to


CASES = {
    "one box": ("<textarea></textarea>", [], {"done": True, "undo": True}),
    "none": ("<p>text</p>", [], {"done": False, "why": "no_box"}),
    "two, neither known": ("<textarea></textarea><textarea></textarea>", [], {"done": False, "why": "no_box"}),
    "two, one known": ("<textarea></textarea><textarea id=b></textarea>", ["[[", "#b"], {"done": True, "undo": True}),
    "read only": ("<textarea readonly></textarea>", [], {"done": False, "why": "no_box"}),
    "disabled": ("<textarea disabled></textarea>", [], {"done": False, "why": "no_box"}),
    "hidden": ("<textarea hidden></textarea>", ["textarea"], {"done": False, "why": "no_box"}),
    "a password": ("<input type=password autofocus>", ["input"], {"done": False, "why": "no_box"}),
    "rich": ("<div contenteditable><p>a</p><p>b</p></div>", [], {"done": True, "undo": True}),
    "plain text only": ("<div contenteditable=plaintext-only></div>", ["div"], {"done": True, "undo": True}),
    "a box that takes nothing": (
        "<textarea oninput=\"this.value = ''\" onpaste='return false'></textarea>",
        [],
        {"done": False, "why": "refused"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_where_a_text_goes(at: Desk, inserts: Path, case: str) -> None:
    body, boxes, wanted = CASES[case]
    page = at.extension.context.new_page()
    page.set_content(f"<style>textarea, div {{ min-height: 2em }}</style>{body}")
    page.add_script_tag(path=inserts)
    said = page.evaluate("(boxes) => insertion.insertText('one\\ntwo', location.origin, boxes)", boxes)
    assert said == wanted
    page.close()


def test_a_tab_that_went_elsewhere_gets_nothing(at: Desk, inserts: Path) -> None:
    page = at.extension.context.new_page()
    page.set_content("<textarea></textarea>")
    page.add_script_tag(path=inserts)
    said = page.evaluate("insertion.insertText('one', 'https://chatgpt.com', [])")
    assert said == {"done": False, "why": "moved"}
    assert page.locator("textarea").input_value() == ""
    page.close()
