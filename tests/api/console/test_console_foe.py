"""What an adversary tried on the console: who sits at the open pages, and what no page of ours sends."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.api.console.conftest import BASE, Browser, House
from tests.support import PASSPHRASE
from vault.api.app import _environ
from vault.errors import Refused
from vault.plugins.staging import MEMORY
from vault.types import Filter, RecordsRequest, Sensitivity


@pytest.fixture
def owner(house: House) -> Browser:
    browser = house.browser()
    browser.sign_in()
    browser.go("/console/")
    return browser


def ill(house: House) -> str:
    """Return the id of the one record that is sensitive."""
    every = house.vault.records(house.owner, RecordsRequest("notes", 50, None)).records
    return next(one.id for one in every if one.sensitivity is Sensitivity.SENSITIVE)


# ---------------------------------------------------------------- who sits at the open console


@pytest.mark.parametrize("said", ["PERSONAL", "Public", "pUbLiC", "per\u017fonal", "personal "])
def test_a_level_in_other_letters_costs_the_passphrase_too(house: House, owner: Browser, said: str) -> None:
    id = ill(house)
    forms: list[tuple[str, dict[str, Any]]]
    forms = [(f"/console/data/records/{id}", {"labels": ""}), ("/console/data/label", {"id": id})]
    for path, form in forms:
        owner.go(f"/console/data/records/{id}")
        assert owner.send(path, sensitivity=said, **form).status_code in (400, 403)
        assert house.vault.describe(house.owner, id).record.sensitivity is Sensitivity.SENSITIVE


def test_labels_that_show_something_sensitive_to_more_cost_the_passphrase(house: House, owner: Browser) -> None:
    id = ill(house)
    kept_out = house.grant("one", filter=Filter(("notes",), without_labels=("private",), sensitivity="sensitive"))
    named = house.grant("two", filter=Filter(labels=("shared",), sensitivity="sensitive"))
    page, many = f"/console/data/records/{id}", "/console/data/label"
    proof: dict[str, Any] = {"passphrase": PASSPHRASE.decode()}
    owner.go(page)
    assert owner.send(page, labels="private", sensitivity="sensitive", **proof).status_code == 303
    assert "ill" not in house.ask(kept_out)
    forms: list[tuple[str, dict[str, Any]]] = [
        (page, {"labels": "", "sensitivity": "sensitive"}), (many, {"id": id, "remove": "private"}),
        (page, {"labels": "private\nshared", "sensitivity": "sensitive"}), (many, {"id": id, "add": "shared"}),
        (page, {"labels": "", "sensitivity": "secret"}),
    ]  # fmt: skip
    for path, form in forms:
        owner.go(page)
        assert owner.send(path, **form).status_code == 403
    assert "ill" not in house.ask(kept_out)
    assert house.ask(named) == []
    owner.go(page)
    assert owner.send(page, labels="", sensitivity="sensitive", **proof).status_code == 303
    assert "ill" in house.ask(kept_out)


def test_a_grant_that_sees_something_sensitive_is_resumed_with_the_passphrase(house: House, owner: Browser) -> None:
    claude = house.grant(filter=Filter(("notes",), sensitivity="sensitive"))
    (view,) = house.vault.grants(house.owner)
    page = f"/console/clients/{view.id}"
    owner.go(page)
    assert owner.send(f"{page}/pause").status_code == 303
    assert "/resume" not in owner.go("/console/clients").text
    assert 'name="passphrase"' in owner.go(page).text
    for passphrase in (None, "wrong"):
        owner.go(page)
        assert owner.send(f"{page}/resume", passphrase=passphrase).status_code in (401, 403)
        with pytest.raises(Refused):
            house.ask(claude)
    owner.go(page)
    assert owner.send(f"{page}/resume", passphrase=PASSPHRASE.decode()).status_code == 303
    assert "ill" in house.ask(claude)


# ---------------------------------------------------------------- what no page of ours has


@pytest.mark.parametrize(
    "path",
    [
        "/console/data/search?q=boat&until=9999-12-31", "/console/data/search?q=boat&since=2026-01-01T00:00%2B05:00",
        "/console/exposure/records?client=claude&before=--5.x", "/console/exposure/records?client=claude&before=-.x",
    ],
)  # fmt: skip
def test_a_time_that_is_none_is_told(owner: Browser, path: str) -> None:
    assert owner.go(path).status_code == 400


@pytest.mark.parametrize(
    "path", ["/console/enter/%0D%0AX", "/console/a%3Fb", "/console/~x/%252e%252e", "/console/a?n=1"]
)
def test_another_name_leads_to_the_same_place(house: House, path: str) -> None:
    answer = house.browser().go(path, base="http://127.0.0.1:7117")
    assert (answer.status_code, answer.headers["Location"]) == (307, BASE + path)


def test_a_header_with_an_underscore_is_none_of_the_browsers() -> None:
    said = [(b"sec-fetch-dest", b"empty"), (b"sec_fetch_mode", b"navigate"), (b"x_vault_page", b"x"), (b"host", b"a")]
    scope = {"method": "GET", "path": "/", "query_string": b"", "scheme": "http", "headers": said}
    told = {name: value for name, value in _environ(scope, b"").items() if name.startswith("HTTP_")}
    assert told == {"HTTP_SEC_FETCH_DEST": "empty", "HTTP_HOST": "a"}


def test_a_deep_answer_of_an_authenticator_is_none(owner: Browser) -> None:
    deep = urlsafe_b64encode(b"[" * 8000).decode().rstrip("=")
    said = json.dumps({"response": {"clientDataJSON": deep}})
    owner.go("/console/settings/passkeys")
    form: dict[str, Any] = {"name": "k", "passphrase": PASSPHRASE.decode(), "assertion": said}
    assert owner.send("/console/settings/passkeys", **form).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "modified=" + "9" * 400, "modified=" + "9" * 300, "modified=-" + "9" * 30, "at=-5", "at=" + "9" * 30,
        "path=../../x", "path=%00", "path=" + "a/" * 3000, "path=" + "a" * 300, "path=%ED%A0%80/..",
    ],
)  # fmt: skip
def test_a_part_of_a_file_that_is_none_is_told(owner: Browser, query: str) -> None:
    if not MEMORY.is_dir():
        pytest.skip("no file system in memory")
    owner.go("/console/data/import")
    begun = owner.send("/console/data/import/begin", importer="text", collection="notes")
    id = json.loads(begun.text)["id"]
    owner.go("/console/data/import")
    page = re.search(r'name="vault-page" content="([^"]+)"', owner.shown)
    assert page
    told = {"Origin": BASE, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "X-Vault-Page": page[1]}
    said = query if "path=" in query else f"path=a.txt&{query}"
    answer = owner.client.post(
        owner.at(f"/console/data/import/{id}/part?{said}"), base_url=BASE, data=b"hi", headers=told,
        content_type="application/octet-stream",
    )  # fmt: skip
    assert answer.status_code == 400
    assert owner.send(f"/console/data/import/{id}/stop").status_code == 200
