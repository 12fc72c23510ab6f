"""The log and the exposure matrix in a real browser: chart, keyboard, without scripts, in every look; saved files."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.e2e.browser import Box
from vault.errors import VaultError
from vault.types import AddRequest, Detail, Draft, Filter, GrantRequest, Holder, SearchRequest

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\u202e"


@pytest.fixture(scope="module")
def told(console: Box) -> Box:
    """A vault of which two clients saw something, and in which a third party wrote what it would like to run."""
    drafts = (
        Draft("boat", "The boat is red.", "Boat"),
        Draft("tea", "Tea at four.", "Tea"),
        Draft("x", f"boat {HOSTILE}", HOSTILE),
    )
    console.vault.add(console.owner, AddRequest("notes", drafts, "test"))
    for client, detail in (("claude", Detail.FULL), ("cursor", Detail.REDACTED)):
        request = GrantRequest(client, filter=Filter(collections=("notes",)), detail=detail)
        holder = Holder(console.vault.grant(console.owner, request).token)
        for query in ("boat", "tea", HOSTILE):
            console.vault.search(holder, SearchRequest(query))
        with pytest.raises(VaultError):
            console.vault.search(holder, SearchRequest("boat", filter=Filter(collections=("diary",))))
    return console


@pytest.fixture
def page(told: Box) -> Any:
    page = told.page()
    faults: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    yield page
    assert not faults and page.title() != "taken"
    assert all(url.startswith((told.address + "/", "data:")) for url in asked), "nothing leaves this machine"
    page.context.close()


def numbers(page: Page) -> dict[str, int]:
    """Return what the table beside the chart sums up to."""
    names = page.locator("[data-numbers] thead [data-ink]").all_text_contents()
    rows = [row.locator("td").all_text_contents() for row in page.locator("[data-numbers] tbody tr").all()]
    return {name: sum(int(row[at]) for row in rows) for at, name in enumerate(names)}


def test_the_chart_is_drawn_from_the_table_beside_it(told: Box, page: Page) -> None:
    told.go(page, "/log?period=day")
    canvas = page.locator("[data-plot] canvas")
    expect(canvas).to_be_visible()
    assert numbers(page) == {"released": 3, "redacted": 3, "denied": 2}
    painted = canvas.evaluate(
        "one => { const { data } = one.getContext('2d').getImageData(0, 0, one.width, one.height);"
        " return new Set(data.filter((_, at) => at % 4 === 0)).size }"
    )
    assert painted > 5, "bars in several colours"
    expect(page.get_by_role("img", name=re.compile("stacked"))).to_be_visible()
    box = page.locator("[data-plot] .u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    expect(page.locator("[data-reading]")).to_contain_text("released 3, redacted 3, denied 2")


def test_dragging_over_the_chart_asks_for_that_time(told: Box, page: Page) -> None:
    told.go(page, "/log?period=day")
    box = page.locator("[data-plot] .u-over").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    page.mouse.up()
    page.wait_for_url("**since=*until=*")
    expect(page.get_by_text("No such entry.")).to_be_visible()
    assert page.get_by_label("From").input_value()


def test_filters_with_the_keyboard_alone(told: Box, page: Page) -> None:
    told.go(page, "/log")
    page.get_by_label("Query contains").focus()
    page.keyboard.type("boat")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "client":
            break
    page.keyboard.press("c")
    assert page.get_by_label("Client").input_value() == "claude"
    page.get_by_role("button", name="Show these").press("Enter")
    page.wait_for_url("**text=boat*")
    rows = page.locator(".entries tbody tr")
    expect(rows).to_have_count(2)
    rows.last.get_by_role("link").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Entry")
    page.locator("summary").first.press("Enter")
    expect(page.locator(".words").first).to_be_visible()


def test_the_words_of_an_entry_are_words(told: Box, page: Page) -> None:
    told.go(page, "/log?client=claude&outcome=released&text=img")
    page.locator(".entries tbody a").first.click()
    for one in page.locator("summary").all():
        one.click()
    expect(page.locator(".words", has_text="<script>")).to_have_count(1)
    assert page.locator("main img, main script").count() == 0 and page.title() != "taken"


def test_verifying_and_saving(told: Box, page: Page) -> None:
    told.go(page, "/log?client=claude&outcome=released")
    with page.expect_download() as waits:
        page.get_by_role("button", name="Table (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(waits.value.path().read_text("utf-8-sig"))))
    assert [row["query"] for row in rows][1:] == [
        "tea",
        "boat",
    ] and waits.value.suggested_filename == "ownvault-log.csv"
    with page.expect_download() as waits:
        page.get_by_role("button", name="JSON Lines").click()
    assert len([json.loads(line) for line in waits.value.path().read_text().splitlines()]) == 3
    page.get_by_role("button", name="Verify the log").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The log holds")


def test_the_matrix_leads_to_the_records_and_they_to_the_entries(told: Box, page: Page) -> None:
    told.go(page, "/exposure")
    page.get_by_role("link", name=re.compile("3.*of notes to claude")).press("Enter")
    expect(page.locator(".entries tbody tr")).to_have_count(3)
    page.get_by_role("link", name="The entries").click()
    expect(page.locator(".entries tbody tr")).to_have_count(3)


PAGES = (
    "/log", "/log?stack=client&period=all", "/log?client=nobody", "/log/1", "/exposure", "/exposure?by=sensitivity",
    "/exposure/records?client=claude",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_use_it(told: Box, page: Page, path: str) -> None:
    told.go(page, path)
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, "nothing but tables scrolls sideways"


def test_it_reads_without_scripts(told: Box) -> None:
    page = (
        told.page(java_script_enabled=False)
        if False
        else told.browser.new_context(java_script_enabled=False).new_page()
    )
    page.goto(told.vault.link(told.owner).url)
    link = page.get_by_role("link", name="Log")
    if not link.count():  # the page on the way in says where to go on
        page.locator("main a").first.click()
    page.get_by_role("link", name="Log").click()
    expect(page.locator(".plot")).to_be_hidden()
    page.get_by_text("The same as a table").click()
    expect(page.locator("[data-numbers] table")).to_be_visible()
    page.get_by_label("denied").uncheck()
    page.get_by_role("button", name="Show these").click()
    assert "denied" not in page.locator(".entries tbody").inner_text()
    page.get_by_role("link", name="Exposure").click()
    expect(page.locator(".matrix")).to_be_visible()
    page.context.close()
