"""Finds importers and reads what they say of themselves, without running any."""

from __future__ import annotations

import ast
from pathlib import Path

import vault
from vault.plugins.items import ImporterInfo


def importers(directory: Path | None = None) -> dict[str, ImporterInfo]:
    """Return every importer by name: one per file in `directory` whose name has no leading underscore.

    Nothing is run: summary and options are read from the source (docstring and the literal OPTIONS).
    """
    found = sorted((directory or _directory()).glob("[!_]*.py"))
    return {file.stem: _info(file) for file in found}


def _directory() -> Path:
    """The wheel carries the plugins inside the package; a checkout has them beside it."""
    package = Path(vault.__file__).resolve().parent
    carried = package / "_plugins" / "importers"
    return carried if carried.is_dir() else package.parent / "plugins" / "importers"


def _info(file: Path) -> ImporterInfo:
    try:
        module = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return ImporterInfo(file.stem, "A broken program: it is not valid Python.", {}, file)
    options: dict[str, str] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(t) for t in statement.targets] == ["OPTIONS"]:
            options = ast.literal_eval(statement.value)
    return ImporterInfo(file.stem, (ast.get_docstring(module) or "").partition("\n")[0], options, file)
