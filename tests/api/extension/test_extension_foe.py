"""What an attacker tries: pages and files made to come back in, or to keep a browser's queue from ever ending."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.api.extension.conftest import Place
from tests.api.extension.test_capture import kept, saved
from vault.errors import ApprovalRequired, BadRequest
from vault.plugins import pdf
from vault.types import (
    AddRequest,
    Approval,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    LabelRequest,
    PairApproval,
    SearchRequest,
)

RELEASE = "1f0c9a7724be51d0"
INSERTED = f"[from my vault: 1 record, release {RELEASE}]\nKeel bolts of bronze\n[end of release {RELEASE}]"


def test_a_mark_around_an_insertion_does_not_bring_it_back(place: Place) -> None:
    one = place.paired()
    answer = saved(place, one, text=f"Mine.\n\n{INSERTED}\n\nToo.", highlights=[f"Mine.\n{INSERTED}\nToo.", INSERTED])
    record = kept(place, answer["record"])
    assert "bronze" not in record.text and "release" not in record.text
    assert "Mine." in record.text and "highlighted" in record.labels


def test_a_slow_file_is_read_once_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser gives up after 25 seconds, the child after 60: an attempt joins the one before, and hears its end."""
    monkeypatch.setattr(pdf, "_READ", type(pdf._READ)())
    begun, ended, times = Event(), Event(), []

    def slow(content: bytes) -> tuple[str, str]:
        times.append(content)
        begun.set()
        assert ended.wait(30)
        raise BadRequest("file: this PDF cannot be read")

    monkeypatch.setattr(pdf, "_text_of", slow)
    with ThreadPoolExecutor(3) as several:
        first = several.submit(pdf.text_of, b"%PDF-bomb")
        assert begun.wait(30)
        again = [several.submit(pdf.text_of, b"%PDF-bomb") for _ in range(2)]
        ended.set()
        for one in (first, *again):
            with pytest.raises(BadRequest):
                one.result(30)
    with pytest.raises(BadRequest):
        pdf.text_of(b"%PDF-bomb")
    assert len(times) == 1


def test_few_files_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_READ", type(pdf._READ)())
    monkeypatch.setattr(pdf, "_text_of", lambda content: ("", content.decode()))
    for number in range(20):
        assert pdf.text_of(b"%%PDF-%d" % number) == ("", f"%PDF-{number}")
    assert len(pdf._READ) == 4


def test_what_becomes_sensitive_after_a_browser_said_yes_does_not_leave(place: Place) -> None:
    decider = place.paired(PairApproval(decide=True))
    place.remote.add(place.owner, AddRequest("ward", (Draft("w", "The oarlock list of the ward.", "Oarlocks"),), "t"))
    wanted = GrantRequest("later", filter=Filter(collections=("ward",), sensitivity="secret"), approval=Approval.EACH)
    holder, asked = Holder(place.remote.grant(place.owner, wanted).token), SearchRequest("oarlock", 1)
    with pytest.raises(ApprovalRequired) as held:
        place.remote.search(holder, asked)
    decider.ask("decide", {"request": held.value.request, "verdict": "approve"})
    hit = place.remote.search(place.owner, SearchRequest("oarlock", 1, Filter(collections=("ward",)))).hits[0]
    place.remote.label(place.owner, LabelRequest((hit.id,), sensitivity="sensitive"))
    with pytest.raises(ApprovalRequired):
        place.remote.search(holder, asked)
