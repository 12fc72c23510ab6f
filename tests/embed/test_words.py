"""Words of chunks and their neighbours: worked out in slices, against the definition, chunk by chunk."""

from __future__ import annotations

from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vault.embed import words
from vault.embed.lexical import saturate
from vault.embed.words import REACH, SHARES, WHOLE, Context, Words


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
    return Words(Context(tuple(links), pulled), held)


def defined(one: Words, chunk: int) -> float:
    """Return the score of one chunk as BM25F with its neighbours as a field says it."""
    context, score = one._context, np.zeros(1, np.float32)
    for (rows, counts), weight in one._held:
        said = dict(zip(rows.tolist(), counts.tolist(), strict=True))
        felt = WHOLE * said.get(chunk, 0)
        for distance, link in enumerate(context.links, 1):
            felt += int(link[REACH + chunk]) * said.get(chunk + distance, 0)
            felt += int(link[REACH + chunk - distance]) * said.get(chunk - distance, 0)
        score += saturate(np.array([felt], np.float32), context.pulled[chunk : chunk + 1], weight)
    return float(score[0])


@given(
    seed=st.integers(0, 10**6), size=st.integers(5, 200), step=st.integers(1, 70), sparse=st.sampled_from([0, 4, 1000])
)
@settings(deadline=None)
def test_every_chunk_has_the_score_that_is_defined_wherever_a_slice_ends(
    seed: int, size: int, step: int, sparse: int
) -> None:
    """Whether a term is worked out from the few that hold it (0: always) or chunk by chunk (1000) cannot show."""
    one = made(seed, size)
    with mock.patch.object(Words, "SLICE", step), mock.patch.object(words, "SPARSE", sparse):
        assert one.scores().tolist() == [defined(one, chunk) for chunk in range(size)]
