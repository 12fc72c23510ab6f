"""The console while it is open: what waits appears by itself, all can be stopped, nothing leaves this machine."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.e2e.browser import LOOKS, Box
from tests.support import PASSPHRASE
from vault.errors import ApprovalRequired, Refused
from vault.types import (
    AccessRequest,
    AddRequest,
    Approval,
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

PAGES = ("/", "/requests", "/settings/passkeys", "/nowhere")
NOUNS = ("/clients", "/log", "/exposure", "/data", "/map", "/settings", "/settings/browsers")
HOSTILE = "\u202e<img src=x onerror=alert(1)>" + "A" * 900

OTHER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(sys.argv[1], "a") as heard:
            heard.write(f"{self.path}|{self.headers.get('Cookie')}|{self.headers.get('Referer')}\\n")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p id=here>here</p>")

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
"""A program of another's on this machine, that writes down what it is told."""
FOLLOW = "(url) => { const a = document.createElement('a'); a.href = url; document.body.append(a); a.click(); }"


class Desk:
    """A box with an assistant that has a budget and must ask, and an owner who looks."""

    def __init__(self, box: Box) -> None:
        self.box = box
        drafts = (
            Draft("red", "The boat is red.", HOSTILE),
            Draft("ill", "A boat, ill.", sensitivity=Sensitivity.SENSITIVE),
        )
        box.vault.add(box.owner, AddRequest("yard", drafts, "live"))
        self.claude = self.grant("claude")

    def grant(self, client: str) -> Holder:
        wish = GrantRequest(
            client, filter=Filter(collections=("yard",), sensitivity="sensitive"), approval=Approval.EACH,
            limits=Limits(queries_per_hour=100),
        )  # fmt: skip
        return Holder(self.box.vault.grant(self.box.owner, wish).token)

    def waiting(self, query: str = "boat") -> str:
        with pytest.raises(ApprovalRequired) as waits:
            self.box.vault.search(self.claude, SearchRequest(query))
        return waits.value.request


@pytest.fixture(scope="module")
def desk(console: Box) -> Desk:
    return Desk(console)


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    page = desk.box.page()
    yield page
    page.context.close()


def test_what_waits_appears_by_itself_and_goes_when_it_is_decided(desk: Desk, page: Page) -> None:
    expect(page.locator(".badge").first).to_be_hidden()
    loaded = page.evaluate("performance.timeOrigin")
    id = desk.waiting("a red boat")
    expect(page.locator(f"#w-{id}")).to_be_visible()
    expect(page).to_have_title("(1) Now · ownvault")
    expect(page.get_by_role("status")).to_have_text("A new request waits.")
    expect(page.get_by_role("link", name=re.compile(r"^Requests"))).to_contain_text("1")
    page.locator(f"#a-{id}").focus()
    other = desk.waiting("a blue boat")
    expect(page.locator(f"#w-{other}")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == f"a-{id}", "whoever is at a link stays at it"
    desk.box.vault.deny(desk.box.owner, other)
    expect(page.locator(f"#w-{other}")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="claude asks")).to_be_visible()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", name="Denied")).to_be_visible()
    assert page.evaluate("performance.timeOrigin") != loaded


def test_it_reads_without_scripts(desk: Desk) -> None:
    context = desk.box.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    desk.box.sign_in(page)
    for path in PAGES:
        desk.box.go(page, path)
        expect(page.locator("h1")).to_have_count(1)
    desk.box.go(page, "/")
    expect(page.get_by_role("heading", name="Who has access")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_barrier(desk: Desk, page: Page, look: str) -> None:
    paths = [*PAGES, f"/requests/{desk.waiting(f'boat {look}')}"]
    wish = AccessRequest("to plan the season", filter=Filter(collections=("yard",)), expires_in=86_400)
    paths.append(f"/requests/{desk.box.vault.request_access(desk.claude, wish).id}")
    for path in paths:
        desk.box.go(page, path)
        assert violations(page, (look,)) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the window"
    page.set_viewport_size({"width": 360, "height": 700})
    for path in paths:
        desk.box.go(page, path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than a telephone"
    page.context.clear_cookies()
    page.goto(f"{desk.box.address}/console/sign-in")
    assert violations(page, (look,)) == []


def test_nothing_leaves_this_machine_and_nothing_breaks_the_policy(desk: Desk) -> None:
    context = desk.box.browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    broken: list[str] = []
    context.on("request", lambda one: asked.append(one.url))
    context.on("console", lambda one: broken.append(one.text) if "Content Security Policy" in one.text else None)
    context.on("weberror", lambda one: broken.append(str(one.error)))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.error('Content Security Policy', e.blockedURI))"
    )
    desk.box.sign_in(page)
    for path in (*PAGES, *NOUNS, f"/requests/{desk.waiting('a boat to watch')}"):
        desk.box.go(page, path)
        page.wait_for_load_state("networkidle") if path == "/" else page.wait_for_load_state("load")
        assert page.get_by_role("heading", level=1).count() == 1, path
    assert broken == []
    ours = (f"{desk.box.address}/console/", "data:", f"blob:{desk.box.address}/")
    assert [one for one in asked if not one.startswith(ours)] == []
    assert len(asked) > 2 * len(PAGES + NOUNS)
    context.close()


