"""Searching, inserting and looking back from a browser: under its own grant, recorded as a release to the site."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.extension.conftest import CHROMIUM, SEARCH, WEB, Extension, Place
from vault.errors import Refused
from vault.permissions import registrations
from vault.types import (
    AccessRequest,
    Approval,
    ApproveRequest,
    AuditRequest,
    Filter,
    GrantRequest,
    Holder,
    NarrowRequest,
    PairApproval,
    ReplayRequest,
    SearchRequest,
    SiteRequest,
)

SITE, CLIENT = "https://chatgpt.com", "chatgpt.com (site)"
QUERY = {"query": "who replaced the keel bolts"}


def keel(one: Extension) -> str:
    return str(one.ask("search", QUERY)["hits"][0]["id"])


def put(one: Extension, site: str = SITE, **changes: Any) -> Any:
    return one.ask("insert", QUERY | {"site": site, "records": [keel(one)]} | changes)


def test_search_and_read_are_its_own_grant(place: Place) -> None:
    one = place.paired(SEARCH)
    hits = one.ask("search", QUERY)["hits"]
    assert {hit["collection"] for hit in hits} == {"notes"} and hits[0]["title"] == "Keel bolts"
    assert one.ask("read", {"id": hits[0]["id"]})["record"]["text"].startswith("The keel bolts")
    assert "Health" not in {hit["title"] for hit in one.ask("search", {"query": "blood pressure"})["hits"]}
    assert one.refused("search", {"query": ""}) == (400, "bad_request")
    assert one.refused("read", {"id": "none"}) == (404, "not_found")


def test_an_insertion_is_a_release_to_the_site(place: Place) -> None:
    one = place.paired(SEARCH)
    done = put(one)
    assert done["release"] == done["receipt"]["leaf"][:16] and [hit["title"] for hit in done["hits"]] == ["Keel bolts"]
    entry = place.remote.audit(place.owner, AuditRequest(1, client=CLIENT)).entries[0].entry
    assert (entry.action, entry.via) == ("insert", "extension")
    assert entry.detail["site"] == SITE and entry.records == (done["hits"][0]["id"],)
    assert place.remote.replay(place.owner, ReplayRequest(CLIENT, 10)).releases[0].query == QUERY["query"]
    assert put(one)["release"] != done["release"]
    made = [grant for grant in place.remote.grants(place.owner) if grant.client == CLIENT]
    assert len(made) == 1 and made[0].actions == ("search",) and made[0].holder == one.key.thumbprint()


def test_only_hits_of_the_query_are_inserted(place: Place) -> None:
    one = place.paired(SEARCH)
    id = keel(one)
    for records in (["none"], [id, "none"], [id, id], [], ["x"] * 21):
        assert one.refused("insert", QUERY | {"site": SITE, "records": records})[0] in (400, 404), records
    assert one.refused("insert", QUERY | {"site": SITE, "records": [id], "filter": {"kinds": ["mail"]}})[0] == 404


def test_a_site_is_an_origin(place: Place) -> None:
    one = place.paired(SEARCH)
    for site in ("chatgpt.com", "http://chatgpt.com", "https://chatgpt.com/", "https://chatgpt.com/c/1", "https://a@b.c",
                 "https://CHATGPT.com", "javascript:1", "https://", CHROMIUM, "null", "", "https://x" * 40,
                 "https://a\u202eb.example", "https://a b.example"):  # fmt: skip
        for name, body in (("insert", QUERY | {"records": ["x"]}), ("seen", {}), ("revoke-site", {})):
            assert one.refused(name, body | {"site": site}) == (400, "bad_request"), site
    assert put(one, "http://127.0.0.1:8080")["site"] == "http://127.0.0.1:8080"


def test_what_a_site_has_seen(place: Place) -> None:
    one, other = (
        place.paired(SEARCH),
        place.paired(PairApproval(search=Filter(collections=("notes",), kinds=("mail",)))),
    )
    put(one, "https://seen.example")
    put(one, "https://seen.example")
    seen = one.ask("seen", {"site": "https://seen.example"})
    assert seen["clients"] == [{"client": "seen.example (site)", "way": "insert", "live": True}]
    assert [(record["title"], record["times"]) for record in seen["records"]] == [("Keel bolts", 2)]
    assert (seen["others"], seen["blocked"]) == (0, False)
    less = other.ask("seen", {"site": "https://seen.example"})
    assert (less["records"], less["others"]) == ([], 1), "what its own grant does not show is only counted"
    assert one.ask("seen", {"site": "https://never.example"})["clients"] == []


def test_ending_a_site(place: Place) -> None:
    one = place.paired(SEARCH)
    put(one, "https://ended.example")
    done = one.ask("revoke-site", {"site": "https://ended.example"})
    assert done == {"site": "https://ended.example", "blocked": True, "revoked": ["ended.example (site)"]}
    body = QUERY | {"site": "https://ended.example", "records": [keel(one)]}
    assert one.refused("insert", body) == (403, "not_allowed")
    assert one.ask("seen", {"site": "https://ended.example"})["blocked"]
    name = next(view.name for view in place.remote.browsers(place.owner).browsers if view.key == one.key.thumbprint())
    place.remote.allow_site(place.owner, name, SiteRequest("https://ended.example"))
    assert put(one, "https://ended.example")["hits"]


def test_the_owner_s_word_for_a_site_stands(place: Place) -> None:
    one = place.paired(SEARCH)
    put(one, "https://mine.example")
    cut = next(grant for grant in place.remote.grants(place.owner) if grant.client == "mine.example (site)")
    place.remote.revoke(place.owner, cut.id)
    body = QUERY | {"site": "https://mine.example", "records": [keel(one)]}
    assert one.refused("insert", body) == (403, "not_allowed")


def test_a_site_never_gets_more_than_the_browser(place: Place) -> None:
    one = place.paired(SEARCH)
    put(one, "https://narrow.example")
    id = keel(one)
    view = next(view for view in place.remote.browsers(place.owner).browsers if view.key == one.key.thumbprint())
    finds = next(grant for grant in view.grants if "search" in grant.actions)
    place.remote.narrow(place.owner, finds.id, NarrowRequest(Filter(kinds=("mail",))))
    body = QUERY | {"site": "https://narrow.example", "records": [id]}
    assert one.refused("insert", body) == (404, "not_found")
    place.remote.pause(place.owner, finds.id)
    assert one.refused("insert", body) == (401, "token_refused")
    assert one.ask("revoke-site", {"site": "https://narrow.example"})["revoked"] == ["narrow.example (site)"]
    place.remote.unpair(place.owner, view.id)
    live = [grant for grant in place.remote.grants(place.owner) if grant.client == "narrow.example (site)"]
    assert [grant.status for grant in live] == ["revoked"], "unpairing ends what was cut out, too"


def test_an_insertion_waits_for_its_owner_where_that_was_said(place: Place) -> None:
    one = place.paired(PairApproval(search=Filter(collections=("notes",)), approval=Approval.EACH, decide=True))
    answer = one.say("search", QUERY)
    assert (answer.status, answer.json["code"]) == (403, "approval_required")
    (ballot,) = [one for one in one.ask("requests")["requests"] if one["id"] == answer.json["request"]]
    assert not ballot["decidable"] and ballot["records"] == [] and ballot["query"] == ""
    said = {"request": ballot["id"], "verdict": "approve"}
    assert one.refused("decide", said) == (403, "in_console"), "on what it asks itself somebody else decides"
    assert one.ask("decide", said | {"verdict": "deny"})["verdict"] == "denied"


def test_without_the_right_nothing_is_found(place: Place) -> None:
    assert place.paired(WEB).refused("search", QUERY) == (403, "not_allowed")


def test_wishes_for_access_are_the_owner_s(place: Place) -> None:
    deciding = place.paired(PairApproval(decide=True))
    asking = place.paired(SEARCH)
    assert asking and deciding
    holder = Holder(
        place.remote.grant(place.owner, GrantRequest("wisher", filter=Filter(collections=("notes",)))).token
    )
    state = place.remote.request_access(holder, AccessRequest("to know more", filter=Filter(collections=("web",))))
    (ballot,) = [one for one in deciding.ask("requests")["requests"] if one["id"] == state.id]
    assert not ballot["decidable"] and ballot["place"] == f"/console/requests/{state.id}"
    answer = deciding.say("decide", {"request": state.id, "verdict": "approve"})
    assert (answer.status, answer.json["code"]) == (403, "in_console")
    assert answer.json["hint"] == ballot["place"]
    assert deciding.ask("decide", {"request": state.id, "verdict": "deny"}) == {
        "request": state.id,
        "verdict": "denied",
    }


def test_what_waits_is_approved_in_part_and_then_inserted(place: Place) -> None:
    one = place.paired(PairApproval(search=Filter(collections=("notes",))))
    id = keel(one)
    put(one, "https://waits.example")
    cut = next(grant for grant in place.remote.grants(place.owner) if grant.client == "waits.example (site)")
    place.remote.narrow(place.owner, cut.id, NarrowRequest(approval=Approval.EACH))
    body = QUERY | {"site": "https://waits.example", "records": [id]}
    answer = one.say("insert", body)
    assert (answer.status, answer.json["code"]) == (403, "approval_required")
    place.remote.approve(place.owner, answer.json["request"], ApproveRequest(filter=Filter(collections=("notes",))))
    assert [hit["id"] for hit in one.ask("insert", body)["hits"]] == [id]
    assert one.refused("insert", body) == (403, "approval_required"), "once"


def test_an_assistant_of_the_site_by_its_own_grant_is_seen_and_ended(place: Place) -> None:
    one = place.paired(SEARCH)
    name = "Claude"
    assert any(known.name == name for known in registrations.known().values())
    made = place.remote.grant(place.owner, GrantRequest(name, filter=Filter(collections=("notes",))))
    assert place.remote.search(Holder(made.token), SearchRequest("keel bolts", 1)).hits
    sites = [registrations.host(uri) for known in registrations.known().values() if known.name == name
             for uri in known.redirects if uri.startswith("https://")]  # fmt: skip
    seen = one.ask("seen", {"site": f"https://{sites[0]}"})
    assert {"client": name, "way": "grant", "live": True} in seen["clients"]
    assert "Keel bolts" in {record["title"] for record in seen["records"]}
    assert name in one.ask("revoke-site", {"site": f"https://{sites[0]}"})["revoked"]
    with pytest.raises(Refused):
        place.remote.search(Holder(made.token), SearchRequest("keel bolts", 1))
