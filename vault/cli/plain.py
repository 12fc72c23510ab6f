"""Text from data made harmless for a terminal.

Records come from strangers: mail, pages, chats. What they hold is shown, never obeyed.
"""

from __future__ import annotations

import re
import unicodedata

from vault.legible import HIDDEN

_JOINERS = "\u200c\u200d"
"""Format characters that writing needs (Persian, emoji) and that move nothing."""
_UNSAFE = re.compile(f"[{HIDDEN}\t\n\r\u2028\u2029\U000110bd\U000110cd]")
"""What is never seen, line ends and tabs (which are put back where they may be), and two marks that move others."""


def text(value: str) -> str:
    """Return `value` with its lines and tabs, without anything that controls a terminal or hides.

    C0 controls become their visible pictures (ESC is shown as ␛); the rest is dropped.
    """
    return _UNSAFE.sub(_picture, re.sub("\r\n?|[\u2028\u2029\x85]", "\n", value))


def one_line(value: str) -> str:
    """Return `value` harmless and on one line, runs of white space as one space."""
    return " ".join(text(value).split())


def json_safe(document: str) -> str:
    """Return JSON text, equal as JSON, whose strings carry no raw character that a terminal might obey."""
    return _UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else _escaped(found[0]), document)


def width(value: str) -> int:
    """Return how many columns `value` takes on a terminal, near enough for alignment."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in value)
    return len(value) + wide - sum(c in _JOINERS or unicodedata.combining(c) > 0 for c in value)


def _picture(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\n\t":
        return character
    return chr(0x2400 + ord(character)) if character < " " else "\u2421" if character == "\x7f" else ""


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
