"""Identifiers are found however they are written, masked whole, and nothing else is."""

# ruff: noqa: RUF001

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.legible import legible
from vault.permissions import identifiers
from vault.permissions.identifiers import Kind, find
from vault.permissions.redaction import Redactor

FOUND = {
    "an address": ("Write to Jane.Doe@Example.org.", Kind.EMAIL, "Jane.Doe@Example.org"),
    "an address with a tag": ("<x+y@sub.example.co.uk>", Kind.EMAIL, "x+y@sub.example.co.uk"),
    "an address in another script": ("an jürgen@bücher.example", Kind.EMAIL, "jürgen@bücher.example"),
    "an address with something hidden": ("j\u200bane@exam\u2060ple.org", Kind.EMAIL, "j\u200bane@exam\u2060ple.org"),
    "an address, full width": ("ｊane＠example．org", Kind.EMAIL, "ｊane＠example．org"),
    "an international number": ("ring +49 170 1234567 now", Kind.PHONE, "+49 170 1234567"),
    "one with 00": ("0046 31 123 45 67", Kind.PHONE, "0046 31 123 45 67"),
    "one of a country": ("tel 020 7946 0958", Kind.PHONE, "020 7946 0958"),
    "one with an area": ("(212) 555-0142", Kind.PHONE, "(212) 555-0142"),
    "one with no-break spaces": ("06\xa012\xa034\xa056\xa078", Kind.PHONE, "06\xa012\xa034\xa056\xa078"),
    "one in Arabic digits": ("+٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨", Kind.PHONE, "+٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨"),
    "one that a word names": ("Phone: 12 34 56", Kind.PHONE, "12 34 56"),
    "one of fiction": ("smith at Hede, 555-0133.", Kind.PHONE, "555-0133"),
    "an account": ("SE45 5000 0000 0583 9825 7466 is ours", Kind.IBAN, "SE45 5000 0000 0583 9825 7466"),
    "an account, together": ("GB29NWBK60161331926819", Kind.IBAN, "GB29NWBK60161331926819"),
    "an account, small": ("de89370400440532013000", Kind.IBAN, "de89370400440532013000"),
    "a card": ("card 4111 1111 1111 1111, ok", Kind.CARD, "4111 1111 1111 1111"),
    "a card after a year": ("2024 5555-5555-5555-4444", Kind.CARD, "5555-5555-5555-4444"),
    "a card of fifteen": ("3782 822463 10005", Kind.CARD, "3782 822463 10005"),
    "a card, hidden": ("４１１１　１１１１\u200b１１１１ 1111", Kind.CARD, "４１１１　１１１１\u200b１１１１ 1111"),
    "a card over two lines": ("4111 1111\n1111 1111", Kind.CARD, "4111 1111\n1111 1111"),
    "Germany": ("IdNr 36 574 261 809", Kind.ID, "36 574 261 809"),
    "France": ("1 85 05 78 006 084 91", Kind.ID, "1 85 05 78 006 084 91"),
    "Spain": ("DNI 12345678-Z", Kind.ID, "12345678-Z"),
    "Spain, with dots": ("12.345.678-Z", Kind.ID, "12.345.678-Z"),
    "Austria, named": ("SVNR 1237 010180", Kind.ID, "1237 010180"),
    "Spain, foreigners": ("X1234567L", Kind.ID, "X1234567L"),
    "Italy": ("RSSMRA85T10A562S", Kind.ID, "RSSMRA85T10A562S"),
    "Sweden": ("811228-9874", Kind.ID, "811228-9874"),
    "Finland": ("131052-308T", Kind.ID, "131052-308T"),
    "Belgium": ("85.07.30-033 28".replace(" ", "."), Kind.ID, "85.07.30-033.28"),
    "Switzerland": ("756.9217.0769.85", Kind.ID, "756.9217.0769.85"),
    "Poland": ("PESEL 44051401359", Kind.ID, "44051401359"),
    "Brazil": ("390.533.447-05", Kind.ID, "390.533.447-05"),
    "the United States": ("SSN 536-90-4399", Kind.ID, "536-90-4399"),
    "the Netherlands, named": ("BSN: 111222333", Kind.ID, "111222333"),
    "Britain, named": ("NHS number 943 476 5919", Kind.ID, "943 476 5919"),
    "Britain, insurance, named": ("National Insurance number AB 12 34 56 C", Kind.ID, "AB 12 34 56 C"),
    "a passport, named": ("Reisepass Nr. C01234567", Kind.ID, "C01234567"),
    "a passport's line": ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", Kind.ID,
                          "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"),
}  # fmt: skip
NOTHING = [
    "on 2024-03-17 at 12:30 I paid 1234.50 and 1.234.567,89 of 10 000 000",
    "from 1999-2003 (1977-2007), pages 290-315, 152/205 of them",
    "ISBN 978-3-16-148410-0, order 302-1234567-1234567, version 10.4.19045.3803",
    "room 123 456 789 and number 111222333",  # no word says that it is an id
    "4111 1111 1111 1112 fails the check digit, DE89 3704 0044 0532 0130 01 too",
    "an @ alone, a@b, @home, me@localhost",
    "17.03.2024 08:15 to 18.03.2024 09:30",
    "the commit 3f786850e387550fdab836ed7e6dc881de23001b and 192.168.100.200",
]


