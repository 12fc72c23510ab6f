"""Deciding in a browser: held answers that are not sensitive, and nothing else."""

from __future__ import annotations

import pytest

from tests.api.extension.conftest import Extension, Place
from vault.errors import ApprovalRequired, Denied
from vault.types import (
    Approval,
    AuditRequest,
    CountRequest,
    Filter,
    GrantRequest,
    Holder,
    PairApproval,
    SearchRequest,
)

DECIDES = PairApproval(decide=True)
KEEL, HEALTH = SearchRequest("keel bolts", 1), SearchRequest("blood pressure", 1)


@pytest.fixture(scope="module")
def decider(place: Place) -> Extension:
    return place.paired(DECIDES)


def asking(place: Place, client: str, sensitivity: str = "secret") -> Holder:
    """Return an assistant whose every answer waits for the owner."""
    wanted = Filter(collections=("notes",), sensitivity=sensitivity)
    return Holder(place.remote.grant(place.owner, GrantRequest(client, filter=wanted, approval=Approval.EACH)).token)


def held(place: Place, holder: Holder, request: SearchRequest) -> str:
    with pytest.raises(ApprovalRequired) as refused:
        place.remote.search(holder, request)
    return refused.value.request


def test_an_answer_is_shown_with_its_records_and_approved_once(place: Place, decider: Extension) -> None:
    holder = asking(place, "once")
    id = held(place, holder, KEEL)
    (ballot,) = [one for one in decider.ask("requests")["requests"] if one["id"] == id]
    assert ballot["decidable"] and ballot["count"] == 1 and ballot["query"] == "keel bolts"
    assert [record["title"] for record in ballot["records"]] == ["Keel bolts"]
    assert decider.ask("decide", {"request": id, "verdict": "approve"}) == {"request": id, "verdict": "approved"}
    assert place.remote.search(holder, KEEL).hits[0].title == "Keel bolts"
    held(place, holder, KEEL)
    said = [one.entry for one in place.remote.audit(place.owner, AuditRequest(100)).entries]
    assert any(one.action == "decide" and one.detail.get("request") == id and one.via == "extension" for one in said)
    assert decider.refused("decide", {"request": id, "verdict": "approve"}) == (404, "not_found"), "it was decided"


def test_denying(place: Place, decider: Extension) -> None:
    holder = asking(place, "no")
    id = held(place, holder, KEEL)
    assert decider.ask("decide", {"request": id, "verdict": "deny"})["verdict"] == "denied"
    with pytest.raises(Denied):
        place.remote.search(holder, KEEL)


def test_what_is_sensitive_is_for_the_console(place: Place, decider: Extension) -> None:
    holder = asking(place, "sensitive")
    id = held(place, holder, HEALTH)
    (ballot,) = [one for one in decider.ask("requests")["requests"] if one["id"] == id]
    assert (ballot["decidable"], ballot["query"], ballot["records"]) == (False, "", [])
    answer = decider.say("decide", {"request": id, "verdict": "approve"})
    assert (answer.status, answer.json["code"], answer.json["hint"]) == (403, "in_console", f"/console/requests/{id}")
    held(place, holder, HEALTH)
    assert decider.ask("decide", {"request": id, "verdict": "deny"})["verdict"] == "denied"


def test_an_hour_covers_nothing_sensitive(place: Place, decider: Extension) -> None:
    holder = asking(place, "hour")
    id = held(place, holder, KEEL)
    said = {"request": id, "verdict": "approve", "lasting": "while", "seconds": 3600}
    assert decider.ask("decide", said)["verdict"] == "standing"
    assert place.remote.search(holder, SearchRequest("choir on Lucia", 1)).hits[0].title == "Choir"
    held(place, holder, HEALTH)
    wider = said | {"filter": {"sensitivity": "secret"}}
    other = asking(place, "wider")
    wide = held(place, other, KEEL)
    assert decider.ask("decide", wider | {"request": wide})["verdict"] == "standing"
    held(place, other, HEALTH)


def test_only_once_or_an_hour(place: Place, decider: Extension) -> None:
    id = held(place, asking(place, "long"), KEEL)
    said = {"request": id, "verdict": "approve"}
    for more in ({"lasting": "always"}, {"lasting": "while"}, {"lasting": "while", "seconds": 3601}, {"seconds": 5},
                 {"lasting": "while", "seconds": 0}, {"actions": ["read"]}, {"all": True}):  # fmt: skip
        assert decider.refused("decide", said | more)[0] == 400, more
    assert decider.ask("decide", said)["verdict"] == "approved"


def test_a_number_is_for_the_console(place: Place, decider: Extension) -> None:
    holder = asking(place, "counter")
    with pytest.raises(ApprovalRequired) as refused:
        place.remote.count(holder, CountRequest())
    assert decider.refused("decide", {"request": refused.value.request, "verdict": "approve"}) == (403, "in_console")


def test_looking_leaves_no_trace_in_the_log_and_keeps_nothing_open(place: Place, decider: Extension) -> None:
    before = place.remote.audit(place.owner, AuditRequest(1)).size
    for _ in range(5):
        decider.ask("requests")
    assert place.remote.audit(place.owner, AuditRequest(1)).size == before + 1, "the owner's own look alone"


def test_unpaired_it_decides_nothing(place: Place) -> None:
    one = place.paired(DECIDES)
    id = held(place, asking(place, "late"), KEEL)
    name = next(view.id for view in place.remote.browsers(place.owner).browsers if view.key == one.key.thumbprint())
    place.remote.unpair(place.owner, name)
    assert one.refused("decide", {"request": id, "verdict": "approve"}) == (401, "token_refused")
