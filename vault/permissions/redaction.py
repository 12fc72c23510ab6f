"""Redaction: identifiers masked by placeholders that stay the same throughout one answer. SPEC.md, "Redaction"."""

from __future__ import annotations

import re

from vault.legible import HIDDEN, JOINERS
from vault.permissions.identifiers import Identifier, Kind, find

REACH = 512
"""How far around a passage to look: longer than any identifier and the word that names it."""

# Hidden characters may be taken out later, and must not make a placeholder then. Nothing here runs over a second
# opening bracket, so that a text of brackets takes no longer than another.
_OPEN, _CLOSE = "\\[\uff3b\u27e6\u3010", "\\]\uff3d\u27e7\u3011"
_WORDS = "|".join(f"[{HIDDEN}{JOINERS}]*".join(kind) for kind in Kind)
_LOOKS_MASKED = re.compile(
    rf"[{_OPEN}]([^\w{_OPEN}]*(?:{_WORDS})[^\w{_OPEN}]*\d(?:\d|[^\w{_OPEN}{_CLOSE}])*+)[{_CLOSE}]", re.I
)


class Redactor:
    """Masks the texts of one answer. Equal identifiers get equal placeholders, in the order they first appear."""

    def __init__(self, region: str | None = None) -> None:
        """`region` is the country whose phone numbers are written without a country code, where that is known."""
        self._region = region
        self._given: dict[tuple[Kind, str], str] = {}
        self._count: dict[Kind, int] = {}

    def mask(self, text: str, start: int = 0, end: int | None = None) -> str:
        """Return `text[start:end]` with a placeholder such as `[email 1]` for each identifier.

        One that the edges of the passage cut is masked whole. Whatever in the text itself looks like a placeholder
        gets round brackets, so that square ones are always the vault's.
        """
        end = len(text) if end is None else min(end, len(text))
        offset = max(0, start - REACH)
        parts, last = [], start
        for one in find(text[offset : end + REACH], self._region):
            if one.end + offset <= start or one.start + offset >= end:
                continue
            parts += [_plain(text[last : max(last, one.start + offset)]), self._placeholder(one)]
            last = one.end + offset
        return "".join(parts) + _plain(text[last:end])

    def _placeholder(self, one: Identifier) -> str:
        known = (one.kind, one.canonical)
        if known not in self._given:
            self._count[one.kind] = self._count.get(one.kind, 0) + 1
            self._given[known] = f"[{one.kind} {self._count[one.kind]}]"
        return self._given[known]


def _plain(text: str) -> str:
    return _LOOKS_MASKED.sub(r"(\1)", text)
