"""Who is let in: every page, form and part there is, found by walking the routes, and refused to everybody else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.routing import Rule

from tests.api.console.conftest import BASE, NAVIGATION, Browser, House
from tests.support import PASSPHRASE
from vault.api.console.ground import COOKIE, STATIC
from vault.types import Approval, AuditRequest

OPEN = {"/console/static/<path:name>", "/console/sign-in", "/console/enter/<code>", "/console/", "/console/<path:rest>"}
"""What answers who is not signed in."""
FETCHED = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
VENDORED = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "htmx.LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
    # uPlot 1.6.32, MIT
    "uplot/uPlot.esm.js": "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
    "uplot/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "uplot/LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}  # fmt: skip
"""Each vendored file by its SHA-256, as its maker published it."""


def rules(house: House) -> Iterator[tuple[Rule, str]]:
    """Yield every rule of the console with its method."""
    for rule in house.flask.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule, method


def guarded(house: House) -> list[tuple[str, str]]:
    """Return the method and a path of everything that is for who is signed in, with `PLACE` in it."""
    found = []
    for rule, method in rules(house):
        if rule.rule in OPEN:
            continue
        assert rule.rule.startswith("/console/~<place>/"), f"{rule.rule} is for anybody"
        path = rule.rule.replace("<place>", "PLACE")
        found.append((method, re.sub(r"<(?:int:)?number>", "1", re.sub(r"<(?!int:)[^>]+>", "x", path))))
    return found


def asked(browser: Browser, method: str, path: str, page: str, **headers: str) -> tuple[int, str, str]:
    """Ask as a navigation, and as a script: with the page's secret, too. Return the worse of the two answers."""
    answers = []
    for way in (NAVIGATION, FETCHED):
        said = {**way, "X-Vault-Page": page, "Origin": BASE, **headers}
        body = {"page": page} if method == "POST" else None
        answers.append(browser.client.open(path, base_url=BASE, method=method, headers=said, data=body))
    worst = min(answers, key=lambda one: one.status_code)
    return worst.status_code, worst.text, worst.headers.get("Location", "")


def refused(house: House, answer: tuple[int, str, str], what: str) -> None:
    status, text, location = answer
    assert status in (401, 403, 404) or (status == 303 and location.startswith("/console/sign-in")), (what, status)
    assert "claude" not in text and "boat" not in text, what


def signed_in(house: House) -> tuple[Browser, str, str]:
    """Return a browser that is signed in, with its page's secret and its place."""
    house.grant()
    browser = house.browser()
    browser.sign_in()
    page = re.search(r'name="vault-page" content="([^"]+)"', browser.go("/console/").text)
    assert page is not None
    return browser, page[1], browser.place.removeprefix("/console/~")


def test_there_is_something_to_guard(house: House) -> None:
    paths = guarded(house)
    assert ("GET", "/console/~PLACE/") in paths and ("POST", "/console/~PLACE/revoke") in paths
    assert ("GET", "/console/~PLACE/news") in paths and len(paths) > 15


@pytest.mark.parametrize("who", ["nobody", "expired", "idle", "foreign place", "foreign cookie", "signed out"])
def test_nobody_else_sees_or_does_anything(house: House, who: str) -> None:
    browser, page, place = signed_in(house)
    _, others_page, others_place = signed_in(house)
    if who == "nobody":
        browser = house.browser()
    elif who == "expired":
        for _ in range(4):
            house.clock.forward(minutes=20)
            browser.go("/console/")
    elif who == "idle":
        house.clock.forward(minutes=31)
    elif who == "foreign place":
        place = "A" * len(place)
    elif who == "foreign cookie":  # a true cookie and a true place, of two sessions
        cookie = browser.client.get_cookie(COOKIE, "vault.localhost", browser.place)
        assert cookie is not None
        browser = house.browser()
        browser.client.set_cookie(COOKIE, cookie.value, domain="vault.localhost", path="/console")
        place, page = others_place, others_page
    else:
        browser.send("/console/out")
    before = [(view.id, view.status) for view in house.vault.grants(house.owner)]
    for method, path in guarded(house):
        answer = asked(browser, method, path.replace("PLACE", place), page)
        refused(house, answer, f"{who}: {method} {path}")
    assert [(view.id, view.status) for view in house.vault.grants(house.owner)] == before


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
     {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
     {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "X-Vault-Page": "guessed"},
     {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "script"}, {"Sec-Fetch-Mode": "", "Sec-Fetch-Dest": ""},
     {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"}],
    ids=str,
)  # fmt: skip
def test_the_owners_session_serves_no_frame_and_no_strangers_script(house: House, headers: dict[str, str]) -> None:
    """An extension with a right to this machine sends the cookie too, and may have seen the place in the history."""
    browser, page, place = signed_in(house)
    for method, path in guarded(house):
        said, body = {"X-Vault-Page": page, "Origin": BASE} | headers, {} if method == "POST" else None
        answer = browser.client.open(
            path.replace("PLACE", place), base_url=BASE, method=method, headers=said, data=body
        )
        assert answer.status_code == 403, f"{headers}: {method} {path} is {answer.status_code}"
        assert "claude" not in answer.text and "boat" not in answer.text


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1:7117", "http://vault.localhost:7118"]
)
def test_no_form_comes_from_elsewhere(house: House, origin: str) -> None:
    browser, page, place = signed_in(house)
    for method, path in guarded(house):
        if method == "POST":
            answer = asked(browser, method, path.replace("PLACE", place), page, Origin=origin)
            assert answer[0] == 403, f"{origin!r}: {path}"


