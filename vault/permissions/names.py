"""Names: what may name a client, a collection, a source, a kind, a label or a person. SPEC.md, "Names"."""

from __future__ import annotations

import re
import unicodedata

from vault import limits
from vault.errors import BadRequest

_GRANT_ID = re.compile(rf"[A-Za-z0-9._:/@-]{{1,{limits.NAME}}}", re.ASCII)
PUNCTUATION = frozenset(" ._:/@+-'&()")
# Unicode's Default_Ignorable_Code_Point: drawn as nothing, whatever their category says.
_INVISIBLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip


def name(text: str) -> str:
    """Return `text` in NFC if it may name a client, collection, source or kind.

    1 to 128 characters: letters of any script with their marks, digits, and inside also space and
    ``._:/@+-'&()``; it starts with a letter or digit and does not end in a space. BadRequest otherwise.
    """
    value = _visible(text, limits.NAME)
    if not (value[0].isalpha() or unicodedata.category(value[0]) == "Nd") or value.endswith(" "):
        raise BadRequest(f"{text!r} is not a name: it must start with a letter or digit and not end in a space")
    wrong = next((c for c in value if not _letter(c) and c not in PUNCTUATION), None)
    if wrong is not None:
        raise BadRequest(f"{text!r} is not a name: {wrong!r} is not allowed", hint="letters, digits, space ._:/@+-'&()")
    return value


def label(text: str) -> str:
    """Return `text` in NFC, trimmed, if it may name a label or a person (1 to 256 visible characters); else BadRequest.

    Wider than `name`, because records bring their own (`Doe, Jane <jane@example.org>`, `#work`); trimmed as theirs are.
    """
    return _visible(text, limits.LABEL).strip()


def grant_id(text: str) -> str:
    """Return `text` if it may be the id of a grant: 1 to 128 ASCII letters, digits and ``._:/@-``; else BadRequest."""
    if not _GRANT_ID.fullmatch(text):
        raise BadRequest(f"{text!r} is not an id for a grant")
    return text


def _letter(character: str) -> bool:
    return unicodedata.category(character) in {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"}


def _visible(text: object, longest: int) -> str:
    if not isinstance(text, str) or not text.strip():
        raise BadRequest("a name must not be empty")
    if len(text) > 4 * longest:  # NFC at most quarters a text: look no further
        raise BadRequest(f"a name has at most {longest} characters")
    value = unicodedata.normalize("NFC", text)
    if len(value) > longest:
        raise BadRequest(f"a name has at most {longest} characters, not {len(value)}")
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or _ignorable(ord(character)):
            raise BadRequest(f"{text!r} holds an invisible or control character: U+{ord(character):04X}")
    return value


def _ignorable(point: int) -> bool:
    return point >= 0xAD and any(first <= point <= last for first, last in _INVISIBLE)
