"""The console's pages: who gets them, and what the owner's decision on them does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.api.console.conftest import BASE, House
from vault.errors import ApprovalRequired, Denied, NotAllowed
from vault.types import AccessRequest, Approval, AuditRequest, Filter, Holder, Verdict


def held(house: House, holder: Holder, query: str = "boat") -> str:
    with pytest.raises(ApprovalRequired) as waits:
        house.ask(holder, query)
    return f"/console/requests/{waits.value.request}"


def test_without_signing_in_there_is_nothing_to_see(house: House) -> None:
    browser = house.browser()
    waits = held(house, house.grant(approval=Approval.EACH))
    for path in ("/console/", waits):
        answer = browser.go(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/console/sign-in?next={path}")
        assert "claude" not in answer.text
    refused = browser.send(waits, verdict="approve")
    assert refused.status_code == 403 and "signed out" in refused.text


def test_signing_in_goes_on_to_where_one_was_going(house: House) -> None:
    browser = house.browser()
    answer = browser.send("/console/sign-in", passphrase="correct horse battery staple", next="/console/requests/q1")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{browser.place}/requests/q1")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and f"Path={browser.place}" in cookie
    assert len(browser.place.removeprefix("/console/~")) >= 43, "256 bits"


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/", "//evil.example/", "/console//evil.example", "/\\evil.example", "/v1/lock",
     "/console/\r\nSet-Cookie: a=b", "/console/" + "a" * 3000, "javascript:alert(1)", "/oauth/authorizeevil"],
)  # fmt: skip
def test_it_goes_on_to_nowhere_else(house: House, path: str) -> None:
    browser = house.browser()
    answer = browser.send("/console/sign-in", passphrase="correct horse battery staple", next=path)
    assert answer.headers["Location"] == f"{browser.place}/"


def test_a_wrong_passphrase_opens_nothing_and_is_not_shown(house: House) -> None:
    browser = house.browser()
    answer = browser.sign_in("wrong <i>one</i>")
    assert answer.status_code == 403 and "wrong" not in answer.text.lower().replace("wrong passphrase", "")
    assert "Set-Cookie" not in answer.headers
    assert browser.go("/console/").status_code == 303


def test_the_first_page_tells_what_waits_and_who_has_access(house: House) -> None:
    browser, claude = house.browser(), house.grant(approval=Approval.EACH)
    held(house, claude)
    browser.sign_in()
    shown = browser.go("/console/").text
    assert "claude may search, read and count in notes" in shown
    assert "claude asks to search <q>boat</q>" in shown


def test_approving_lets_the_answer_go_once(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    shown = browser.go(path).text
    assert "&lt;b&gt;Red&lt;/b&gt; boat" in shown and "<b>Red" not in shown
    assert "Sunk" not in shown and "Illness" not in shown
    assert "Approved" in browser.send(path, verdict="approve", lasting="once", collection="notes").text
    assert house.ask(claude) == ["red", "tea"]
    with pytest.raises(ApprovalRequired):
        house.ask(claude)


def test_denying_denies(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    browser.go(path)
    assert "Denied" in browser.send(path, verdict="deny").text
    with pytest.raises(Denied):
        house.ask(claude)
    browser.go("/console/")  # deciding twice changes nothing
    assert browser.send(path, verdict="approve").status_code >= 400
    with pytest.raises(Denied):
        house.ask(claude)


def test_what_is_sensitive_takes_the_passphrase_once_more(house: House) -> None:
    everything = Filter(collections=("notes",), sensitivity="sensitive")
    claude = house.grant(approval=Approval.EACH, filter=everything)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    assert "your passphrase once more" in browser.go(path).text
    for said in ({}, {"passphrase": ""}, {"passphrase": "wrong"}):
        assert browser.send(path, verdict="approve", **said).status_code == 403
    with pytest.raises(ApprovalRequired):
        house.ask(claude)
    assert browser.send(path, verdict="approve", passphrase="correct horse battery staple").status_code == 200
    assert set(house.ask(claude)) == {"red", "tea", "ill"}


def test_narrower_than_asked(house: House) -> None:
    wider = Filter(collections=("notes", "diary"), sensitivity="sensitive")
    claude = house.grant(approval=Approval.EACH, filter=wider)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    browser.go(path)
    browser.send(path, verdict="approve", narrowed="1", collection="diary", passphrase="correct horse battery staple")
    assert house.ask(claude) == ["sank"]


def test_access_is_given_narrower_and_for_a_time(house: House) -> None:
    wanted = AccessRequest("to <plan> the trip", filter=Filter(collections=("notes", "diary")), expires_in=30 * 86400)
    state = house.vault.request_access(house.grant(), wanted)
    browser = house.browser()
    browser.sign_in()
    shown = browser.go(f"/console/requests/{state.id}").text
    assert "to &lt;plan&gt; the trip" in shown and "It would see <strong>3 records" in shown
    answer = browser.send(
        f"/console/requests/{state.id}", verdict="approve", narrowed="1", collection="diary", action="search",
        detail="redacted", expires="1d",
    )  # fmt: skip
    assert answer.status_code == 200
    (made,) = [view for view in house.vault.grants(house.owner) if view.scope["collections"] == ["diary"]]
    assert ([str(one) for one in made.actions], made.detail.name) == (["search"], "REDACTED")
    assert (made.expires - made.created).days == 1


@pytest.mark.parametrize(
    "form",
    [
        {"verdict": "approve", "lasting": "forever"}, {"verdict": "maybe"}, {},
        {"verdict": "approve", "narrowed": "1", "collection": "elsewhere"},
    ],
)  # fmt: skip
def test_a_form_that_is_not_ours_decides_nothing(house: House, form: dict[str, str]) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    browser.go(path)
    assert browser.send(path, **form).status_code == 400
    (view,) = house.vault.requests(house.owner)
    assert view.verdict is Verdict.PENDING


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({"Origin": "http://evil.example"}, True), ({"Origin": "http://127.0.0.1:7117"}, True),
        ({"Origin": "null"}, True), ({"Origin": ""}, True), ({"Sec-Fetch-Mode": "cors"}, True),
        ({"Sec-Fetch-Dest": "iframe"}, True), ({"Origin": "chrome-extension://abc"}, True), ({}, False),
    ],
)  # fmt: skip
def test_no_other_page_and_no_extension_can_decide(house: House, headers: dict[str, str], page: bool) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    browser.go(path)
    said = {} if page else {"page": "guessed"}
    assert browser.send(path, headers=headers, verdict="approve", **said).status_code in (400, 403)
    with pytest.raises(ApprovalRequired):
        house.ask(claude)


def test_pages_are_for_navigations_only(house: House) -> None:
    browser = house.browser()
    browser.sign_in()
    for headers in ({}, {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
                    {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}):  # fmt: skip
        answer = browser.client.get("/console/", base_url=BASE, headers=headers)
        assert answer.status_code >= 400 and "claude" not in answer.text


def test_other_names_of_this_machine_lead_to_the_consoles_own(house: House) -> None:
    answer = house.browser().go("/console/requests/q1?next=/console/", base="http://127.0.0.1:7117")
    assert (answer.status_code, answer.headers["Location"]) == (307, f"{BASE}/console/requests/q1?next=/console/")
    assert house.browser().send("/console/sign-in", base="http://127.0.0.1:7117", passphrase="x").status_code == 403


def test_a_session_ends_with_idleness_time_and_signing_out(house: House) -> None:
    browser = house.browser()
    browser.sign_in()
    for _ in range(3):
        house.clock.forward(minutes=18)
        assert browser.go("/console/").status_code == 200
    house.clock.forward(minutes=7)
    assert browser.go("/console/").status_code == 303, "an hour after signing in"
    browser.sign_in()
    house.clock.forward(minutes=31)
    assert browser.go("/console/").status_code == 303, "idle for half an hour"
    browser.sign_in()
    browser.go("/console/")
    cookie = browser.client.get_cookie("ownvault", "vault.localhost", browser.place)
    assert cookie is not None
    place = browser.place.removeprefix("/console/~")
    assert browser.send("/console/out").status_code == 303
    assert house.sessions.get(cookie.value, place) is None
    house.clock.forward(minutes=-90)
    assert house.sessions.get(cookie.value, place) is None


def test_a_link_signs_one_browser_in_once(house: House) -> None:
    code, _ = house.sessions.link(house.vault.owner_token())
    first, second = house.browser(), house.browser()
    shown = first.go(f"/console/enter/{code}").text
    assert f'content="0; url={first.place}/"' in shown
    assert first.go("/console/").status_code == 200
    assert second.go("/console/").status_code == 303
    late, _ = house.sessions.link(house.vault.owner_token())
    house.clock.forward(minutes=3)
    assert second.go(f"/console/enter/{late}").status_code == 400


def test_only_so_many_browsers_and_links(house: House) -> None:
    token = house.vault.owner_token()
    codes = [house.sessions.link(token)[0] for _ in range(40)]
    cookies = [house.sessions.open(token) for _ in range(40)]
    assert sum(house.sessions.enter(code) is not None for code in codes) == 8
    assert sum(house.sessions.get(cookie, one.place) is not None for cookie, one in cookies) == 8


def test_no_page_holds_script_or_inline_style(house: House) -> None:
    browser, claude = house.browser(), house.grant(approval=Approval.EACH)
    path = held(house, claude)
    pages = [browser.go("/console/sign-in").text]
    browser.sign_in()
    pages += [browser.go(one).text for one in ("/console/", path, "/console/requests/none")]
    ours = r"<script(?! (type=\"module\"|defer) src=\"/console/static/[a-z0-9./-]+\"></script>)"
    for page in pages:
        assert "<html" in page
        assert not re.search(rf"{ours}|<style|\sstyle=|\son[a-z]+=|javascript:|https?://", page)


def test_the_style_sheet_is_there_and_nothing_beside_it(house: House) -> None:
    client = house.flask.test_client()
    answer = client.get("/console/static/console.css", base_url=BASE, headers={"Sec-Fetch-Dest": "style"})
    assert answer.status_code == 200 and answer.mimetype == "text/css"
    house.flask.testing = False
    for name in ("pages.py", "..%2fpages.py", "console.css/", "x"):
        assert client.get(f"/console/static/{name}", base_url=BASE).status_code >= 400


def test_the_log_says_that_it_was_the_console(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    path, browser = held(house, claude), house.browser()
    browser.sign_in()
    browser.go(path)
    browser.send(path, verdict="deny")
    entries = house.vault.audit(house.owner, AuditRequest(20)).entries
    assert [one.entry.via for one in entries if one.entry.action == "revoke"] == ["console"]


def test_a_link_is_the_owners_alone_and_lives_no_longer_than_the_token_shown(house: House) -> None:
    with pytest.raises(NotAllowed):
        house.vault.link(house.grant())
    shown = house.owner
    house.clock.forward(minutes=50)
    assert house.vault.link(shown).expires == house.clock.now + timedelta(minutes=10)
