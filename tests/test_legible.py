"""Nothing that a person cannot see reaches anybody, and all that writing needs stays."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.legible import legible

NEEDED = {
    "lines and tabs": "a\tb\nc\r\nd",
    "Persian, with a joiner that parts": "می\u200cخواهم",  # noqa: RUF001
    "Hindi, with a joiner that binds": "क्\u200dष",
    "Sinhala": "ශ්\u200dරී",
    "a farmer": "\U0001f469\u200d\U0001f33e",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a burning heart": "\u2764\ufe0f\u200d\U0001f525",
    "a keycap": "1\ufe0f\u20e3",
    "a trade mark as text": "\xae\ufe0e",
    "a flag": "\U0001f1f8\U0001f1ea",
    "accents": "e\u0301 ñ ü",
    "private signs of an icon font": "\ue000",
    "Chinese": "你好",
}
HIDES = {
    "zero width": "a\u200bb",
    "direction": "a\u202eb\u202c",
    "isolates": "a\u2066b\u2069",
    "tags": "ab" + "".join(chr(0xE0000 + ord(c)) for c in "obey"),
    "selectors that spell": "a" + "\U000e0101\ufe01" * 9 + "b",
    "emoji selectors that spell": "a\ufe0e\ufe0f\ufe0fb",
    "joiners that spell": "a\u200c\u200d\u200db",
    "joiners at the start": "\u200dab",
    "soft hyphen": "a\xadb",
    "Hangul fillers": "a\u3164\u115f\uffa0b",
    "controls": "a\x00\x08\x1b\x7f\x9bb",
    "a lone surrogate": "a\ud800b",
}


@pytest.mark.parametrize("text", NEEDED.values(), ids=NEEDED)
def test_what_writing_needs_stays(text: str) -> None:
    assert legible(text) == text


@pytest.mark.parametrize("text", HIDES.values(), ids=HIDES)
def test_what_hides_goes(text: str) -> None:
    assert legible(text) == "ab"


def test_joiners_that_spell_inside_an_emoji_become_one() -> None:
    assert legible("\U0001f469" + "\u200d\u200c\ufe0f" * 50 + "\U0001f33e") == "\U0001f469\u200d\U0001f33e"


@given(st.text())
def test_once_is_enough(text: str) -> None:
    assert legible(legible(text)) == legible(text)


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Mn", "So", "Lo", "Lu"])))
def test_only_what_is_not_seen_goes(text: str) -> None:
    left = legible(text)
    gone = [c for c in set(text) if text.count(c) != left.count(c)]
    ignorable = set("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
    assert all(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Mn") or c in ignorable for c in gone)
    assert not [c for c in left if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r"]
