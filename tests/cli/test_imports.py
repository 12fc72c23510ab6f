"""What an import calls a source when nobody names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vault.cli.imports import default_source, name_of
from vault.permissions import names

ODD = ["notes", "a,b;c", "[x] = {y}", "日本語", "e\u0301te\u0301", "\udce9x", " x ", "-", "🎉 party", "x:y", "\u202ex"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("chats.jsonl", "chats"),
        ("chats.jsonl.gz", "chats"),
        ("a.b.mbox", "a.b"),
        ("plain", "plain"),
        (".x", "x"),
        ("été #1, [b].txt", "été -1- -b"),
        ("???", ""),
        ("x" * 200, "x" * 48),
    ],
)
def test_a_file_is_called_by_its_stem(path: str, name: str) -> None:
    assert name_of(Path(path)) == name


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_every_name_of_a_file_makes_a_source_that_is_one(name: str) -> None:
    source = default_source("text", "odd", Path(f"{name}.txt"))
    assert names.name(source) == source


def test_a_folder_keeps_its_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.v2" / "inner").mkdir(parents=True)
    assert name_of(tmp_path / "notes.v2") == "notes.v2"
    monkeypatch.chdir(tmp_path / "notes.v2")
    assert name_of(Path()) == "notes.v2"
    assert name_of(Path("inner/..")) == "notes.v2"


def test_the_same_name_in_two_collections_is_two_sources() -> None:
    private, work = (default_source("markdown", collection, Path("notes")) for collection in ("private", "work"))
    assert private != work
    assert default_source("markdown", "notes", Path("notes")) == "markdown:notes"
