"""Requests in the popup: who, why, which records; once, an hour, narrower, no; and a call that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2
import mcp_types as mcp
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import expect

from tests.extension.desk import Desk, desk
from tests.extension.house import House
from vault.errors import ApprovalRequired, Denied
from vault.types import (
    AccessRequest,
    AddRequest,
    Approval,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    SearchRequest,
    Sensitivity,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Playwright

HULL = SearchRequest("hull")


@pytest.fixture(scope="module")
def at(driver: Playwright, house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(driver, house, tmp_path_factory.mktemp("requests")) as made:
        made.spoil()
        secret = Draft("tax", "The tax on the hull was paid.", "Tax", sensitivity=Sensitivity.SENSITIVE)
        house.vault.add(house.owner, AddRequest("money", (secret,), "test"))
        yield made


@pytest.fixture
def popup(at: Desk) -> Iterator[Page]:
    yield (opened := at.extension.open("popup.html"))
    opened.close()


def assistant(at: Desk, name: str, *collections: str, purpose: str = "the spring refit", **more: Any) -> Holder:
    """Return an assistant that has to ask each time."""
    asked = GrantRequest(name, purpose=purpose, filter=Filter(collections=collections, **more), approval=Approval.EACH)
    return Holder(at.house.vault.grant(at.house.owner, asked).token)


def ask(at: Desk, holder: Holder, request: SearchRequest = HULL) -> str:
    with pytest.raises(ApprovalRequired) as held:
        at.house.vault.search(holder, request)
    return str(held.value.request)


def found(at: Desk, holder: Holder) -> list[str]:
    return [hit.title for hit in at.house.vault.search(holder, HULL).hits]


def card(popup: Page, request: str) -> Locator:
    popup.reload()
    expect(popup.locator("body[data-shown]")).to_be_attached()
    return popup.locator(f"[data-request={request}]")


def badge(at: Desk) -> tuple[str, str]:
    text = at.extension.worker.evaluate("chrome.action.getBadgeText({})")
    return str(text), str(at.extension.worker.evaluate("chrome.action.getTitle({})"))


def test_the_card_tells_who_why_and_which_records(at: Desk, popup: Page) -> None:
    request = ask(at, assistant(at, "reader", "boat", "letters"))
    shown = card(popup, request)
    expect(shown.get_by_role("heading")).to_have_text("reader asks to search hull")
    expect(shown).to_contain_text("the spring refit")
    expect(shown.locator(".lines li")).to_have_count(4)
    expect(shown.locator(".lines")).to_contain_text("Keel <img src=x onerror=alert(1)> bolts")
    assert popup.locator("#requests img").count() == 0
    assert "\u202e" not in shown.inner_text()
    shown.get_by_role("button", name="Deny").click()
    expect(popup.locator(f"[data-request={request}]")).to_have_count(0)


def test_the_badge_tells_requests_from_what_waits_to_be_sent(at: Desk, popup: Page) -> None:
    request = ask(at, assistant(at, "badger", "boat"))
    shown = card(popup, request)
    assert badge(at) == ("?1", "ownvault, 1 waiting for your answer")
    shown.get_by_role("button", name="Deny").click()
    expect(shown).to_have_count(0)
    assert badge(at) == ("", "ownvault")


def test_the_badge_looks_by_itself(at: Desk) -> None:
    """Without a page of ours open: the worker's alarm looks, and finds what waits."""
    request = ask(at, assistant(at, "silent", "boat"))
    at.extension.worker.evaluate("chrome.alarms.create('requests', {when: Date.now()})")
    shown = at.extension.worker.evaluate("""async () => {
        const until = Date.now() + 20000;
        while ((await chrome.action.getBadgeText({})) === "" && Date.now() < until)
            await new Promise((done) => setTimeout(done, 50));
        return chrome.action.getBadgeText({});
    }""")
    assert shown == "?1"
    at.house.vault.deny(at.house.owner, request)


def test_once_is_once(at: Desk, popup: Page) -> None:
    holder = assistant(at, "once", "boat")
    card(popup, ask(at, holder)).get_by_role("button", name="Once").click()
    expect(popup.locator("#notice")).to_have_text("once may, this once.")
    assert "Hull policy" in found(at, holder)
    card(popup, ask(at, holder)).get_by_role("button", name="Deny").click()
    expect(popup.locator("#notice")).to_have_text("once was told no.")
    with pytest.raises(Denied):
        found(at, holder)


def test_for_an_hour(at: Desk, popup: Page) -> None:
    holder = assistant(at, "hourly", "boat")
    card(popup, ask(at, holder)).get_by_role("button", name="For an hour").click()
    expect(popup.locator("#notice")).to_have_text("hourly may, for an hour.")
    assert found(at, holder) == found(at, holder)


