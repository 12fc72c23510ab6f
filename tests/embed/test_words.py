"""What is worked out for a few chunks against the same for all of them, and ceilings against what they cover."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.embed import words
from vault.embed.words import REACH, SHARES, Context, Words


def made(seed: int, size: int) -> Words:
    rng = np.random.default_rng(seed)
    threads = np.sort(rng.integers(0, max(1, size // 3), size))
    links = [
        np.pad((threads[d:] == threads[:-d]) * np.uint16(share), (REACH, REACH + d))
        for d, share in enumerate(SHARES, 1)
    ]
    pulled = rng.uniform(1.2, 12.0, size).astype(np.float32)
    held = []
    for often in rng.choice([0.02, 0.2, 0.9], rng.integers(0, 5)):
        rows = np.union1d(np.flatnonzero(rng.random(size) < often), [0]).astype(np.int32)
        held.append(((rows, rng.integers(1, 256, len(rows)).astype(np.uint8)), float(rng.uniform(0.1, 9.0))))
    return Words(Context(tuple(links), pulled, float(pulled.min())), held)


@pytest.mark.parametrize("few", [0, 10**9], ids=["looked up", "in a table"])
@given(seed=st.integers(0, 10**6), size=st.integers(3, 400))
@settings(deadline=None)
def test_a_score_has_the_same_bits_in_any_company(few: int, seed: int, size: int) -> None:
    one = made(seed, size)
    chunks = np.random.default_rng(seed).permutation(size)[: size // 2]
    with mock.patch.object(words, "FEW", few):
        assert one.scores(chunks).tolist() == one.scores()[chunks].tolist()


@pytest.mark.parametrize("enough", [1, 64])
@given(seed=st.integers(0, 10**6), size=st.integers(3, 400))
@settings(deadline=None)
def test_no_score_is_above_its_ceiling(enough: int, seed: int, size: int) -> None:
    one = made(seed, size)
    with mock.patch.object(words, "ENOUGH", enough):
        ceilings, most = one.ceilings()
    scores = one.scores()
    assert (scores <= ceilings).all()
    assert most == scores.max()
