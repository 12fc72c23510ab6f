"""The consent in a real browser: from an assistant's link by way of the owner back to the assistant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.api.oauth.conftest import Client, told
from tests.api.raw import Response
from tests.e2e.browser import chromium
from tests.support import PASSPHRASE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text))
    yield opened
    context.close()
    expected = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    assert [one for one in complaints if one != expected] == [], "nothing complains, our policy included"


@contextmanager
def assistant(link: str) -> Iterator[str]:
    """Be a program on this machine with a page that leads to the vault, and an address for the answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            back = self.path.startswith("/callback")
            self.wfile.write(b"<link rel=icon href='data:,'>" + (b"<h1>Connected</h1>" if back else link.encode()))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f":{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def link(client: Client) -> str:
    return f"<a href='{client.issuer}/oauth/authorize?{urlencode(client.parameters())}'>Connect my vault</a>"


def arrived(client: Client, page: Page) -> None:
    """Wait until the assistant has its answer, and use it."""
    page.wait_for_url("**/callback?**")
    expect(page.get_by_role("heading", name="Connected")).to_be_visible()
    code = told(Response(303, {"location": page.url}, b""))["code"]
    done = client.redeem(code)
    assert done.status == 200 and client.search(f"Bearer {done.json['access_token']}").status == 200


def test_the_owner_decides_in_the_terminal_and_the_page_goes_on(client: Client, page: Page) -> None:
    with assistant("") as port:
        client.redirect = f"http://127.0.0.1{port}/callback"
        with assistant(link(client)) as site:
            page.goto(f"http://assistant.localhost{site}/")  # another site than the vault's
            page.get_by_role("link", name="Connect my vault").click()
            expect(page.get_by_role("heading", name="Claude Code asks for access to your vault")).to_be_visible()
            expect(page.get_by_text(client.redirect)).to_be_visible()
            client.approve(page.locator("dd code").last.inner_text())
            arrived(client, page)


def test_the_owner_signs_in_and_decides_in_the_console(client: Client, page: Page) -> None:
    with assistant("") as port:
        client.redirect = f"http://127.0.0.1{port}/callback"
        page.goto(f"{client.issuer}/oauth/authorize?{urlencode(client.parameters())}")
        page.get_by_role("link", name="Decide in the console").click()
        page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text(client.redirect)).to_be_visible()
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("that leaves no collection")).to_be_visible()  # nothing named is nothing granted
        page.get_by_label("notes").check()
        page.get_by_role("button", name="Approve").click()
        arrived(client, page)


def test_the_owner_says_no_in_the_console(client: Client, page: Page) -> None:
    with assistant("") as port:
        client.redirect = f"http://127.0.0.1{port}/callback"
        page.goto(f"{client.issuer}/oauth/authorize?{urlencode(client.parameters())}")
        page.get_by_role("link", name="Decide in the console").click()
        page.get_by_label("Passphrase").fill(PASSPHRASE.decode())
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Deny").click()
        page.wait_for_url("**/callback?**")
        said = told(Response(303, {"location": page.url}, b""))
        assert (said["error"], said["iss"]) == ("access_denied", client.issuer) and "code" not in said
