"""Clients and grants in the console: what is told of them, what each button does, that a form grants what it shows."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.api.console.conftest import BASE, NAVIGATION, Browser, House
from vault.connect import Connection, Connections
from vault.errors import ApprovalRequired, BadRequest, NotAllowed, Refused
from vault.types import (
    AccessRequest,
    Action,
    AddRequest,
    Approval,
    ApproveRequest,
    AuditRequest,
    Detail,
    Draft,
    Filter,
    GrantRequest,
    GrantView,
    Holder,
    Limits,
    NarrowRequest,
    ProviderRequest,
    ReadRequest,
    SearchRequest,
    Status,
)

PASSPHRASE = "correct horse battery staple"
HOSTILE = '<img src=x onerror="alert(1)">\u202egnp.exe'
WANTED: dict[str, Any] = {
    "client": "cursor", "reach": "some", "collections": ["notes"], "sensitivity": "personal", "detail": "full",
    "actions": ["search", "read", "count"], "approval": "never", "expires": "30d",
}  # fmt: skip


@pytest.fixture
def browser(house: House) -> Browser:
    made = house.browser()
    made.sign_in()
    return made


def granted(house: House, client: str = "claude") -> GrantView:
    return next(view for view in house.vault.grants(house.owner) if view.client == client)


def words(page: str) -> str:
    """Return what a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


# ---------------------------------------------------------------- seeing


def test_nobody_has_access_yet(browser: Browser) -> None:
    assert "Nobody has access" in browser.go("/console/clients").text


def test_the_list_tells_of_each_grant_in_plain_words(house: House, browser: Browser) -> None:
    claude = house.grant(limits=Limits(queries_per_hour=20), purpose="the <b>boat</b>")
    house.ask(claude)
    page = browser.go("/console/clients").text
    said = words(page)
    assert "claude may search, read and count in notes" in said
    assert "sees now 2 of 4 records" in said
    assert "1 of 20 questions this hour: 19 left" in said
    assert "whoever has its token" in said
    assert "&lt;b&gt;boat" in page and "<b>boat" not in page


def test_how_it_came_is_told(house: House, browser: Browser) -> None:
    house.grant()
    assert "made by way of local" in words(browser.go(f"/console/clients/{granted(house).id}").text)
    browser.go("/console/clients/new")
    browser.send("/console/clients/new", **WANTED, verdict="grant", once="1")
    assert "made here, in the console" in words(browser.go(f"/console/clients/{granted(house, 'cursor').id}").text)


def test_what_connect_wired_is_told(house: House, browser: Browser) -> None:
    house.grant()
    view, kept = granted(house), Connections(house.vault.directory)
    with kept.changing():
        kept.keep(
            Connection("claude-code", "claude-code", view.id, view.created, view.expires, file="/home/<b>/.claude")
        )
    page = browser.go("/console/clients").text
    assert "connected as claude-code, by an entry in /home/&lt;b&gt;/.claude" in page
    assert "ownvault disconnect claude-code" in browser.go(f"/console/clients/{view.id}/revoke").text
    (kept.directory / "claude-code.json").write_text("{")
    assert "made by way of local" in browser.go("/console/clients").text, "what cannot be read is left out"


def test_a_grants_page_tells_what_it_sees_and_what_is_new(house: House, browser: Browser) -> None:
    house.grant()
    house.clock.forward(hours=1)
    house.vault.add(house.owner, AddRequest("notes", (Draft("new", "A new boat.", HOSTILE),), "test"))
    browser.sign_in()
    page = browser.go(f"/console/clients/{granted(house).id}").text
    said = words(page)
    assert "3 of 5 records in your vault" in said
    assert "1 record of these came or changed since it was made; it saw 2 then" in said
    assert "<img" not in page and "\u202e" not in page and "&lt;img src=x" in page


def test_there_is_no_page_of_a_grant_that_there_is_not(house: House, browser: Browser) -> None:
    for path in ("gnone", "gnone/revoke", "gnone/as", "gnone/seen", "gnone/narrow", "gnone/seen/1", "gnone/seen/1/0"):
        assert browser.go(f"/console/clients/{path}").status_code == 404


# ---------------------------------------------------------------- changing


