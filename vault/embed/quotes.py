"""Which words of a mail are its writer's own. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

INLINE_QUOTE = 4
"""Lines of quoted mail that stay with the answer written under them."""

_QUOTED = re.compile(r"[ \t]*>")
_ATTRIBUTION = re.compile(r"\b(wrote|writes|schrieb|escribió|escreveu|écrit|scritto)\b.{0,80}:$")
_OPENING = re.compile(r"[ \t]*(On|Am|Le|El|Il|Em)\b")
_FORWARD = re.compile(r"\s*(fwd?|wg|tr|rv|enc|i)\s*:", re.IGNORECASE)
_ORIGINAL = re.compile(  # how Outlook begins a quote, which it does not mark line by line
    r"\s*-{3,}\s*(original message|original appointment|urspr\u00fcngliche nachricht|message d'origine|mensaje original"
    r"|messaggio originale|mensagem original|oorspronkelijk bericht)\s*-{3,}\s*$",
    re.IGNORECASE,
)
_SENDER = re.compile(r"\s*\*?(From|Von|De|Da|Van)\*?\s?:\*? .*(@|\[mailto:|<)")
_SENT = re.compile(r"\s*\*?(Sent|Date|Gesendet|Datum|Envoy\u00e9|Enviado|Fecha|Inviato|Data|Verzonden)\*?\s?:\*? ")


def own_words(text: str, subject: str) -> list[tuple[int, int]]:
    """Return the spans of a mail that its writer wrote, in order; the whole text where there is nothing else, and of
    what is forwarded: that was first said to somebody else.

    A quote of a few lines with an answer under it stays: the answer cannot be understood without it.
    """
    if _FORWARD.match(subject):
        return [(0, len(text))]
    lines = [(m.start(), m.end()) for m in re.finditer(r"[^\n]*\n|[^\n]+", text)]
    quoted = _quoted([text[start:end] for start, end in lines])
    spans: list[tuple[int, int]] = []
    begun = None
    i = 0
    while i < len(lines):
        if not quoted[i]:
            begun = lines[i][0] if begun is None else begun
            i += 1
            continue
        stop = i
        while stop < len(lines) and (quoted[stop] or not text[slice(*lines[stop])].strip()):
            stop += 1
        answered = stop < len(lines) and sum(quoted[i:stop]) <= INLINE_QUOTE
        if answered:
            begun = lines[i][0] if begun is None else begun
        elif begun is not None:
            spans.append((begun, lines[i][0]))
            begun = None
        i = stop
    if begun is not None:
        spans.append((begun, len(text)))
    return spans if any(text[a:b].strip() for a, b in spans) else [(0, len(text))]


def _quoted(lines: Sequence[str]) -> list[bool]:
    """Mark `>` lines, and the line that announces them (`On Monday Anna wrote:`), which mailers break in two; and all
    that follows a head like Outlook's."""
    quoted = [bool(_QUOTED.match(line)) for line in lines]
    for i, line in enumerate(lines):
        if _ORIGINAL.match(line) or (_SENDER.match(line) and i + 1 < len(lines) and _SENT.match(lines[i + 1])):
            return quoted[:i] + [True] * (len(lines) - i)
    for i in range(1, len(lines)):
        if not quoted[i] or quoted[i - 1]:
            continue
        last = i - 1 if lines[i - 1].strip() or i == 1 else i - 2
        if not quoted[last] and _ATTRIBUTION.search(lines[last].strip()):
            quoted[last] = True
            if last and not _OPENING.match(lines[last]) and _OPENING.match(lines[last - 1]):
                quoted[last - 1] = True
    return quoted
