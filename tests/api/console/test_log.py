"""The log's pages: what they show, how it is filtered, verified and saved; and nothing in it can speak to the page."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from tests.api.console.conftest import BASE, NAVIGATION, Browser, House
from vault.errors import NotAllowed, NotFound
from vault.types import (
    Action,
    AddRequest,
    AuditRequest,
    CountRequest,
    Detail,
    Draft,
    ExposedRequest,
    Filter,
    MatrixRequest,
    SearchRequest,
    TimelineRequest,
)


@pytest.fixture
def browser(house: House) -> Browser:
    made = house.browser()
    made.sign_in()
    return made


@pytest.fixture
def told(house: House) -> House:
    """A house in which something happened: text left whole and masked, a number did, two were refused, one was none."""
    claude = house.grant("claude")
    house.ask(claude, "boat")
    house.ask(house.grant("cursor", detail=Detail.REDACTED), "tea at four")
    house.vault.count(house.grant("counter", actions=(Action.COUNT,)), CountRequest())
    with pytest.raises(NotAllowed):
        house.vault.forget(claude, "r1")
    with pytest.raises(NotFound):
        house.vault.search(claude, SearchRequest("diary", filter=Filter(collections=("diary",))))
    return house


def shown(page: str) -> list[tuple[str, str, str]]:
    """Return client, outcome and what was asked of each entry that a page lists."""
    rows = re.findall(
        r'<td class="when">.*?</td>\s*<td>(.*?)</td>\s*<td>(.*?)</td>\s*<td class="what">(.*?)</td>', page, re.S
    )
    return [tuple(unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in row) for row in rows]  # type: ignore[misc]


def test_everything_but_ones_own_doing_is_listed_newest_first(told: House, browser: Browser) -> None:
    found = shown(browser.go("/console/log").text)
    assert found == [
        ("claude", "denied", "search diary out_of_scope"), ("claude", "denied", "forget action_not_granted"),
        ("counter", "answered", "count"), ("cursor", "redacted", "search tea at four"),
        ("claude", "released", "search boat"),
    ]  # fmt: skip
    own = shown(browser.go("/console/log?outcome=owner").text)
    assert own and {who for who, _, _ in own} == {"owner"} and {outcome for _, outcome, _ in own} == {"owner"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("client=claude", ["diary", "forget", "boat"]),
        ("client=claude&outcome=denied", ["diary", "forget"]),
        ("outcome=redacted&outcome=released", ["tea", "boat"]),
        ("action=count", ["count"]),
        ("text=TEA", ["tea"]),
        ("collection=notes&outcome=released&outcome=redacted", ["tea", "boat"]),
        ("collection=diary&outcome=released", []),
        ("sensitivity=sensitive&outcome=released", []),
        ("since=2026-03-01T00:00&until=2026-03-02T00:00", ["diary", "forget", "count", "tea", "boat"]),
        ("until=2026-03-01T00:00", []),
        ("since=2027-01-01", []),
        ("client=nobody", []),
        ("client=?", []),
        ("text=%25&period=all", []),
    ],
)
def test_filters(told: House, browser: Browser, query: str, expected: list[str]) -> None:
    answer = browser.go(f"/console/log?{query}")
    assert answer.status_code == 200
    found = [what for _, _, what in shown(answer.text)]
    assert [word for word, what in zip(expected, found, strict=True) if word in what] == expected


def test_the_form_shows_what_was_asked_and_the_table_has_the_numbers_of_the_chart(
    told: House, browser: Browser
) -> None:
    page = browser.go("/console/log?period=day&outcome=denied&client=claude&text=diary&stack=client").text
    assert 'value="claude" selected' in page and 'value="denied" checked' in page and 'value="diary"' in page
    assert 'name="stack" value="client"' in page and page.count(" checked>") == 1
    rows = re.findall(
        r'<th scope="row" data-start="(\d+)" data-end="(\d+)">[^<]+</th><td class="number">(\d+)</td>', page
    )
    assert len(rows) == 24 and [number for _, _, number in rows] == ["0"] * 23 + ["2"], "the chart leaves text out"
    assert all(int(end) - int(start) == 3600 for start, end, _ in rows)


@pytest.mark.parametrize(
    "query",
    ["period=never", "outcome=x", "since=soon", "since=0001-01-01T00:00", "until=99999-01-01", "before=-1", "before=x",
     "before=" + "9" * 40, "sensitivity=high", "before=1e9"],
)  # fmt: skip
def test_what_no_form_of_ours_asks_is_refused_in_words(told: House, browser: Browser, query: str) -> None:
    answer = browser.go(f"/console/log?{query}")
    assert answer.status_code == 400 and 'role="alert"' in answer.text and "<h1>Log</h1>" in answer.text


def test_pages_go_on_where_the_one_before_ended(house: House, browser: Browser) -> None:
    claude = house.grant()
    for n in range(120):
        house.ask(claude, f"boat {n}")
    page, seen = browser.go("/console/log").text, []
    while True:
        seen += [what for _, _, what in shown(page)]
        more = re.search(r'href="([^"]+)" rel="next"', page)
        if more is None:
            break
        page = browser.go(unescape(more[1])).text
    assert seen == [f"search boat {n}" for n in reversed(range(120))]


def test_an_entry_with_its_words_its_grant_and_its_neighbours(told: House, browser: Browser) -> None:
    number = told.vault.audit(told.owner, AuditRequest(client="claude", text="boat")).entries[0].number
    answer = browser.go(f"/console/log/{number}")
    page = answer.text
    assert answer.status_code == 200 and "The boat is red." in page and "&lt;b&gt;Red&lt;/b&gt; boat" in page
    assert "claude may search, read and count in notes" in page and "Whole: title and text" in page
    leaf = told.vault.entry(told.owner, number).entry.leaf
    assert leaf in page and f"/log/{number}/proof" in page
    assert 'aria-current="true"' in page and page.count('class="when"') == 7
    assert re.search(r"/data/records/r[a-z2-7]{26}\"", page)


def test_a_forgotten_record_is_no_more_than_a_digest(told: House, browser: Browser) -> None:
    number = told.vault.audit(told.owner, AuditRequest(client="claude", text="boat")).entries[0].number
    red = next(one for one in told.vault.entry(told.owner, number).records if "Red" in one.title)
    told.vault.forget(told.owner, red.id)
    page = browser.go(f"/console/log/{number}").text
    assert "forgotten since" in page and "The boat is red." not in page and "Red" not in page


@pytest.mark.parametrize("path", ["999999", "9" * 30, "-1", "x", "1.5"])
def test_no_such_entry(house: House, browser: Browser, path: str) -> None:
    for end in ("", "/proof"):
        assert browser.go(f"/console/log/{path}{end}").status_code == 404


def test_a_proof_is_a_file_that_verifies(told: House, browser: Browser) -> None:
    answer = browser.go("/console/log/3/proof")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="entry-3.tlog-proof"'
    assert answer.text.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")


# ---------------------------------------------------------------- verifying


def test_verifying_says_what_was_checked(told: House, browser: Browser) -> None:
    browser.go("/console/log")
    answer = browser.send("/console/log/verify")
    report = told.vault.verify(told.owner)
    assert answer.status_code == 200 and "The log holds" in answer.text and "seconds" in answer.text
    assert re.search(r"<code>[0-9a-f]{64}</code>", answer.text) and report.checkpoint.split("\n")[0] in answer.text


def test_a_log_that_was_changed_is_loud(told: House, browser: Browser) -> None:
    def tamper(conn: Any) -> None:
        conn.execute("UPDATE entry SET body = replace(body, 'boat', 'coat') WHERE body LIKE '%boat%'")

    told.vault._parts.db.write(tamper)
    browser.go("/console/log?client=nobody")
    answer = browser.send("/console/log/verify")
    assert "The log does not hold" in answer.text and 'role="alert"' in answer.text
    assert "edited" in answer.text and "The log holds" not in answer.text


# ---------------------------------------------------------------- saving


def saved(browser: Browser, form: str, **more: str) -> str:
    browser.go("/console/log")
    answer = browser.send("/console/log/export", form=form, **more)
    assert answer.status_code == 200 and answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


def test_an_export_holds_what_was_chosen_and_is_recorded(told: House, browser: Browser) -> None:
    lines = [json.loads(line) for line in saved(browser, "jsonl", client="claude", outcome="denied").splitlines()]
    assert [line["entry"]["reason"] for line in lines] == ["out_of_scope", "action_not_granted"]
    rows = list(csv.DictReader(io.StringIO(saved(browser, "csv", outcome="released").removeprefix("\ufeff"))))
    assert [(row["client"], row["outcome"], row["query"]) for row in rows] == [("claude", "released", "boat")]
    newest = [
        one.entry for one in told.vault.audit(told.owner, AuditRequest(10)).entries if "exported" in one.entry.detail
    ]
    assert [one.via for one in newest] == ["console", "console"]
    assert newest[1].detail["client"] == "claude"


def test_an_export_is_whole_however_long_the_log(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.limits.PAGE", 7)
    monkeypatch.setattr("vault.limits.LOOKED_AT", 11)
    claude = house.grant()
    for n in range(40):
        house.ask(claude, f"boat {n}")
    queries = [json.loads(line)["entry"]["query"] for line in saved(browser, "jsonl", text="boat").splitlines()]
    assert queries == [f"boat {n}" for n in reversed(range(40))]


FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", " =1", "\uff1d1", "=cmd|' /C calc'!A0", '"=1"', "a\u202egnp.exe"]


def test_no_cell_is_a_formula(house: House, browser: Browser) -> None:
    claude = house.grant()
    for query in FORMULAS:
        house.ask(claude, query)
    text = saved(browser, "csv", client="claude")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == len(FORMULAS) and "\u202e" not in text
    for row, query in zip(rows, reversed(FORMULAS), strict=True):
        assert not row["query"].lstrip().startswith(("=", "+", "-", "@", "\uff1d")), query
    exact = [json.loads(line)["entry"]["query"] for line in saved(browser, "jsonl", client="claude").splitlines()]
    assert exact == FORMULAS[::-1]


@pytest.mark.parametrize("form", ["", "xlsx", "../jsonl"])
def test_no_other_file(house: House, browser: Browser, form: str) -> None:
    browser.go("/console/log")
    assert browser.send("/console/log/export", form=form).status_code == 400


@pytest.mark.parametrize("path", ["/console/log/export", "/console/log/verify"])
def test_only_our_own_form_saves_or_verifies(told: House, browser: Browser, path: str) -> None:
    size = told.vault.audit(told.owner, AuditRequest(1)).size
    browser.go("/console/log")
    browser.shown = browser.shown.replace('name="page"', 'name="other"')
    assert browser.send(path, form="jsonl").status_code == 403
    assert browser.send(path, form="jsonl", page="x").status_code == 403
    browser.go("/console/log")
    assert browser.send(path, form="jsonl", headers={"Origin": "http://evil.example"}).status_code == 403
    newest = told.vault.audit(told.owner, AuditRequest(50)).entries
    assert not [one for one in newest if one.number >= size and "exported" in one.entry.detail]


# ---------------------------------------------------------------- hostile content

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\u202e\u2066{{7*7}}"


def test_nothing_that_is_asked_or_kept_speaks_to_the_page(house: House, browser: Browser) -> None:
    house.vault.add(house.owner, AddRequest("notes", (Draft("evil", "boat " + HOSTILE * 3, HOSTILE),), "test"))
    house.vault.add(house.owner, AddRequest("notes", (Draft("big", "huge " + "boat " * 200_000, "x" * 1000),), "test"))
    claude = house.grant()
    house.ask(claude, HOSTILE + " boat")
    house.ask(claude, "huge boat" + "b" * 3900)
    number = house.vault.audit(house.owner, AuditRequest(1, client="claude")).entries[0].number
    for path in ("log", f"log/{number}", f"log/{number - 1}", f"log?text={'<script>'}", "log?client=%3Cscript%3E"):
        page = browser.go(f"/console/{path}").text
        assert "<script>alert" not in page and "<img" not in page and "\u202e" not in page and "\u2066" not in page
        assert "49" not in re.findall(r"<q>(.*?)</q>", page) and len(page) < 400_000


def test_whoever_is_not_the_owner_sees_nothing(told: House) -> None:
    stranger = told.browser()
    for path in ("log", "log/1", "log/1/proof", "exposure", "exposure/records?record=x"):
        answer = stranger.client.get(f"/console/~wrong/{path}", base_url=BASE, headers=NAVIGATION)
        assert answer.status_code == 303 and "claude" not in answer.text
    nosy = told.grant("nosy")
    calls: list[Callable[[], object]] = [
        lambda: told.vault.entries(nosy, AuditRequest()), lambda: told.vault.entry(nosy, 1),
        lambda: told.vault.timeline(nosy, TimelineRequest()), lambda: told.vault.matrix(nosy, MatrixRequest()),
        lambda: told.vault.exposed(nosy, ExposedRequest(client="claude")),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(NotAllowed):
            call()
    refused = told.vault.audit(told.owner, AuditRequest(50, client="nosy")).entries
    assert len(refused) == len(calls) and {one.entry.decision for one in refused} == {"deny"}