def test_pausing_and_undoing_it(house: House, browser: Browser) -> None:
    claude = house.grant()
    page = browser.go(f"/console/clients/{granted(house).id}").text
    assert "After this it sees 0 of 4 records" in words(page)
    match = re.search(r'name="match" value="([^"]+)"', page)
    assert match
    answer = browser.send(f"/console/clients/{granted(house).id}/pause", match=match[1])
    assert answer.status_code == 303
    with pytest.raises(Refused):
        house.ask(claude)
    page = browser.go(f"/console/clients/{granted(house).id}").text
    assert "claude is paused" in words(page) and "After this it is answered again, and sees 2 records" in words(page)
    assert browser.send(f"/console/clients/{granted(house).id}/resume").status_code == 303
    assert house.ask(claude) == ["red", "tea"]


def test_what_changed_meanwhile_is_looked_at_again(house: House, browser: Browser) -> None:
    claude = house.grant()
    id = granted(house).id
    browser.go(f"/console/clients/{id}/revoke")
    tag = granted(house).tag
    house.vault.narrow(house.owner, id, NarrowRequest(detail=Detail.SNIPPET))
    answer = browser.send(f"/console/clients/{id}/revoke", match=tag)
    assert answer.status_code == 412 and "changed meanwhile" in answer.text
    assert house.ask(claude)
    assert browser.send(f"/console/clients/{id}/pause", match=tag).status_code == 412


def test_revoking_asks_once_more_and_is_final(house: House, browser: Browser) -> None:
    claude = house.grant()
    id = granted(house).id
    said = words(browser.go(f"/console/clients/{id}/revoke").text)
    assert "It sees 2 of 4 records now. After this it sees 0" in said
    assert house.ask(claude), "looking revokes nothing"
    assert browser.send(f"/console/clients/{id}/revoke").status_code == 303
    with pytest.raises(Refused):
        house.ask(claude)
    page = words(browser.go(f"/console/clients/{id}").text)
    assert "revoked" in page and "Change it" not in page
    assert "nothing to revoke" in browser.go(f"/console/clients/{id}/revoke").text
    assert "nothing to take away" in browser.go(f"/console/clients/{id}/narrow").text


def test_all_grants_of_a_client_at_once(house: House, browser: Browser) -> None:
    holders = [house.grant(), house.grant(filter=Filter(collections=("diary",))), house.grant("cursor")]
    id = granted(house).id
    assert "all 2 live grants of claude" in words(browser.go(f"/console/clients/{id}/revoke").text)
    browser.send(f"/console/clients/{id}/revoke", which="all")
    assert [view.client for view in house.vault.grants(house.owner) if view.status is Status.ACTIVE] == ["cursor"]
    assert house.ask(holders[2])


NARROWER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"collections": ["notes"], "collections_offered": ["diary", "notes"]}, {"collections": ["notes"]}),
    ({"sources": ["test"]}, {"sources": ["test"]}),
    ({"kinds": ["note"]}, {"kinds": ["note"]}),
    ({"labels": ["work"], "labels_more": "home\n\n work "}, {"labels": ["home", "work"]}),
    ({"without_labels": ["old"]}, {"without_labels": ["old"]}),
    ({"people_more": "Mara\r\nAnders"}, {"people": ["Anders", "Mara"]}),
    ({"since": "2026-01-01", "until": "2026-01-31"},
     {"since": "2026-01-01T00:00:00.000000Z", "until": "2026-02-01T00:00:00.000000Z"}),
    ({"last": "90"}, {"last": 90}),
    ({"sensitivity": "public"}, {"sensitivity": "public"}),
    ({"owner_written": "1"}, {"owner_written": True}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "scope"), NARROWER, ids=lambda one: next(iter(one)))
def test_every_dimension_of_a_scope_can_be_narrowed(
    house: House, browser: Browser, form: dict[str, Any], scope: dict[str, Any]
) -> None:
    house.grant(filter=Filter(collections=("notes", "diary")))
    view = granted(house)
    browser.go(f"/console/clients/{view.id}/narrow")
    shown = browser.send(f"/console/clients/{view.id}/narrow", **form, verdict="preview")
    assert shown.status_code == 200 and "After this it sees" in shown.text
    assert granted(house) == view, "a preview changes nothing"
    assert browser.send(f"/console/clients/{view.id}/narrow", **form, verdict="narrow").status_code == 303
    assert granted(house).scope.items() >= scope.items()
    assert "Narrowed. It sees" in words(browser.go(f"/console/clients/{view.id}").text)


