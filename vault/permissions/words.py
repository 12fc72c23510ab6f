"""The words of a text, quickly: what the detectors look at first, for every record that comes in."""

from __future__ import annotations

_SPACE = bytes(code if code > 0x7F or chr(code).isalpha() else 0x20 for code in range(256))
"""Of UTF-8: letters as they are, all other ASCII as a space."""
_MARKS = "\xa0\xa1\xab\xb7\xbb\xbf\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2026\u2022"
"""Marks beyond ASCII that stand against words."""


def words(text: str) -> list[str]:
    """Return the words of `text`, in small letters, without digits and ASCII marks, in order."""
    small = text.lower()
    if not small.isascii():
        for mark in _MARKS:
            small = small.replace(mark, " ")
    return small.encode("utf-8", "replace").translate(_SPACE).decode("utf-8").split()
