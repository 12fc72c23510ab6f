"""Adapter packs: where an assistant's chat page keeps its turns, told in selectors. Data, never code (SPEC.md, 8)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import vault
from vault.errors import Damaged

FORMAT = "ownvault-adapter/1"
MOST, LONGEST = 20, 300
"""Texts in a list, and characters of each."""
LISTS = ("hosts", "paths", "root", "turn", "body", "leave", "box")
PLACES = ("heading", "time", "model", "language")
BY_ROLE = ("roles", "said")
ROLES = {"user", "assistant", "system"}
_KEYS = {"format", "name", "title", "version", *LISTS, *PLACES, *BY_ROLE}
_FILLED = ("hosts", "turn", "body")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.ASCII)
_ATTRIBUTE = re.compile(r"(?!on|srcdoc$)[a-z][a-z0-9-]{0,40}", re.ASCII)


def home() -> Path:
    """Return the folder of the browser extension: in the installed package, or in the source tree beside it."""
    package = Path(vault.__file__).resolve().parent
    installed = package / "_plugins" / "browser"
    return installed if installed.is_dir() else package.parent / "plugins" / "browser"


@cache
def packs() -> tuple[Mapping[str, Any], ...]:
    """Return every pack, by name. Damaged for one that says anything that is not known."""
    found = []
    for path in sorted((home() / "adapters").glob("*.json")):
        try:
            pack = json.loads(path.read_text("utf-8"))
            check(pack)
            if pack["name"] != path.stem:
                raise ValueError("name: should be the file's")
        except ValueError as error:
            raise Damaged(f"the adapter pack {path.stem} is none: {error}") from None
        found.append(pack)
    return tuple(found)


def digest() -> str:
    """Return what is another with every change of a pack."""
    said = json.dumps(packs(), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def check(pack: Any) -> None:
    """Raise ValueError with the place that is wrong, unless this is a pack."""
    if not isinstance(pack, dict) or pack.keys() != _KEYS:
        raise ValueError("its keys are not those of a pack")
    _head(pack)
    for key in LISTS:
        _list(pack[key], key)
    for key in PLACES:
        _place(pack[key], key)
    for key in BY_ROLE:
        if not isinstance(pack[key], dict) or pack[key].keys() != ROLES:
            raise ValueError(f"{key}: should name each role")
        for role in ROLES:
            _list(pack[key][role], f"{key}.{role}")
    if empty := next((key for key in _FILLED if not pack[key]), ""):
        raise ValueError(f"{empty}: must not be empty")
    if not all(_HOST.fullmatch(host) for host in pack["hosts"]):
        raise ValueError("hosts: should be names of hosts")


def _head(pack: dict[str, Any]) -> None:
    if pack["format"] != FORMAT:
        raise ValueError(f"format: only {FORMAT} is known")
    for key in ("name", "title"):
        if not _line(pack[key]):
            raise ValueError(f"{key}: should be a short text")
    if type(pack["version"]) is not int or pack["version"] < 1:
        raise ValueError("version: should be 1 or more")


def _list(value: Any, where: str) -> None:
    if not isinstance(value, list) or len(value) > MOST or not all(map(_line, value)):
        raise ValueError(f"{where}: should be a list of at most {MOST} short texts")


def _place(value: Any, where: str) -> None:
    if not isinstance(value, dict) or not {"select"} <= value.keys() <= {"select", "attribute"}:
        raise ValueError(f"{where}: should say what to select")
    _list(value["select"], f"{where}.select")
    if "attribute" in value and not (
        isinstance(value["attribute"], str) and _ATTRIBUTE.fullmatch(value["attribute"])
    ):  # fmt: skip
        raise ValueError(f"{where}.attribute: should be an attribute that holds text")


def _line(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST
