"""The exposure pages: the numbers of the vault's own matrix, each leading to the records and entries behind it."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.api.console.conftest import Browser, House
from vault.api.console.exposure import share
from vault.types import AddRequest, Detail, Draft, ExposedRequest, Filter, RevokeRequest, SearchRequest, Sensitivity


@pytest.fixture
def browser(house: House) -> Browser:
    made = house.browser()
    made.sign_in()
    return made


@pytest.fixture
def told(house: House) -> House:
    """A house with three clients: one that saw two notes, one that saw something sensitive, and one that is gone."""
    house.ask(house.grant("claude"), "boat tea")
    house.ask(house.grant("doctor", filter=Filter(collections=("notes",), sensitivity="sensitive")), "ill boat")
    house.ask(house.grant("old", filter=Filter(collections=("diary",)), detail=Detail.REDACTED), "boat")
    house.vault.revoke_many(house.owner, RevokeRequest("old"))
    return house


def table(page: str) -> list[list[str]]:
    """Return the matrix as a page shows it: of each row its client, then its numbers."""
    rows = re.findall(r"<tr.*?</tr>", page[page.index('class="matrix"') :], re.S)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in rows[1:]]
    return [[_number(cell) for cell in row] for row in cells]


def _number(cell: str) -> str:
    strong = re.search(r"<strong>([\d,]+)</strong>", cell)
    return strong[1] if strong else "" if "none" in cell else " ".join(unescape(re.sub("<[^>]+>", " ", cell)).split())


def test_clients_by_collection(told: House, browser: Browser) -> None:
    page = browser.go("/console/exposure").text
    assert table(page) == [
        ["doctor", "", "3", "3"], ["claude", "", "2", "2"], ["old ended", "1", "", "1"], ["anybody", "1", "3", "4"],
    ]  # fmt: skip
    assert "Of 4 records, <strong>4</strong> (100 %) ever left to anybody" in page


def test_clients_by_sensitivity_without_the_ended(told: House, browser: Browser) -> None:
    page = browser.go("/console/exposure?by=sensitivity&ended=hidden").text
    assert table(page) == [
        ["doctor", "", "2", "1", "", "3"], ["claude", "", "2", "", "", "2"], ["anybody", "", "3", "1", "", "4"],
    ]  # fmt: skip
    assert "Show 1 ended client" in page


def test_a_cell_leads_to_its_records_and_they_to_their_entries(told: House, browser: Browser) -> None:
    page = browser.go("/console/exposure").text
    cell = re.search(r'href="[^"]*(/exposure/records\?client=claude&amp;collection=notes)"', page)
    assert cell
    records = browser.go("/console" + unescape(cell[1])).text
    assert "Tea" in records and "&lt;b&gt;Red&lt;/b&gt; boat" in records and "Illness" not in records
    entries = re.search(r'href="[^"]*(/log\?[^"]+)">The entries', records)
    assert entries
    log = browser.go("/console" + unescape(entries[1])).text
    assert log.count('class="when"') == 1 and "boat tea" in log


def test_what_was_forgotten_still_counts_and_is_named_no_more(told: House, browser: Browser) -> None:
    seen = told.vault.exposed(told.owner, ExposedRequest(client="claude")).records
    red = next(one for one in seen if "Red" in one.title)
    told.vault.forget(told.owner, red.id)
    page = browser.go("/console/exposure").text
    assert table(page)[1] == ["claude", "", "1", "1", "2"] and table(page)[-1] == ["anybody", "1", "2", "1", "3"]
    gone = browser.go("/console/exposure/records?client=claude&forgotten=1").text
    assert red.id in gone and "Red" not in gone
    who = browser.go(f"/console/exposure/records?record={red.id}").text
    assert "claude" in who and "doctor" in who and "old" not in re.findall(r"client=(\w+)", who)


def test_an_empty_vault_says_what_will_be_here(house: House, browser: Browser) -> None:
    page = browser.go("/console/exposure").text
    assert "No record ever left." in page and "Once an assistant is answered" in page and "<table" not in page


@pytest.mark.parametrize(
    "path",
    ["exposure?by=label", "exposure/records", "exposure/records?client=a&record=b",
     "exposure/records?client=a&before=x", "exposure/records?client=a&before=9999999999999999999.r",
     "exposure/records?client=a&sensitivity=high"],
)  # fmt: skip
def test_what_cannot_be_asked(told: House, browser: Browser, path: str) -> None:
    assert browser.go(f"/console/{path}").status_code == 400


def test_pages_of_records(house: House, browser: Browser) -> None:
    for n in range(3):
        drafts = tuple(Draft(f"{n}-{i}", f"boat {n} {i}", f"Boat {n} {i}") for i in range(80))
        house.vault.add(house.owner, AddRequest("notes", drafts, "many"))
    claude = house.grant()
    for n in range(3):
        house.clock.forward(minutes=1)
        house.vault.search(claude, SearchRequest(f"boat {n}", limit=100))
    seen, page = [], browser.go("/console/exposure/records?client=claude").text
    while True:
        seen += re.findall(r"/data/records/(r\w+)", page)
        more = re.search(r'href="([^"]+)" rel="next"', page)
        if more is None:
            break
        page = browser.go(unescape(more[1])).text
    wanted = told_to(house, "claude")
    assert len(seen) == len(set(seen)) and set(seen) == wanted and len(seen) > 100


def told_to(house: House, client: str) -> set[str]:
    with house.vault._parts.db.read() as conn:
        return {id for (id,) in conn.execute("SELECT record FROM released WHERE client = ?", (client,)).fetchall()}


def test_a_title_cannot_speak_to_the_page(house: House, browser: Browser) -> None:
    evil = "<script>alert(1)</script>\u202e"
    draft = Draft("evil", "boat evil", evil, sensitivity=Sensitivity.PERSONAL)
    house.vault.add(house.owner, AddRequest("notes", (draft,), "test"))
    house.ask(house.grant(), "boat evil")
    for path in ("exposure", "exposure/records?client=claude", "exposure/records?client=%3Cscript%3E"):
        page = browser.go(f"/console/{path}").text
        assert "<script>alert" not in page and "\u202e" not in page


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 10, "0 %"), (10, 10, "100 %"), (1, 1000, "< 1 %"), (999, 1000, "99 %"), (1, 3, "33 %"), (3, 0, "")],
)  # fmt: skip
def test_a_share_is_never_nothing_of_something(part: int, whole: int, expected: str) -> None:
    assert share(part, whole) == expected