def test_a_page_is_no_part_and_a_part_is_no_page(house: House) -> None:
    """A navigation to a part shows nothing; a script gets no whole page, even with the page's secret."""
    browser, page, place = signed_in(house)
    kinds = set()
    for method, path in guarded(house):
        if method == "GET":
            headers = {**FETCHED, "X-Vault-Page": page}
            whole = browser.client.get(path.replace("PLACE", place), base_url=BASE, headers=NAVIGATION).status_code
            part = browser.client.get(path.replace("PLACE", place), base_url=BASE, headers=headers).status_code
            assert 403 in (whole, part), path
            kinds.add(whole == 403)
    assert kinds == {True, False}


def test_an_open_page_does_not_keep_its_session(house: House) -> None:
    browser, _, _ = signed_in(house)
    for _ in range(29):
        house.clock.forward(minutes=1)
        assert browser.part("/console/news").status_code == 200
    house.clock.forward(minutes=2)
    assert browser.part("/console/news").status_code == 403
    assert browser.go("/console/").status_code == 303


def test_looking_on_is_not_recorded_and_tells_what_happened(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    browser, _, _ = signed_in(house)
    owner = house.owner
    first = browser.part("/console/news").get_json()
    size = house.vault.audit(owner, AuditRequest(1)).size
    after = browser.part(f"/console/news?after={first['position']}").get_json()
    assert after is None or after["kinds"] == []
    assert house.vault.audit(owner, AuditRequest(1)).size == size + 1, "only this very look at the log"
    with pytest.raises(Exception, match="approv"):
        house.ask(claude)
    news = browser.part(f"/console/news?after={first['position']}").get_json()
    assert "request" in news["kinds"] and news["waiting"] == 1
    assert browser.part("/console/news?after=x").status_code == 400


def test_a_strangers_wrong_passphrases_do_not_pause_the_owners_browser(house: House) -> None:
    browser, _, _ = signed_in(house)
    knock = re.search(r'name="vault-knock" content="([^"]+)"', browser.shown)
    assert knock is not None and len(knock[1]) == 64
    stranger = house.browser()
    for _ in range(6):
        stranger.sign_in("wrong")
    held_up = house.browser().sign_in()
    assert held_up.status_code == 429 and int(held_up.headers["Retry-After"]) >= 1
    for word, status in ((knock[1], 303), ("x" * 64, 429), ("", 429)):
        answer = house.browser().send("/console/sign-in", passphrase=PASSPHRASE.decode(), knock=word)
        assert answer.status_code == status, word


def test_who_comes_second_with_a_link_signs_out_who_came_first(house: House) -> None:
    """One of the two saw a link that was not meant for it; the owner notices, and the other has nothing."""
    code, _ = house.sessions.link(house.vault.owner_token())
    thief, owner = house.browser(), house.browser()
    assert thief.go(f"/console/enter/{code}").status_code == 200
    assert thief.go("/console/").status_code == 200
    assert owner.go(f"/console/enter/{code}").status_code == 400
    assert thief.go("/console/").status_code == 303


def test_what_others_made_is_what_they_published() -> None:
    for name, sum in VENDORED.items():
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == sum, name


def test_our_own_scripts_evaluate_nothing() -> None:
    for path in Path(STATIC).glob("*.js"):
        text = path.read_text("utf-8")
        assert not re.search(r"\beval\(|new Function|insertAdjacentHTML|document\.write|https?://", text), path
        assert "innerHTML" not in text or path.name == "frame.js", f"{path.name}: text becomes markup in frame.js alone"
