"""What was added is found when `add` returns, what was forgotten is not when `forget` returns, and nobody who asks
waits for an index that is being built."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from tests.library.conftest import Open, draft, forget, put
from tests.support import HashingEncoder
from vault.embed.segments import Segment
from vault.errors import NotFound, StorageFailed
from vault.library import library, loading
from vault.library.reembedding import Reembedding
from vault.service import Vault
from vault.store.database import Database
from vault.store.sealed import Files
from vault.types import EVERYTHING, AddRequest, CountRequest, Draft, Holder, SearchRequest

LONG = 30.0


@pytest.fixture
def vault(reopen: Open) -> Vault:
    opened = reopen()
    put(opened, *map(draft, range(40)))
    return opened


def found(vault: Vault, query: str) -> set[str]:
    return {hit.origin for hit in vault.search(Holder(vault.owner_token().token), SearchRequest(query, limit=50)).hits}


def best(vault: Vault, query: str) -> str:
    return vault.search(Holder(vault.owner_token().token), SearchRequest(query, limit=1)).hits[0].text


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, work: Callable[[], object]) -> Iterator[None]:
    """Do `work` in a thread that stops inside `owner.name`; run the block meanwhile, then let it end."""
    at, on = threading.Event(), threading.Event()
    real = getattr(owner, name)

    def slowly(*args: Any, **more: Any) -> Any:
        if threading.current_thread().name == "held up":
            at.set()
            assert on.wait(LONG)
        return real(*args, **more)

    with monkeypatch.context() as patch:
        bound = isinstance(owner, type) and isinstance(owner.__dict__[name], classmethod)
        patch.setattr(owner, name, staticmethod(slowly) if bound else slowly)
        thread = threading.Thread(target=work, name="held up")
        thread.start()
        try:
            assert at.wait(LONG)
            yield
        finally:
            on.set()
            thread.join(LONG)
    assert not thread.is_alive()


def in_time(ask: Callable[[], Any]) -> Any:
    """Return what `ask` returns; it must not wait for anything that this thread holds."""
    said: list[Any] = []
    asking = threading.Thread(target=lambda: said.append(ask()))
    asking.start()
    asking.join(LONG)
    assert said, "the question waited"
    return said[0]


def test_added_is_found_and_forgotten_is_not(vault: Vault) -> None:
    for n in range(20):
        (id,) = put(vault, Draft(f"n{n}", f"zanzibar {n}"))
        assert best(vault, "zanzibar") == f"zanzibar {n}"
        put(vault, Draft(f"n{n}", f"timbuktu {n}"))
        assert best(vault, "timbuktu") == f"timbuktu {n}"
        assert "zanzibar" not in best(vault, "zanzibar")
        forget(vault, id)
        assert "timbuktu" not in best(vault, "timbuktu")
        assert vault.count(Holder(vault.owner_token().token), CountRequest()).count == 40


def test_who_asks_takes_no_lock_under_which_anything_is_built(vault: Vault) -> None:
    step = vault._parts.library._step
    locks = (
        step._loading, step._following, step.space.index._changing, step._snapshots._writing, step._snapshots._door,
        step._keeper._door, step.marks._door, step._encoding,
    )  # fmt: skip
    owner = Holder(vault.owner_token().token)
    with ExitStack() as held:
        for lock in locks:
            held.enter_context(lock)
        assert in_time(lambda: found(vault, "boat"))
        assert in_time(lambda: vault.count(owner, CountRequest()).count) == 40


@pytest.mark.parametrize("name", ["build", "merge"])
def test_questions_go_on_while_a_segment_is_built(vault: Vault, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with held_up(monkeypatch, Segment, name, lambda: put(vault, *map(draft, range(100, 140)))):
        assert in_time(lambda: len(found(vault, "boat"))) == 40  # as before, not yet with those on their way
    assert len(found(vault, "boat")) == 50  # as many as were asked for


def test_questions_go_on_while_the_dead_are_cleared_away(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Holder(vault.owner_token().token)
    ids = [hit.id for hit in vault.search(owner, SearchRequest("boat", limit=50)).hits]
    for id in ids[:9]:
        forget(vault, id)
    with held_up(monkeypatch, Segment, "merge", lambda: forget(vault, ids[9])):  # a quarter is dead now
        assert ids[8] not in in_time(lambda: str(vault.search(owner, SearchRequest("boat", limit=50)).hits))
    assert len(found(vault, "boat")) == 30


def test_questions_and_changes_go_on_while_a_snapshot_is_written(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    with held_up(monkeypatch, Files, "write", vault._parts.library._step._keeper.write):
        in_time(lambda: put(vault, Draft("new", "zanzibar")))
        assert in_time(lambda: found(vault, "zanzibar")) >= {"new"}


class Other(HashingEncoder):
    name, dim = "hashing-64", 64


def test_questions_and_changes_go_on_while_another_models_index_is_built(
    vault: Vault, reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.close()
    again = reopen(Other())
    assert found(again, "boat")
    step = again._parts.library._step
    with held_up(monkeypatch, loading, "take", step._reembedding.work):
        in_time(lambda: put(again, Draft("new", "zanzibar")))
        assert in_time(lambda: found(again, "zanzibar")) >= {"new"}
        assert step.space.made_by == "hashing-384/384"
    assert step.space.made_by == "hashing-64/64"
    assert found(again, "zanzibar") >= {"new"}


def test_questions_go_on_while_the_last_vectors_are_made(
    vault: Vault, reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes wait for a moment then; who asks does not."""
    vault.close()
    again = reopen(Other())
    assert found(again, "boat")
    step = again._parts.library._step
    real, calls = Reembedding._embedded, iter(range(10))

    def last(self: Reembedding, encoder: Any, at: int, patience: float) -> int:
        return real(self, encoder, at, patience)

    rest = SimpleNamespace(last=last)

    def embedded(*args: Any) -> int:
        return rest.last(*args) if next(calls) else real(*args)

    monkeypatch.setattr(Reembedding, "_embedded", embedded)
    with held_up(monkeypatch, rest, "last", step._reembedding.work):
        assert step._following.locked()
        assert in_time(lambda: found(again, "boat"))
    assert step.space.made_by == "hashing-64/64"


