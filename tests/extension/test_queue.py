"""What waits for the vault: nothing lost and nothing twice, wherever the worker is ended."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.extension.browser import Extension, Sites
from tests.extension.house import House
from tests.extension.killing import Killer

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEPS = {
    "asked, nothing looked at": "await refuseForbidden(order, tab.url",
    "allowed, not read": "const { draft, hidden, truncated } = await read(await completed(order), tab)",
    "read, not kept": "return { ...await keep(order.id, draft), hidden, truncated }",
    "about to keep": "await put({ id",
    "kept, not sent": "const why = await deliver()",
    "about to greet the vault": "if (met === own.address &&",
    "about to send": "const { seen_by } = await call(",
    "answered, not noted": "return { taken: { id: item.id",
    "about to note": "await finish(sent.taken)",
    "noted, not counted": "taken += 1",
    "all sent, the alarm not yet put away": "const waits = (await list()).some(",
    "done, the page not told": "const kept = (await list()).find(",
}
"""What the worker has done, and the line that it comes to next."""


@pytest.fixture(scope="module")
def script(built: Path) -> Path:
    return built / "chromium" / "background.js"


def visit(extension: Extension, web: Sites, name: str) -> Page:
    page = extension.context.new_page()
    page.goto(f"{web.url('code')}?{name}")
    return page


def copies(house: House, url: str) -> list[int]:
    """Return the versions of the records with an address."""
    return [one.version for one in house.records() if one.url == url]


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_is_ended_loses_nothing_and_doubles_nothing(
    house: House, paired: Extension, web: Sites, script: Path, step: str
) -> None:
    page = visit(paired, web, re.sub(r"\W+", "-", step))
    popup = paired.popup(page)
    Killer(paired, script).end()  # a fresh one has not met the vault yet
    expect(popup.get_by_role("button", name="Save page")).to_be_enabled()
    popup.evaluate("chrome.runtime.sendMessage({name: 'waiting', asked: {}})")
    killer = Killer(paired, script)
    killer.stop_at(STEPS[step])
    popup.get_by_role("button", name="Save page").click()
    killer.kill()
    expect(popup.locator("#notice")).to_contain_text("Saved to web.")
    assert copies(house, page.url) == [1]
    assert paired.ask("waiting")["ok"] == []


def test_ended_while_the_vault_answers(house: House, paired: Extension, web: Sites, script: Path) -> None:
    page = visit(paired, web, "answering")
    popup = paired.popup(page)
    killer = Killer(paired, script)
    killer.stop_answers("/extension/capture")
    popup.get_by_role("button", name="Save page").click()
    killer.wait(lambda: killer.paused)
    assert copies(house, page.url) == [1], "the vault has it, and nobody here knows"
    killer.end()
    expect(popup.locator("#notice")).to_contain_text("Saved to web.")
    assert copies(house, page.url) == [1]
    assert paired.ask("waiting")["ok"] == []


def test_ended_and_nobody_asks_again_the_alarm_sends_it(
    house: House, paired: Extension, web: Sites, script: Path
) -> None:
    page = visit(paired, web, "alarm")
    popup = paired.popup(page)
    killer = Killer(paired, script)
    killer.stop_at(STEPS["about to send"])
    popup.get_by_role("button", name="Save page").click()
    killer.wait(lambda: killer.paused)
    popup.close()
    killer.end()
    silent = paired.context.new_page()
    silent.goto(f"{paired.origin}/licences.txt")  # it says nothing to the worker, so it wakes none
    assert silent.evaluate("chrome.alarms.get('send').then((one) => one?.periodInMinutes)") == 0.5
    assert copies(house, page.url) == []
    silent.evaluate("chrome.alarms.create('send', {when: Date.now()})")
    wait_for_nothing(silent)
    assert copies(house, page.url) == [1]


def wait_for_nothing(silent: Page) -> None:
    """Wait until nothing waits any more, as the extension's own database has it: no message wakes the worker."""
    silent.evaluate(
        """async () => {
          const open = indexedDB.open("ownvault");
          await new Promise((done) => { open.onsuccess = done; });
          const count = () => new Promise((done) => {
            const asked = open.result.transaction("items").objectStore("items").count();
            asked.onsuccess = () => done(asked.result);
          });
          while (await count() > 0) await new Promise(requestAnimationFrame);
        }"""
    )


