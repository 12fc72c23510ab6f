"""A lifelog that a device writes: a line every ten minutes for two weeks, nearly all alike, asked for by the clock."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

from bench.questions.asked import Asked
from vault.types import Draft

FIRST, DAYS, EVERY = date(2021, 3, 1), 14, 10
PLACES = {"asleep": ("home",), "working": ("office", "home", "library"), "eating": ("canteen", "home", "Café Kumo"),
          "walking": ("Mill Lane", "river path"), "reading": ("home", "tram 4"), "cooking": ("home",)}  # fmt: skip
HOURS = ("asleep",) * 7 + ("eating", "walking") + ("working",) * 3 + ("eating",) + ("working",) * 4 + (
    "walking", "cooking", "eating", "reading", "reading", "reading", "asleep")  # fmt: skip


def ticks(seed: int = 31) -> tuple[list[Draft], list[Asked]]:
    """Return the lines and the questions; the lines within a quarter of an hour answer."""
    dice = random.Random(seed)
    drafts: list[Draft] = []
    for day in range(DAYS):
        stay: dict[int, str] = {}
        for minute in range(0, 24 * 60, EVERY):
            moment = datetime.combine(FIRST, time(), UTC) + timedelta(days=day, minutes=minute)
            what = HOURS[moment.hour]
            place = stay.setdefault(moment.hour, dice.choice(PLACES[what]))
            text = f"{what}, {place}, heart rate {dice.randrange(55, 110)}"
            drafts.append(Draft(f"{moment:%Y%m%d_%H%M}", text, kind="lifelog", created=moment))
    now = datetime.combine(FIRST + timedelta(days=DAYS + 30), time(9), UTC)
    return drafts, [_asked(drafts, now, dice) for _ in range(60)]


def _asked(drafts: list[Draft], now: datetime, dice: random.Random) -> Asked:
    moment = dice.choice([one.created for one in drafts if one.created and 7 <= one.created.hour < 23])
    near = [one.origin for one in drafts if one.created and abs(one.created - moment) <= timedelta(minutes=15)]
    clock = dice.choice((f"at {moment:%H:%M}", f"at {moment.hour % 12 or 12}:{moment:%M} {moment:%p}".lower()))
    day = dice.choice((f"{moment:%Y-%m-%d}", f"{moment.day} March 2021", f"March {moment.day}, 2021"))
    ask = dice.choice(("Where was I on {d} {c}?", "What was I doing {c} on {d}?", "What was my heart rate on {d} {c}?"))
    return Asked(ask.format(d=day, c=clock), now, "clock", frozenset(near))
