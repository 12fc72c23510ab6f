"""Estimates from a device: the same bits as without one, nothing stale, nothing lost when it fails.

The device's code runs here on torch's CPU tensors; where there is a GPU, on that too.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.embed.rows import DIM, LEXICON, conditions, entries, index_of, vector
from tests.embed.test_ranking import CHUNKS, SCOPES, gathered, records, repeated, spread
from tests.embed.test_ranking import DIM as MANY_DIM
from tests.embed.test_ranking import LEXICON as MANY_WORDS
from tests.embed.test_search import QUERY, admitted
from vault.embed import device, ranking, segments
from vault.embed.rotation import Rotation
from vault.embed.runtimes import pytorch
from vault.embed.search import Entry, Index
from vault.embed.vectors import Filter, Floats, Scorer, Vectors
from vault.types import EVERYTHING, Conditions

PRESENT = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["cpu", "cuda", "mps"])
def where(request: pytest.FixtureRequest) -> str:
    if not PRESENT[request.param]:
        pytest.skip(f"no {request.param} device here")
    return str(request.param)


@pytest.fixture
def estimating() -> Iterator[None]:
    """Few rows looked at exactly, so that a handful of records is enough to leave some out."""
    with mock.patch.object(ranking, "FIRST", 2):
        yield


def on(name: str, index: Index) -> Index:
    """Give an index that holds records already a device to estimate on, always."""
    index._scorer.close()
    index._scorer, index._exact = device.DeviceScorer(index.dim, 2, name), 0
    return index


def state(index: Index) -> tuple[str, tuple[str, ...]]:
    assert isinstance(index._scorer, device.DeviceScorer)
    return index._scorer.device, index.notices


# ---------------------------------------------------------------- the same answers


@given(rows=entries(), scope=conditions(), cut=st.integers(0, 30), limit=st.integers(1, 8), q=st.integers(0, 30))
@PATIENT
def test_what_lies_outside_a_scope_cannot_be_felt(
    where: str, estimating: None, rows: list[Entry], scope: Conditions, cut: int, limit: int, q: int
) -> None:
    whole = on(where, index_of(rows[:cut], rows[cut:]))
    alone = index_of([row for row in rows if admitted(scope, row)])
    seen = whole.rank(scope, vector(q), QUERY, limit)
    assert seen == alone.rank(EVERYTHING, vector(q), QUERY, limit)  # same bits as on the CPU, every row exactly
    assert not seen or state(whole) == (where, ())
    whole.close()
    alone.close()


@given(
    rows=entries(), q=st.integers(0, 30), gone=st.sets(st.integers(1, 30)), size=st.integers(1, 4), back=st.booleans()
)
@PATIENT
def test_the_device_follows_every_change(
    where: str, estimating: None, rows: list[Entry], q: int, gone: set[int], size: int, back: bool
) -> None:
    """After every addition, change, merge and removal the answer is that of a fresh index; no old copy stays."""
    index = on(where, index_of())
    with mock.patch.object(segments, "LARGEST", 8):
        for at in range(0, len(rows), size):
            index.add(rows[at : at + size])
            index.rank(EVERYTHING, vector(q), QUERY, 3)
        index.remove(gone)
        found = index.rank(EVERYTHING, vector(q), QUERY, 50)
        assert not gone & {one.record for one in found}
        if back:
            index.add(row for row in rows if row.record in gone)
            found = index.rank(EVERYTHING, vector(q), QUERY, 50)
    fresh = index_of([row for row in rows if back or row.record not in gone])
    assert found == fresh.rank(EVERYTHING, vector(q), QUERY, 50)
    memory = index._scorer._memory  # type: ignore[attr-defined]
    gc.collect()
    assert set(memory._vectors) == {segment.vectors for segment in index._generation.segments}
    assert len(memory._filters) <= len(memory._vectors)
    index.close()
    fresh.close()
    assert (len(memory._vectors), len(memory._filters)) == (0, 0)


@pytest.mark.parametrize("make", [spread, gathered, repeated])
def test_answers_have_the_same_bits_at_every_selectivity(where: str, make: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    vectors, queries = make(rng, CHUNKS), make(rng, 6)
    rows = records(vectors, queries[0], rng)
    exact, estimated = Index(MANY_DIM, 2, exact=CHUNKS), on(where, Index(MANY_DIM, 2))
    for index in (exact, estimated):
        index.learn(MANY_WORDS)
        index.add(rows)
    for scope in SCOPES.values():
        for query in queries:
            for text in ("", "t1 t2", "t3 t4 t5 t6 t7"):
                assert estimated.rank(scope, query, text, 10) == exact.rank(scope, query, text, 10)
    assert state(estimated) == (where, ())
    exact.close()
    estimated.close()


# ---------------------------------------------------------------- how far a score may be off


def test_the_planner_doubts_more_than_a_device_is_off() -> None:
    """Two estimates may be wrong against each other, each by `OFF`; the planner must look further than that."""
    assert ranking.SURE >= 1.0
    assert ranking.CREST * ranking.SURE >= 2.0


def extreme(dim: int) -> Floats:
    """Unit vectors that rounding treats worst: one coordinate, all alike, very uneven, hardly any, none."""
    rng = np.random.default_rng(3)
    uneven = rng.standard_normal((64, dim)) * np.exp(rng.standard_normal((64, dim)) * 4)
    rows = np.concatenate([np.eye(dim), np.ones((1, dim)), uneven, rng.standard_normal((400, dim)), -np.ones((1, dim))])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.concatenate([rows, np.full((1, dim), 1e-7), np.zeros((1, dim))]).astype(np.float32)


@pytest.mark.parametrize("dim", [DIM, 384, 1024])
def test_no_score_is_off_by_more_than_said(where: str, dim: int) -> None:
    rows = extreme(dim)
    kept = Vectors.build(rows, Rotation(dim))
    assert (kept.values.dtype == np.float32) == (dim == DIM)  # wide rows are kept as shares of 16 bits
    memory, every = device.Memory(where), np.arange(len(rows), dtype=np.int32)
    some = every[::3]
    for query in rows[:: len(rows) // 40]:
        found = memory.scores([Filter(kept, every), Filter(kept, some)], query)
        wanted = np.concatenate([kept.products(query, every), kept.products(query, some)])
        assert (found.dtype, found.shape) == (np.float32, wanted.shape)
        assert np.abs(found - wanted).max() <= device.OFF
    assert memory.scores([], rows[0]).shape == (0,)
    memory.clear()


# ---------------------------------------------------------------- a device that fails


def rows_of(count: int = 40) -> list[Entry]:
    rng = np.random.default_rng(2)
    vectors = spread(rng, CHUNKS)
    return records(vectors, vectors[0], rng)[:count]


class Failing(device.Memory):
    """A device whose memory runs out, or that breaks, at a certain piece of work."""

    step, error, left = "", RuntimeError(), 0

    def _come_to(self, step: str) -> None:
        if step == type(self).step:
            type(self).left -= 1
            if type(self).left < 0:
                raise type(self).error

    def _copied(self, vectors: Vectors) -> object:
        self._come_to("copy")
        return super()._copied(vectors)

    def _products(self, vectors: Vectors, some: Filter, query: object) -> object:
        self._come_to("search")
        return super()._products(vectors, some, query)


def failing(step: str, error: RuntimeError, after: int) -> ExitStack:
    stack = ExitStack()
    for name, value in (("step", step), ("error", error), ("left", after)):
        stack.enter_context(mock.patch.object(Failing, name, value))
    stack.enter_context(mock.patch.object(device, "Memory", Failing))
    return stack


FULL = "searches run on the CPU: the GPU's memory ran out"
FAILURES = [
    (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nSee ..."), FULL),
    (RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"), FULL),
    (torch.AcceleratorError("CUDA error: device lost"), "searches run on the CPU: the GPU failed (CUDA error"),
    (RuntimeError(""), "searches run on the CPU: the GPU failed (no reason given)"),
]


@pytest.mark.parametrize("step", ["copy", "search"])
@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize(("error", "notice"), FAILURES)
def test_a_failing_device_costs_no_answer(step: str, after: int, error: RuntimeError, notice: str) -> None:
    rows = rows_of()
    with failing(step, error, after):
        index, plain = on("cpu", Index(MANY_DIM, 2)), Index(MANY_DIM, 2, exact=0)
        for n, at in enumerate(range(0, len(rows), 8)):
            for one in (index, plain):
                one.learn(MANY_WORDS)
                one.add(rows[at : at + 8])
            query = np.frombuffer(rows[n].pieces[0].vector, np.float32)
            assert index.rank(EVERYTHING, query, "t1 t2", 10) == plain.rank(EVERYTHING, query, "t1 t2", 10)
    assert state(index)[0] == "cpu"
    (said,) = index.notices  # once, however often it is asked afterwards
    assert said.startswith(notice)
    assert index._scorer.error == plain._scorer.error  # the CPU's estimates get the CPU's doubt
    assert index._scorer._memory is None  # type: ignore[attr-defined]
    index.close()
    plain.close()


def test_a_device_that_computes_nonsense_is_not_used() -> None:
    rows = rows_of()

    class Wrong(device.Memory):
        def _copied(self, vectors: Vectors) -> object:
            return super()._copied(vectors).roll(1, 0)

    with mock.patch.object(device, "Memory", Wrong):
        index = on("cpu", Index(MANY_DIM, 2))
        index.add(rows)
        query = np.frombuffer(rows[7].pieces[0].vector, np.float32)
        assert index.rank(EVERYTHING, query, "", 1)[0].record == 7
    assert state(index)[0] == "cpu"
    assert "scores are off" in index.notices[0]
    index.close()


def test_a_device_that_fails_under_many_searches() -> None:
    """Searches that are under way when it fails finish on the CPU, each with its right answer."""
    rows = rows_of(400)
    plain = Index(MANY_DIM, 1, exact=10**9)
    plain.add(rows)
    queries = [np.frombuffer(row.pieces[0].vector, np.float32) for row in rows[:24]]
    wanted = [plain.rank(EVERYTHING, query, "", 5) for query in queries]
    wrong: list[object] = []
    with failing("search", torch.OutOfMemoryError("CUDA out of memory"), 30), mock.patch.object(ranking, "FIRST", 5):
        index = on("cpu", Index(MANY_DIM, 2))
        index.add(rows)

        def look(turn: int) -> None:
            try:
                for n in range(len(queries)):
                    at = (n + turn * 5) % len(queries)
                    if index.rank(EVERYTHING, queries[at], "", 5) != wanted[at]:
                        wrong.append(at)
            except BaseException as error:  # a thread's error must fail the test
                wrong.append(error)

        threads = [threading.Thread(target=look, args=(turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert state(index) == ("cpu", (FULL,))
    index.close()
    plain.close()


def test_searches_while_records_come_and_go(where: str) -> None:
    """Records come and go in pairs; no search sees half a pair, or one that was gone when it began."""
    rows = rows_of(160)
    index = on(where, Index(MANY_DIM, 2))
    index.add(rows[:40])
    over = threading.Event()
    gone: set[int] = set()
    wrong: list[object] = []

    def look() -> None:
        query = np.frombuffer(rows[0].pieces[0].vector, np.float32)
        try:
            while not over.is_set():
                before = set(gone)
                found = {one.record for one in index.rank(EVERYTHING, query, "", 1000)}
                if found & before or any((n ^ 1) not in found for n in found):
                    wrong.append((found & before, len(found)))
        except BaseException as error:  # a thread's error must fail the test
            wrong.append(error)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(40, 160, 2):
        index.add(rows[n : n + 2])
        if n % 6 == 0:
            index.remove([n - 2, n - 1])
            gone.update((n - 2, n - 1))
    over.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert state(index) == (where, ())
    index.close()


# ---------------------------------------------------------------- which device


def test_without_a_gpu_nothing_is_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytorch, "_driven", lambda: False)
    for name in ("cpu", "auto"):
        one = device.scorer(DIM, 1, name)
        assert type(one) is Scorer
        one.close()


def test_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name it is missed, and said so; `auto` takes what there is."""
    monkeypatch.setattr(pytorch, "_driven", lambda: True)  # NVIDIA's driver, and a torch that cannot use it
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    rows = rows_of()
    query = np.frombuffer(rows[3].pieces[0].vector, np.float32)
    for name, notices in (("auto", ()), ("cuda", ("searches run on the CPU: this machine has no device 'cuda'",))):
        index = Index(MANY_DIM, 1, exact=0, device=name)
        index.learn(LEXICON)
        index.add(rows)
        assert state(index) == ("undecided", ())
        assert index.rank(EVERYTHING, query, "", 1)[0].record == 3
        assert state(index) == ("cpu", notices)
        index.close()


def test_memory_that_really_runs_out() -> None:
    if not PRESENT["cuda"]:
        pytest.skip("no CUDA device here")
    rows = rows_of(400)
    index = on("cuda", Index(MANY_DIM, 2))
    index.add(rows)
    query = np.frombuffer(rows[9].pieces[0].vector, np.float32)
    torch.cuda.set_per_process_memory_fraction(1e-6)
    torch.cuda.empty_cache()
    try:
        assert index.rank(EVERYTHING, query, "", 1)[0].record == 9
        assert state(index) == ("cpu", (FULL,))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        index.close()
