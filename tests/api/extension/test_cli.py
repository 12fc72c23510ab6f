"""`ownvault extension`: the owner compares the words by typing them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.api.extension.conftest import FOREIGN, Extension, Place


def own(place: Place, *words: str, code: int = 0) -> str:
    """Run a command against the running server and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "vault", "extension", *words], env=place.running.server.environment, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def told(place: Place, *words: str) -> Any:
    return json.loads(own(place, *words, "--json"))


def test_the_words_let_it_in(place: Place) -> None:
    one = Extension(place.port)
    pairing, words = one.start("Typed", ("capture", "search"))
    shown = own(place, "pair")
    assert " ".join(words) in shown and one.origin in shown and pairing in shown
    assert "no browser waits with these words" in own(place, "pair", "acid", "acorn", "zoom", code=3)
    assert "no browser waits" in own(place, "pair", pairing, code=3), "an id compares nothing"
    said = own(place, "pair", *words)
    assert "Typed" in said and "can read nothing" in said
    assert one.fetch(pairing)["rights"] == ["capture"]


def test_what_it_may_search_is_named_and_shown(place: Place) -> None:
    one = Extension(place.port)
    pairing, words = one.start("Searching", ("search",))
    assert "needs --search" in own(place, "pair", *words, "--collection", "notes", code=2)
    own(place, "pair", *words, "--search", code=2)
    could = own(place, "pair", *words, "--search", "--collection", "notes", "--dry-run")
    assert "could search 2 records" in " ".join(could.split())
    done = told(place, "pair", " ".join(words).upper(), "--search", "--collection", "notes", "--no-capture", "--decide")
    assert done["browser"]["rights"] == ["search", "decide"] and done["sees"]["records"] == 2
    one.fetch(pairing)
    assert one.ask("search", {"query": "keel"})["hits"]


def test_one_is_sent_away(place: Place) -> None:
    one = Extension(place.port, FOREIGN)
    pairing, _ = one.start("Nobody's")
    assert "sent away" in own(place, "pair", pairing, "--deny")
    assert one.refused("pair/token", {"pairing": pairing}) == (410, "pairing_over")
    assert "no browser waits" in own(place, "pair")


def test_list_unpair_allow(place: Place) -> None:
    one = Extension(place.port)
    pairing, words = one.start("Listed", ("search",))
    own(place, "pair", *words, "--search", "--collection", "notes")
    one.fetch(pairing)
    one.ask("revoke-site", {"site": "https://a.example"})
    assert "https://a.example (ended)" in own(place, "list")
    assert "(ended)" not in own(place, "allow", "Listed", "https://a.example")
    assert "nothing is blocked" in own(place, "allow", "Listed", "https://a.example", code=2)
    Extension(place.port, FOREIGN, token="ovb_" + "0" * 64).say("collections")
    assert f"{FOREIGN} is not paired and tried" in " ".join(own(place, "list").split())
    assert "unpaired" in own(place, "unpair", "Listed")
    assert one.refused("search", {"query": "keel"}) == (401, "token_refused")
    assert "Listed" not in own(place, "list") and "Listed" in own(place, "list", "--all")
    assert "there is no browser" in own(place, "unpair", "Listed", code=3)


def test_the_doctor_says_what_is_there(place: Place) -> None:
    checks = {one["name"]: one for one in told(place, "doctor")["checks"]}
    assert checks["server"]["good"] and f":{place.port}" in checks["server"]["said"] and checks["vault"]["good"]
    assert set(checks) == {"extension for chromium", "extension for firefox", "server", "vault"}