def test_narrower_than_asked(at: Desk, popup: Page) -> None:
    holder = assistant(at, "narrow", "boat", "letters")
    shown = card(popup, ask(at, holder))
    shown.get_by_text("Narrower").click()
    boat, letters = (shown.get_by_role("checkbox", name=one) for one in ("boat", "letters"))
    boat.uncheck()
    letters.click()
    expect(letters).to_be_checked()  # nothing at all is a denial, not a narrower yes
    shown.get_by_role("button", name="Once").click()
    expect(popup.locator("#notice")).to_have_text("narrow may, this once.")
    assert found(at, holder) == ["Letter from the yard"]


def test_the_keyboard_alone_decides(at: Desk, popup: Page) -> None:
    holder = assistant(at, "keys", "boat")
    once = card(popup, ask(at, holder)).get_by_role("button", name="Once")
    for _ in range(30):
        if once.evaluate("(one) => one === document.activeElement"):
            break
        popup.keyboard.press("Tab")
    popup.keyboard.press("Enter")
    expect(popup.locator("#requests h2, #notice").locator("visible=true").first).to_be_focused()
    assert found(at, holder)


def test_what_is_sensitive_is_decided_in_the_console(at: Desk, popup: Page) -> None:
    holder = assistant(at, "taxman", "money", sensitivity="sensitive")
    request = ask(at, holder)
    shown = card(popup, request)
    expect(shown.get_by_role("button", name="Once")).to_have_count(0)
    expect(shown).not_to_contain_text("Tax")
    expect(shown).not_to_contain_text("hull")
    link = shown.get_by_role("link", name="Look in the console")
    port = at.house.server.address.rpartition(":")[2]
    assert link.get_attribute("href") == f"http://vault.localhost:{port}/console/requests/{request}"
    said = at.extension.ask("decide", {"request": request, "verdict": "approve", "lasting": "once"})
    assert said["code"] == "in_console", "nor does it help to ask by hand"
    shown.get_by_role("button", name="Deny").click()
    expect(popup.locator("#notice")).to_have_text("taxman was told no.")
    with pytest.raises(Denied):
        found(at, holder)


def test_new_access_is_granted_in_the_console(at: Desk, popup: Page) -> None:
    holder = assistant(at, "wisher", "boat")
    state = at.house.vault.request_access(
        holder, AccessRequest("to read the letters", filter=Filter(collections=("letters",)))
    )
    shown = card(popup, state.id)
    expect(shown.get_by_role("button", name="Once")).to_have_count(0)
    expect(shown.get_by_role("link", name="Look in the console")).to_be_visible()
    shown.get_by_role("button", name="Deny").click()


def test_a_yes_in_the_popup_ends_a_waiting_call(at: Desk, popup: Page) -> None:
    """A real MCP client waits in its call; the owner says yes in the popup; the same call answers."""
    holder = assistant(at, "patient", "boat")
    with ThreadPoolExecutor(1) as pool:
        waiting, request = begin(pool, at, holder)
        assert not waiting.done()
        card(popup, request).get_by_role("button", name="Once").click()
        said = waiting.result(60)
    assert "Hull policy" in {one["title"] for one in said.structured_content["results"]}


def test_a_no_in_the_popup_ends_it_too(at: Desk, popup: Page) -> None:
    holder = assistant(at, "hopeful", "boat")
    with ThreadPoolExecutor(1) as pool:
        waiting, request = begin(pool, at, holder)
        card(popup, request).get_by_role("button", name="Deny").click()
        said = waiting.result(60)
    assert said.is_error and "denied" in said.content[0].text


def begin(pool: ThreadPoolExecutor, at: Desk, holder: Holder) -> tuple[Future[Any], str]:
    """Have an assistant ask over MCP; return its call, and the request, once the call waits for the owner."""
    shown: Future[str] = Future()
    waits: Future[None] = Future()

    async def person(context: Any, params: mcp.ElicitRequestParams) -> mcp.ElicitResult:
        assert isinstance(params, mcp.ElicitRequestURLParams)
        shown.set_result(params.url.rpartition("/")[2])
        return mcp.ElicitResult(action="accept")

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        if not waits.done():
            waits.set_result(None)

    async def call() -> Any:
        headers = {"Authorization": f"Bearer {holder.token}"}
        url = f"{at.house.server.address}/mcp"
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http), elicitation_callback=person) as client,
        ):
            await client.list_tools()
            return await client.call_tool("search", {"query": "hull", "limit": 3}, progress_callback=heard)

    running = pool.submit(lambda: asyncio.run(call()))
    request = shown.result(30)
    waits.result(30)
    return running, request


def test_a_request_that_is_over_is_told_as_such(at: Desk, popup: Page) -> None:
    holder = assistant(at, "raced", "boat")
    request = ask(at, holder)
    shown = card(popup, request)
    at.house.vault.deny(at.house.owner, request)
    shown.get_by_role("button", name="Once").click()
    expect(popup.locator("#notice")).to_have_class("notice bad")
    expect(shown).to_have_count(0)
    with pytest.raises(Denied):
        found(at, holder)
