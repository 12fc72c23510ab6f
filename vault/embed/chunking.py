"""Records to chunks: pieces of text that fit the encoder, cut where the text itself has seams. Pure.

A chunk's text is always `record.text[start:end]`. Its header says whose words these are and when, the way a
person would write it down, because the encoder was trained on sentences, not on fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.types import Chunk, Draft, Record

PIECES = 256
"""Word pieces the bundled encoder reads; what is longer it does not see."""
SHORT = 32
"""Word pieces under which a section is joined to the next one instead of standing alone."""
OVERLAP = 24
"""Word pieces that two chunks share where a sentence longer than a chunk had to be cut."""
SECTION = 120
"""Characters of a heading that its chunks carry; it is repeated in each of them."""
PEOPLE = 4
"""Names in a header; a mail to fifty people is not about all of them."""
INLINE_QUOTE = 4
"""Lines of quoted mail that stay with the answer written under them."""

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_HEADING = re.compile(r"#{1,6}[ \t]")
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
_TURN = re.compile(r"\S[^\n:]{0,40}: ")
_SENTENCE = re.compile("(?<=[.!?\u2026])[\"'\u201d\u2019)\\]]*\\s+|(?<=[\u3002\uff01\uff1f])")  # the last: CJK stops
_QUOTED = re.compile(r"[ \t]*>")
_ATTRIBUTION = re.compile(r"\b(wrote|writes|schrieb|escribió|escreveu|écrit|scritto)\b.{0,80}:$")
_OPENING = re.compile(r"[ \t]*(On|Am|Le|El|Il|Em)\b")
_UNIT = re.compile(r"[a-z]+|[A-Z]+|[0-9]+|[^\sA-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class _Block:
    """A stretch of text that should stay together. `opens` marks a heading: a new chunk rather begins here."""

    start: int
    end: int
    section: str
    opens: bool = False


def split(record: Draft | Record, pieces: int = PIECES) -> list[Chunk]:
    """Cut a record into chunks of at most about `pieces` word pieces each, header included, in text order.

    Short records give exactly one chunk, and so does an empty text (its title is still worth finding). In mail,
    quoted text that no answer was written into gets no chunk: it is stored, and found where it was first said.
    Every other character that is not white space is in some chunk.
    """
    date = record.created if isinstance(record, Draft) else record.date
    about = header(record.title, record.people, date)
    room = max(pieces - 2 - weight(about), pieces // 2)
    spans = _own_words(record.text) if record.kind == "mail" else [(0, len(record.text))]
    chunks: list[Chunk] = []
    for start, end, section in _pack(record.text, spans, record.kind, room):
        title = f"{record.title} / {section}" if section and section not in record.title else record.title
        said = about if title == record.title else header(title, record.people, date)
        chunks.append(Chunk(len(chunks), start, end, record.text[start:end], said))
    return chunks or [Chunk(0, 0, 0, "", about)]


def header(title: str, people: Sequence[str], date: datetime | None) -> str:
    """Return the context of a chunk: `Title`, then `People (Monday, 8 May 2023, 2023-05-08):`, as far as known."""
    names = ", ".join(people[:PEOPLE])
    day = f"({in_words(date)}, {date:%Y-%m-%d})" if date else ""
    line = " ".join(part for part in (names, day) if part)
    return "\n".join(part for part in (title.strip(), f"{line}:" if line else "") if part)


def in_words(date: datetime) -> str:
    """Return the day in English words, whatever the locale: `Monday, 8 May 2023`."""
    return f"{WEEKDAYS[date.weekday()]}, {date.day} {MONTHS[date.month - 1]} {date.year}"


def passage(chunk: Chunk) -> str:
    """Return what the encoder reads for a chunk."""
    return f"{chunk.header}\n{chunk.text}" if chunk.header else chunk.text


def weight(text: str) -> int:
    """Estimate the word pieces of `text`, rather too many than too few: a piece for every five letters of a word,
    three digits of a number, and every other sign."""
    return sum(-(-len(unit) // (3 if unit[0].isdigit() else 5)) for unit in _UNIT.findall(text))


# ---------------------------------------------------------------- packing


def _pack(text: str, spans: Sequence[tuple[int, int]], kind: str, room: int) -> Iterator[tuple[int, int, str]]:
    """Fill chunks with whole blocks; a span that fits is one chunk."""
    for start, end in spans:
        start, end = _trim(text, start, end)
        if start == end:
            continue
        if weight(text[start:end]) <= room:
            yield start, end, ""
        else:
            yield from _fill(text, list(_blocks(text, start, end, kind, room)), room)


def _fill(text: str, blocks: Sequence[_Block], room: int) -> Iterator[tuple[int, int, str]]:
    first, used = 0, 0
    for i, block in enumerate(blocks):
        size = weight(text[block.start : block.end])
        if i > first and (used + size > room or (block.opens and used >= SHORT)):
            yield _joined(text, blocks[first:i])
            first, used = i, 0
        used += size
    yield _joined(text, blocks[first:])


def _joined(text: str, blocks: Sequence[_Block]) -> tuple[int, int, str]:
    start, end = _trim(text, blocks[0].start, blocks[-1].end)
    return start, end, blocks[0].section


def _blocks(text: str, start: int, end: int, kind: str, room: int) -> Iterator[_Block]:
    """Yield paragraphs, headings and turns; what is longer than a chunk is cut at sentences, then at words."""
    for block in _seams(text, start, end, turns=kind == "chat"):
        if weight(text[block.start : block.end]) <= room:
            yield block
        else:
            yield from _cut(text, block, room)


def _seams(text: str, start: int, end: int, *, turns: bool) -> Iterator[_Block]:
    section, opens, begun, fenced = "", False, -1, False
    at = start
    while at < end:
        stop = text.find("\n", at, end) + 1 or end
        line = text[at:stop]
        if _FENCE.match(line):
            fenced = not fenced
        heading = not fenced and _HEADING.match(line) is not None
        seam = heading or (not line.strip() and not fenced) or (turns and _TURN.match(line))
        if seam and begun >= 0:
            yield _Block(begun, at, section, opens)
            begun = -1
        if heading:
            section = line.strip("# \t\r\n")[:SECTION].rstrip()
        if begun < 0 and line.strip():
            begun, opens = at, heading
        at = stop
    if begun >= 0:
        yield _Block(begun, end, section, opens)


def _cut(text: str, block: _Block, room: int) -> Iterator[_Block]:
    """Cut an overlong block after sentences; a sentence that is itself too long, between words, with an overlap."""
    ends = [block.start + m.end() for m in _SENTENCE.finditer(text[block.start : block.end])]
    opens, at = block.opens, block.start
    for end in [*ends, block.end]:
        if end == at:
            continue
        for start, stop in _windows(text, at, end, room):
            yield _Block(start, stop, block.section, opens)
            opens = False
        at = end


def _windows(text: str, start: int, end: int, room: int) -> Iterator[tuple[int, int]]:
    if weight(text[start:end]) <= room:
        yield start, end
        return
    units = list(_units(text, start, end, room))
    first = 0
    while True:
        last, used = first, 0
        while last < len(units) and used + units[last][2] <= room:
            used += units[last][2]
            last += 1
        yield units[first][0], units[last - 1][1]
        if last == len(units):
            return
        shared, back = 0, last
        while back > first + 1 and shared + units[back - 1][2] <= OVERLAP:
            back -= 1
            shared += units[back][2]
        first = back


def _units(text: str, start: int, end: int, room: int) -> Iterator[tuple[int, int, int]]:
    """Words with their weight; a run without spaces (other scripts, encoded data) in steps that surely fit: no
    character weighs more than one piece."""
    step = min(OVERLAP, room)
    for match in re.finditer(r"\S+", text[start:end]):
        a, b = start + match.start(), start + match.end()
        size = weight(text[a:b])
        if size <= step:
            yield a, b, size
            continue
        for i in range(a, b, step):
            yield i, min(i + step, b), weight(text[i : min(i + step, b)])


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    return (start + left, start + len(piece.rstrip())) if left < len(piece) else (start, start)


# ---------------------------------------------------------------- mail


def _own_words(text: str) -> list[tuple[int, int]]:
    """Return the spans of a mail that its writer wrote, in order; the whole text where there is nothing else.

    A quote of a few lines with an answer under it stays: the answer cannot be understood without it.
    """
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
    """Mark `>` lines, and the line that announces them (`On Monday Anna wrote:`), which mailers break in two."""
    quoted = [bool(_QUOTED.match(line)) for line in lines]
    for i in range(1, len(lines)):
        if not quoted[i] or quoted[i - 1]:
            continue
        last = i - 1 if lines[i - 1].strip() or i == 1 else i - 2
        if not quoted[last] and _ATTRIBUTION.search(lines[last].strip()):
            quoted[last] = True
            if last and not _OPENING.match(lines[last]) and _OPENING.match(lines[last - 1]):
                quoted[last - 1] = True
    return quoted
