"""`ownvault ask` and `ownvault providers`, with a running server and with none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models import Models, serving
from tests.support import Server

SOURCES = Path(__file__).parent / "sources"


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    server.command("import", "markdown", str(SOURCES / "notes"), "--collection", "notes")
    return server


def test_off_until_configured(filled: Server) -> None:
    assert "nothing of yours is sent anywhere" in filled.command("providers").stdout
    refused = filled.command("ask", "where?", check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "ownvault providers add" in refused.stderr


def test_from_adding_to_an_answer_with_sources(filled: Server, models: Models, tmp_path: Path) -> None:
    secret = tmp_path / "key.txt"
    secret.write_text("s3cret\n")
    home = ("--url", models.url, "--collection", "notes")
    added = filled.command("providers", "add", "near", *home, "--model", "quitter", "--key-file", str(secret))
    assert "near may search in notes" in added.stdout
    assert "s3cret" not in added.stdout + added.stderr
    filled.command("providers", "add", "far", *home, "--model", "honest")

    before = len(models.asked)
    rehearsed = filled.command("ask", "harbour", "--dry-run")
    assert len(models.asked) == before
    assert "<source number=" in rehearsed.stdout
    assert "nothing was sent" in rehearsed.stderr

    asked = filled.command("ask", "harbour")
    assert "near: the answer broke off" in asked.stderr
    assert "[1]" in asked.stdout.split("\n\n")[-1]
    assert "far · honest was shown" in asked.stderr
    assert models.keys[-2:] == ["Bearer s3cret", None]

    said = filled.json("ask", "harbour", "--provider", "far")
    assert said["provider"] == "far" and said["cited"] and said["tried"] == []
    assert "s3cret" not in json.dumps(filled.json("providers")) + json.dumps(filled.json("ask", "harbour", "--dry-run"))

    assert filled.command("providers", "order", "far").stdout == "far, near\n"
    assert "its key is forgotten" in filled.command("providers", "remove", "near").stdout
    assert "near" not in filled.command("providers").stdout


def test_a_hostile_model_does_not_reach_the_terminal(filled: Server, models: Models) -> None:
    filled.command("providers", "add", "odd", "--url", models.url, "--model", "fabricator", "--collection", "notes")
    asked = filled.command("ask", "harbour", "--provider", "odd")
    assert "\x1b" not in asked.stdout
    assert "cites what it was not shown: [44]" in asked.stderr.replace("[9], ", "")


def test_mistakes_are_explained(filled: Server, models: Models, tmp_path: Path) -> None:
    base = ("providers", "add", "x", "--model", "m", "--collection", "notes")
    for words, told in (
        ((*base, "--url", "http://example.com/v1"), "could be read on the way"),
        ((*base, "--url", models.url, "--key-file", str(tmp_path / "absent")), "cannot read"),
        (("providers", "add", "x", "--model", "m", "--url", models.url), "nothing is named"),
        (("providers", "remove", "nobody"), "no provider 'nobody'"),
        (("ask", "why", "--provider", "nobody"), "no provider 'nobody'"),
        (("ask", " ", "--provider", "far"), "empty"),
    ):
        done = filled.command(*words, check=False)
        assert done.returncode and told in done.stderr, words
