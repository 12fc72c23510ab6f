"""Clients and grants in a real browser: by keyboard, with JavaScript and without, clean under axe, words as words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.e2e.browser import Box
from tests.support import PASSPHRASE
from vault.errors import Refused
from vault.types import (
    AddRequest,
    Approval,
    Detail,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    Limits,
    SearchRequest,
    Sensitivity,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = '<img src=x onerror="document.title=1">\u202egnp.exe'
DRAFTS = (
    Draft("red", "The boat is red. Call anna@example.com.", HOSTILE, labels=(HOSTILE,), people=("Anna",)),
    Draft("tea", "Tea at four.", "Tea", labels=("work",)),
    Draft("ill", "The boat made me ill.", "Illness", sensitivity=Sensitivity.SENSITIVE),
)


@pytest.fixture(scope="module")
def box(console: Box) -> Box:
    """The console's server with some records in it."""
    console.vault.add(console.owner, AddRequest("yard", DRAFTS, "browser"))
    console.vault.add(console.owner, AddRequest("shed", (Draft("sank", "The boat sank.", "Sunk"),), "browser"))
    return console


@pytest.fixture
def page(box: Box) -> Iterator[Page]:
    made = box.page()
    yield made
    made.context.close()


@pytest.fixture
def claude(box: Box) -> Iterator[tuple[str, Holder]]:
    request = GrantRequest(
        "claude", filter=Filter(collections=("yard", "shed"), sensitivity="sensitive"), detail=Detail.REDACTED,
        approval=Approval.SENSITIVE, limits=Limits(queries_per_hour=50), purpose=HOSTILE,
    )  # fmt: skip
    made = box.vault.grant(box.owner, request)
    yield made.grant.id, Holder(made.token)
    box.vault.revoke(box.owner, made.grant.id)


def answered(box: Box, holder: Holder, query: str = "tea") -> bool:
    try:
        return bool(box.vault.search(holder, SearchRequest(query, 1)).hits)
    except Refused:
        return False


def test_every_page_is_clean_and_holds_hostile_words_as_words(box: Box, page: Page, claude: tuple[str, Holder]) -> None:
    id, holder = claude
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    foreign: list[str] = []
    page.on("request", lambda asked: foreign.append(asked.url) if box.address not in asked.url else None)
    answered(box, holder)
    for path in ("", "/new", f"/{id}", f"/{id}/as", f"/{id}/seen", f"/{id}/narrow", f"/{id}/revoke"):
        box.go(page, f"/clients{path}")
        expect(page.locator("h1")).to_have_count(1)
        assert violations(page) == [], path
        assert page.locator("main img").count() == 0
    assert complaints == []
    assert [one for one in foreign if not one.startswith("data:")] == []


def test_see_as_in_a_browser(box: Box, page: Page, claude: tuple[str, Holder]) -> None:
    id, _ = claude
    box.go(page, f"/clients/{id}/as")
    page.get_by_label("Question").fill("boat")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing leaves before you approve it")).to_be_visible()
    expect(page.locator("mark")).to_contain_text("[email 1]")
    expect(page.get_by_text("waits for you")).to_have_count(1)
    assert violations(page) == []


def test_revoking_by_keyboard_alone(box: Box, page: Page, claude: tuple[str, Holder]) -> None:
    _, holder = claude
    box.go(page, "/clients")
    link = page.get_by_role("link", name=re.compile("Revoke grant 1 of claude"))
    for _ in range(80):
        page.keyboard.press("Tab")
        if link.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Revoke it?")).to_be_visible()
    assert answered(box, holder), "asked once more"
    button = page.get_by_role("button", name="Revoke for good")
    for _ in range(80):
        page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator(".notice[role=status]")).to_contain_text("sees 0 records by it from now on")
    assert not answered(box, holder)


