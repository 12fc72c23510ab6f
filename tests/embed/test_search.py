"""The index: what a scope can see, and that nothing outside it can be felt inside."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.embed.rows import DIM, LEXICON, START, WORDS, conditions, entries, index_of, vector
from vault.embed import fusion, lexical, ranking, segments, words
from vault.embed.lexical import decode_terms, encode_terms
from vault.embed.ranking import EXACT
from vault.embed.search import Entry, Index, Piece
from vault.embed.words import SHARES, WHOLE
from vault.errors import BadRequest, Damaged
from vault.types import EVERYTHING, Conditions, Names, Provenance, Sensitivity

QUERY = "word0 word3 word5 word0 unknown"


def admitted(where: Conditions, entry: Entry) -> bool:
    """The contract in types.Conditions, written out once more for one record."""
    dated = entry.date is not None
    return (
        entry.collection in where.collections
        and entry.source in where.sources
        and entry.kind in where.kinds
        and all(any(name in entry.labels for name in one) for one in where.labels)
        and not any(name in entry.labels for name in where.without_labels)
        and all(any(name in entry.people for name in one) for one in where.people)
        and (where.since is None or (dated and entry.date >= where.since))
        and (where.until is None or (dated and entry.date < where.until))
        and entry.sensitivity <= where.ceiling
        and (not where.owner_written or entry.provenance == Provenance.OWNER)
    )


def by_hand(rows: list[Entry], query: np.ndarray, text: str) -> list[tuple[int, int, float, float]]:
    """The ranking of section 4 of the design, chunk by chunk in plain Python: (record, chunk, cosine, relevance)."""
    chunks = sorted(
        ((e, i, p) for e in rows for i, p in enumerate(e.pieces)),
        key=lambda c: (f"{c[0].source}/{c[0].thread}" if c[0].thread else "", c[0].position, c[0].record, c[1]),
    )
    own = [Counter({int(t): int(c) for t, c in decode_terms(p.terms)}) for _, _, p in chunks]
    thread = [(e.source, e.thread) if e.thread else e.record for e, _, _ in chunks]
    context = [Counter(one) for one in own]
    for i in range(len(chunks)):
        for distance, share in enumerate(SHARES, 1):
            for j in (i - distance, i + distance):
                if 0 <= j < len(chunks) and thread[i] == thread[j]:
                    for term, count in own[j].items():
                        context[i][term] += share / WHOLE * count
    mean = max(1.0, sum(sum(c.values()) for c in context) / len(chunks))
    terms = [LEXICON[t] for t in dict.fromkeys(lexical.terms(text)) if t in LEXICON]
    words = []
    for c in context:
        total = 0.0
        for t in terms:
            df = sum(1 for one in own if one[t])
            k = lexical.K1 * (1 - lexical.B + lexical.B * sum(c.values()) / mean)
            total += np.log(1 + (len(chunks) - df + 0.5) / (df + 0.5)) * c[t] * (lexical.K1 + 1) / (c[t] + k)
        words.append(total)
    cosines = [float(np.frombuffer(p.vector, np.float32) @ query) for _, _, p in chunks]
    high, most = max(cosines), max(words)
    scores = [
        fusion.DENSE * (max(c, 0) / high if high > 0 else 0) + (1 - fusion.DENSE) * (w / most if most > 0 else 0)
        for c, w in zip(cosines, words, strict=True)
    ]
    best: dict[int, tuple[int, int, float, float]] = {}
    for (e, _, p), cosine, score in sorted(
        zip(chunks, cosines, scores, strict=True), key=lambda x: (-x[2], x[0][2].id)
    ):
        best.setdefault(e.record, (e.record, p.id, cosine, score))
    return list(best.values())


@pytest.fixture(params=["exact", "estimated"])
def exact(request: pytest.FixtureRequest) -> Iterator[int]:
    """The planner's threshold for either way, the estimated one with so little certainty that it does leave out."""
    if request.param == "exact":
        yield EXACT
        return
    with ExitStack() as stack:
        for name, value in (("FIRST", 2), ("SURE", 0.1)):
            stack.enter_context(mock.patch.object(ranking, name, value))
        yield 0


