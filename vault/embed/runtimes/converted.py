"""A model converted for OpenVINO, kept in the user's cache directory: made from public weights, never from content.

    CACHE/encoders/FINGERPRINT-VERSION/
        model.xml  model.bin     the graph and its weights, pooling included: (input_ids, attention_mask) -> vectors
        tokenizer.json           the model's own tokenizer, without padding and truncation
        facts.json               see `Facts`; with the SHA-256 of each of the other files
        samples.npy              float32 (n, dim): what torch computes for `QUESTIONS` and then `PASSAGES`

The name holds the fingerprint of the model's own files, OpenVINO's version and `FORMAT`: anything that changes makes
another directory. A directory appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from vault.embed import weights
from vault.embed.runtimes.base import Vectors
from vault.errors import Damaged, Missing

FORMAT = 1
FILES = ("model.xml", "model.bin", "tokenizer.json", "samples.npy")
PATIENCE_S = 900
"""For converting a model; the bundled one takes eight seconds."""

QUESTIONS = (
    "Where did we swim?",
    "  Which of the letters that GRANDMOTHER wrote from Lisbon mention the broken heater?",
)
PASSAGES = (
    "Anna (Monday, 8 May 2023, 2023-05-08):\nWe went to the lake.",
    "Rent is 940 €, due on the 3rd; the heater is not covered (see § 7). " * 40,
    "東京タワー  ",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the runtime must know about the model."""

    dim: int
    longest: int
    """Tokens the model reads of a text."""
    padding: int
    """Id of the padding token."""
    question: str
    """Prompt before every question."""
    passage: str
    """Prompt before every passage."""


@dataclass(frozen=True, slots=True)
class Converted:
    directory: Path
    facts: Facts
    samples: Vectors


def default_cache() -> Path:
    from platformdirs import user_cache_path  # deferred: start-up time

    return user_cache_path("ownvault", appauthor=False) / "encoders"


def obtain(source: Path, cache: Path) -> Converted:
    """Return the model in `source` as converted earlier, or convert it now.

    Raises Missing when it cannot be converted here: OpenVINO or torch is not installed, the model is of another kind,
    the cache cannot be written.
    """
    try:
        version = metadata.version("openvino")
    except metadata.PackageNotFoundError:
        raise Missing("OpenVINO is not installed", hint='pip install "ownvault[cpu]"') from None
    print_ = weights.fingerprint(source)
    place = cache / f"{print_}-{version}-{FORMAT}"
    try:
        return read(place)
    except (Missing, Damaged):
        pass
    try:
        _convert(source, place)
    except OSError as error:
        raise Missing(f"the converted model cannot be kept in {cache}: {error.strerror}") from None
    for old in cache.glob(f"{print_}-*"):
        if old != place:
            shutil.rmtree(old, ignore_errors=True)
    return read(place)


def read(directory: Path) -> Converted:
    """Return a converted model. Raises Missing when there is none, Damaged when a file is not as it was written."""
    try:
        stated = json.loads((directory / "facts.json").read_text("utf-8"))
        found = {name: weights.digest(directory / name) for name in FILES}
        if found != stated.pop("files"):
            raise Damaged("the converted model has changed since it was written")
        return Converted(directory, Facts(**stated), np.load(directory / "samples.npy", allow_pickle=False))
    except OSError as error:
        raise Missing(f"no converted model: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise Damaged("the converted model's facts do not parse") from None


def write_facts(directory: Path, facts: Facts) -> None:
    """Complete a converted model whose other files are written."""
    files = {name: weights.digest(directory / name) for name in FILES}
    (directory / "facts.json").write_text(json.dumps(asdict(facts) | {"files": files}), "utf-8")


def _convert(source: Path, place: Path) -> None:
    """Convert in a process of its own: two runtimes in one would fight for the cores for as long as it lives."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(dir=place.parent, prefix="new-"))
    try:
        ran = subprocess.run(  # noqa: S603  # our own interpreter, our own module
            [sys.executable, "-P", "-m", "vault.embed.runtimes.conversion", str(source.absolute()), str(made)],
            env={name: value for name, value in os.environ.items() if not name.startswith("OWNVAULT_")},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        if ran.returncode:
            why = (ran.stderr.strip().splitlines() or ["it ended without a word"])[-1]
            raise Missing(f"the model could not be converted: {why[:200]}")
        shutil.rmtree(place, ignore_errors=True)
        if not place.exists():  # another process may have been faster
            made.rename(place)
    except subprocess.TimeoutExpired:
        raise Missing("the model could not be converted in time") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
