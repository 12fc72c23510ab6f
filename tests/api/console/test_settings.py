"""Settings in the console: what is told of the vault, who is paired, and that more than saving costs the passphrase."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.api.console.conftest import Browser, House
from tests.support import PASSPHRASE
from tests.test_pairings import ADDRESS, ME
from vault.permissions import transcripts
from vault.permissions.transcripts import encoded
from vault.types import BrowserView, Filter, Look, PairReveal, PairStart, Right


@pytest.fixture
def browser(house: House) -> Browser:
    made = house.browser()
    made.sign_in()
    return made


def knock(house: House, name: str = "laptop") -> str:
    """Have a browser ask to be paired, and return the pairing's id."""
    nonce = b"n" * 32
    asks = tuple(Right)
    started = house.vault.pair_start(PairStart(name, encoded(transcripts.commitment(nonce)), asks), ME)
    house.vault.pair_reveal(PairReveal(started.pairing, encoded(nonce)), ME, ADDRESS)
    return started.pairing


def words(house: House) -> str:
    return " ".join(house.vault.browsers(house.owner).waiting[0].words)


def live(house: House) -> list[BrowserView]:
    return [one for one in house.vault.browsers(house.owner).browsers if one.ended is None]


def test_the_page_tells_how_the_vault_stands(house: House, browser: Browser) -> None:
    page = browser.go("/console/settings").text
    for said in (
        "Doctor",
        "in order",
        "recovery key",
        "4 records in 4 chunks",
        "None is configured",
        "0 browsers paired",
    ):
        assert said in page


def test_what_is_wrong_is_said_with_its_remedy(house: House, browser: Browser) -> None:
    directory = house.vault._directory
    directory.chmod(0o755)
    page = browser.go("/console/settings").text
    assert "other accounts can look into" in page
    assert f"chmod 700 {directory}" in page


def test_new_programs_register_while_the_owner_lets_them(house: House, browser: Browser) -> None:
    browser.go("/console/settings")
    assert browser.send("/console/settings/pairing", minutes="15").status_code == 303
    assert house.vault.pairing(house.owner).until == house.clock() + timedelta(minutes=15)
    assert "Programs may register until" in browser.go("/console/settings").text
    browser.send("/console/settings/pairing/close")
    assert house.vault.pairing(house.owner).until is None


def test_the_words_are_typed_and_saving_needs_no_passphrase(house: House, browser: Browser) -> None:
    id = knock(house)
    right = words(house)
    page = browser.go("/console/settings/browsers").text
    assert right not in page  # they are typed, for a glance is no comparison
    for wrong in ("", "one two three", right.rsplit(" ", 1)[0]):
        answer = browser.send(f"/console/settings/browsers/{id}/pair", into="web", words=wrong)
        assert answer.status_code == 400
        assert not live(house)
    answer = browser.send(f"/console/settings/browsers/{id}/pair", into="web", words=f" {right.upper()} ")
    assert answer.status_code == 303
    assert [one.rights for one in live(house)] == [(Right.CAPTURE,)]


@pytest.mark.parametrize("more", [{"decide": "1"}, {"search": "1", "collection": "notes"}])
def test_more_than_saving_costs_the_passphrase(house: House, browser: Browser, more: dict[str, str]) -> None:
    id = knock(house)
    browser.go("/console/settings/browsers")
    answer = browser.send(f"/console/settings/browsers/{id}/pair", into="web", words=words(house), **more)
    assert answer.status_code == 403
    assert "passphrase" in answer.text
    assert not live(house)
    browser.send(
        f"/console/settings/browsers/{id}/pair", into="web", words=words(house), passphrase=PASSPHRASE.decode(), **more
    )
    (made,) = live(house)
    assert len(made.rights) == 2


def test_one_is_turned_away_and_one_unpaired(house: House, browser: Browser) -> None:
    id = knock(house)
    browser.go("/console/settings/browsers")
    browser.send(f"/console/settings/browsers/{id}/refuse")
    assert not house.vault.browsers(house.owner).waiting
    id = knock(house)
    browser.go("/console/settings/browsers")
    browser.send(f"/console/settings/browsers/{id}/pair", into="web", words=words(house))
    (made,) = live(house)
    assert re.search(rf"browsers/{made.id}/unpair", browser.go("/console/settings/browsers").text)
    browser.send(f"/console/settings/browsers/{made.id}/unpair")
    assert not live(house)


def test_the_checks_say_what_is_idle_and_what_is_broad(house: House) -> None:
    house.grant("idle")
    found = {one.name: one.look for one in house.vault.checkup(house.owner).checks}
    assert "unused" not in found
    assert "broad" not in found
    house.clock.forward(days=61)
    house.grant("open", filter=Filter(collections=("notes",), sensitivity="secret"))
    found = {one.name: one for one in house.vault.checkup(house.owner).checks}
    assert "open" in found["broad"].says


def test_a_clock_that_was_set_back_is_wrong(house: House) -> None:
    house.clock.forward(days=-2)
    clock = next(one for one in house.vault.checkup(house.owner).checks if one.name == "clock")
    assert clock.look is Look.BAD