def test_terms_can_be_narrowed(house: House, browser: Browser) -> None:
    house.grant()
    id = granted(house).id
    browser.go(f"/console/clients/{id}/narrow")
    browser.send(
        f"/console/clients/{id}/narrow", verdict="narrow", detail="redacted", actions=["search"],
        actions_offered=["search", "read", "count"], results="3", queries_per_hour="9", records_per_day="50",
        megabytes_per_day="0.5", approval="each", days="2",
    )  # fmt: skip
    view = granted(house)
    assert (view.detail, view.approval, view.actions) == (Detail.REDACTED, Approval.EACH, (Action.SEARCH,))
    assert view.limits == Limits(3, 9, 50, 500_000)
    assert (view.expires - house.clock.now).days == 2


@pytest.mark.parametrize(
    "form",
    [{}, {"collections_offered": ["notes"]}, {"collections": ["diary"], "collections_offered": ["notes"]},
     {"detail": "whole"}, {"results": "many"}, {"results": "-1"}, {"actions": ["revoke"]}, {"expires": "9y"},
     {"since": "yesterday"}, {"since": "9999-12-31", "until": "9999-12-31"}, {"last": "1e9"}, {"sensitivity": "nil"},
     {"megabytes_per_day": "nan"}, {"megabytes_per_day": "inf"}, {"days": "9" * 400}, {"labels_more": "x" * 5000},
     {"actions_offered": ["search"]}],
)  # fmt: skip
def test_what_cannot_be_narrowed_to_changes_nothing(house: House, browser: Browser, form: dict[str, Any]) -> None:
    house.grant()
    view = granted(house)
    browser.go(f"/console/clients/{view.id}/narrow")
    for verdict in ("preview", "narrow"):
        answer = browser.send(f"/console/clients/{view.id}/narrow", **form, verdict=verdict)
        assert answer.status_code in (200, 400, 413) and 'class="problem"' in answer.text
    assert granted(house) == view


def test_the_form_of_narrowing_as_it_is_shown_takes_nothing_away(house: House, browser: Browser) -> None:
    house.grant(filter=Filter(collections=("notes", "diary")))
    view = granted(house)
    page = browser.go(f"/console/clients/{view.id}/narrow").text
    answer = browser.send(f"/console/clients/{view.id}/narrow", **filled(page), verdict="narrow")
    assert answer.status_code == 400 and "takes nothing away" in answer.text


def filled(page: str) -> dict[str, Any]:
    """Return what the form of a page would send as it stands."""
    said: dict[str, Any] = {}
    for field in re.findall(r"<input[^>]*>", page):
        kind = re.search(r'type="(\w+)"', field)
        name, value = re.search(r'name="(\w+)"', field), re.search(r'value="([^"]*)"', field)
        boxed = kind is not None and kind[1] in ("checkbox", "radio")
        if name and value and name[1] != "page" and not (boxed and "checked" not in field):
            said.setdefault(name[1], []).append(value[1])
    return said


# ---------------------------------------------------------------- seeing as, and what it saw


def test_see_as_shows_what_it_gets_what_waits_and_what_is_kept_from_it(house: House, browser: Browser) -> None:
    wanted = Filter(collections=("notes",), sensitivity="sensitive")
    house.grant(filter=wanted, approval=Approval.SENSITIVE, detail=Detail.REDACTED)
    mail = Draft("call", "Call the boat yard: anna@example.com", "Call", people=("Anna",))
    house.vault.add(house.owner, AddRequest("notes", (mail,), "test"))
    id = granted(house).id
    browser.go(f"/console/clients/{id}/as")
    page = browser.send(f"/console/clients/{id}/as", query="boat <yard>").text
    said = words(page)
    assert "Nothing leaves before you approve it" in said and "waits for you" in said
    assert "<mark>" in page and "anna@example.com" not in page
    assert "Sunk not in its collections" in said and "boat &lt;yard&gt;" in page
    assert granted(house).used.queries == 0, "it costs the client nothing"


def test_an_empty_question_is_told(house: House, browser: Browser) -> None:
    house.grant()
    browser.go(f"/console/clients/{granted(house).id}/as")
    for query in ("", "  ", "x" * 5000):
        answer = browser.send(f"/console/clients/{granted(house).id}/as", query=query)
        assert answer.status_code in (400, 413) and 'class="problem"' in answer.text


