"""What can be seen of a text: the one table of characters that hide words from a reader, and text without them.

Such characters carry messages that a person does not see and a model reads (tags, zero-width codes), turn a line
around (direction marks) or move a cursor (controls). Source: Unicode 16, Default_Ignorable_Code_Point, Cc, Cf, Cs.
"""

from __future__ import annotations

import re

HIDDEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, except tab and the ends of a line
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen; Arabic, Hangul, Khmer, Mongolian marks
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"  # zero width, direction marks and isolates, invisible operators
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"  # fillers, variation selectors, byte order mark, annotations
    "\ud800-\udfff"  # lone surrogates: no character at all
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # controls of hieroglyphs, shorthand, music
    "\U000e0000-\U000e0fff"  # tags, more variation selectors
)
"""Characters that are never seen, as the inside of a regular expression's `[]`. Joiners are not among them."""

JOINERS = "\u200c\u200d\ufe0e\ufe0f"
"""Joiners and emoji selectors: never seen either, but writing needs them in their place. The inside of a `[]` too."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
_HIDDEN = re.compile(f"[{HIDDEN}]+")
_EITHER = re.compile(f"[{HIDDEN}{JOINERS}]")
# Their place is after Arabic, Indic and later letters and after emoji, and after the few older characters that have an
# emoji form; one selector and one joiner at most. Elsewhere they draw nothing and can only carry a message.
_STRAY = re.compile(f"(?<![#*0-9\xa9\xae\u0600-\U0010ffff])[{JOINERS}]+")
_RUN = re.compile(f"(?=[{JOINERS}])([\ufe0e\ufe0f]?)([\u200c\u200d]?)[{JOINERS}]*")


def legible(text: str) -> str:
    """Return `text` without the characters that hide words; line ends, tabs and what scripts and emoji need stay.

    Doing it twice changes nothing more.
    """
    if text.isascii():
        return _CONTROL.sub("", text)
    if not _EITHER.search(text):
        return text
    return _RUN.sub(r"\1\2", _STRAY.sub("", _HIDDEN.sub("", text)))