@pytest.mark.parametrize(("text", "kind", "said"), FOUND.values(), ids=FOUND)
def test_an_identifier_is_found_however_it_is_written(text: str, kind: Kind, said: str) -> None:
    assert [(one.kind, text[one.start : one.end]) for one in find(text)] == [(kind, said)]


@pytest.mark.parametrize("text", NOTHING)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert find(text) == []


def test_a_country_reads_its_own_numbers() -> None:
    assert not find("at 31-12 34 56 x")
    assert [one.kind for one in find("at 08-123 456 78", "SE")] == [Kind.PHONE]


# ---------------------------------------------------------------- placeholders


def test_the_same_has_the_same_placeholder_throughout_an_answer() -> None:
    redactor = Redactor()
    assert redactor.mask("Jane@example.org, +49 170 1234567, bo@example.org") == "[email 1], [phone 1], [email 2]"
    assert redactor.mask("BO@EXAMPLE.ORG or 0170 1234567 or 0170/7654321") == "[email 2] or [phone 1] or [phone 2]"
    assert Redactor().mask("bo@example.org") == "[email 1]"


def test_a_text_cannot_pretend_to_be_masked() -> None:
    said = "ask [email 1] or [ PHONE 2 ] or ［card\u200b 1］, [a note], me@example.org"
    assert Redactor().mask(said) == "ask (email 1) or ( PHONE 2 ) or (card\u200b 1), [a note], [email 1]"


@pytest.mark.parametrize("said", ["[em\u200bail 1]", "[\u2060email\u200d 1\ufe0f2]", "[e\xadm\xada\xadi\xadl\xa01]"])
def test_nor_once_what_it_hides_is_taken_out(said: str) -> None:
    assert not re.search(r"\[\w", legible(Redactor().mask(said)))


@pytest.mark.parametrize(("start", "end"), [(0, 14), (12, 40), (14, 16), (20, 40), (0, 40)])
def test_the_edge_of_a_passage_leaves_no_half(start: int, end: int) -> None:
    text = "card 4111 1111 1111 1111 and me@example.org"
    masked = Redactor().mask(text, start, end)
    assert "1111" not in masked and "example" not in masked
    assert masked.count("[card 1]") == (start < 24 and end > 5)


def test_beside_an_identifier_nothing_is_masked() -> None:
    text = "card 4111 1111 1111 1111 and"
    assert Redactor().mask(text, 0, 5) == "card "
    assert Redactor().mask(text, 24, 28) == " and"
    assert Redactor().mask(text, 3, 3) == Redactor().mask("") == ""


def test_far_away_is_far_away() -> None:
    text = "x " * 3000 + "me@example.org" + " y" * 3000
    assert Redactor().mask(text, 5998, 6020) == "x [email 1] y y y"


@given(
    st.lists(st.sampled_from([said for _, _, said in FOUND.values()] + ["words", "und", "2024-03-17", "7"])), st.data()
)
def test_any_passage_of_any_text_shows_no_identifier(said: list[str], data: st.DataObject) -> None:
    text = " ; ".join(said)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    masked = Redactor().mask(text, start, end)
    for one in find(text):
        cut = text[max(start, one.start) : min(end, one.end)]
        assert len(cut) < 8 or cut not in masked


# ---------------------------------------------------------------- bounds

LARGE = 1 << 20


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "@",
        "+",
        "7",
        "a@",
        "a.",
        "x@a.aa ",
        "12 ",
        "DE89 ",
        "4111 ",
        "<",
        "A<",
        "1\u200b",
        "１",
        "(",
        "@a-",
        "[",
        "[ ",
        "[email ",
        "[email 1 ",
        "[\u200b",
    ],
)
def test_a_hostile_text_takes_time_in_proportion(piece: str) -> None:
    text = (piece * (LARGE // len(piece) + 1))[:LARGE]
    found = find(text)
    assert Redactor().mask(text)
    assert all(before.end <= one.start for before, one in pairwise(found))


def test_past_the_bound_every_long_number_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identifiers, "TRIES", 100)
    text = " , ".join(f"{n} 4111 1111 1111 1111" for n in range(50))
    kinds = [one.kind for one in find(text)]
    assert set(kinds[-25:]) == {Kind.NUMBER}
    assert "1111" not in Redactor().mask(text)
