"""Saving: what ten pages become, selections, links and files, who may not be saved, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.extension.browser import PAGES, Extension, Sites
from tests.extension.house import House
from vault.types import Action, Filter, GrantRequest, Provenance, Record

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = sorted(one.stem for one in PAGES.glob("*.html"))
HIDDEN = "characters that the page hides from people were left out"


def visit(extension: Extension, url: str) -> Page:
    page = extension.context.new_page()
    page.goto(url)
    return page


def save(popup: Page, button: str = "Save page") -> str:
    """Press a button and return what is said then."""
    popup.get_by_role("button", name=button).click()
    said = popup.locator("#notice")
    expect(said).to_be_visible()
    return said.inner_text()


def saved(house: House, url: str) -> Record:
    (found,) = [one for one in house.records() if one.url == url]
    return found


READ = """async ([tab, what]) => {
  const target = {tabId: tab};
  await chrome.scripting.executeScript({target, files: ["extract.js"]});
  const func = (what) => ownvault.extract(what);
  return (await chrome.scripting.executeScript({target, func, args: [what]}))[0].result.text;
}"""


def read(extension: Extension, page: Page, what: str) -> str:
    """Return what the extension reads of a page, before anything of it is sent."""
    return str(extension.worker.evaluate(READ, [extension.tab(page), what]))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_becomes_what_a_person_reads_of_it(house: House, paired: Extension, web: Sites, name: str) -> None:
    if name == "mail":
        paired.ask("rule", {"site": "mail.test", "rule": "allow"})
    page = visit(paired, web.url(name))
    said = save(paired.popup(page))
    assert said.startswith("Saved to web. No assistant can see it.")
    assert (HIDDEN in said) == (name == "hidden")
    record = saved(house, page.url)
    assert record.text.replace(f":{web.port}/", ":4711/") == (PAGES / f"{name}.txt").read_text("utf-8").rstrip("\n")
    assert (record.provenance, record.kind) == (Provenance.THIRD_PARTY, "page")
    assert record.language == {"japanese": "ja", "arabic": "ar", "recipe": "de"}.get(name, "en")
    assert "HIDDEN" not in record.text


def test_ten_pages_are_tried() -> None:
    assert len(NAMES) == 10 and all((PAGES / f"{name}.txt").is_file() for name in NAMES)


def test_title_collection_and_labels_are_the_owners(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("recipe") + "?labels")
    popup = paired.popup(page)
    expect(popup.get_by_label("Title")).to_have_value("Linseneintopf mit Birne \u2013 Küchenzettel")
    popup.get_by_label("Title").fill("Lentils <img src=x onerror=alert(1)>")
    popup.get_by_label("Labels").fill("food, winter , food,")
    save(popup)
    record = saved(house, page.url)
    assert record.title == "Lentils <img src=x onerror=alert(1)>"
    assert {"food", "winter"} <= set(record.labels)


def test_a_selection_is_saved_as_it_is_marked(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("documentation") + "?part")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('table'))")
    save(paired.popup(page), "Save selection")
    record = saved(house, page.url)
    assert record.text.splitlines()[0] == "| Field | Default | Most |" and len(record.text.splitlines()) == 5
    assert record.kind == "selection"


@pytest.mark.parametrize(
    ("page", "chosen", "text"),
    [
        ("code", "pre code", "````sh\ngo get marrow.test/ring@v0.4.0\necho '```' | ring --size 1024\n````"),
        (
            "forum",
            "#p4 ul",
            "-   first feeding: still sharp\n-   second: smells of yoghurt\n-   third: smells of apples. Bake.",
        ),
        ("documentation", "td", "`times`"),
        ("hidden", "article h1", "# How to oil a wooden worktop"),
    ],
)
def test_a_part_of_something_is_still_what_it_is(
    paired: Extension, web: Sites, page: str, chosen: str, text: str
) -> None:
    opened = visit(paired, web.url(page))
    opened.evaluate("(one) => getSelection().selectAllChildren(document.querySelector(one))", chosen)
    assert read(paired, opened, "selection").strip("# ") == text.strip("# ")


def test_what_was_marked_stays_marked_in_the_page(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("news") + "?marked")
    page.evaluate(
        """() => {
          const [one, two] = document.querySelectorAll("article p:not(.byline)");
          const range = document.createRange();
          range.setStart(one.firstChild, 4);
          range.setEnd(one.querySelector("em").firstChild, 8);
          getSelection().addRange(range);
        }"""
    )
    save(paired.popup(page))
    text = saved(house, page.url).text
    assert "The ==first passengers crossed the bay on Saturday morning" in text
    assert "*==Marigold==*" in text and text.count("==") == 6, "and the vault puts it first, too"
    assert "highlighted" in saved(house, page.url).labels


def test_a_link_is_its_address(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("forum") + "?link")
    save(paired.popup(page), "Link only")
    record = saved(house, page.url)
    assert (record.kind, record.title) == ("link", "Sourdough too sour after a week in the fridge? - The Crumb Forum")
    assert page.url in record.text and "starter" not in record.text


def test_a_file_is_read_by_the_vault(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("letter.pdf"))
    assert save(paired.popup(page), "Save PDF").startswith("Saved to web.")
    record = saved(house, page.url)
    assert "The keel bolts were changed in 2019" in record.text


def test_it_says_whose_grants_show_it(house: House, paired: Extension, web: Sites) -> None:
    wide = GrantRequest("claude", filter=Filter(collections=("web",)))
    narrow = GrantRequest("cursor", filter=Filter(collections=("notes",)))
    adds = GrantRequest("writer", filter=Filter(collections=("web",)), actions=(Action.ADD,))
    granted = [house.vault.grant(house.owner, one).grant.id for one in (wide, narrow, adds)]
    page = visit(paired, web.url("code") + "?seen")
    assert "These live grants will see it: claude." in save(paired.popup(page))
    for id in granted:
        house.vault.revoke(house.owner, id)
    page = visit(paired, web.url("code") + "?unseen")
    assert "No assistant can see it." in save(paired.popup(page))


def test_a_kind_of_site_is_refused_with_its_reason_until_the_owner_says_otherwise(
    house: House, paired: Extension, web: Sites
) -> None:
    page = visit(paired, web.url("news", host="webmail.test"))
    before = len(house.records())
    popup = paired.popup(page)
    expect(popup.locator("#verdict")).to_contain_text("Not saved: mail is other people's words too")
    expect(popup.get_by_role("button", name="Save page")).to_be_hidden()
    order = {
        "id": "f0f0f0f0",
        "tab": paired.tab(page),
        "what": "page",
        "collection": "web",
        "labels": [],
        "shown": True,
    }
    assert paired.ask("capture", order)["code"] == "forbidden", "the worker holds the rule, not only the popup"
    assert len(house.records()) == before
    popup.get_by_label("Clicks on webmail.test").select_option("Save at a click")
    save(popup)
    assert saved(house, page.url)


def test_a_rule_of_the_owner_is_kept_and_taken_back(paired: Extension, web: Sites) -> None:
    settings = paired.open("settings.html")
    settings.get_by_role("textbox", name="Site").fill("https://www.News.test/world")
    settings.get_by_label("Rule", exact=True).select_option("Never save")
    settings.get_by_role("button", name="Add").click()
    expect(settings.get_by_text("news.test: never saved")).to_be_visible()
    popup = paired.popup(visit(paired, web.url("news")))
    expect(popup.locator("#verdict")).to_have_text('Not saved: you said "never" for news.test.')
    settings.get_by_role("button", name="Remove the rule for news.test").click()
    expect(settings.get_by_text("None yet")).not_to_be_attached()
    popup = paired.popup(visit(paired, web.url("news")))
    expect(popup.get_by_role("button", name="Save page")).to_be_visible()


def test_the_vaults_own_pages_are_never_saved(house: House, paired: Extension) -> None:
    address = f"http://vault.localhost:{house.server.address.rpartition(':')[2]}/console/sign-in"
    assert paired.ask("judge", {"url": address})["ok"]["fixed"]
    assert paired.ask("judge", {"url": house.server.address})["ok"]["rule"] == "never"


def test_a_page_cannot_speak_to_the_worker(paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("news"))
    assert page.evaluate("typeof chrome.runtime?.sendMessage") == "undefined"
    blocked = "fetch(location.hash.slice(1)).then(() => 'read', () => 'blocked')"
    page.goto(f"{page.url}#{paired.origin}/popup.html")
    assert page.evaluate(blocked) == "blocked", "and cannot find out that the extension is there"
    script = {"func": "() => chrome.runtime.sendMessage({name: 'waiting', asked: {}})"}
    answer = paired.worker.evaluate(
        "async (tab) => (await chrome.scripting.executeScript({target: {tabId: tab}, func: async () => "
        "await chrome.runtime.sendMessage({name: 'waiting', asked: {}}).catch((one) => `refused: ${one}`)}))[0].result",
        paired.tab(page),
    )
    assert answer is None or str(answer).startswith("refused"), (script, answer)


def test_nothing_is_on_the_page_before_and_nothing_changes_on_it(paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("hidden"))
    before = page.content()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('article'))")
    save(paired.popup(page))
    assert page.content() == before
    assert page.evaluate("String(getSelection()).length") > 100
    assert page.evaluate("'ownvault' in globalThis") is False


def test_a_hostile_title_and_a_huge_page_do_no_harm(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("news") + "?huge")
    page.evaluate(
        """() => {
          document.title = "<img src=x onerror=alert(1)>\\u202e" + "x".repeat(2000);
          const paragraph = document.createElement("p");
          paragraph.textContent = "word ".repeat(900000);
          document.querySelector("article").append(paragraph);
        }"""
    )
    with house.locked():  # what is tried is the extension: a vault takes its time over four million letters
        popup = paired.popup(page)
        popup.get_by_role("button", name="Save page").click()
        expect(popup.locator("#notice")).to_contain_text("only its first part was saved", timeout=60_000)
        assert popup.locator("img").count() == 0
        (item,) = paired.ask("waiting")["ok"]
        assert 4_000_000 < item["bytes"] < 4_100_000 and len(item["title"]) == 500
        popup = paired.popup(page)
        expect(popup.locator("#waiting li")).to_have_count(1)
        assert popup.locator("body").evaluate("(one) => one.scrollWidth <= one.clientWidth"), "no title makes it wider"
        popup.get_by_role("button", name="Delete").click()


def test_a_page_that_takes_the_place_of_its_own_methods_is_read_all_the_same(paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("recipe") + "?clobbered")
    names = ("title", "body", "cloneNode", "getSelection", "createTreeWalker", "querySelectorAll", "documentElement")
    page.evaluate(
        """(names) => {
          for (const name of names) {
            const one = document.createElement("img");
            one.setAttribute("name", name);
            document.body.append(one);
          }
        }""",
        names,
    )
    assert page.evaluate("typeof document.cloneNode") == "object", "the page does what it says"
    assert "Meine Großmutter" in read(paired, page, "page")


def test_what_the_vault_put_into_a_page_is_not_taken_in_again(paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("code") + "?inserted")
    page.evaluate(
        """() => {
          const said = document.createElement("p");
          const id = "release 1f0c9a7724be51d0";
          said.textContent = `[from my vault: 1 record, ${id}] SECRET [end of ${id}]`;
          document.querySelector("main").append(said);
        }"""
    )
    text = read(paired, page, "page")
    assert "SECRET" not in text and "release" not in text and "false sharing" in text


CLICKED = """async ([clicked, url]) => {
  const tab = (await chrome.tabs.query({url})).at(-1);
  chrome.contextMenus.onClicked.dispatch({editable: false, pageUrl: url, ...clicked}, tab);
}"""
"""What the browser does when an entry of its menu is clicked: its menus cannot be opened without a screen."""


def test_the_entries_of_the_browsers_menu(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web.url("forum") + "?menu")
    link = {"menuItemId": "link", "linkUrl": "https://crumb.test/t/88"}
    paired.worker.evaluate(CLICKED, [link, page.url])
    wait_for(house, paired, "https://crumb.test/t/88")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#p2 .message'))")
    chosen = {"menuItemId": "selection", "selectionText": "No! Feed it three times"}
    paired.worker.evaluate(CLICKED, [chosen, page.url])
    wait_for(house, paired, page.url)
    assert saved(house, page.url).text.startswith("No! Feed it three times, 1:5:5")


def test_a_click_in_the_menu_of_a_site_that_asks_first_opens_the_popup(
    house: House, paired: Extension, web: Sites
) -> None:
    page = visit(paired, web.url("recipe") + "?ask")
    paired.ask("rule", {"site": "recipe.test", "rule": "ask"})
    with paired.context.expect_page() as opened:
        paired.worker.evaluate(CLICKED, [{"menuItemId": "page"}, page.url])
    popup = opened.value
    expect(popup.locator("#verdict")).to_have_text("You asked to be asked on this site: Save is the answer.")
    expect(popup.get_by_role("button", name="Link only")).to_be_hidden()
    assert [one for one in house.records() if one.url == page.url] == []
    assert save(popup).startswith("Saved to web.")
    assert saved(house, page.url)


def wait_for(house: House, paired: Extension, url: str) -> None:
    """Wait until the vault has a record of this address."""
    settings = paired.open("settings.html")
    for _ in range(200):
        if [one for one in house.records() if one.url == url]:
            return
        settings.evaluate("new Promise(requestAnimationFrame)")
    raise AssertionError(f"never saved: {url}")
