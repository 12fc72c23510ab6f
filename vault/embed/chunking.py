"""Records to chunks: pieces of text that fit the encoder, cut where the text itself has seams. Pure.

A chunk's text is always `record.text[start:end]`. Its header says whose words these are and when, the way a
person would write it down, because the encoder was trained on sentences, not on fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.embed import quotes, stamps
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

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_HEADING = re.compile(r"#{1,6}[ \t]")
_FENCE = re.compile(r"[ ]{0,3}(```|~~~)")
_TURN = re.compile(r"\S[^\n:]{0,40}: ")
_SENTENCE = re.compile("(?<=[.!?\u2026])[\"'\u201d\u2019)\\]]*\\s+|(?<=[\u3002\uff01\uff1f])")  # the last: CJK stops
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
    people, date, said = _told(record)
    about = header(record.title, people, date)
    room = max(pieces - 2 - weight(about), pieces // 2)
    spans = quotes.own_words(record.text, record.title) if record.kind == "mail" else [(0, len(record.text))]
    chunks: list[Chunk] = []
    cuts = list(_pack(record.text, spans, record.kind, room))
    for start, end, section in cuts:
        title = f"{record.title} / {section}" if section and section not in record.title else record.title
        if len(cuts) > 1:  # a diary, a day's talk: from here on it is that day
            date = stamps.read(record.text[start:end]).moment or date
        turn = len(cuts) == 1 and stamps.is_talk(record.kind)
        context = header("" if turn else title, people, date)
        text = record.text[start:end]
        chunks.append(Chunk(len(chunks), start, end, text, context, max(0, said - start), title if turn else ""))
        said = 0
    return chunks or [Chunk(0, 0, 0, "", about)]


def _told(record: Draft | Record) -> tuple[Sequence[str], datetime | None, int]:
    """Return who speaks and when, from the fields or, where those are silent, from the text's beginning; and how much
    of the text says just that."""
    date = record.created if isinstance(record, Draft) else record.date
    stamp = stamps.read(record.text)
    turn = "\n" not in record.text.strip()
    speaks = turn and stamp.speaker and (not record.people or stamp.speaker in record.people)
    people = (stamp.speaker,) if speaks else record.people
    known = turn and (speaks or not stamp.speaker) and (date is None or stamp.moment in (None, date))
    return people, date or stamp.moment, stamp.end if known else 0


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
    """Return what the encoder reads for a chunk: what the header says already is not said twice."""
    text = chunk.text[chunk.said :]
    return f"{chunk.header}\n{text}" if chunk.header else text


def wording(chunk: Chunk) -> str:
    """Return what a chunk is found by in words: its passage, and what stands aside. The name of a conversation is the
    same for each of its turns; embedded with them, it would be most of what a short one says."""
    return f"{chunk.aside}\n{passage(chunk)}" if chunk.aside else passage(chunk)


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
        entry = not fenced and stamps.read(line).moment is not None
        seam = heading or entry or (not line.strip() and not fenced) or (turns and _TURN.match(line))
        if seam and begun >= 0:
            yield _Block(begun, at, section, opens)
            begun = -1
        if heading:
            section = line.strip("# \t\r\n")[:SECTION].rstrip()
        if begun < 0 and line.strip():
            begun, opens = at, heading or entry
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
