"""Chunks: what they cover, where they are cut, what stands in their header."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.embed.chunking import OVERLAP, PIECES, header, passage, split, weight
from vault.types import Draft

DAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "

pieces_of_text = st.sampled_from(
    ["word ", "Long sentence here. ", "\n", "\n\n", "# Heading\n", "## Other\n", "```\n", "> quoted\n", "Anna: hello\n",
     "Привет мир. ", "東京", " ", "x" * 90, "7,500.25 ", "On Monday Bob wrote:\n", "\t", "\u2028", "e\u0301"]
)  # fmt: skip
texts = st.lists(pieces_of_text, max_size=120).map("".join)


def draft(text: str, **fields: object) -> Draft:
    return Draft("o", text, **fields)  # type: ignore[arg-type]


@given(texts, st.sampled_from(["note", "mail", "chat", "page"]), st.integers(24, 300))
@settings(max_examples=150, deadline=None)
def test_chunks_are_slices_in_order_and_lose_nothing(text: str, kind: str, pieces: int) -> None:
    chunks = split(draft(text, kind=kind), pieces)
    assert chunks == split(draft(text, kind=kind), pieces)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text == text[chunk.start : chunk.end] == chunk.text.strip() for chunk in chunks)
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))
    covered = {i for chunk in chunks for i in range(chunk.start, chunk.end)}
    missed = [i for i, sign in enumerate(text) if not sign.isspace() and i not in covered]
    if kind == "mail":
        lines = {text.count("\n", 0, i) for i in missed}
        assert all(text.split("\n")[line].lstrip(" \t").startswith((">", "On ")) for line in lines)
    else:
        assert not missed
    if text.strip():
        assert all(chunk.text for chunk in chunks)


@given(texts, st.integers(40, 256))
@settings(max_examples=100, deadline=None)
def test_no_chunk_is_heavier_than_the_encoder_can_read(text: str, pieces: int) -> None:
    for chunk in split(draft(text), pieces):
        assert weight(chunk.text) <= pieces - 2


def test_a_short_record_is_one_chunk_whatever_its_shape() -> None:
    text = "# One\n\nfirst\n\n## Two\n\nsecond\n\nthird"
    (chunk,) = split(draft(f"  {text}\n"))
    assert (chunk.text, chunk.start) == (text, 2)


def test_an_empty_text_is_still_found_by_its_title() -> None:
    (chunk,) = split(draft(" \n", title="Passport"))
    assert (chunk.text, chunk.start, chunk.end, passage(chunk)) == ("", 0, 0, "Passport\n")


def test_headings_open_chunks_and_name_them() -> None:
    text = f"# Bread\n\n{SENTENCE * 12}\n\n# Soup\n\n{SENTENCE * 12}\n"
    chunks = split(draft(text, title="Recipes"))
    assert [chunk.text.splitlines()[0] for chunk in chunks] == ["# Bread", "# Soup"]
    assert [chunk.header for chunk in chunks] == ["Recipes / Bread", "Recipes / Soup"]


def test_a_heading_in_a_code_block_is_none() -> None:
    text = f"```\n# comment\n{SENTENCE * 12}\n```\n\n{SENTENCE * 10}"
    assert all("comment" not in chunk.header for chunk in split(draft(text)))


def test_whole_sentences_do_not_overlap_and_a_cut_sentence_does() -> None:
    sentences = split(draft(SENTENCE * 60))
    assert len(sentences) > 2
    assert all(chunk.text.startswith("The quick") and chunk.text.endswith("bank.") for chunk in sentences)
    assert all(a.end <= b.start for a, b in pairwise(sentences))
    cut = split(draft("unending " * 600))
    assert len(cut) > 2
    for a, b in pairwise(cut):
        assert a.start < b.start < a.end < b.end
        assert weight(a.text[b.start - a.start :]) <= OVERLAP


def test_a_conversation_is_cut_between_turns() -> None:
    text = "\n".join(f"{name}: {SENTENCE.strip()}" for name in ("Anna", "Bob") * 20)
    chunks = split(draft(text, kind="chat"))
    assert len(chunks) > 2
    assert all(chunk.text.startswith(("Anna: ", "Bob: ")) and chunk.text.endswith("bank.") for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Thanks!\n\nOn Mon, Bob wrote:\n> long\n> quote\n", ["Thanks!"]),
        ("Thanks!\n\nOn Monday, 8 May 2023 at 13:56\nBob <bob@example.org> wrote:\n\n> quote\n", ["Thanks!"]),
        ("> Shall we meet?\nYes, at noon.\n", ["> Shall we meet?\nYes, at noon."]),
        ("Bob wrote:\n> a\n> b\n> c\n> d\n> e\nNo.\n> f\nMaybe.\n", ["No.\n> f\nMaybe."]),
        ("> only\n> quoted\n", ["> only\n> quoted"]),
        ("She wrote: come.\nI went.\n", ["She wrote: come.\nI went."]),
        ("Danke!\n\nAm Montag schrieb Bob:\n> Zitat\n", ["Danke!"]),
    ],
)
def test_mail_is_found_by_its_own_words(text: str, own: list[str]) -> None:
    assert [chunk.text for chunk in split(draft(text, kind="mail"))] == own
    assert [chunk.text for chunk in split(draft(text, kind="note"))] == [text.strip()]


def test_headers() -> None:
    assert header("", (), None) == ""
    assert header("Title", (), None) == "Title"
    assert header("", ("Anna", "Bob"), None) == "Anna, Bob:"
    assert header("Trip", ("Anna",), DAY) == "Trip\nAnna (Monday, 8 May 2023, 2023-05-08):"
    assert header("", (), DAY) == "(Monday, 8 May 2023, 2023-05-08):"
    assert header("", tuple("abcdef"), None) == "a, b, c, d:"
    (chunk,) = split(draft("Hello.", people=("Anna",), created=DAY))
    assert passage(chunk) == "Anna (Monday, 8 May 2023, 2023-05-08):\nHello."


def test_a_huge_header_leaves_half_of_the_room_to_the_text() -> None:
    chunks = split(draft(SENTENCE * 30, title="title " * 500))
    assert all(weight(chunk.text) <= PIECES // 2 for chunk in chunks)