def test_no_word_of_a_record_becomes_markup_or_moves_others(desk: Desk, page: Page) -> None:
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    desk.box.go(page, f"/requests/{desk.waiting('the boat with a hostile title')}")
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert "\u202e" not in page.content() and said == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_injected_element_of_htmx_does_nothing(desk: Desk, page: Page) -> None:
    """If markup ever slipped into a page: htmx acts for elements that know the page's secret alone."""
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url))
    page.evaluate(
        """() => {
          const evil = document.createElement("button");
          for (const [name, value] of Object.entries({"hx-post": location.pathname + "revoke", "hx-trigger": "load",
            "hx-on:click": "alert(1)"})) evil.setAttribute(name, value);
          document.getElementById("main").append(evil);
          htmx.process(evil);
          evil.click();
        }"""
    )
    assert page.evaluate("document.querySelector('main > button').hasAttribute('hx-post')") is False
    assert not any("revoke" in one for one in sent)


def test_another_server_under_our_name_is_told_nothing(desk: Desk, page: Page, tmp_path: Path) -> None:
    """A cookie goes to every port of a host. Here is a true second server on another port: it gets no cookie at the
    paths it can think of, and even with one, and with the console's own path, it has but one of the two secrets."""
    heard = tmp_path / "heard"
    other = subprocess.Popen([sys.executable, "-c", OTHER, str(heard)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        place = page.url.partition("/console/")[2].partition("/")[0]
        for path in ("/", "/console", "/console/", "/console/requests/q1", "/console/~", "/console/~guessed/"):
            page.goto(f"http://vault.localhost:{port}{path}")
        page.goto(f"{desk.box.address}/console/{place}/")
        page.evaluate(FOLLOW, f"http://vault.localhost:{port}/from-the-console")
        expect(page.locator("#here")).to_be_visible()
        assert page.evaluate("localStorage.getItem('place')") is None, "storage is for an exact origin, port included"
        assert page.evaluate("document.cookie") == "" and page.evaluate("window.opener") is None
        lines = heard.read_text().splitlines()
        assert len(lines) >= 7 and all("|None|" in one for one in lines), lines
        assert place not in heard.read_text()
        (cookie,) = page.context.cookies(f"{desk.box.address}/console/{place}/")
        stolen = desk.box.browser.new_context()
        stolen.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": f"{desk.box.address}/console/"}])
        thief = stolen.new_page()
        thief.goto(f"{desk.box.address}/console/{'~' + 'A' * 43}/")
        assert "/console/sign-in" in thief.url
        thief.goto(f"{desk.box.address}/console/{place}/")  # with both it would be in: that is what the place is for
        expect(thief.get_by_role("heading", name="Now")).to_be_visible()
        stolen.close()
    finally:
        other.terminate()
        other.wait()
        if other.stdout:
            other.stdout.close()


def test_the_command_leaves_its_link_in_no_command_line(desk: Desk, page: Page, tmp_path: Path) -> None:
    """What every account of this machine can read of a browser is the name of a file that only the owner can read."""
    told = tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    browser.chmod(0o755)
    environment = desk.box.server.environment | {"BROWSER": str(browser)}
    done = subprocess.run(
        [sys.executable, "-m", "vault", "console"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    arguments = told.read_text().split()
    assert len(arguments) == 1 and arguments[0].startswith("file://") and "enter" not in told.read_text() + done.stdout
    file = Path(arguments[0].removeprefix("file://"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    fresh = desk.box.browser.new_context().new_page()
    fresh.goto(arguments[0])
    expect(fresh.get_by_role("heading", name="Now")).to_be_visible()
    assert not file.exists(), "the page is gone when it was used"
    fresh.context.close()


# ---------------------------------------------------------------- stopping: the last tests, for they stop it


def test_revoking_everything_ends_every_grant_and_says_so(desk: Desk, page: Page) -> None:
    cursor = desk.grant("cursor")
    desk.box.go(page, "/")
    page.get_by_text("Revoke everything…").click()
    page.get_by_role("button", name="Yes, end every grant now").click()
    expect(page.get_by_role("status").first).to_have_text(
        "Ended 2 grants of claude and cursor: no assistant is answered any more."
    )
    expect(page.get_by_text("Nobody. Grant a first assistant")).to_be_visible()
    for holder in (desk.claude, cursor):
        with pytest.raises(Refused):
            desk.box.vault.search(holder, SearchRequest("boat"))


def test_locking_locks_and_every_open_page_shows_that_and_nothing_else(desk: Desk, page: Page) -> None:
    watching = desk.box.page()
    expect(watching.get_by_role("heading", name="Who has access")).to_be_visible()
    page.get_by_role("button", name="Lock now").click()
    expect(page.get_by_role("heading", name="The vault is locked")).to_be_visible()
    expect(watching.get_by_role("heading", name="The vault is locked")).to_be_visible()
    assert watching.get_by_text("claude").count() == 0
    assert violations(watching) == [] and watching.locator("code").first.inner_text() == "ownvault unlock"
    answer = watching.goto(f"{desk.box.address}/console/requests")
    assert answer is not None and answer.status == 503 and "html" in answer.headers["content-type"]
    assert "style-src 'sha256-" in answer.headers["content-security-policy"]
    desk.box.server.command("unlock")
    expect(watching.get_by_role("heading", name="Sign in")).to_be_visible()
    watching.get_by_label("Passphrase").fill(PASSPHRASE.decode())
    watching.get_by_role("button", name="Sign in").click()
    expect(watching.get_by_role("heading", name="Requests")).to_be_visible()
    watching.context.close()
