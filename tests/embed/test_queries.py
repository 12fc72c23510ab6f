"""Questions remembered: the same vector at no cost, for the same asker only, within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import HashingEncoder
from vault.embed.queries import Queries


class Counting(HashingEncoder):
    """The tiny encoder, telling what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def encode_query(self, text: str) -> np.ndarray:
        self.asked.append(text)
        return super().encode_query(text)


def test_a_repeated_question_is_not_embedded_again() -> None:
    encoder = Counting()
    queries = Queries(encoder)
    first = queries.vector("where is it?", "claude")
    assert queries.vector("where is it?", "claude") is first
    assert np.array_equal(first, HashingEncoder().encode_query("where is it?"))
    assert encoder.asked == ["where is it?"]
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


def test_askers_share_nothing() -> None:
    """Else the time an answer takes tells one client what another has asked."""
    encoder = Counting()
    queries = Queries(encoder)
    for text, asker in (("ab", "c"), ("ab", "d"), ("b", "ca"), ("cab", "")):
        queries.vector(text, asker)
    assert encoder.asked == ["ab", "ab", "b", "cab"]


def test_the_least_recently_asked_goes_first() -> None:
    encoder = Counting()
    queries = Queries(encoder, kept=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        queries.vector(text, "owner")
    assert encoder.asked == ["a", "b", "c", "b"]
