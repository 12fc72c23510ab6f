"""What was tried against the console: other pages, other ports, forged forms, two at once, what changed in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.api.console.conftest import BASE, NAVIGATION, Browser, House, house
from tests.api.raw import request as raw
from tests.e2e.test_console import House as Running
from tests.e2e.test_console import foreign
from tests.support import PASSPHRASE, Server
from vault.api.console import decisions
from vault.api.console.sessions import LINKS, MOST
from vault.api.guard import Guard
from vault.api.problems import Refusal
from vault.errors import ApprovalRequired, VaultError
from vault.types import (
    AccessRequest,
    Action,
    AddRequest,
    Approval,
    AuditRequest,
    CountRequest,
    Detail,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    Sensitivity,
    Verdict,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

__all__ = ["house"]
SECRET = PASSPHRASE.decode()
EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'{{7*7}}"
ILL = Filter(collections=("notes",), sensitivity="sensitive")


def held(house: House, call: Callable[[], object]) -> str:
    with pytest.raises(ApprovalRequired) as waits:
        call()
    return f"/console/requests/{waits.value.request}"


def signed_in(house: House) -> Browser:
    browser = house.browser()
    assert browser.sign_in().status_code == 303
    return browser


def entries(house: House, **more: Any) -> list[tuple[str, str, str]]:
    found = house.vault.audit(house.owner, AuditRequest(100, **more)).entries
    return [(one.entry.via, one.entry.action, one.entry.decision) for one in found]


# ---------------------------------------------------------------- more than was shown


@pytest.mark.parametrize("lasting", ["1h", "1d", "always"])
def test_a_standing_approval_reaches_no_higher_than_what_was_shown(house: House, lasting: str) -> None:
    """Else whoever sits in the page approves something harmless for good, and needs no passphrase for the rest."""
    claude = house.grant(approval=Approval.EACH, filter=ILL)
    path = held(house, lambda: house.vault.search(claude, narrow("personal")))
    browser = signed_in(house)
    assert "your passphrase once more" not in browser.go(path).text
    assert browser.send(path, verdict="approve", lasting=lasting, collection="notes").status_code == 200
    assert house.vault.search(claude, narrow("personal")).hits
    held(house, lambda: house.ask(claude))


def narrow(level: str) -> Any:
    from vault.types import SearchRequest

    return SearchRequest("boat", filter=Filter(sensitivity=level))


def test_with_the_passphrase_it_reaches_as_high_as_what_was_shown(house: House) -> None:
    claude = house.grant(approval=Approval.EACH, filter=ILL)
    path, browser = held(house, lambda: house.ask(claude)), signed_in(house)
    browser.go(path)
    browser.send(path, verdict="approve", lasting="1h", collection="notes", passphrase=SECRET)
    assert "ill" in house.ask(claude) and "ill" in house.ask(claude, "made me")


@pytest.mark.parametrize("lasting", ["1h", "1d", "always"])
def test_a_number_approved_for_a_time_would_release_text(house: House, lasting: str) -> None:
    claude = house.grant(approval=Approval.EACH, filter=ILL)
    path = held(house, lambda: house.vault.count(claude, CountRequest()))
    browser = signed_in(house)
    assert "for an hour" not in browser.go(path).text
    assert browser.send(path, verdict="approve", lasting=lasting).status_code == 400
    assert browser.send(path, verdict="approve", lasting="once").status_code == 200
    held(house, lambda: house.ask(claude))
    assert house.vault.count(claude, CountRequest()).count == 3


def test_what_became_sensitive_after_it_was_shown_takes_the_passphrase(house: House) -> None:
    claude = house.grant(approval=Approval.EACH, filter=ILL)
    path = held(house, lambda: house.vault.search(claude, narrow("personal")))
    browser = signed_in(house)
    assert "your passphrase once more" not in browser.go(path).text
    raised = Draft("red", "The boat is red.", "<b>Red</b> boat", sensitivity=Sensitivity.SENSITIVE)
    house.vault.add(house.owner, AddRequest("notes", (raised,), "test"))
    answer = browser.send(path, verdict="approve", lasting="once", collection="notes")
    assert answer.status_code == 403 and "your passphrase once more" in answer.text


def test_words_that_came_after_the_page_are_not_released_by_it(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, lambda: house.ask(claude)), signed_in(house)
    browser.go(path)
    house.vault.add(house.owner, AddRequest("notes", (Draft("red", "The boat is blue, PIN 4711.", "R"),), "test"))
    browser.send(path, verdict="approve", lasting="once", collection="notes")
    held(house, lambda: house.ask(claude))


@pytest.mark.parametrize(
    "form",
    [{"action": ["search", "read", "add"]}, {"action": ["grant"]}, {"detail": "full"}, {"expires": "30d"},
     {"expires": "365d"}, {"collection": ["notes", "diary"]}, {"collection": "*"}, {"sensitivity": "secret"},
     {"offered": ["notes", "diary"], "collection": ["notes", "diary"]}, {"all": "1"}, {"lasting": "always"}],
    ids=str,
)  # fmt: skip
def test_a_forged_form_makes_no_more_than_was_asked(house: House, form: dict[str, Any]) -> None:
    wish = AccessRequest("to plan", (Action.SEARCH,), Filter(collections=("notes",)), Detail.SNIPPET, expires_in=86400)
    state = house.vault.request_access(house.grant(), wish)
    before = {view.id for view in house.vault.grants(house.owner)}
    browser, path = signed_in(house), f"/console/requests/{state.id}"
    browser.go(path)
    browser.send(path, **({"verdict": "approve", "narrowed": "1", "action": "search", "collection": "notes"} | form))
    for made in (view for view in house.vault.grants(house.owner) if view.id not in before):
        assert made.actions == (Action.SEARCH,) and made.scope["collections"] == ["notes"]
        assert made.detail is Detail.SNIPPET and made.scope["sensitivity"] == "personal"
        assert (made.expires - made.created).total_seconds() <= 86400


def test_a_collection_that_went_away_is_not_granted_by_its_absence(house: House) -> None:
    """`diary` was shown and not chosen; that it is gone by the click must not read as "all of them"."""
    wish = AccessRequest("to plan", (Action.SEARCH,), Filter(people=("Ann",)), expires_in=86400)
    people = tuple(Draft(f"{n}", "a boat", people=("Ann",)) for n in range(2))
    for name, draft in zip(("notes", "diary"), people, strict=True):
        house.vault.add(house.owner, AddRequest(name, (draft,), f"s-{name}"))
    state = house.vault.request_access(house.grant(), wish)
    before = {view.id for view in house.vault.grants(house.owner)}
    browser, path = signed_in(house), f"/console/requests/{state.id}"
    offered = re.findall(r'name="offered" value="([^"]+)"', browser.go(path).text)
    assert offered == ["diary", "notes"]
    gone = next(
        hit.id for hit in house.vault.search(house.owner, narrow("secret")).hits if (hit.collection, hit.origin) ==
        ("diary", "1")
    )  # fmt: skip
    house.vault.forget(house.owner, gone)
    browser.send(path, verdict="approve", narrowed="1", action="search", collection="notes", offered=offered)
    (made,) = (view for view in house.vault.grants(house.owner) if view.id not in before)
    assert made.scope["collections"] == ["notes"]


@pytest.mark.parametrize(
    "form",
    [{}, {"verdict": "approve", "lasting": "365d"}, {"verdict": "approve", "lasting": "while"},
     {"verdict": "approve", "sensitivity": "cosmic"}, {"verdict": "approve", "narrowed": "1"},
     {"verdict": "Approve"}, {"verdict": "approve\x00"}, {"verdict": ["deny", "approve"]},
     {"verdict": "approve", "page": "x"}, {"verdict": "approve", "page": "\udcff\u0000"}],
    ids=str,
)  # fmt: skip
def test_a_form_that_is_not_the_one_that_was_shown_releases_nothing(house: House, form: dict[str, Any]) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, lambda: house.ask(claude)), signed_in(house)
    browser.go(path)
    form = {name: value.encode("utf-8", "replace") if isinstance(value, str) else value for name, value in form.items()}
    assert browser.send(path, **form).status_code in (200, 400, 403)
    with pytest.raises(VaultError):
        house.ask(claude)


# ---------------------------------------------------------------- two at once


def at_once(number: int, call: Callable[[int], int]) -> list[int]:
    together = Barrier(number)

    def one(n: int) -> int:
        together.wait()
        return call(n)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def test_one_link_opens_one_browser_however_many_race_for_it(house: House) -> None:
    code, _ = house.sessions.link(house.vault.link(house.owner))
    got = at_once(8, lambda _: house.browser().go(f"/console/enter/{code}").status_code)
    assert sorted(got) == [200] + [400] * 7


@pytest.mark.parametrize("verdicts", [("approve",), ("approve", "deny")], ids=str)
def test_a_request_is_decided_once(house: House, verdicts: tuple[str, ...]) -> None:
    claude = house.grant(approval=Approval.EACH)
    path = held(house, lambda: house.ask(claude))
    browsers = [signed_in(house) for _ in range(4)]
    for browser in browsers:
        browser.go(path)

    def decide(n: int) -> int:
        return browsers[n].send(path, verdict=verdicts[n % len(verdicts)], collection="notes").status_code

    assert sorted(at_once(4, decide)) == [200, 400, 400, 400]
    (view,) = house.vault.requests(house.owner, True)
    assert view.verdict in (Verdict.APPROVED, Verdict.DENIED)
    decided = [one.entry for one in house.vault.audit(house.owner, AuditRequest(100)).entries]
    assert sum("approved" in one.detail or "denied" in one.detail for one in decided) == 1


def test_access_that_is_approved_twice_is_granted_once(house: House) -> None:
    wish = AccessRequest("to plan", (Action.SEARCH,), Filter(collections=("notes",)), expires_in=86400)
    state = house.vault.request_access(house.grant(), wish)
    before, path = len(house.vault.grants(house.owner)), f"/console/requests/{state.id}"
    browsers = [signed_in(house) for _ in range(4)]
    for browser in browsers:
        browser.go(path)
    form = {"verdict": "approve", "narrowed": "1", "action": "search", "collection": "notes"}
    at_once(4, lambda n: browsers[n].send(path, **form).status_code)
    assert len(house.vault.grants(house.owner)) == before + 1


# ---------------------------------------------------------------- who is signed in


def test_no_cookie_that_somebody_else_chose_is_taken_on(house: House) -> None:
    browser, fixed = house.browser(), house.browser()
    for one in (browser, fixed):
        one.client.set_cookie("ownvault", "chosen", domain="vault.localhost", path="/console")
    browser.sign_in()
    fixed.place = browser.place
    assert browser.go("/console/").status_code == 200 and fixed.go("/console/").status_code == 303
    browser.client.set_cookie("ownvault", "chosen", domain="vault.localhost", path=f"{browser.place}/")
    assert browser.go("/console/").status_code == 200, "of two cookies of one name the true one counts"


@pytest.mark.parametrize("end", ["rotate", "out"])
def test_a_browser_whose_capability_ended_is_signed_out(house: House, end: str) -> None:
    browser = signed_in(house)
    browser.go("/console/")
    if end == "out":
        browser.send("/console/out")
    else:
        house.vault.rotate(house.owner)
        house.vault.retire(house.owner, 1)
        refused = browser.go("/console/")
        assert refused.status_code == 403 and "signed out" in refused.text
    assert browser.go("/console/").headers["Location"].startswith("/console/sign-in")
    assert signed_in(house).go("/console/").status_code == 200


def test_strangers_make_nothing_grow(house: House) -> None:
    for n in range(50):
        house.browser().go(f"/console/enter/{n}")
        house.browser().send("/console/sign-in", passphrase=f"wrong {n}")
        house.sessions.get(f"{n}", "x")
    assert not house.sessions._open and not house.sessions._links
    token = house.vault.owner_token()
    for _ in range(200):
        house.sessions.open(token)
        house.sessions.link(token)
    assert (len(house.sessions._open), len(house.sessions._links)) == (MOST, LINKS)


@pytest.mark.parametrize(
    "onward",
    ["/console/\t//evil.example", "/console/%0d%0aSet-Cookie:a=b\n", "/console/..//evil.example", "\\/evil.example",
     "/console/\u2028x", "/console", "console/", "/Console/", "http:/console/", "/oauth/authorize\\..\\", "///console/",
     "/console/\x7f", "/console/\\evil.example", "/oauth/authorize//evil.example"],
    ids=ascii,
)  # fmt: skip
def test_nothing_leads_away(house: House, onward: str) -> None:
    browser = house.browser()
    answer = browser.send("/console/sign-in", passphrase=SECRET, next=onward)
    assert answer.headers["Location"] == f"{browser.place}/"
    code, _ = house.sessions.link(house.vault.link(house.owner))
    browser = house.browser()
    entered = browser.go(f"/console/enter/{code}?{urlencode({'next': onward})}")
    assert f'content="0; url={browser.place}/"' in entered.text
    shown = house.browser().go(f"/console/sign-in?{urlencode({'next': onward})}").text
    assert '<input type="hidden" name="next" value="">' in shown


@pytest.mark.parametrize("host", ["[::1]:7117", "127.0.0.1:7117", "localhost:7117"])
def test_every_name_of_this_machine_leads_to_the_console(house: House, host: str) -> None:
    answer = house.browser().go("/console/", base=f"http://{host}")
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{BASE}/console/")


def test_each_act_is_recorded_as_the_consoles(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, lambda: house.ask(claude)), house.browser()
    acts: list[tuple[Callable[[], object], tuple[str, str, str]]] = [
        (lambda: browser.sign_in("wrong"), ("console", "unlock", "deny")),
        (browser.sign_in, ("console", "unlock", "allow")),
        (lambda: browser.go("/console/"), ("console", "audit", "allow")),
        (lambda: browser.go(path), ("console", "audit", "allow")),
        (lambda: browser.send(path, verdict="approve", collection="notes"), ("console", "grant", "allow")),
        (lambda: browser.send(path, verdict="deny"), ("console", "revoke", "deny")),
    ]
    for act, expected in acts:
        before = [one for one in entries(house) if one[0] == "console"]
        act()
        after = [one for one in entries(house) if one[0] == "console"]
        assert expected in after[: len(after) - len(before)], expected


# ---------------------------------------------------------------- what clients may write into pages


def test_no_word_of_a_client_is_markup(house: House) -> None:
    house.vault.add(house.owner, AddRequest("a'b (c) & d", (Draft("x", f"boat {EVIL}", EVIL, people=(EVIL,)),), "s"))
    odd = Filter(collections=("a'b (c) & d",))
    claude = house.grant("o'neil & (co)", approval=Approval.EACH, filter=odd, purpose=EVIL)
    path = held(house, lambda: house.ask(claude, f"boat {EVIL}"))
    state = house.vault.request_access(claude, AccessRequest(EVIL, (Action.SEARCH,), odd, expires_in=86400))
    browser = signed_in(house)
    for page in (path, "/console/", f"/console/requests/{state.id}", "/console/requests/%3Cscript%3E"):
        shown = browser.go(page).text
        words = re.sub(r'(content|value|href|action)="[^"]*"', "", shown)  # secrets may say anything
        assert "<script>" not in shown and "<img" not in shown and "49" not in words.replace("&#39;", "")
    browser.go(f"/console/requests/{state.id}")
    form = {"verdict": "approve", "narrowed": "1", "action": "search", "collection": "a'b (c) & d"}
    assert browser.send(f"/console/requests/{state.id}", **form).status_code == 200


# ---------------------------------------------------------------- a real server and a real browser


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def running(server: Server, browser: Chromium) -> Running:
    return Running(server, browser)


@pytest.mark.parametrize(
    "attack",
    ["<script>location = '{waits}'</script>", "<meta http-equiv=refresh content='0; url={waits}'>",
     "<a id=a href={waits}>x</a><script>document.getElementById('a').click()</script>",
     "<object data={waits}></object><embed src={waits}>", "<link rel=prerender href={waits}><img src={waits}>",
     "<form method=get action={waits}></form><script>document.forms[0].submit()</script>"],
    ids=["location", "refresh", "link", "object", "prerender", "form"],
)  # fmt: skip
def test_another_port_of_the_consoles_own_name_gets_no_page_of_it(running: Running, page: Page, attack: str) -> None:
    """To a browser it is the same site, so the console's cookie would go along."""
    running.sign_in(page)
    waits = running.waiting()
    shown: list[str] = []
    page.on("response", lambda got: shown.append(f"{got.status} {got.url}"))
    with foreign(attack.format(waits=waits)) as url:
        page.goto(url.replace("evil.localhost", "vault.localhost"))
        page.wait_for_load_state("networkidle")
    assert not any(one == f"200 {waits}" for one in shown), shown
    assert page.get_by_role("button", name="Approve").count() == 0
    page.goto(waits)
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_no_word_of_a_client_runs_in_a_browser(running: Running, page: Page) -> None:
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    running.vault.add(running.owner, AddRequest("yard", (Draft("evil", f"boat {EVIL}", EVIL),), "browser"))
    asked = GrantRequest("claude", filter=Filter(collections=("yard",)), approval=Approval.EACH, purpose=EVIL)
    running.claude = Holder(running.vault.grant(running.owner, asked).token)
    waits = running.waiting()
    running.sign_in(page)
    running.go(page, f"/requests/{waits.rpartition('/')[2]}")
    answer = page.reload()
    assert answer is not None and "script-src 'self'" in answer.headers["content-security-policy"]
    expect(page.get_by_text("alert(1)").first).to_be_visible()
    running.go(page, "/")
    assert said == []


