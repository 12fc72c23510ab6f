"""Data's pages: what there is, searching, one record, labels, forgetting, importing, the map; and hostile content."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.console.conftest import BASE, NAVIGATION, Browser, House
from tests.support import PASSPHRASE
from vault import importing
from vault.api.console import charts
from vault.api.console.prose import markdown
from vault.library.highlights import marked
from vault.plugins.staging import MEMORY
from vault.types import AddRequest, Arrival, Draft, Filter, Provenance, Sensitivity

HOSTILE = '<img src=x onerror="alert(1)">\u202egnp.exe\x00</title><script>alert(2)</script>'


@pytest.fixture
def owner(house: House) -> Browser:
    browser = house.browser()
    browser.sign_in()
    browser.go("/console/")
    return browser


def put(house: House, *drafts: Draft, collection: str = "notes", source: str = "test") -> list[str]:
    return [one.id for one in house.vault.add(house.owner, AddRequest(collection, drafts, source)).outcomes]


def found(house: House, origin: str) -> str:
    with house.vault._parts.db.read() as conn:
        return str(conn.execute("SELECT id FROM record WHERE origin = ?", (origin,)).fetchone()[0])


# ---------------------------------------------------------------- looking


def test_the_overview_tells_what_there_is(house: House, owner: Browser) -> None:
    put(house, Draft("old", "boat", created=datetime(2021, 5, 1, tzinfo=UTC)), source="other")
    page = owner.go("/console/data").text
    for said in ("notes", "diary", "test", "other", "5</span> records", "2021-05-01", "sensitive"):
        assert said in page, said
    assert 'role="img"' in page
    assert "<table" in page.partition("As a table")[2]


def test_an_empty_vault_says_how_to_begin(house: House, owner: Browser) -> None:
    for origin in ("red", "tea", "ill", "sank"):
        house.vault.forget(house.owner, found(house, origin))
    page = owner.go("/console/data").text
    assert "Nothing is in the vault yet" in page
    assert "There is nothing to draw yet" in owner.go("/console/map?list=1").text


def test_a_search_marks_the_words_and_keeps_the_filters(house: House, owner: Browser) -> None:
    page = owner.go("/console/data/search?q=red+boats&collection=notes").text
    assert "<mark>boat</mark>" in page
    assert "&lt;b&gt;<mark>Red</mark>&lt;/b&gt;" in page
    assert "Sunk" not in page
    assert '<option selected value="notes">' in page
    assert "Nothing in your vault answers that" in owner.go("/console/data/search?q=boat&label=none").text


@pytest.mark.parametrize(("query", "status"), [
    ("q=boat&since=yesterday", 400), ("q=boat&since=2024-01-02&until=2024-01-01", 400), ("q=boat&collection=none", 404),
    ("q=boat&sensitivity=cosmic", 400), ("q=" + "x" * 5000, 200), ("q=%00%ff", 200), ("q=boat&label=%E2%80%AE", 400),
])  # fmt: skip
def test_a_bad_search_is_told_on_the_page(owner: Browser, query: str, status: int) -> None:
    answer = owner.go(f"/console/data/search?{query}")
    assert answer.status_code == status
    assert ('class="problem" role' in answer.text) == (status >= 400)


def test_a_collection_is_listed_in_pages(house: House, owner: Browser) -> None:
    put(house, *(Draft(f"n{n}", f"text {n}", f"Title {n}") for n in range(60)), collection="many & more/of it")
    page = owner.go("/console/data/collections/many%20&%20more/of%20it").text
    assert page.count('name="id"') == 50
    older = re.search(r'href="([^"]+before=\d+)"', page)
    assert older
    rest = owner.client.get(older[1], base_url=BASE, headers=NAVIGATION).text
    assert rest.count('name="id"') == 10
    assert owner.go("/console/data/collections/none").status_code == 404
    assert owner.go("/console/data/collections/notes?before=x").status_code == 400


def test_a_record_shows_all_that_is_known_of_it(house: House, owner: Browser) -> None:
    claude = house.grant("claude")
    (id,) = put(
        house,
        Draft("o/1", "The boat again.", "Again", people=("Ada",), url="https://example.com/a", language="en",
              provenance=Provenance.THIRD_PARTY, labels=("sea",), created=datetime(2024, 1, 2, tzinfo=UTC)),
    )  # fmt: skip
    house.ask(claude)
    page = owner.go(f"/console/data/records/{id}").text
    for said in ("Again", "The boat again.", "Ada", "written by others", "2024-01-02", "o/1", "sea", "claude"):
        assert said in page, said
    assert '<a href="https://example.com/a" rel="noreferrer noopener nofollow" target="_blank">' in page
    assert owner.go("/console/data/records/rnone").status_code == 404


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "https://a\u202eb.com", 'https://a" onx="']
)
def test_only_addresses_of_the_web_are_links(house: House, owner: Browser, url: str) -> None:
    (id,) = put(house, Draft("u", "text", url=url))
    assert "target=" not in owner.go(f"/console/data/records/{id}").text


def test_hostile_words_are_words_everywhere(house: House, owner: Browser) -> None:
    (id,) = put(
        house,
        Draft("evil", f"boat {HOSTILE}", HOSTILE.replace("\x00", ""), kind="<i>", people=("<b>",), labels=("<u>",),
              provenance=Provenance.THIRD_PARTY),
    )  # fmt: skip
    places = (
        "/data", "/data/search?q=boat+alert", "/data/collections/notes", f"/data/records/{id}",
        f"/data/records/{id}?as=markdown", f"/data/records/{id}/forget", "/map?list=1",
    )  # fmt: skip
    for place in places:
        page = owner.go(f"/console{place}").text
        assert "<img" not in page, place
        assert "<script>" not in page, place
        assert "\u202e" not in page, place
        assert not {"<i>", "<b>", "<u>"} & set(re.findall(r"<\w>", page)), place


def test_a_megabyte_is_shown_as_text_and_not_read_as_markdown(house: House, owner: Browser) -> None:
    (id,) = put(house, Draft("long", "[" * 500_000 + "(" * 500_000))
    answer = owner.go(f"/console/data/records/{id}?as=markdown")
    assert answer.status_code == 200
    assert "[" * 1000 in answer.text


# ---------------------------------------------------------------- prose and words


@pytest.mark.parametrize(("text", "has", "lacks"), [
    ("<script>x</script>", "&lt;script&gt;", "<script"),
    ("![cat](https://evil.example/cat.png)", "[picture: cat]", "<img"),
    ("![](data:image/png;base64,x)", "picture", "<img"),
    ("[good](https://ok.example/a?b=\"c)", "(https://ok.example", "c)\""),
    ("[bank.example](https://evil.example)", "(https://evil.example)", "<img"),
    ("[x](javascript:alert(1))", "javascript:alert(1)", "href"),
    ("[x](vault.localhost/console)", "<span>x</span>", "href"),
    ("[x](/console/out)", "(/console/out)", "href"),
    ("<https://ok.example>", 'rel="noreferrer noopener nofollow"', "<img"),
    ("# Title", "<h3>Title</h3>", "<h1"),
    ("a\u202eb", "ab", "\u202e"),
    ("|a|b|\n|-|-|\n|<i>|2|", "<td>&lt;i&gt;</td>", "<i>"),
    ("[ref]\n\n[ref]: javascript:x", "javascript:x", "href"),
])  # fmt: skip
def test_markdown_acts_on_nothing(text: str, has: str, lacks: str) -> None:
    shown = str(markdown(text))
    assert has in shown
    assert lacks not in shown


def test_nesting_without_end_is_read_in_no_time() -> None:
    for text in (">" * 90_000, "*" * 90_000, "[" * 90_000, "- " * 40_000, "`" * 90_000, "<" * 90_000, "![](" * 20_000):
        assert markdown(text) is not None


def test_the_words_of_a_question_are_marked_as_the_search_finds_them() -> None:
    def said(text: str, query: str) -> list[str]:
        pieces = list(marked(text, query))
        assert "".join(piece for piece, _ in pieces) == text
        return [piece for piece, hit in pieces if hit]

    assert said("Boats sail. The BOAT sank; boating?", "boat") == ["Boats", "BOAT", "boating"]
    assert said("Café à la carte, cafe\u0301", "cafe") == ["Café"] or said("Café", "cafe") == ["Café"]
    assert said("the and of", "the") == []
    assert said("", "x") == []
    assert said("<b>boat</b>", "b") == ["b", "b"]


def test_charts_have_a_bar_for_every_month_and_for_years_when_there_are_many() -> None:
    made = charts.written({"2024-01": 4, "2024-03": 2})
    assert [(bar.name, bar.number) for bar in made.bars] == [("2024-01", 4), ("2024-02", 0), ("2024-03", 2)]
    assert made.bars[0].height > made.bars[2].height > 0 == made.bars[1].height
    assert [bar.name for bar in charts.written({"2001-01": 1, "2009-01": 1}).bars][:2] == ["2001", "2002"]
    assert len(charts.written({"0001-01": 1, "9999-12": 1}).bars) <= charts.BARS
    assert charts.written({}).bars == ()
    grown = charts.growth((Arrival("2024-01-01", 2, 10), Arrival("2024-01-11", 3, 30)))
    assert [(one.records, one.bytes) for one in grown.points] == [(2, 10), (5, 40)]
    assert grown.path
    assert not charts.growth(()).path


# ---------------------------------------------------------------- changing


def test_labels_saved_count_at_once(house: House, owner: Browser) -> None:
    id = found(house, "red")
    claude = house.grant("claude", filter=Filter(labels=("sea",)))
    assert house.ask(claude) == []
    owner.go(f"/console/data/records/{id}")
    answer = owner.send(f"/console/data/records/{id}", labels="sea\n  blue  \n\n", sensitivity="personal")
    assert answer.status_code == 303
    assert house.ask(claude) == ["red"]
    assert "Changed" in owner.go(f"/console/data/records/{id}").text
    owner.send(f"/console/data/records/{id}", labels="blue", sensitivity="personal")
    assert house.ask(claude) == []
    owner.go(f"/console/data/records/{id}")
    owner.send(f"/console/data/records/{id}", labels="blue", sensitivity="personal")
    assert "Nothing was changed" in owner.go(f"/console/data/records/{id}").text
    assert house.vault.describe(house.owner, id).record.version == 3


def test_making_something_less_sensitive_needs_the_passphrase(house: House, owner: Browser) -> None:
    id = found(house, "ill")
    owner.go(f"/console/data/records/{id}")
    refused = owner.send(f"/console/data/records/{id}", labels="", sensitivity="personal")
    assert refused.status_code == 403
    assert "passphrase" in refused.text
    assert house.vault.describe(house.owner, id).record.sensitivity is Sensitivity.SENSITIVE
    owner.send(f"/console/data/records/{id}", labels="", sensitivity="secret")  # more needs none
    owner.go(f"/console/data/records/{id}")
    done = owner.send(f"/console/data/records/{id}", labels="", sensitivity="public", passphrase=PASSPHRASE.decode())
    assert done.status_code == 303
    assert house.vault.describe(house.owner, id).record.sensitivity is Sensitivity.PUBLIC


def test_many_are_labelled_together(house: House, owner: Browser) -> None:
    ids = [found(house, one) for one in ("red", "tea", "ill")]
    owner.go("/console/data/search?q=boat")
    asked = owner.send("/console/data/chosen", id=ids, deed="label").text
    assert "Label 3 records" in asked
    refused = owner.send("/console/data/label", id=ids, add="new", sensitivity="public")
    assert refused.status_code == 403  # one of them is sensitive
    assert owner.send("/console/data/label", id=ids, add="new", passphrase=PASSPHRASE.decode()).status_code == 303
    for id in ids:
        assert "new" in house.vault.describe(house.owner, id).record.labels
    owner.go("/console/data")
    assert owner.send("/console/data/chosen", deed="label").status_code == 400
    assert owner.send("/console/data/label", id=ids).status_code == 400


def test_forgetting_tells_its_effect_and_wants_a_yes(house: House, owner: Browser) -> None:
    claude = house.grant("claude")
    house.ask(claude)
    id = found(house, "red")
    page = owner.go(f"/console/data/records/{id}/forget").text
    assert "This cannot be undone" in page
    assert "1 grant can see it now: claude" in page
    assert "claude was given it before" in page
    unsure = owner.send(f"/console/data/records/{id}/forget")
    assert unsure.status_code == 400
    assert house.vault.describe(house.owner, id).record.origin == "red"
    assert owner.send(f"/console/data/records/{id}/forget", sure="yes").status_code == 303
    assert owner.go(f"/console/data/records/{id}").status_code == 404
    assert "red" not in house.ask(claude)


def test_many_are_forgotten_together(house: House, owner: Browser) -> None:
    ids = [found(house, one) for one in ("red", "tea")]
    owner.go("/console/data")
    assert "Forget 2 records" in owner.send("/console/data/chosen", id=ids, deed="forget").text
    assert owner.send("/console/data/forget", id=ids, sure="yes").status_code == 303
    assert "Forgotten: 2 records" in owner.go("/console/data").text


def test_a_form_without_the_pages_secret_changes_nothing(house: House, owner: Browser) -> None:
    id = found(house, "red")
    forms: tuple[tuple[str, dict[str, Any]], ...] = (
        (f"/data/records/{id}", {"labels": "x", "sensitivity": "public"}), ("/data/chosen", {"id": id}),
        (f"/data/records/{id}/forget", {"sure": "yes"}), ("/data/forget", {"id": id, "sure": "yes"}),
        ("/data/label", {"id": id, "add": "x"}),
        ("/data/import/begin", {"importer": "text", "collection": "x"}),
    )  # fmt: skip
    for path, said in forms:
        assert owner.send(f"/console{path}", **{**said, "page": "wrong"}).status_code == 403
        assert owner.send(f"/console{path}", headers={"Origin": "http://evil.example"}, **said).status_code == 403
    assert house.vault.describe(house.owner, id).record.labels == ()


# ---------------------------------------------------------------- the map


def atlas(owner: Browser) -> dict[str, Any]:
    owner.go("/console/map")
    return dict(json.loads(owner.part("/console/map/atlas").text))


def test_the_map_has_a_point_for_every_record(house: House, owner: Browser) -> None:
    told = atlas(owner)
    assert (told["size"], told["collections"]) == (4, ["notes", "diary"])
    points = owner.part(f"/console/map/points/{told['tag']}").data
    assert len(points) == 4 * 5
    assert sorted(points[16:]) == [0, 0, 0, 1]
    spots = json.loads(owner.part(f"/console/map/spots/{told['tag']}?at=0,1,2,3").text)
    assert {one["title"] for one in spots} == {"<b>Red</b> boat", "Tea", "Illness", "Sunk"}
    assert {one["id"] for one in spots} == {found(house, one) for one in ("red", "tea", "ill", "sank")}


def test_no_page_waits_for_a_map_that_is_drawn_for_another(house: House, owner: Browser) -> None:
    owner.go("/console/map")
    with house.vault._parts.library._maps._drawing:
        assert owner.part("/console/map/atlas").status_code == 202
        assert "List the regions" in owner.go("/console/map").text
    assert owner.part("/console/map/atlas").status_code == 200


def test_a_grants_points_stand_out(house: House, owner: Browser) -> None:
    house.grant("claude")
    told = atlas(owner)
    grant = house.vault.grants(house.owner)[0].id
    answer = owner.part(f"/console/map/shade/{grant}")
    assert answer.headers["X-Vault-Map"] == told["tag"]
    spots = json.loads(owner.part(f"/console/map/spots/{told['tag']}?at=0,1,2,3").text)
    seen = {one["title"] for one in spots if answer.data[0] >> one["point"] & 1}
    assert seen == {"<b>Red</b> boat", "Tea"}
    assert owner.part("/console/map/shade/none").status_code == 404


def test_another_map_after_a_change_is_told_apart(house: House, owner: Browser) -> None:
    told = atlas(owner)
    put(house, Draft("more", "another boat"))
    assert atlas(owner)["tag"] != told["tag"]
    assert owner.part(f"/console/map/points/{told['tag']}").data == b""
    assert owner.part(f"/console/map/spots/{told['tag']}?at=0").status_code == 412
    for at in ("", "x", "-1", "9" * 12, "99999"):
        assert owner.part(f"/console/map/spots/{atlas(owner)['tag']}?at={at}").status_code in (400, 412)


def test_the_map_is_a_list_too(house: House, owner: Browser) -> None:
    put(house, *(Draft(f"g{n}", f"tomatoes in the garden, row {n}", "Garden") for n in range(30)))
    page = owner.go("/console/map?list=1").text
    assert "What is where" in page
    assert "garden" in page.partition("What is where")[2]


# ---------------------------------------------------------------- importing


def sent(owner: Browser, path: str, data: bytes | None = None, **said: Any) -> TestResponse:
    """Send what our script sends: a form, or with `data` the bytes of a file."""
    page = re.search(r'name="vault-page" content="([^"]+)"', owner.shown)
    assert page
    headers = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "X-Vault-Page": page[1], "Origin": BASE}
    kind = {} if data is None else {"content_type": "application/octet-stream"}
    return owner.client.post(
        owner.at(path), base_url=BASE, headers=headers, data=said if data is None else data, **kind
    )


@pytest.fixture
def brought(owner: Browser) -> Callable[..., dict[str, Any]]:
    """An import of some files, by path, until it is over."""
    if not importing.takes_files():
        pytest.skip("this system has no file system in memory")

    def bring(importer: str, collection: str, **files: bytes) -> dict[str, Any]:
        owner.go("/console/data/import")
        id = json.loads(sent(owner, "/console/data/import/begin", importer=importer, collection=collection).text)["id"]
        for name, data in files.items():
            sent(
                owner, f"/console/data/import/{id}/part?path={name.replace('_', '.')}&at=0&modified=1600000000000", data
            )
        state = json.loads(sent(owner, f"/console/data/import/{id}/go").text)
        while state["stage"] == "running":
            state = json.loads(owner.part(f"/console/data/import/{id}").text)
            time.sleep(0)
        return dict(state)

    return bring


def test_files_are_imported_as_the_command_would(
    house: House, owner: Browser, brought: Callable[..., dict[str, Any]]
) -> None:
    state = brought(
        "markdown", "field", a_md=b"# River\nIt rose.", b_md=b"# Hill\nIt stood.", c_md=bytes(range(256)) * 8
    )
    assert (state["stage"], state["added"], state["failed"]) == ("done", 2, 1)
    assert state["failures"][0]["place"] == "c.md"
    assert state["failures"][0]["hint"]
    again = brought("markdown", "field", a_md=b"# River\nIt rose.", b_md=b"# Hill\nIt fell.")
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 1, 1)
    assert not [one for one in MEMORY.glob("ownvault-import-*/files")]


def test_an_import_is_undone_as_far_as_it_added(
    house: House, owner: Browser, brought: Callable[..., dict[str, Any]]
) -> None:
    brought("markdown", "field", a_md=b"# River\nIt rose.", c_md=b"# Lake\nIt froze.")
    state = brought("markdown", "field", a_md=b"# River\nIt fell.", b_md=b"# Hill\nIt stood.")
    assert (state["new"], state["vanished"]) == (1, 0)  # another choice of files is no smaller source
    refused = sent(owner, f"/console/data/import/{state['id']}/undo")
    assert refused.status_code == 400
    assert json.loads(sent(owner, f"/console/data/import/{state['id']}/undo", sure="yes").text)["stage"] == "undone"
    held = {one.collection: one.records for one in house.vault.holdings(house.owner).holdings}
    assert held["field"] == 2
    assert sent(owner, f"/console/data/import/{state['id']}/undo", sure="yes").status_code == 400


def test_what_cannot_be_imported_is_told(owner: Browser, brought: Callable[..., dict[str, Any]]) -> None:
    assert brought("jsonl", "field", a_jsonl=b"no json\n")["failed"] == 1
    owner.go("/console/data/import")
    for importer, collection in (("nothing", "x"), ("text", " ")):
        told = sent(owner, "/console/data/import/begin", importer=importer, collection=collection)
        assert "problem" in json.loads(told.text)
    id = json.loads(sent(owner, "/console/data/import/begin", importer="text", collection="x").text)["id"]
    for path in ("path=../x&at=0", "path=/x&at=0", "path=x&at=y", "path=&at=0", "path=x&at=7", "path=x&modified=1e9"):
        assert sent(owner, f"/console/data/import/{id}/part?{path}", b"data").status_code == 400, path
    state = json.loads(sent(owner, f"/console/data/import/{id}/go").text)
    assert (state["stage"], "no file" in state["said"]) == ("failed", True)
    assert sent(owner, f"/console/data/import/{id}/part?path=x&at=0", b"late").status_code == 409
    assert owner.part("/console/data/import/none").status_code == 404


def test_files_that_wait_can_be_let_go_and_only_a_few_wait_at_once(
    owner: Browser, brought: Callable[..., dict[str, Any]]
) -> None:
    owner.go("/console/data/import")
    begin: dict[str, Any] = {"importer": "text", "collection": "x"}
    ids = [json.loads(sent(owner, "/console/data/import/begin", **begin).text)["id"] for _ in range(2)]
    assert sent(owner, "/console/data/import/begin", **begin).status_code == 429
    for id in ids:
        sent(owner, f"/console/data/import/{id}/part?path=a.txt&at=0", b"secret words")
        assert json.loads(sent(owner, f"/console/data/import/{id}/stop").text)["stage"] == "stopped"
    assert not list(MEMORY.glob("ownvault-import-*/files"))


def test_the_page_needs_no_script_to_say_what_to_do(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ownvault import" in owner.go("/console/data/import").text
    monkeypatch.setattr(importing, "takes_files", lambda: False)
    assert "no file system in memory" in owner.go("/console/data/import").text