def test_pausing_and_undoing_it(box: Box, page: Page, claude: tuple[str, Holder]) -> None:
    id, holder = claude
    box.go(page, f"/clients/{id}")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".notice[role=status]")).to_contain_text("is paused")
    assert not answered(box, holder)
    page.get_by_label("Passphrase").fill(PASSPHRASE.decode())  # it may see what is sensitive
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".notice[role=status]")).to_contain_text("answered again")
    assert answered(box, holder)


def test_narrowing_shows_what_is_left_before_it_is_done(box: Box, page: Page, claude: tuple[str, Holder]) -> None:
    id, _ = claude
    box.go(page, f"/clients/{id}/narrow")
    page.locator("[name=collections][value=shed]").uncheck()
    expect(page.locator("#preview")).to_contain_text("1 record fewer")
    page.get_by_label("Up to which sensitivity").select_option("personal")
    expect(page.locator("#preview")).to_contain_text("2 records fewer")
    assert box.vault.see(box.owner, id).scope["collections"] == ["shed", "yard"], "nothing is done yet"
    assert violations(page) == []
    page.get_by_role("button", name="Narrow", exact=True).click()
    expect(page.locator(".notice[role=status]")).to_contain_text("It sees 2 of 4 records now, 2 fewer than before")
    assert box.vault.see(box.owner, id).scope["collections"] == ["yard"]


def test_granting_with_a_live_preview(box: Box, page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.post_data or "") if asked.method == "POST" else None)
    box.go(page, "/clients/new")
    page.get_by_label("Name", exact=True).fill("cursor")
    page.get_by_label("every collection, those that come later too").check()
    expect(page.locator("#preview")).to_contain_text("It sees every collection")
    page.locator("[name=collections][value=yard]").check()
    expect(page.locator("#preview")).to_contain_text("cursor could search, read and count in yard")
    expect(page.get_by_label("Passphrase")).not_to_be_visible()
    page.locator("[name=sensitivity][value=sensitive]").check()
    expect(page.locator("#preview")).to_contain_text("Think twice")
    page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
    page.get_by_label("Purpose, for your own records").fill("a try")
    expect(page.locator("#preview")).to_contain_text("in yard")
    assert not any("passphrase" in one for one in sent), "no live preview takes it along"
    page.keyboard.press("Enter")
    expect(page.get_by_label("Purpose, for your own records")).to_have_value("a try")
    assert not [one for one in box.vault.grants(box.owner) if one.client == "cursor"], "Enter in a field only shows"
    page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
    expect(page.locator("#preview")).to_contain_text("in yard")
    assert violations(page) == []
    page.get_by_role("button", name="Grant", exact=True).click()
    expect(page.get_by_role("heading", name="cursor has access")).to_be_visible()
    expect(page.get_by_role("button", name="Copy").first).to_be_visible()
    token = page.locator("#token-text").inner_text()
    assert answered(box, Holder(token)) and violations(page) == []
    page.reload()
    expect(page.get_by_text("this form was sent before")).to_be_visible()
    made = [one for one in box.vault.grants(box.owner) if one.client == "cursor"]
    assert len(made) == 1
    box.vault.revoke(box.owner, made[0].id)


def test_everything_works_without_javascript(box: Box, claude: tuple[str, Holder]) -> None:
    id, _ = claude
    page = box.browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{box.address}/console/sign-in")
    page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/~*/")
    box.go(page, f"/clients/{id}/narrow")
    page.locator("[name=collections][value=shed]").uncheck()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("1 record fewer")
    expect(page.locator("[name=collections][value=shed]")).not_to_be_checked()
    box.go(page, "/clients/new")
    page.get_by_label("Name", exact=True).fill("plain")
    page.locator("[name=collections][value=shed]").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("plain could search, read and count in shed")
    page.get_by_role("button", name="Grant", exact=True).click()
    token = page.locator("#token-text").inner_text()
    assert answered(box, Holder(token), "boat")
    box.vault.revoke(box.owner, next(one.id for one in box.vault.grants(box.owner) if one.client == "plain"))
    page.context.close()