def test_two_who_add_the_same_and_one_who_forgets_it(vault: Vault) -> None:
    """Whatever the order, index and store agree in the end."""
    owner = Holder(vault.owner_token().token)

    def add(text: str) -> None:
        for n in range(15):
            vault.add(owner, AddRequest("notes", (Draft("both", f"{text} {n}"),), source="test"))

    def drop() -> None:
        for _ in range(30):
            with suppress(NotFound):
                for record in vault._parts.library.standing("test", ["both"]):
                    forget(vault, record.id)

    threads = [threading.Thread(target=add, args=("first",)), threading.Thread(target=add, args=("second",)),
               threading.Thread(target=drop)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    library = vault._parts.library
    with vault._parts.db.read() as conn:
        stored = {n for (n,) in conn.execute("SELECT n FROM record")}
    assert set(library.numbers(EVERYTHING)) == stored


def test_an_import_is_stored_in_parts_each_on_the_record(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "TOGETHER", 10)
    owner = Holder(vault.owner_token().token)
    before = vault.status(owner).audit_entries or 0
    bad = Draft("", "nobody's")
    drafts = (*map(draft, range(200, 215)), bad, *map(draft, range(215, 225)))
    answer = vault.add(owner, AddRequest("notes", drafts, source="test"))
    assert [one.outcome for one in answer.outcomes] == ["added"] * 15 + ["failed"] + ["added"] * 10
    assert (vault.status(owner).audit_entries or 0) - before == 3
    assert answer.receipt.entry == (vault.status(owner).audit_entries or 0) - 1
    kept = vault.add(owner, AddRequest("notes", tuple(map(draft, range(300, 325))), source="test"), key="once")
    assert answer.receipt.entry + 1 == kept.receipt.entry
    again = vault.add(owner, AddRequest("notes", tuple(map(draft, range(300, 325))), source="test"), key="once")
    assert again == kept


def test_what_an_import_stored_before_the_disk_was_full_is_found(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "TOGETHER", 10)
    real, left = Database.write, iter([True])

    def full(self: Database, work: Any, **more: Any) -> Any:
        if more.get("patient") is not None and not next(left, False):
            raise StorageFailed("the disk is full")
        return real(self, work, **more)

    monkeypatch.setattr(Database, "write", full)
    with pytest.raises(StorageFailed):
        put(vault, *(Draft(f"z{n}", f"zanzibar number {n}") for n in range(25)))
    monkeypatch.setattr(Database, "write", real)
    assert {f"z{n}" for n in range(10)} <= found(vault, "zanzibar number")
    answer = vault.add(
        Holder(vault.owner_token().token),
        AddRequest("notes", tuple(Draft(f"z{n}", f"zanzibar number {n}") for n in range(25)), source="test"),
    )
    assert [one.outcome for one in answer.outcomes] == ["unchanged"] * 10 + ["added"] * 15