def test_what_it_ever_saw_is_there_word_for_word(house: House, browser: Browser) -> None:
    claude = house.grant()
    long = "The boat is long. " * 200 + "</pre><script>alert(1)</script> END"
    house.vault.add(house.owner, AddRequest("notes", (Draft("long", long, HOSTILE),), "test"))
    house.ask(claude)
    record = next(one.id for one in house.vault.search(house.owner, SearchRequest("long")).hits if one.origin == "long")
    house.vault.read(claude, ReadRequest(record))
    id = granted(house).id
    page = browser.go(f"/console/clients/{id}/seen").text
    assert "<script>alert" not in page and "<img" not in page and "END" not in page
    (whole,) = set(re.findall(rf'href="(/console/[^"]*/clients/{id}/seen/\d+/0)"', page))
    text = browser.go(whole).text
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt; END" in text and "<script>alert" not in text
    assert "search <q>boat</q>" in page
    house.vault.forget(house.owner, record)
    assert "Its words are gone with it" in browser.go(f"/console/clients/{id}/seen").text


def test_what_it_ever_saw_comes_in_pages(house: House, browser: Browser) -> None:
    claude = house.grant()
    for n in range(23):
        house.ask(claude, f"boat {n}")
    seen: list[str] = []
    path = f"/console/clients/{granted(house).id}/seen"
    while path:
        page = browser.go(path).text
        seen += re.findall(r"<q>boat (\d+)</q>", page)
        more = re.search(r'href="([^"]+)">Earlier', page)
        path = more[1] if more else ""
    assert seen == [str(n) for n in reversed(range(23))]


def test_a_client_sees_nothing_of_anothers(house: House, browser: Browser) -> None:
    house.ask(house.grant())
    house.grant("cursor")
    cursor = granted(house, "cursor").id
    assert "Nothing ever left to it" in browser.go(f"/console/clients/{cursor}/seen").text
    number = house.vault.audit(house.owner, AuditRequest(50)).entries
    released = next(one.number for one in number if one.entry.client == "claude")
    assert browser.go(f"/console/clients/{cursor}/seen/{released}").status_code == 404


# ---------------------------------------------------------------- granting


def test_granting_shows_the_token_once(house: House, browser: Browser) -> None:
    browser.go("/console/clients/new")
    page = browser.send("/console/clients/new", **WANTED, verdict="grant", once="one").text
    token = re.search(r'id="token-text"[^>]*>([^<]+)<', page)
    assert token and "cursor has access" in words(page)
    assert house.ask(Holder(token[1])) == ["red", "tea"]
    assert "--token-file" in page, "no configuration holds the token"
    again = browser.send("/console/clients/new", **WANTED, verdict="grant", once="one")
    assert again.status_code == 400 and "was sent before" in again.text and token[1] not in again.text
    assert len(house.vault.grants(house.owner)) == 1
    assert token[1] not in browser.go(f"/console/clients/{granted(house, 'cursor').id}").text


def test_the_preview_grants_nothing_and_keeps_what_was_said(house: House, browser: Browser) -> None:
    browser.go("/console/clients/new")
    said = {**WANTED, "client": "", "purpose": 'a "plan"', "collections": ["notes", "diary"], "last": "3"}
    page = browser.send("/console/clients/new", **said, verdict="preview").text
    assert "it could search, read and count in diary and notes, of the last 3 days" in words(page)
    assert 'value="a &#34;plan&#34;"' in page and page.count('name="collections" value="notes" checked') == 1
    assert house.vault.grants(house.owner) == ()


@pytest.mark.parametrize(
    ("change", "caution"),
    [({"reach": "everything"}, "It sees every collection"),
     ({"sensitivity": "sensitive"}, "Among them is 1 sensitive record"),
     ({"sensitivity": "secret"}, "You are not asked before"), ({"expires": "365d"}, "It lasts 365 days"),
     ({"last": "1", "collections": ["diary"]}, "No record meets")],
)  # fmt: skip
def test_what_is_broad_or_sensitive_is_warned_of(browser: Browser, change: dict[str, Any], caution: str) -> None:
    browser.go("/console/clients/new")
    page = browser.send("/console/clients/new", **{**WANTED, **change}, verdict="preview").text
    assert "Think twice" in page and caution in words(page)


def test_what_is_harmless_is_not(browser: Browser) -> None:
    browser.go("/console/clients/new")
    assert "Think twice" not in browser.send("/console/clients/new", **WANTED, verdict="preview").text