def test_a_locked_vault_is_waited_for(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web, "locked")
    with house.locked():
        popup = paired.popup(page)
        expect(popup.locator("#standing")).to_have_text("vault locked")
        popup.get_by_role("button", name="Save page").click()
        expect(popup.locator("#notice")).to_contain_text("Kept here: Your vault is locked.")
        assert paired.worker.evaluate("chrome.action.getBadgeText({})") == "1"
        assert paired.worker.evaluate("chrome.action.getTitle({})") == "ownvault, 1 waiting to be sent"
    popup = paired.popup(page)
    expect(popup.locator("#standing")).to_have_text("vault open")
    expect(popup.locator("#waiting-part")).to_be_hidden()
    assert copies(house, page.url) == [1]
    assert paired.worker.evaluate("chrome.action.getBadgeText({})") == ""


def test_what_waits_is_listed_and_can_be_deleted(house: House, paired: Extension, web: Sites) -> None:
    with house.locked():
        pages = [visit(paired, web, f"listed-{number}") for number in range(3)]
        for page in pages:
            popup = paired.popup(page)
            popup.get_by_role("button", name="Save page").click()
            expect(popup.locator("#notice")).to_contain_text("Kept here")
        popup = paired.popup(pages[0])
        expect(popup.get_by_role("heading", name="3 items waiting for your vault")).to_be_visible()
        popup.get_by_role("button", name="Delete").nth(1).click()
        expect(popup.get_by_role("heading", name="2 items waiting for your vault")).to_be_visible()
        expect(popup.get_by_role("button", name="Send now")).to_be_focused()
    popup.get_by_role("button", name="Send now").click()
    expect(popup.locator("#waiting-part")).to_be_hidden()
    assert [copies(house, page.url) for page in pages] == [[1], [], [1]]


def test_what_the_vault_refuses_says_why_and_does_not_stop_the_rest(
    house: House, paired: Extension, web: Sites
) -> None:
    with house.locked():
        bad, good = visit(paired, web, "refused"), visit(paired, web, "taken")
        order = {"what": "page", "labels": [], "shown": True}
        paired.ask("capture", {**order, "id": "refused-one", "tab": paired.tab(bad), "collection": "elsewhere"})
        paired.ask("capture", {**order, "id": "taken-one", "tab": paired.tab(good), "collection": "web"})
    popup = paired.popup(good)
    expect(popup.get_by_role("heading", name="1 item refused")).to_be_visible()
    expect(popup.locator(".problem")).to_contain_text("Refused:")
    assert (copies(house, bad.url), copies(house, good.url)) == ([], [1])
    popup.get_by_role("button", name="Try again").click()
    expect(popup.locator(".problem")).to_contain_text("Refused:")
    popup.get_by_role("button", name="Delete").click()
    expect(popup.locator("#waiting-part")).to_be_hidden()


def test_two_pages_that_save_at_once_are_each_saved_once(house: House, paired: Extension, web: Sites) -> None:
    page = visit(paired, web, "twice")
    popup = paired.popup(page)
    order = {
        "id": "same-order",
        "tab": paired.tab(page),
        "what": "page",
        "collection": "web",
        "labels": [],
        "shown": True,
    }
    said = popup.evaluate(
        "(asked) => Promise.all([1, 2, 3].map(() => chrome.runtime.sendMessage({name: 'capture', asked})))", order
    )
    assert all(one["ok"]["where"] == "vault" for one in said)
    assert copies(house, page.url) == [1]


FILL = """async (count) => {
  const open = indexedDB.open("ownvault");
  await new Promise((done) => { open.onsuccess = done; });
  const within = open.result.transaction("items", "readwrite");
  for (let at = 0; at < count; at += 1) within.objectStore("items").put({
    id: `filled-${at}`, kind: "page", title: `Page ${at}`, url: "https://site.test/", collection: "web",
    captured: "2026-01-01T00:00:00Z", bytes: 1, problem: "made by a test",
  });
  await new Promise((done) => { within.oncomplete = done; });
}"""


def test_a_full_queue_says_what_to_do_and_keeps_what_it_has(extension: Extension, web: Sites) -> None:
    page = visit(extension, web, "full")
    order = {"tab": extension.tab(page), "what": "page", "collection": "web", "labels": [], "shown": True}
    assert extension.ask("capture", {**order, "id": "first-one"})["ok"]["where"] == "queue"
    extension.open("settings.html").evaluate(FILL, 499)
    said = extension.ask("capture", {**order, "id": "one-more"})
    assert said["code"] == "full" and "unlock your vault" in said["message"]
    assert len(extension.ask("waiting")["ok"]) == 500
    assert extension.worker.evaluate("chrome.action.getBadgeText({})") in ("1", "500")
    extension.ask("discard", {"id": "filled-7"})
    assert extension.worker.evaluate("chrome.action.getBadgeText({})") == "499"
    assert extension.ask("capture", {**order, "id": "one-more"})["ok"]["where"] == "queue"
