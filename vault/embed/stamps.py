"""What a line says before it begins: `[07.05.23, 14:33] Ana: `, `2023-05-07 `, `On 7 May 2023, `, `Ana: `. Pure.

Chat exports, logs and diaries write time and speaker into the text where other sources have fields for them.
Importers read the same lines, so this module imports nothing heavy.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from vault.embed.timewords import MONTHS, WEEKDAYS

READ = 160
"""Characters of a line that are looked at."""
CENTURY = 2000
"""What a year of two digits belongs to."""

_GAP = r"[\s\u200e\u200f]*"
_WORD = r"[^\W\d_]+\.?"
_YEAR = r"(?:19|20)\d\d"
_CLOCK = (
    r"(?P<hour>[0-2]?\d)[:h](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,]\d+)?)?"
    rf"(?:{_GAP}(?P<half>[ap])\.?\s?m\b\.?)?(?P<zone>{_GAP}(?:Z|UTC|[+-]\d\d:?\d\d)\b)?"
)
_DAY = (
    rf"(?:(?P<y>{_YEAR})(?P<sign>[-/.])(?P<m>\d\d?)(?P=sign)(?P<d>\d\d?)(?!\d)"
    rf"|(?P<first>\d\d?)(?P<mark>[-/.])(?P<other>\d\d?)(?P=mark)(?P<short>{_YEAR}|\d\d)(?!\d)"
    rf"|(?P<day>\d\d?)(?:st|nd|rd|th|er|\.|º)?\s(?:of\s|de\s)?(?P<month>{_WORD}),?\s(?:de\s)?(?P<year>{_YEAR})(?!\d)"
    rf"|(?P<lead>{_WORD})\s(?P<n>\d\d?)(?:st|nd|rd|th)?,?\s(?P<of>{_YEAR})(?!\d))"
)
_STAMP = re.compile(
    rf"{_GAP}(?:[-*#>]+\s)?[\[(]?(?:(?:on|am|le|el|il|op)\s)?(?:(?P<weekday>{_WORD}),?\s)?"
    rf"(?:(?:{_CLOCK.replace('?P<', '?P<early_')}),?\s(?:(?:on|am|le|el)\s)?)?{_DAY}"
    rf"(?:(?:T|,?{_GAP}(?:(?:at|um)\s)?){_CLOCK})?{_GAP}[\])]?{_GAP}(?:[-:,|\u2013\u2014]+(?:\s|$))?{_GAP}",
    re.IGNORECASE,
)
_SPEAKER = re.compile(
    r"(?:(?P<who>[^\W\d_](?:[^\n:<>\[\]/]{0,38}[^\s:<>\[\]/])?):|<(?P<nick>[^\n<>]{1,40})>)[ \t]+(?=\S)"
)
_TALK = re.compile(
    r"\b(chats?|messages?|msg|sms|im|dm|conversations?|dialogue?s?|turns?|utterances?"
    r"|whatsapp|telegram|signal|slack|discord)\b"
)
MOST_WORDS = 4
"""Words of a speaker's name; more of them before a colon are a sentence."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a line says it was written, by whom, and where what it says begins; each as far as it is told."""

    moment: datetime | None = None
    speaker: str = ""
    end: int = 0


def read(text: str) -> Stamp:
    """Return what stands before the words of a line, the first of `text`. A time without a zone is UTC, a day without
    a time its midnight. Of `7/5/2023` the day comes first, unless only the other reading is a date or the clock
    has `AM` and `PM`.

    A speaker is a name of few words before a colon: whether it is one, or a heading, is for the caller to judge.
    """
    line = text[:READ].partition("\n")[0]
    found = _STAMP.match(line)
    moment = _moment(found) if found else None
    end = found.end() if found and moment else 0
    if said := _SPEAKER.match(line, end):
        name = said["who"] or said["nick"]
        if len(name.split()) <= MOST_WORDS:
            return Stamp(moment, name, said.end())
    return Stamp(moment, "", end)


def is_talk(kind: str) -> bool:
    """Return whether records of this kind are turns of a conversation, in the words in which sources say so."""
    return _TALK.search(re.sub(r"[\W_]+", " ", kind.lower())) is not None


def moment(text: str) -> datetime | None:
    """Return the time that the whole of `text` names, None if it names none or says more than that."""
    line = " ".join(text[: READ + 1].replace("\u200e", "").replace("\u200f", "").split())
    found = _STAMP.fullmatch(line) if len(text) <= READ else None
    return _moment(found) if found else None


def _moment(found: re.Match[str]) -> datetime | None:
    clock = "" if found["hour"] else "early_"
    if found["weekday"] and _folded(found["weekday"]) not in _WEEKDAYS:
        return None
    if len(found["short"] or "") == 2 and not found[f"{clock}hour"] and found.group().rstrip()[-1].isdigit():
        return None  # rather the number of a version
    try:
        year, month, day = _day(found, american=(found[f"{clock}half"] or "").isupper())
        hour, minute, second = (int(found[f"{clock}{part}"] or 0) for part in ("hour", "minute", "second"))
        if half := found[f"{clock}half"]:
            hour = hour % 12 + (12 if half in "pP" else 0)
        return datetime(year, month, day, hour, minute, second, tzinfo=_zone(found[f"{clock}zone"])).astimezone(UTC)
    except (ValueError, KeyError, OverflowError):  # no such day, no such month
        return None


def _day(found: re.Match[str], *, american: bool) -> tuple[int, int, int]:
    if found["y"]:
        return int(found["y"]), int(found["m"]), int(found["d"])
    if found["first"]:
        year, first, other = int(found["short"]), int(found["first"]), int(found["other"])
        year += CENTURY if year < 100 else 0
        swapped = found["mark"] == "/" and (other > 12 or (american and first <= 12))
        return (year, first, other) if swapped else (year, other, first)
    if found["day"]:
        return int(found["year"]), MONTHS[_folded(found["month"])], int(found["day"])
    return int(found["of"]), MONTHS[_folded(found["lead"])], int(found["n"])


def _zone(said: str | None) -> timezone:
    said = (said or "").strip().upper()
    if said in ("", "Z", "UTC"):
        return UTC
    away = timedelta(hours=int(said[1:3]), minutes=int(said[-2:]))
    return timezone(-away if said[0] == "-" else away)


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).rstrip(".")


_SHORT = "mon tue wed thu fri sat sun mo di mi do fr sa so lun mar mer jeu ven sam dim mie jue vie sab dom".split()  # noqa: SIM905
_WEEKDAYS = frozenset((*WEEKDAYS, *_SHORT))
"""Before a date, short names are no other words."""
