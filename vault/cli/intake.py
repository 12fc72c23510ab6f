"""An importer's records on their way into the vault that a command has opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vault import importing
from vault.cli.open import Open
from vault.importing import Report

__all__ = ["Intake", "Report"]


class Intake(importing.Intake):
    """Feeds one import into an opened vault and keeps its report."""

    def __init__(self, vault: Open, report: Report, moved: Callable[[Report, int | None], None]) -> None:
        add, origins = partial(vault.vault.add, vault.holder), partial(vault.vault.origins, vault.holder)
        super().__init__(add, origins, report, moved)
