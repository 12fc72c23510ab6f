"""Random records for the index, and a vault of records built from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import strategies as st

from vault.embed.lexical import encode_terms
from vault.embed.ranking import EXACT
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERY, Conditions, Names, Provenance, Sensitivity

DIM = 12
WORDS = [f"word{n}" for n in range(12)]
LEXICON = {word: n for n, word in enumerate(WORDS, 100)}
NAMES = ("a", "b", "c")
START = datetime(2024, 1, 1, tzinfo=UTC)


def dates() -> st.SearchStrategy[datetime | None]:
    return st.none() | st.integers(0, 6).map(lambda days: START + timedelta(days=days))


def some(names: Sequence[str] = NAMES) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True, max_size=2).map(tuple)


@st.composite
def entries(draw: st.DrawFn, most: int = 30) -> list[Entry]:
    """Records 1, 2, 3 ... with one to three chunks each. Few distinct vectors, so that ties happen."""
    made: list[Entry] = []
    chunk = 0
    for n in range(1, draw(st.integers(1, most)) + 1):
        pieces = []
        for _ in range(draw(st.integers(1, 3))):
            chunk += 1
            counts = draw(st.dictionaries(st.sampled_from(WORDS), st.integers(1, 4), max_size=4))
            pieces.append(Piece(chunk, vector(draw(st.integers(0, 20))).tobytes(), encode_terms(counts, LEXICON)))
        made.append(
            Entry(
                record=n, collection=draw(st.sampled_from(NAMES)), source=draw(st.sampled_from(NAMES)),
                kind=draw(st.sampled_from(NAMES)), people=draw(some()), labels=draw(some()), date=draw(dates()),
                sensitivity=draw(st.sampled_from(Sensitivity)), provenance=draw(st.sampled_from(Provenance)),
                thread=draw(st.sampled_from(("", "t", "u"))), position=draw(st.integers(0, 3)), pieces=tuple(pieces),
            )
        )  # fmt: skip
    return made


def conditions() -> st.SearchStrategy[Conditions]:
    names = st.just(EVERY) | st.frozensets(st.sampled_from((*NAMES, "nobody")), max_size=3).map(Names)
    alternatives = st.lists(st.frozensets(st.sampled_from((*NAMES, "nobody")), max_size=3), max_size=2).map(tuple)
    return st.builds(
        Conditions, collections=names, sources=names, kinds=names, labels=alternatives,
        without_labels=st.frozensets(st.sampled_from(NAMES), max_size=1), people=alternatives, since=dates(),
        until=dates(), last=st.none(), ceiling=st.sampled_from(Sensitivity), owner_written=st.booleans(),
    )  # fmt: skip


def vector(seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal(DIM, dtype=np.float32)
    return found / np.linalg.norm(found)


def index_of(*batches: Sequence[Entry], exact: int = EXACT) -> Index:
    index = Index(DIM, threads=2, exact=exact)
    index.learn(LEXICON)
    for batch in batches:
        index.add(batch)
    return index