def test_what_is_sensitive_takes_the_passphrase_once_more(house: House, browser: Browser) -> None:
    browser.go("/console/clients/new")
    wanted = {**WANTED, "sensitivity": "sensitive"}
    for said in (None, "", "wrong"):
        answer = browser.send("/console/clients/new", **wanted, passphrase=said, verdict="grant", once="a")
        assert answer.status_code == 403 and 'wrong"' not in answer.text
    assert house.vault.grants(house.owner) == ()
    answer = browser.send("/console/clients/new", **wanted, passphrase=PASSPHRASE, verdict="grant", once="a")
    assert answer.status_code == 200 and PASSPHRASE not in answer.text
    assert granted(house, "cursor").scope["sensitivity"] == "sensitive"


@pytest.mark.parametrize(
    "change",
    [{"collections": None}, {"actions": None}, {"client": ""}, {"client": "owner"}, {"collections": ["none"]},
     {"actions": ["keys"]}, {"detail": "more"}, {"expires": "2y"}, {"days": "400"}, {"days": "0"},
     {"client": "x" * 500}, {"purpose": "x" * 5000}, {"sensitivity": "everything"}, {"since": "0000-00-00"}],
)  # fmt: skip
def test_a_form_that_grants_nothing_or_too_much(house: House, browser: Browser, change: dict[str, Any]) -> None:
    browser.go("/console/clients/new")
    answer = browser.send("/console/clients/new", **{**WANTED, **change}, verdict="grant", once="a")
    assert answer.status_code in (400, 404, 413) and 'class="problem"' in answer.text
    assert house.vault.grants(house.owner) == ()


def test_the_live_preview_is_a_part_for_our_own_scripts(house: House, browser: Browser) -> None:
    secret = re.search(r'name="vault-page" content="([^"]+)"', browser.go("/console/clients/new").text)
    assert secret
    place = browser.at("/console/clients/new/preview")
    sent = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Origin": "http://vault.localhost:7117"}

    def asked(**headers: str) -> Any:
        return browser.client.post(
            place, base_url="http://vault.localhost:7117", data=WANTED, headers={**sent, **headers}
        )

    answer = asked(**{"X-Vault-Page": secret[1]})
    assert answer.status_code == 200 and "<html" not in answer.text and "2 of 4" in words(answer.text).replace(",", "")
    for headers in ({}, {"X-Vault-Page": "guessed"}, {"X-Vault-Page": secret[1], "Origin": "http://evil.example"}):
        assert asked(**headers).status_code == 403


def test_numbers_only_leaves_counting(house: House, browser: Browser) -> None:
    browser.go("/console/clients/new")
    browser.send("/console/clients/new", **{**WANTED, "detail": "answers"}, verdict="grant", once="a")
    assert [str(one) for one in granted(house, "cursor").actions] == ["count"]


def test_hostile_names_are_words_everywhere(house: House, browser: Browser) -> None:
    drafts = (Draft("x", "boat", HOSTILE, labels=(HOSTILE,), people=(HOSTILE,), kind="k'ind"),)
    house.vault.add(house.owner, AddRequest("b & 'bold'", drafts, "u'source"))
    claude = house.grant(client="c&laude'", filter=Filter(collections=("b & 'bold'", "notes")), purpose=HOSTILE)
    house.ask(claude)
    id = granted(house, "c&laude'").id
    for path in ("", "/new", f"/{id}", f"/{id}/as", f"/{id}/seen", f"/{id}/narrow", f"/{id}/revoke"):
        page = re.sub(r'value="[^"]*"', "", browser.go(f"/console/clients{path}").text)  # sent back as they are
        assert not re.search(r"<img|b & |c&laude|\u202e", page), path
        assert not re.search(
            r"<script(?! (type=.module.|defer) src=)|<style|\sstyle=|\son[a-z]+=[\x22\x27]|javascript:", page
        ), path
    page = re.sub(r'value="[^"]*"', "", browser.send(f"/console/clients/{id}/as", query=HOSTILE).text)
    assert not re.search(r"<img|b & |c&laude", page)


# ---------------------------------------------------------------- the vault's methods behind it


def test_choices_are_the_names_that_occur(house: House) -> None:
    house.grant()
    told = house.vault.choices(house.owner, "owner")
    assert (told.collections, told.sensitivity) == ({"diary": 1, "notes": 3}, {"personal": 3, "sensitive": 1})
    assert house.vault.choices(house.owner, granted(house).id).collections == {"notes": 2}


