"""Runs importers as the vault does: in real child processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vault import plugins
from vault.plugins import Failure, Limits, Progress
from vault.types import Draft


@dataclass
class Taken:
    drafts: list[Draft] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    @property
    def by_origin(self) -> dict[str, Draft]:
        return {draft.origin: draft for draft in self.drafts}

    @property
    def reasons(self) -> dict[str, str]:
        return {failure.place: failure.reason for failure in self.failures}


def gather(items: Any) -> Taken:
    taken = Taken()
    for item in items:
        kept = {Draft: taken.drafts, Failure: taken.failures, Progress: taken.progress}[type(item)]
        kept.append(item)
    return taken


@pytest.fixture
def take() -> Callable[..., Taken]:
    """Import with a shipped importer and sort what comes."""

    def taking(name: str, path: Path, **options: Any) -> Taken:
        return gather(plugins.run(name, path, options))

    return taking


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Taken]:
    """Run an importer written in the test. `read` is the body of its read(); `raw` is the whole program."""
    folder = tmp_path / "importers"
    folder.mkdir()

    def running(read: str = "", *, raw: str = "", limits: Limits | None = None) -> Taken:
        body = "\n".join("    " + line for line in read.strip("\n").split("\n"))
        source = raw or (
            "import os, signal, sys\nfrom vault.plugins import Failure, Progress, serve\n"
            "from vault.types import Draft\n"
            f"def read(path, options):\n{body}\nserve(read)\n"
        )
        (folder / "odd.py").write_text(source, "utf-8")
        return gather(plugins.run("odd", tmp_path, {}, limits, directory=folder))

    return running
