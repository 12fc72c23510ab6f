"""Words: terms of several kinds of text, the stored form, postings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.embed.lexical import LONGEST, Postings, decode_terms, encode_terms, idf, tally, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The dogs were researching", ["dog", "research"]),
        ("Mail anna.smith@example.org!", ["mail", "anna", "smith", "exampl", "org"]),
        ("Zürich ZÜRICH zurich Straße", ["zurich", "zurich", "zurich", "strass"]),
        ("I don't, she can\u2019t", []),
        ("Anna's café\u2019s", ["anna", "cafe"]),
        ("7 May 2023, 3.14 and 0x1F", ["7", "may", "2023", "3", "14", "0x1f"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー"]),
        ("猫", ["猫"]),
        ("iPhone15の写真", ["iphone15", "の写", "写真"]),
        ("snake_case foo-bar", ["snake", "case", "foo", "bar"]),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@given(st.text())
def test_any_text_has_terms_that_fit_the_lexicon(text: str) -> None:
    found = terms(text)
    assert found == terms(text)
    assert all(0 < len(term) <= LONGEST for term in found)


@given(st.dictionaries(st.text("abcd", min_size=1, max_size=3), st.integers(1, 2**32 - 1)))
def test_stored_terms_come_back(counts: dict[str, int]) -> None:
    lexicon = {word: 2**31 + n for n, word in enumerate(sorted(counts, reverse=True))}
    stored = encode_terms(counts, lexicon)
    assert len(stored) == 8 * len(counts)
    pairs = decode_terms(stored)
    assert {(int(t), int(c)) for t, c in pairs} == {(lexicon[w], c) for w, c in counts.items()}
    assert sorted(pairs[:, 0].tolist()) == pairs[:, 0].tolist()


def test_a_word_without_a_number_is_an_error() -> None:
    with pytest.raises(KeyError):
        encode_terms({"new": 1}, {})


texts = st.lists(st.lists(st.sampled_from("abcde"), max_size=6).map(" ".join), min_size=1, max_size=12)
LEXICON = {word: n for n, word in enumerate("bcde", 7)}  # 'a' is a stop word


def stored(some: list[str]) -> list[bytes]:
    return [encode_terms(tally(text), LEXICON) for text in some]


@given(texts)
def test_postings_hold_what_the_texts_hold(some: list[str]) -> None:
    postings = Postings.build(stored(some))
    counts = [tally(text) for text in some]
    assert postings.lengths.tolist() == [sum(one.values()) for one in counts]
    for word, number in LEXICON.items():
        rows, found = postings.of(number)
        assert dict(zip(rows.tolist(), found.tolist(), strict=True)) == {
            i: one[word] for i, one in enumerate(counts) if one[word]
        }
        assert rows.tolist() == sorted(rows.tolist())
    assert len(postings.of(10**6)[0]) == 0


@given(texts, texts, st.randoms(use_true_random=False))
def test_taken_postings_are_those_of_the_rows_in_their_new_order(a: list[str], b: list[str], random) -> None:
    keep = [np.array([random.random() < 0.6 for _ in part], bool) for part in (a, b)]
    rows = [i for i, kept in enumerate(np.concatenate(keep)) if kept]
    random.shuffle(rows)
    merged = Postings.take([Postings.build(stored(part)) for part in (a, b)], np.array(rows, np.int64))
    kept = [(a + b)[i] for i in rows]
    expected = Postings.build(stored(kept))
    assert merged.lengths.tolist() == expected.lengths.tolist()
    for number in LEXICON.values():
        assert [x.tolist() for x in merged.of(number)] == [x.tolist() for x in expected.of(number)]


def test_a_rarer_term_weighs_more_and_none_weighs_less_than_nothing() -> None:
    weights = [idf(100, frequency) for frequency in (1, 10, 50, 100)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] > 0