def test_a_proposal_is_what_is_granted_then(house: House) -> None:
    request = GrantRequest("x", filter=Filter(collections=("notes",)))
    proposed = house.vault.propose(house.owner, request)
    made = house.vault.grant(house.owner, request)
    assert (proposed.sees, proposed.before, proposed.of) == (made.sees, 0, 4)
    assert proposed.grant == replace(made.grant, id="")


def test_what_is_foreseen_is_what_narrowing_does(house: House) -> None:
    house.grant(filter=Filter(collections=("notes", "diary")))
    view, request = granted(house), NarrowRequest(Filter(collections=("diary",)))
    effect = house.vault.foresee(house.owner, view.id, request)
    assert (effect.before, effect.sees.records, effect.of) == (3, 1, 4)
    assert replace(house.vault.narrow(house.owner, view.id, request), tag="") == replace(effect.grant, tag="")
    house.vault.revoke(house.owner, view.id)
    with pytest.raises(BadRequest, match="has ended"):
        house.vault.foresee(house.owner, view.id, request)


def test_how_each_grant_came_to_be(house: House) -> None:
    asked = house.vault.request_access(house.grant(), AccessRequest("more", filter=Filter(collections=("diary",))))
    approved = house.vault.approve(house.owner, asked.id, ApproveRequest()).granted
    search = GrantRequest("model", (Action.SEARCH,), Filter(collections=("notes",)))
    model = house.vault.provide(house.owner, ProviderRequest("http://127.0.0.1:9/v1", "m", search)).provider.grant.id
    house.vault.grant(Holder(house.owner.token, "cli"), replace(search, client="typed"))
    remote = house.vault.grant(Holder(house.owner.token, "rest"), replace(search, client="far")).grant.id
    family = "INSERT INTO family (id, client, grant_, issuer, resource, holder) VALUES ('a', 'c', ?, '', '', '')"
    house.vault._parts.db.write(lambda conn: conn.execute(family, (remote,)))
    ways = {one.grant.id: one.came for client in house.vault.clients(house.owner) for one in client.grants}
    assert approved and (ways[approved.grant.id], ways[model], ways[remote]) == ("asked", "provider", "oauth")
    assert ways[granted(house, "typed").id] == "cli"


def test_clients_are_told_newest_first_with_what_waits(house: House) -> None:
    claude = house.grant(approval=Approval.EACH)
    with pytest.raises(ApprovalRequired):
        house.ask(claude)
    house.clock.forward(minutes=1)
    house.vault.revoke(house.owner, granted_id(house, "cursor"))
    told = house.vault.clients(house.owner)
    assert [one.client for one in told] == ["cursor", "claude"]
    assert [(one.records, one.waiting) for client in told for one in client.grants] == [(0, 0), (2, 1)]


def granted_id(house: House, client: str) -> str:
    house.grant(client)
    return granted(house, client).id


@pytest.mark.parametrize("name", ["clients", "choices", "contrast", "foresee", "propose"])
def test_they_are_the_owners_alone(house: House, name: str) -> None:
    claude = house.grant()
    given: dict[str, Any] = {
        "clients": (), "choices": ("owner",), "contrast": ("owner", SearchRequest("boat")),
        "foresee": (granted(house).id, NarrowRequest()), "propose": (GrantRequest("x", all=True),),
    }  # fmt: skip
    with pytest.raises(NotAllowed):
        getattr(house.vault, name)(claude, *given[name])
    with pytest.raises(Refused):
        getattr(house.vault, name)(Holder("forged"), *given[name])


def test_two_forms_at_once_grant_once(house: House, browser: Browser) -> None:
    page = browser.go("/console/clients/new").text
    secret, once = re.search(r'name="page" value="([^"]+)"', page), re.search(r'name="once" value="([^"]+)"', page)
    assert secret and once
    form = {**WANTED, "page": secret[1], "once": once[1], "verdict": "grant"}
    place, sent = browser.at("/console/clients/new"), {**NAVIGATION, "Origin": BASE}
    cookie = browser.client.get_cookie("ownvault", "vault.localhost", browser.place)
    assert cookie

    def send(_: int) -> int:
        client = house.flask.test_client()
        client.set_cookie("ownvault", cookie.value, domain="vault.localhost", path=browser.place)
        return client.post(place, base_url=BASE, data=form, headers=sent).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, range(4))) == [200, 400, 400, 400]
    assert len(house.vault.grants(house.owner)) == 1
