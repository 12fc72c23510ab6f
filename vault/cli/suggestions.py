"""“Did you mean …?” over what the vault holds. Only the owner is ever asked that: the names are what a scope hides."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from vault import limits
from vault.cli import plain
from vault.cli.filters import NAMED
from vault.cli.open import Open
from vault.errors import NotFound
from vault.types import By, CountRequest, Filter

BY = {
    "collections": By.COLLECTION, "sources": By.SOURCE, "kinds": By.KIND,
    "labels": By.LABEL, "without_labels": By.LABEL, "people": By.PERSON,
}  # fmt: skip
_MISSING = {
    "collections": "no collection {}", "sources": "no source {}", "kinds": "no record is of the kind {}",
    "labels": "no record is labelled {}", "without_labels": "no record is labelled {}",
    "people": "no record is with {}",
}  # fmt: skip
SHOWN, NEAR = 6, 3
"""Names told when none is near; names told as near."""


def known(vault: Open, filter: Filter) -> None:
    """Raise NotFound, with the nearest that there is, for the first name that no record of the vault has."""
    for message, hint in _strangers(vault, filter):
        raise NotFound(message, hint=hint)


def remark(vault: Open, filter: Filter) -> str:
    """Return what is wrong with the names in a filter that found nothing; empty for anybody but the owner."""
    return next((f"{message}: {hint}" for message, hint in _strangers(vault, filter)), "") if vault.owner else ""


@contextmanager
def offered(vault: Open, filter: Filter) -> Iterator[None]:
    """Give the owner the nearest names when a collection is not found in the block."""
    try:
        yield
    except NotFound:
        if vault.owner:
            known(vault, filter)
        raise


def nearest(word: str, names: Iterable[str], most: int = NEAR) -> list[str]:
    """Return the names most like `word`: the same but for case, a part of the name, or few letters away."""
    folded = {name.casefold(): name for name in names}
    key = word.casefold()
    within = sorted((name for name in folded if key in name), key=len) if len(key) > 2 else []
    close = difflib.get_close_matches(key, folded, most, 0.75) or difflib.get_close_matches(key, folded, 1, 0.6)
    return [folded[name] for name in dict.fromkeys([*([key] if key in folded else []), *within, *close])][:most]


def _strangers(vault: Open, filter: Filter) -> Iterator[tuple[str, str]]:
    """Yield message and hint for each name that no record has."""
    counted: dict[By, dict[str, int]] = {}
    for dimension, by in BY.items():
        for name in map(_kept, getattr(filter, dimension) or ()):
            if by not in counted:
                counted[by] = vault.vault.count(vault.holder, CountRequest(by=by)).groups
            if name not in counted[by] and not _rare(vault, dimension, name, counted[by]):
                yield _MISSING[dimension].format(repr(name)), _hint(name, counted[by], dimension)


def _rare(vault: Open, dimension: str, name: str, groups: dict[str, int]) -> bool:
    """Tell whether a name exists though it is not among the most frequent, which are all that a count tells."""
    if len(groups) < limits.GROUPS:
        return False
    alone: dict[str, Any] = {"labels" if dimension == "without_labels" else dimension: (name,)}
    return vault.vault.count(vault.holder, CountRequest(Filter(**alone))).count > 0


def _hint(name: str, groups: dict[str, int], dimension: str) -> str:
    if near := nearest(name, groups):
        return f"did you mean {' or '.join(map(plain.one_line, near))}?"
    frequent = sorted(groups, key=lambda one: -groups[one])
    if not frequent:
        return f"nothing in the vault can be named with {NAMED[dimension][0]}"
    more = f" and {len(frequent) - SHOWN} more" if len(frequent) > SHOWN else ""
    return f"there are: {', '.join(map(plain.one_line, frequent[:SHOWN]))}{more}"


def _kept(name: str) -> str:
    """Return a name as the vault keeps it; some terminals send letter and mark apart."""
    return unicodedata.normalize("NFC", name).strip()
