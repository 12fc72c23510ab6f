"""The console in a real browser, on a real server: sign in, look, decide; and what other pages can do to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Box
from tests.support import PASSPHRASE, Server
from vault.errors import ApprovalRequired
from vault.types import AddRequest, Approval, Draft, Filter, GrantRequest, Holder, SearchRequest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


class House(Box):
    """A box, and an assistant that has to ask each time."""

    def __init__(self, server: Server, browser: Browser) -> None:
        super().__init__(server, browser)
        self.vault.add(self.owner, AddRequest("yard", (Draft("red", "The boat is red.", "<img src=x>"),), "browser"))
        request = GrantRequest("claude", filter=Filter(collections=("yard",)), approval=Approval.EACH)
        self.claude = Holder(self.vault.grant(self.owner, request).token)

    def waiting(self) -> str:
        with pytest.raises(ApprovalRequired) as waits:
            self.vault.search(self.claude, SearchRequest("boat"))
        return f"{self.address}/console/requests/{waits.value.request}"

    def link(self) -> str:
        return self.vault.link(self.owner).url

    def answered(self) -> bool:
        try:
            return bool(self.vault.search(self.claude, SearchRequest("boat")).hits)
        except ApprovalRequired:
            return False


@pytest.fixture
def house(server: Server, browser: Browser) -> House:
    return House(server, browser)


@contextmanager
def foreign(body: str) -> Iterator[str]:
    """Serve one page from another origin on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://evil.localhost:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def test_from_a_waiting_answer_to_its_release(house: House, page: Page) -> None:
    seen: list[str] = []
    page.on("request", lambda asked: seen.append(asked.url))
    page.on("console", lambda said: seen.append(f"console: {said.text}"))
    waits = house.waiting()
    page.goto(waits)
    assert "/console/sign-in" in page.url
    page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/console/~*/{waits.partition('/console/')[2]}")
    expect(page.get_by_role("cell", name="<img src=x>")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    assert house.answered() and not house.answered()
    others = [one for one in seen if not one.startswith((house.address, "data:"))]
    assert others == [], "nothing else was asked for, nothing complained"


def test_the_owners_command_signs_the_browser_in_once(house: House, page: Page, browser: Browser) -> None:
    said = json.loads(house.server.command("console", "--print", "--json").stdout)
    page.goto(said["url"])
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    other = browser.new_context().new_page()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in*")
    page.goto(f"{house.address}/console/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    other.goto(said["url"])
    expect(other.get_by_role("alert")).to_be_visible()
    expect(other.get_by_role("heading", name="Now")).to_have_count(0)


@pytest.mark.parametrize(
    "attack",
    [
        "<form method=post action={waits}><input name=verdict value=approve></form>"
        "<script>document.forms[0].submit()</script>",
        "<script>fetch('{waits}', {{method: 'POST', mode: 'no-cors', credentials: 'include',"
        " body: new URLSearchParams({{verdict: 'approve'}})}})</script>",
        "<iframe src={waits}></iframe>",
        "<script>window.open('{waits}')</script>",
    ],
    ids=["form", "fetch", "frame", "window"],
)
def test_another_page_cannot_decide_with_the_owners_session(house: House, page: Page, attack: str) -> None:
    house.sign_in(page)
    waits = house.waiting()
    with foreign(attack.format(waits=waits)) as url:
        page.goto(url)
        page.wait_for_load_state("networkidle")
        for frame in page.frames[1:]:
            assert "boat" not in frame.content()
    assert not house.answered()


def test_a_page_reads_well_to_those_who_cannot_see_it(house: House, page: Page) -> None:
    """Each control has a name, each page one heading of the first level, and the keyboard reaches the decision."""
    house.sign_in(page)
    page.goto(house.waiting())
    page.wait_for_url("**/console/~*/requests/*")
    assert page.locator("h1").count() == 1
    for control in page.locator("input:not([type=hidden]), select, button").all():
        assert control.evaluate("e => (e.labels && e.labels.length) || e.innerText.trim()"), control
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(40):
        if page.evaluate("document.activeElement.value") == "deny":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Denied")).to_be_visible()