@given(rows=entries(), where=conditions(), cut=st.integers(0, 30), limit=st.integers(1, 8), q=st.integers(0, 30))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_lies_outside_a_scope_cannot_be_felt(
    exact: int, rows: list[Entry], where: Conditions, cut: int, limit: int, q: int
) -> None:
    whole = index_of(rows[:cut], rows[cut:], exact=exact)
    inside = [row for row in rows if admitted(where, row)]
    alone = index_of(inside, exact=exact)
    seen = whole.rank(where, vector(q), QUERY, limit)
    assert seen == alone.rank(EVERYTHING, vector(q), QUERY, limit)  # same bits: ==, not approximately
    assert seen == alone.rank(where, vector(q), QUERY, limit)
    assert whole.count(where) == alone.count(EVERYTHING) == len(inside)
    assert whole.numbers(where) == [row.record for row in inside]
    whole.close()
    alone.close()


@pytest.mark.parametrize("step", [3, 10**6], ids=["in slices", "at once"])
@given(rows=entries(), q=st.integers(0, 30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ranking_equals_the_same_done_by_hand(exact: int, step: int, rows: list[Entry], q: int) -> None:
    """Whatever is worked out at a time, and whatever the size at which the index changes over."""
    with mock.patch.object(words.Words, "SLICE", step):
        index = index_of(rows, exact=exact)
        found = index.rank(EVERYTHING, vector(q), QUERY, 1000)
    expected = by_hand(rows, vector(q), QUERY)
    assert {f.record for f in found} == {record for record, *_ in expected}
    wanted = {record: (cosine, score) for record, _, cosine, score in expected}
    for one, (_, _, _, score) in zip(found, expected, strict=True):
        assert one.relevance == pytest.approx(score, abs=1e-6)  # place by place
        assert one.relevance == pytest.approx(wanted[one.record][1], abs=1e-6)  # and record by record
    index.close()


@given(rows=entries(), q=st.integers(0, 30), gone=st.sets(st.integers(1, 30)), size=st.integers(1, 4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_history_cannot_be_felt(exact: int, rows: list[Entry], q: int, gone: set[int], size: int) -> None:
    """Many small additions, removals and merges leave the same index as one addition of what is left, also when
    segments no longer grow and threads run through several."""
    with mock.patch.object(segments, "LARGEST", 8):
        grown = index_of(*(rows[i : i + size] for i in range(0, len(rows), size)), exact=exact)
        grown.remove(gone)
    left = [row for row in rows if row.record not in gone]
    fresh = index_of(left, exact=exact)
    assert grown.rank(EVERYTHING, vector(q), QUERY, 50) == fresh.rank(EVERYTHING, vector(q), QUERY, 50)
    assert grown.numbers(EVERYTHING) == [row.record for row in left]
    grown.close()
    fresh.close()


def entry(n: int, words: str = "word1", **fields: object) -> Entry:
    piece = Piece(n, vector(n).tobytes(), encode_terms(lexical.tally(words), LEXICON))
    plain = Entry(n, "a", "a", "a", (), (), START, Sensitivity.PERSONAL, Provenance.OWNER, "", 0, (piece,))
    return replace(plain, **fields)


def test_one_dimension_at_a_time() -> None:
    rows = [
        entry(1), entry(2, collection="b"), entry(3, source="b"), entry(4, kind="b"), entry(5, labels=("x", "y")),
        entry(6, people=("p", "q")), entry(7, date=None), entry(8, date=START + timedelta(microseconds=1)),
        entry(9, sensitivity=Sensitivity.SECRET), entry(10, provenance=Provenance.THIRD_PARTY),
        entry(11, labels=("X",)),
    ]  # fmt: skip
    index = index_of(rows)
    every = set(range(1, 12))
    cases = {
        "collection": ({"collections": Names.of("b")}, {2}),
        "unknown collection": ({"collections": Names.of("zzz")}, set()),
        "no collection": ({"collections": Names()}, set()),
        "source": ({"sources": Names.of("b")}, {3}),
        "kind": ({"kinds": Names.of("b", "c")}, {4}),
        "one of the labels": ({"labels": (frozenset({"x", "z"}),)}, {5}),
        "both sets of labels": ({"labels": (frozenset({"x"}), frozenset({"y"}))}, {5}),
        "a set of labels is not met": ({"labels": (frozenset({"x"}), frozenset({"z"}))}, set()),
        "an empty set of labels": ({"labels": (frozenset(),)}, set()),
        "without a label": ({"without_labels": frozenset({"y"})}, every - {5}),
        "person": ({"people": (frozenset({"q"}),)}, {6}),
        "since is inclusive": ({"since": START + timedelta(microseconds=1)}, {8}),
        "until is exclusive": ({"until": START + timedelta(microseconds=1)}, every - {7, 8}),
        "ceiling": ({"ceiling": Sensitivity.PERSONAL}, every - {9}),
        "owner's words": ({"owner_written": True}, every - {10}),
    }
    for name, (changes, expected) in cases.items():
        assert set(index.numbers(EVERYTHING.narrow(**changes))) == expected, name
    with pytest.raises(BadRequest):
        index.count(EVERYTHING.narrow(last=7))
    index.close()


def test_a_tie_goes_to_the_lower_chunk_id() -> None:
    same = vector(3).tobytes()
    rows = [entry(n, pieces=(Piece(chunk, same, b""),)) for n, chunk in ((1, 30), (2, 10), (3, 20))]
    index = index_of(rows)
    assert [r.chunk for r in index.rank(EVERYTHING, vector(3), "", 2)] == [10, 20]
    index.close()


def test_score_is_the_cosine_of_the_chunk_that_is_named() -> None:
    near, far = Piece(1, vector(1).tobytes(), b""), Piece(2, vector(2).tobytes(), b"")
    index = index_of([entry(1, pieces=(far, near))])
    (found,) = index.rank(EVERYTHING, vector(1), "", 5)
    assert (found.record, found.chunk) == (1, 1)
    assert found.score == pytest.approx(1.0, abs=1e-6)
    index.close()


def test_an_answer_next_to_the_words_of_the_question_is_lifted() -> None:
    """The context lifts a reply in the same thread, and never one in another thread or another source."""
    placed = ((1, "word7", "a", "t"), (2, "word1", "a", "t"), (3, "word1", "a", "u"), (4, "word1", "b", "t"))
    rows = []
    for n, said, source, thread in placed:
        piece = Piece(n, vector(3).tobytes(), encode_terms(lexical.tally(said), LEXICON))
        rows.append(entry(n, source=source, thread=thread, position=n, pieces=(piece,)))
    index = index_of(rows)
    found = {r.record: r.relevance for r in index.rank(EVERYTHING, vector(3), "word7", 10)}
    assert found[1] > found[2] > found[3] == found[4]
    index.close()


def test_changes_are_visible_on_return_and_replace_in_one_step() -> None:
    index = index_of([entry(1, "word1")])
    index.add([entry(1, "word2"), entry(2, "word2")])
    assert index.numbers(EVERYTHING) == [1, 2]
    index.remove([2, 99])
    assert index.numbers(EVERYTHING) == [1]
    index.remove([1])
    assert index.rank(EVERYTHING, vector(1), "word1", 3) == []
    assert index.count(EVERYTHING) == 0
    index.close()


def test_a_vector_of_another_model_is_damage() -> None:
    index = Index(DIM + 1)
    with pytest.raises(Damaged):
        index.add([entry(1)])
    index.close()


def test_searches_while_records_come_and_go_see_whole_generations() -> None:
    """Records are added and removed in pairs; no search may ever see half a pair."""
    index = index_of([entry(n) for n in range(1, 40)])
    done = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        while not done.is_set():
            try:
                pairs = Counter(
                    r.record // 2 for r in index.rank(EVERYTHING, vector(1), "word1", 1000) if r.record >= 100
                )
                if any(count != 2 for count in pairs.values()):
                    wrong.append(pairs)
                if index.count(EVERYTHING) % 2 != 1:
                    wrong.append("odd")
            except BaseException as error:  # a thread's error must fail the test
                wrong.append(error)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(100, 300, 2):
        index.add([entry(n), entry(n + 1)])
        if n % 6 == 4:
            index.remove([n - 2, n - 1])
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert index.count(EVERYTHING) == 39 + 200 - 2 * len([n for n in range(102, 300, 2) if n % 6 == 4])
    index.close()


def test_a_question_of_words_the_vault_never_saw_still_finds_by_meaning() -> None:
    index = index_of([entry(n) for n in range(1, 6)])
    assert index.rank(EVERYTHING, vector(4), "zzz qqq", 1)[0].record == 4
    assert WORDS[0] in LEXICON
    index.close()