def test_a_browser_signed_in_before_the_lock_is_not_after_it(running: Running, page: Page) -> None:
    running.sign_in(page)
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    running.server.command("lock")
    page.goto(f"{running.address}/console/requests")
    expect(page.get_by_role("heading", name="The vault is locked")).to_be_visible()
    running.server.command("unlock")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("size", [100_000, 600_000, 5_000_000])
def test_a_form_of_any_size_is_answered_and_opens_nothing(running: Running, size: int) -> None:
    port = int(running.server.address.rpartition(":")[2])
    fields: list[tuple[bytes, dict[str, str]]] = [
        (b"passphrase=" + b"x" * size, {}),
        (b"&".join([b"a=1"] * (size // 4)), {}),
        (b"passphrase=" + b"%ff" * (size // 3), {}),
    ]
    for body, more in fields:
        answer = raw(
            port, "POST", "/console/sign-in", body, host=f"vault.localhost:{port}",
            origin=f"http://vault.localhost:{port}", content_type="application/x-www-form-urlencoded",
            sec_fetch_mode="navigate", sec_fetch_dest="document", sec_fetch_site="same-origin", **more,
        )  # fmt: skip
        assert answer is not None and 400 <= answer.status < 500, answer and answer.status
        assert "set-cookie" not in answer.headers and "content-security-policy" in answer.headers


# ---------------------------------------------------------------- the guard


@pytest.mark.parametrize("path", ["/console/", "/console/requests/q1", "/oauth/authorize"])
@pytest.mark.parametrize("site", ["same-site", "cross-site", "none"])
def test_only_strange_sites_and_persons_may_lead_in(path: str, site: str) -> None:
    """From elsewhere no cookie comes along; from another port of our own name it would."""
    said = [(b"host", b"vault.localhost:7117"), (b"sec-fetch-site", site.encode())]
    said += [(name.lower().encode(), value.encode()) for name, value in NAVIGATION.items()]
    if site == "same-site":
        with pytest.raises(Refusal):
            Guard(7117).check("GET", path, said)
    else:
        Guard(7117).check("GET", path, said)


def test_the_times_of_a_form_are_those_that_it_offers() -> None:
    assert set(decisions.HOURS) == {"1h", "1d", "7d", "30d"}
