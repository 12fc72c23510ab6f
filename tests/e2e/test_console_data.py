"""Data and the map in a real browser: clean under axe in every look, by keyboard, without JavaScript; nothing hostile
acts, and files that are dropped go in and come out again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.e2e.browser import Box
from vault import importing
from vault.types import AddRequest, Draft, Filter, GrantRequest, Holder, Provenance, SearchRequest, Sensitivity

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = '<img src=x onerror="document.title=1">\u202egnp.exe'
TOPICS = (
    "the boat sails to the island",
    "tomatoes grow in the garden",
    "the bank asks for the loan",
    "bread and rye flour",
)


@pytest.fixture(scope="module")
def box(console: Box) -> Box:
    """The console's server with records of some topics in it, and a grant."""
    for n, topic in enumerate(TOPICS):
        drafts = tuple(Draft(f"{n}-{i}", f"{topic}, day {i}", f"{topic.split()[-1].title()} {i}") for i in range(15))
        console.vault.add(console.owner, AddRequest(("yard", "shed")[n % 2], drafts, "browser"))
    evil = Draft("evil", f"boat {HOSTILE}\n\n![x](http://198.51.100.7/x.png) [y](javascript:alert(1))", HOSTILE,
                 labels=(HOSTILE.replace("\u202e", ""),), provenance=Provenance.THIRD_PARTY, url="javascript:alert(1)",
                 sensitivity=Sensitivity.SENSITIVE)  # fmt: skip
    console.vault.add(console.owner, AddRequest("yard", (evil,), "browser"))
    granted = console.vault.grant(console.owner, GrantRequest("claude", filter=Filter(collections=("yard",))))
    console.vault.search(Holder(granted.token), SearchRequest("boat"))
    return console


@pytest.fixture
def page(box: Box) -> Iterator[Page]:
    made = box.page()
    said: list[str] = []
    asked: list[str] = []
    made.on(
        "console", lambda one: said.append(one.text) if one.type == "error" and "status of 4" not in one.text else None
    )
    made.on("pageerror", lambda one: said.append(str(one)))
    made.on("request", lambda one: asked.append(one.url))
    yield made
    made.context.close()
    assert said == []  # no script broke, and the policy of the pages stopped nothing
    assert [url for url in asked if not url.startswith((box.address, "data:"))] == []


def record(box: Box, query: str) -> str:
    return box.vault.search(box.owner, SearchRequest(query)).hits[0].id


def drawn(page: Page) -> None:
    expect(page.locator("[data-canvas][data-frames]")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("place", [
    "/data", "/data/search?q=boat+garden", "/data/search?q=boat&since=never", "/data/collections/yard", "/data/import",
    "record", "record?as=markdown", "record/forget", "/map",
])  # fmt: skip
def test_every_page_is_clean_in_every_look(box: Box, page: Page, place: str) -> None:
    box.go(page, place.replace("record", f"/data/records/{record(box, 'boat onerror')}"))
    if place == "/map":
        drawn(page)
    assert violations(page) == []


def test_hostile_words_do_nothing(box: Box, page: Page) -> None:
    id = record(box, "boat onerror")
    for place in (
        "/data/search?q=onerror",
        "/data/collections/yard",
        f"/data/records/{id}",
        f"/data/records/{id}?as=markdown",
    ):
        box.go(page, place)
        assert page.title() != "1"
        assert page.locator("main img, main script, main iframe").count() == 0
        assert page.locator("main a[href^='javascript'], main a[href*='198.51.100.7'] img").count() == 0
        assert "\u202e" not in page.locator("main").inner_text()


def test_a_search_by_keyboard_leads_to_a_record_and_its_labels(box: Box, page: Page) -> None:
    box.go(page, "/data")
    page.get_by_label("Search your data").focus()
    page.keyboard.type("tomatoes in the garden")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_have_text(re.compile("garden|tomato", re.IGNORECASE))
    page.locator(".hit h2 a").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Labels, one a line").fill("summer")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice")).to_contain_text("Changed")
    expect(page.get_by_label("Labels, one a line")).to_have_value("summer")


def test_many_are_chosen_at_once(box: Box, page: Page) -> None:
    box.go(page, "/data/search?q=bread+flour&collection=shed")
    page.get_by_role("button", name="Choose all").click()
    expect(page.locator("[data-chosen]")).to_have_text(re.compile(r"\d+ chosen"))
    page.get_by_role("button", name="Label the chosen").click()
    page.get_by_label("Labels to add").fill("baking")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice")).to_contain_text("Changed: ")


def test_forgetting_needs_a_tick_and_then_it_is_gone(box: Box, page: Page) -> None:
    (id,) = (
        one.id
        for one in box.vault.add(box.owner, AddRequest("yard", (Draft("gone", "a doomed wombat"),), "x")).outcomes
    )
    box.go(page, f"/data/records/{id}")
    page.get_by_role("link", name="Forget it").click()
    expect(page.locator("main")).to_contain_text("1 grant can see it now: claude")
    page.get_by_role("button", name="Forget").click()
    assert page.url.endswith("/forget")  # the browser asks for the tick
    page.get_by_label("Yes, forget it for good").check()
    page.get_by_role("button", name="Forget").click()
    expect(page.locator(".notice")).to_contain_text("Forgotten: 1 record")
    assert "gone" not in [hit.origin for hit in box.vault.search(box.owner, SearchRequest("wombat")).hits]


