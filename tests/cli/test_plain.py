"""Text from strangers cannot control the terminal, neither as text nor inside JSON."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.cli import plain

DANGEROUS = [
    "\x1b[2J", "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x07", "\x9b31m", "\x00", "\x08\x08", "\x7f", "\u202eevil",
    "\u2066x\u2069", "\u200b", "\ufeff", "\U000e0041", "\u061c", "\u2028",
]  # fmt: skip


def obeyed(text: str) -> set[str]:
    """Return the characters in `text` that a terminal might obey or that nobody sees."""
    kept = {"\n", "\t", "\u200c", "\u200d"}
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in kept}


@pytest.mark.parametrize("attack", DANGEROUS, ids=ascii)
def test_controls_do_not_get_through(attack: str) -> None:
    assert not obeyed(plain.text(f"before{attack}after"))
    assert not obeyed(plain.json_safe(json.dumps({"text": attack}, ensure_ascii=False)))


def test_what_was_there_stays_visible_where_it_can() -> None:
    assert plain.text("\x1b[31mred") == "␛[31mred"
    assert plain.text("a\r\nb\tc") == "a\nb\tc"
    assert plain.one_line("  a \n\t b ") == "a b"


def test_writing_that_needs_joiners_keeps_them() -> None:
    assert plain.text("می‌خواهم") == "می‌خواهم"
    assert plain.text("👩‍🌾") == "👩‍🌾"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_the_same_json(text: str) -> None:
    assert json.loads(plain.json_safe(json.dumps({text: [text]}, ensure_ascii=False, indent=2))) == {text: [text]}


@given(st.text())
def test_nothing_dangerous_is_left_of_any_text(text: str) -> None:
    assert not obeyed(plain.text(text))


@given(st.text())
def test_a_line_is_a_line(text: str) -> None:
    assert "\n" not in plain.one_line(text)
    assert plain.one_line(plain.one_line(text)) == plain.one_line(text)
