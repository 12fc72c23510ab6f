"""Imports flow one way: types, errors, limits, config <- store | permissions | embed | plugins <- service <- faces."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import vault

PACKAGE = Path(vault.__file__).parent
BASE = {"types", "errors", "config", "limits", "legible"}
SIBLINGS = {"store", "permissions", "embed", "plugins"}
SERVICE = {
    "adding", "admitting", "answering", "asking", "assenting", "bell", "browsing", "capturing", "chat", "checking",
    "clipping", "connecting", "counting", "deciding", "decision", "exposing", "finding", "founding", "gate", "granting",
    "history", "holding", "importing", "inserting", "keeping", "labelling", "library", "looking", "meeting", "meter",
    "pairings", "parts", "previewing", "projecting", "prompt", "registering", "release", "renewing", "requesting",
    "ring", "sentences", "service", "unlocking",
}  # fmt: skip
ROOMS = (
    "adding", "admitting", "asking", "assenting", "browsing", "checking", "connecting", "deciding", "exposing",
    "granting", "history", "inserting", "keeping", "labelling", "looking", "pairings", "parts",
    "previewing", "projecting", "registering", "renewing", "requesting", "unlocking",
)  # fmt: skip
MAY_IMPORT = {
    "types": {"errors", "types"},
    "legible": set(),
    "bell": set(),
    "gate": set(),
    "meter": set(),
    "meeting": BASE,
    "clipping": BASE,
    "capturing": BASE | SERVICE | {"permissions", "plugins", "store"},
    "ring": BASE | {"permissions", "store"},
    "importing": BASE | {"plugins", "sentences"},
    "counting": BASE | {"library"},
    "finding": BASE | {"library", "release"},
    "prompt": BASE,
    "sentences": BASE,
    "chat": BASE,
    "answering": BASE | {"chat"},
    "connect": BASE | {"connect", "store"},
    "supervision": BASE | {"supervision", "store"},
    "errors": set(),
    "limits": set(),
    "config": {"errors"},
    **{name: BASE | {name} for name in SIBLINGS},
    "holding": BASE | {"permissions"},
    "decision": BASE | {"gate", "holding", "meter", "permissions"},
    "founding": BASE | {"permissions", "store"},
    "release": BASE | {"permissions"},
    **{name: BASE | SERVICE | {"permissions", "store"} for name in ROOMS},
    "library": BASE | {"library", "store", "embed"},
    "service": BASE | SERVICE | SIBLINGS,
    "api": BASE | SERVICE | {"api", "connect", "store"},
    "cli": BASE | SERVICE | SIBLINGS | {"connect", "supervision", "api", "cli"},
    "__main__": {"cli"},
    "__init__": set(),
}
FACES_MAY_USE_OF_STORE = {"vault.store.lock", "vault.store.hygiene", "vault.store.keys"}
LIGHT = {"click"}
HEAVY = {"torch", "faiss", "sentence_transformers", "numpy", "flask", "mcp", "granian", "pydantic", "rich", "httpx2"}


def sources() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "_plugins" not in p.parts)


def part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}" if node.module in ("vault", "vault.store") else node.module or ""


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_flow_one_way(path: Path) -> None:
    allowed = MAY_IMPORT[part(path)]
    used = {name.split(".")[1] for name in imports(path) if name.startswith("vault.")}
    used.discard("__version__")
    assert used <= allowed, f"{part(path)} may not import {sorted(used - allowed)}"


@pytest.mark.parametrize(
    "path", [p for p in sources() if part(p) in ("api", "cli")], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_faces_use_of_the_store_only_lock_and_hygiene(path: Path) -> None:
    used = {name for name in imports(path) if name.startswith("vault.store")}
    assert used <= FACES_MAY_USE_OF_STORE


@pytest.mark.parametrize("path", [p for p in sources() if part(p) == "cli"], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_command_line_defers_what_is_heavy(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path, top_level_only=True)} & HEAVY


def test_only_verification_makes_a_scope() -> None:
    makers = {
        str(path.relative_to(PACKAGE))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Scope"
    }
    assert makers == {"decision.py"}