def test_everything_can_be_read_without_javascript(box: Box) -> None:
    page = box.browser.new_context(java_script_enabled=False).new_page()
    page.goto(box.vault.link(box.owner).url)
    while "/console/~" not in page.url:  # signing in leads on by a link
        page.locator("main a").first.click()
    for place, said in (
        ("/data", "Collections and their sources"), ("/data/search?q=boat", "Seen by you alone"),
        ("/data/collections/shed", "Garden 3"), ("/map?list=1", "What is where"), ("/data/import", "Import"),
    ):  # fmt: skip
        box.go(page, place)
        expect(page.locator("main")).to_contain_text(said)
    page.context.close()


# ---------------------------------------------------------------- the map


def test_the_map_is_moved_and_opened_by_keyboard(box: Box, page: Page) -> None:
    box.go(page, "/map")
    drawn(page)
    expect(page.locator("[data-count]")).to_have_text(re.compile(r"^\d+ records\.$"))
    page.get_by_role("button", name="Show").first.click()
    expect(page.locator("[data-canvas]")).to_be_focused()
    expect(page.locator("[data-tip]")).to_be_visible()
    expect(page.locator("[data-status]")).not_to_be_empty()
    title = page.locator("[data-tip] bdi").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/data/records/*")
    expect(page.locator("h1")).to_have_text(title)


def test_the_map_answers_the_pointer(box: Box, page: Page) -> None:
    box.go(page, "/map")
    drawn(page)
    frames = int(page.locator("[data-canvas]").get_attribute("data-frames") or 0)
    size = page.locator("[data-canvas]").bounding_box()
    assert size
    page.mouse.move(size["x"] + 200, size["y"] + 200)
    page.mouse.wheel(0, -400)
    page.mouse.down()
    page.mouse.move(size["x"] + 260, size["y"] + 240, steps=5)
    page.mouse.up()
    expect(page.locator("[data-canvas]")).not_to_have_attribute("data-frames", str(frames))
    assert "/map" in page.url  # a drag opens nothing


def test_a_grant_is_seen_on_the_map(box: Box, page: Page) -> None:
    box.go(page, "/map")
    drawn(page)
    page.get_by_label("See as").select_option(label="claude")
    expect(page.locator("[data-count]")).to_have_text(re.compile(r"^\d+ of \d+ points can be seen by this grant\.$"))
    held = box.vault.holdings(box.owner)
    yard = sum(one.records for one in held.holdings if one.collection == "yard")
    seen = int((page.locator("[data-count]").inner_text()).split()[0])
    assert 0 < seen <= yard < held.records  # all of it but what is too sensitive


# ---------------------------------------------------------------- importing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if not importing.takes_files():
        pytest.skip("this system has no file system in memory")
    notes = tmp_path / "Field notes"
    (notes / "deep").mkdir(parents=True)
    for n in range(12):
        (notes / "deep" / f"day {n}.md").write_text(f"# Day {n}\nThe river stood {n} cm higher.")
    (notes / "picture.md").write_bytes(bytes(range(256)) * 20_000)  # 5 MB: it travels in two parts
    return notes


def test_a_folder_is_imported_and_undone(box: Box, page: Page, folder: Path) -> None:
    before = box.vault.holdings(box.owner).records
    box.go(page, "/data/import")
    page.set_input_files("[data-folder]", str(folder))
    expect(page.locator("[data-list]")).to_contain_text("13 files")
    expect(page.get_by_label("Collection")).to_have_value("Field notes")
    page.get_by_role("button", name="Import", exact=True).click()
    result = page.locator("[data-result]")
    expect(result).to_contain_text("12 new, 0 changed, 0 unchanged, 1 failed.", timeout=120_000)
    expect(result).to_contain_text("picture.md: not text (choose the importer")
    assert violations(page) == []
    held = {one.source: one.records for one in box.vault.holdings(box.owner).holdings}
    assert held["markdown:Field notes"] == 12
    page.get_by_role("button", name="Undo: forget 12 new records").click()
    page.get_by_role("button", name="Forget them").click()
    expect(result).to_contain_text("Undone")
    assert box.vault.holdings(box.owner).records == before


def test_files_are_dropped(box: Box, page: Page, folder: Path) -> None:
    box.go(page, "/data/import")
    page.evaluate("""() => {
        const all = new DataTransfer();
        all.items.add(new File(["The heron stood still."], "heron.txt", { type: "text/plain" }));
        document.querySelector("[data-drop]").dispatchEvent(
            new DragEvent("drop", { dataTransfer: all, bubbles: true, cancelable: true }));
    }""")
    expect(page.get_by_label("Importer")).to_have_value("text")
    page.get_by_label("Collection").fill("birds")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("[data-result]")).to_contain_text("1 new", timeout=60_000)
    page.get_by_role("link", name="Look at the collection").click()
    expect(page.locator("h1")).to_have_text("birds")
