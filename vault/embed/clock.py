"""The time of day that a question names beside a day: `on 3 March at 14:30`, `in the evening`, `abends`. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

MINUTE = timedelta(minutes=1)
BEFORE, AFTER = 10 * MINUTE, 20 * MINUTE
"""Around a time to the minute; a full hour lasts until the next."""

_PARTS = (
    (5, 12, "morning vormittag vormittags morgens matin mattina manha ochtend"),
    (11, 14, "noon midday mittag mittags midi mediodia mezzogiorno"),
    (12, 18, "afternoon nachmittag nachmittags apres-midi pomeriggio middag"),
    (17, 24, "evening tonight abend abends soir sera avond"),
    (20, 30, "night nachts nuit noche notte noite nacht"),
)
_HOURS = {word: (first, last) for first, last, words in _PARTS for word in words.split()}
_PART = re.compile(rf"\b(?:{'|'.join(map(re.escape, _HOURS))})\b")
_CLOCK = re.compile(
    r"(?<![\d:.])(?:(?P<hour>[01]?\d|2[0-3])[:h](?P<minute>[0-5]\d)(?::\d\d)?(?:\s?(?P<half>[ap])\.?m\b)?"
    r"|(?P<full>1[0-2]|[1-9])\s?(?P<side>[ap])\.?m\b|(?P<o>[01]?\d|2[0-3])\s(?:o'clock|uhr)\b)(?![\d:])"
)


def hours(text: str) -> tuple[timedelta, timedelta] | None:
    """Return since when and until when of a day a folded question means, None when it does not say."""
    if said := _CLOCK.search(text):
        hour, half = int(said["hour"] or said["full"] or said["o"]), said["half"] or said["side"]
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        start = timedelta(hours=hour, minutes=int(said["minute"] or 0))
        return start - BEFORE, start + (AFTER if int(said["minute"] or 0) else 60 * MINUTE)
    if said := _PART.search(text):
        first, last = _HOURS[said[0]]
        return timedelta(hours=first), timedelta(hours=last)
    return None
