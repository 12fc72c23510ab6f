"""What an import calls a source when nobody names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from vault.cli.imports import default_source, name_of


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("chats.jsonl", "chats"),
        ("chats.jsonl.gz", "chats"),
        ("a.b.mbox", "a.b"),
        ("plain", "plain"),
        (".hidden", ".hidden"),
    ],
)
def test_a_file_is_called_by_its_stem(path: str, name: str) -> None:
    assert name_of(Path(path)) == name


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
