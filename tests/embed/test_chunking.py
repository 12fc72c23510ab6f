"""Chunks: what they cover, where they are cut, what stands in their header."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.embed.chunking import OVERLAP, PIECES, header, passage, split, weight, wording
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
        ("Fine.\n\n-----Original Message-----\nFrom: Bob\nShall we?\n", ["Fine."]),
        ("Gut.\n\nVon: Bob <b@example.org>\nGesendet: Montag\nBetreff: x\n\nWollen wir?\n", ["Gut."]),
        ("From: the sea\nDate: a fruit", ["From: the sea\nDate: a fruit"]),
        ("-----Original Message-----\nFrom: Bob\nall of it", ["-----Original Message-----\nFrom: Bob\nall of it"]),
    ],
)
def test_mail_is_found_by_its_own_words(text: str, own: list[str]) -> None:
    assert [chunk.text for chunk in split(draft(text, kind="mail"))] == own
    assert [chunk.text for chunk in split(draft(text, kind="note"))] == [text.strip()]


def test_what_is_forwarded_was_first_said_elsewhere_and_stays() -> None:
    text = "See below.\n\nFrom: Bob <b@example.org>\nSent: Monday\n\nThe gate code is 4711.\n"
    assert [chunk.text for chunk in split(draft(text, kind="mail", title="FW: gate"))] == [text.strip()]
    assert [chunk.text for chunk in split(draft(text, kind="mail", title="RE: gate"))] == ["See below."]


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


STAMPED = "[08.05.23, 13:56:00] Anna: Hello."


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (draft("Hello.", people=("Anna",), created=DAY), "Anna (Monday, 8 May 2023, 2023-05-08):\nHello."),
        (draft("Anna: Hello.", created=DAY), "Anna (Monday, 8 May 2023, 2023-05-08):\nHello."),
        (draft("Anna: Hello.", people=("Bob", "Anna"), created=DAY), "Anna (Monday, 8 May 2023, 2023-05-08):\nHello."),
        (draft("Anna: Hello.", people=("Bob",)), "Bob:\nAnna: Hello."),
        (draft(STAMPED), "Anna (Monday, 8 May 2023, 2023-05-08):\nHello."),
        (draft(STAMPED, created=DAY), "Anna (Monday, 8 May 2023, 2023-05-08):\nHello."),
        (draft(STAMPED, created=DAY.replace(year=2024)), f"Anna (Wednesday, 8 May 2024, 2024-05-08):\n{STAMPED}"),
        (draft("Lunch: ramen"), "Lunch:\nramen"),
        (draft("Anna: Hello.\nBob: Hi."), "Anna: Hello.\nBob: Hi."),
        (draft("2023-05-08", title="Diary"), "Diary\n(Monday, 8 May 2023, 2023-05-08):\n"),
    ],
)
def test_speaker_and_day_are_read_from_fields_or_from_the_line_and_said_once(given: Draft, read: str) -> None:
    (chunk,) = split(given)
    assert passage(chunk) == read
    assert chunk.text == given.text  # what a hit shows is whole


def test_the_name_of_a_conversation_is_found_in_its_turns_by_words_alone() -> None:
    (turn,) = split(draft("Hello.", kind="chat", title="Climbing", people=("Anna",)))
    assert (passage(turn), wording(turn)) == ("Anna:\nHello.", "Climbing\nAnna:\nHello.")
    (note,) = split(draft("Hello.", kind="note", title="Climbing", people=("Anna",)))
    assert passage(note) == wording(note) == "Climbing\nAnna:\nHello."
    assert all("Climbing" in passage(chunk) for chunk in split(draft(SENTENCE * 60, kind="chat", title="Climbing")))


def test_a_diary_in_one_file_is_cut_at_its_days_and_each_chunk_says_its_own() -> None:
    days = [f"## 2023-05-0{n}\n\n{SENTENCE * 3}" for n in range(1, 6)]
    chunks = split(draft("\n\n".join(days), title="Diary", created=DAY))
    assert [chunk.text.splitlines()[0] for chunk in chunks] == [f"## 2023-05-0{n}" for n in range(1, 6)]
    assert [chunk.header.splitlines()[1] for chunk in chunks] == [
        f"({day}, {n} May 2023, 2023-05-0{n}):"
        for n, day in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"), 1)
    ]


def test_lines_of_an_export_are_cut_between_messages_and_keep_the_day_of_the_first() -> None:
    lines = [f"[0{n}.05.23, 14:33:00] Anna: {SENTENCE * 2}" for n in range(1, 8)]
    chunks = split(draft("\n".join(lines)))
    assert len(chunks) > 2
    assert all(chunk.text.startswith("[0") for chunk in chunks)
    assert all(f", {chunk.text[2]} May 2023," in chunk.header for chunk in chunks)
