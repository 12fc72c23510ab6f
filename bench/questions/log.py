"""A lifelog and what its owner asks of it: short entries, many a day, over two years, in three ways of keeping one.

`minutes`: a record for each thing done, dated to the minute. `lines`: the same with the day in the text and in no
field. `days`: one long record a day. Other people, other words and other questions than in `bench.questions.life`: nothing of
the search was made with this log in mind.
"""

# ruff: noqa: E501 - tables of phrases, a line for each

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bench.questions.asked import Asked
from vault.types import Draft

FIRST, LAST = date(2018, 1, 1), date(2019, 12, 31)
BIRTHDAY = (6, 14)
PER_KIND = 30
TOP = 10
DAY = timedelta(days=1)
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
FRIENDS = ("Ana", "Jonas", "Priya", "Marek", "Lucía", "Tom", "Aiko", "Noor")
PLACES = ("the river path", "Café Kumo", "the old pool", "the market hall", "Stadtpark", "the climbing gym", "mum's")

DONE: dict[str, tuple[str, str, tuple[int, int], tuple[str, ...]]] = {
    "swim": ("swim", "swimming", (7, 20), ("Swam {n} lengths at {place}.", "Pool with {p}, {n} min.", "Went swimming, water 19 degrees.")),
    "run": ("go for a run", "running", (6, 20), ("Ran {n} km along {place}.", "Jog with {p}, slow.", "Intervals, {n} x 400 m.")),
    "lunch": ("have lunch", "lunch", (12, 14), ("Lunch: {dish}.", "Had {dish} for lunch with {p}.", "{dish} for lunch at {place}.")),
    "dinner": ("have dinner", "dinner", (18, 21), ("Cooked {dish} for dinner.", "Dinner with {p}: {dish}.", "{dish} at {place} in the evening, dinner for two.")),
    "film": ("watch a film", "the cinema", (20, 23), ("Watched {film}.", "{film} at the cinema with {p}.", "Film night: {film}.")),
    "call": ("call my sister", "my sister", (9, 22), ("Phoned my sister, {n} minutes.", "Long call with my sister about {thing}.", "My sister rang: {thing}.")),
    "read": ("read a book", "reading", (21, 23), ("Read {n} pages of {book}.", "Finished {book}.", "Began {book}, promising.")),
    "doctor": ("see the doctor", "the doctor", (8, 17), ("Doctor's appointment because of {ache}.", "Saw Dr. Hahn: {ache}, nothing serious.")),
    "shop": ("go shopping", "shopping", (9, 19), ("Bought {thing} for {n} euros.", "Groceries at {place}, {n} euros.")),
    "work": ("work late", "work", (17, 22), ("Stayed late at work, {thing} is due.", "Meeting with {p} about {thing} until seven.")),
    "sleep": ("sleep", "sleep", (6, 9), ("Slept {h} hours, woke up once.", "Only {h} hours of sleep.")),
    "train": ("take the train", "the train", (6, 22), ("Train to {city}, {n} min late.", "Took the night train back from {city}.")),
}  # fmt: skip
"""What is done: how it is asked for as a verb and as a noun, between which hours, and how it is written down."""
RARE = {"swim": 0.12, "run": 0.15, "film": 0.08, "call": 0.1, "read": 0.3, "doctor": 0.02, "shop": 0.25, "work": 0.12,
        "train": 0.04, "lunch": 0.9, "dinner": 0.8, "sleep": 0.9}  # fmt: skip
FILL = {
    "dish": ("ramen", "lentil soup", "risotto with peas", "fish tacos", "a cheese sandwich", "dumplings", "pizza",
             "curry with okra", "potato pancakes", "a Greek salad", "bibimbap", "shakshuka", "goulash", "falafel"),
    "film": ("Stalker", "Spirited Away", "a documentary on moths", "Paddington", "Heat", "The Third Man", "Roma"),
    "book": ("Middlemarch", "a biography of Ada Lovelace", "The Leopard", "Piranesi", "a crime novel from Iceland"),
    "thing": ("the inheritance", "a bicycle lamp", "the quarterly report", "her new flat", "a winter coat",
              "the kitchen table", "the budget", "the garden fence"),
    "ache": ("the shoulder", "a cough", "migraine", "the left knee", "a rash"),
    "city": ("Leipzig", "Prague", "Lyon", "Ghent", "Turin"),
}  # fmt: skip
ONCE = (
    ("Signed the lease for the flat in Mill Lane.", "When did I sign the lease?"),
    ("Ana recommended Dr. Weiss, the dentist on the square.", "Who recommended the dentist?"),
    ("Lost my wallet on tram 4, cards blocked.", "Where did I lose my wallet?"),
    ("Adopted a grey cat from the shelter, she is called Miso.", "What is the name of the cat I adopted?"),
    ("Broke my wrist on the ice in front of the library.", "How did I break my wrist?"),
    ("Passed the sailing exam, 28 of 30 points.", "When did I pass my sailing exam?"),
    ("Jonas and Priya got married in the botanical garden.", "Where was the wedding of Jonas and Priya?"),
    ("Sold the red bicycle to a student for 120 euros.", "How much did I get for the red bike?"),
    ("First day at the new office, third floor, no window.", "When did I start at the new office?"),
    ("Noor told me she is moving to Toronto in autumn.", "When did Noor say that she would move?"),
    ("The washing machine flooded the bathroom.", "When did the washing machine leak?"),
    ("Planted a quince tree behind the shed with dad.", "What tree did I plant with my father?"),
    ("Gave up coffee, day one.", "When did I stop drinking coffee?"),
    ("Saw the northern lights from the ferry.", "Where did I see the aurora?"),
    ("Mum turned seventy, party at the lake with forty guests.", "How many people came to my mother's birthday party?"),
)


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    what: str
    moment: datetime
    text: str

    @property
    def day(self) -> date:
        return self.moment.date()


def events(seed: int = 11) -> list[Event]:
    """Return what happened, in the order in which it did."""
    dice = random.Random(seed)
    made: list[tuple[datetime, str, str]] = []
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + n * DAY
        for what, odds in RARE.items():
            if dice.random() < odds:
                made.append((_moment(day, DONE[what][2], dice), what, _filled(dice.choice(DONE[what][3]), dice)))
        if (day.month, day.day) == BIRTHDAY:
            made.append(
                (
                    _moment(day, (15, 18), dice),
                    "birthday",
                    f"My birthday! Cake and a long walk with {dice.choice(FRIENDS)}.",
                )
            )
    for text, _ in ONCE:
        day = FIRST + dice.randrange((LAST - FIRST).days) * DAY
        made.append((_moment(day, (9, 20), dice), text, text))
    return [Event(f"e{n}", what, moment, text) for n, (moment, what, text) in enumerate(sorted(made))]


def _moment(day: date, hours: tuple[int, int], dice: random.Random) -> datetime:
    return datetime.combine(day, time(dice.randrange(*hours), dice.randrange(60)), UTC)


def _filled(text: str, dice: random.Random) -> str:
    filled = text.format(
        n=dice.randrange(12, 60), h=dice.randrange(5, 9), p=dice.choice(FRIENDS), place=dice.choice(PLACES),
        **{name: dice.choice(words) for name, words in FILL.items()},
    )  # fmt: skip
    return filled[0].upper() + filled[1:]


# ---------------------------------------------------------------- ways of keeping it


def minutes(happened: list[Event]) -> list[Draft]:
    """One record for each thing, dated to the minute, what it was as a label."""
    return [
        Draft(one.id, one.text, kind="lifelog", created=one.moment, labels=(one.what,) if one.what in DONE else ())
        for one in happened
    ]


def lines(happened: list[Event]) -> list[Draft]:
    """One record for each thing, no field but the text, which says the day."""
    return [Draft(one.id, f"On {one.moment:%Y/%m/%d}, {one.moment:%H:%M}: {one.text}") for one in happened]


def days(happened: list[Event]) -> list[Draft]:
    """One record for each day, dated, a line for each thing."""
    told: dict[date, list[str]] = {}
    for one in happened:
        told.setdefault(one.day, []).append(f"{one.moment:%H:%M} {one.text}")
    return [
        Draft(str(day), "\n".join(texts), kind="diary", created=datetime.combine(day, time(), UTC))
        for day, texts in told.items()
    ]


WAYS = {"minutes": minutes, "lines": lines, "days": days}


# ---------------------------------------------------------------- questions


def asked(happened: list[Event], seed: int = 12) -> list[Asked]:
    """Return the questions; `wanted` are ids of events."""
    dice = random.Random(seed)
    now = datetime.combine(LAST + DAY, time(10), UTC)
    found: list[Asked] = []
    for kind, make in KINDS.items():
        made, tried = 0, 0
        while made < PER_KIND and tried < 2000:
            tried += 1
            text, wanted = make(happened, dice)
            if 0 < len(wanted) <= TOP and all(text != one.text for one in found):
                found.append(Asked(text[0].upper() + text[1:], now, kind, frozenset(one.id for one in wanted)))
                made += 1
    found += [
        Asked(question, now, "once", frozenset(one.id for one in happened if one.what == text))
        for text, question in ONCE
    ]
    return found


Made = tuple[str, list[Event]]


def _date(day: date, dice: random.Random) -> str:
    month = MONTHS[day.month - 1]
    return dice.choice(
        (
            f"{day}",
            f"{day:%Y/%m/%d}",
            f"{day.day} {month} {day.year}",
            f"{month} {day.day}, {day.year}",
            f"{day:%d.%m.%Y}",
        )
    )


def _that_day(happened: list[Event], dice: random.Random) -> Made:
    one = dice.choice([e for e in happened if e.what in ("lunch", "dinner", "sleep", "film", "read")])
    words = {"lunch": "What did I eat for lunch", "dinner": "What did I have for dinner", "sleep": "How long did I sleep",
             "film": "Which film did I watch", "read": "What did I read"}  # fmt: skip
    wanted = [e for e in happened if e.what == one.what and e.day == one.day]
    return f"{words[one.what]} on {_date(one.day, dice)}?", wanted


def _whole_day(happened: list[Event], dice: random.Random) -> Made:
    day = dice.choice(happened).day
    ask = dice.choice(("What did I do on {d}?", "{d}: what happened?", "What was I up to on {d}?"))
    return ask.format(d=_date(day, dice)), [e for e in happened if e.day == day]


def _how_often(happened: list[Event], dice: random.Random) -> Made:
    what = dice.choice(("swim", "run", "film", "call", "work", "train", "doctor"))
    start = dice.choice(happened).day.replace(day=1)
    ask = dice.choice(("How many times did I {v} in {m} {y}?", "How often did I {v} in {m} {y}?"))
    wanted = [e for e in happened if e.what == what and e.day.replace(day=1) == start]
    return ask.format(v=DONE[what][0], m=MONTHS[start.month - 1], y=start.year), wanted


def _yearless(happened: list[Event], dice: random.Random) -> Made:
    """Of a month without its year, the last one is meant."""
    what, month = dice.choice(("swim", "run", "film", "call", "train", "doctor")), dice.randrange(1, 13)
    wanted = [e for e in happened if e.what == what and (e.day.year, e.day.month) == (LAST.year, month)]
    return f"How many times did I {DONE[what][0]} in {MONTHS[month - 1]}?", wanted


def _latest(happened: list[Event], dice: random.Random) -> Made:
    what = dice.choice(("swim", "run", "film", "call", "doctor", "train", "work", "shop"))
    ask = dice.choice(
        ("When did I last {v}?", "When was the last time I {v}?", "What was the most recent time that I {v}?")
    )
    verb = DONE[what][0]
    thing = dice.choice(FRIENDS) if dice.random() < 0.5 else ""
    told = [e for e in happened if e.what == what and thing in e.text]
    return ask.format(v=verb + (f" with {thing}" if thing else "")), told[-1:]


def _earliest(happened: list[Event], dice: random.Random) -> Made:
    name, words = dice.choice([(n, w) for n in ("book", "film", "city", "dish") for w in FILL[n]])
    ask = {"book": "When did I first read {w}?", "film": "When did I watch {w} for the first time?",
           "city": "When did I first go to {w}?", "dish": "What was the first day I ate {w}?"}[name]  # fmt: skip
    return ask.format(w=words), [e for e in happened if words.lower() in e.text.lower()][:1]


def _birthday(happened: list[Event], dice: random.Random) -> Made:
    year = dice.choice((2018, 2019))
    day = date(year, *BIRTHDAY)
    saturday = day + ((5 - day.weekday() - 1) % 7 + 1) * DAY
    words, start, size = dice.choice(
        (("the day after my birthday", day + DAY, 1), ("the weekend after my birthday", saturday, 2),
         ("the day before my birthday", day - DAY, 1), ("on my birthday", day, 1))
    )  # fmt: skip
    what = dice.choice(("do", "eat for lunch", "have for dinner"))
    kinds = {"do": None, "eat for lunch": "lunch", "have for dinner": "dinner"}[what]
    wanted = [e for e in happened if start <= e.day < start + size * DAY and kinds in (None, e.what)]
    return f"What did I {what} {words} in {year}?", wanted


def _relative(happened: list[Event], dice: random.Random) -> Made:
    """Counted from the day after the log ends."""
    today = LAST + DAY
    words, start, end = dice.choice(
        (("yesterday", today - DAY, today), ("two days ago", today - 2 * DAY, today - DAY),
         ("last weekend", date(2019, 12, 28), date(2019, 12, 30)), ("last month", date(2019, 12, 1), date(2020, 1, 1)),
         ("last week", date(2019, 12, 23), date(2019, 12, 30)), ("last summer", date(2019, 6, 1), date(2019, 9, 1)))
    )  # fmt: skip
    what = dice.choice(tuple(DONE))
    ask = dice.choice(("Did I {v} {w}?", "When did I {v} {w}?", "{w}, did I {v}?"))
    return ask.format(v=DONE[what][0], w=words), [e for e in happened if e.what == what and start <= e.day < end]


def _evening(happened: list[Event], dice: random.Random) -> Made:
    part, first, last = dice.choice((("morning", 5, 12), ("afternoon", 12, 18), ("evening", 18, 24)))
    day = dice.choice(happened).day
    ask = dice.choice(("What did I do on the {p} of {d}?", "Where was I on {d} in the {p}?"))
    wanted = [e for e in happened if e.day == day and first <= e.moment.hour < last]
    return ask.format(p=part, d=_date(day, dice)), wanted


def _with_whom(happened: list[Event], dice: random.Random) -> Made:
    one = dice.choice([e for e in happened if any(p in e.text for p in FRIENDS) and e.what in DONE])
    friend = next(p for p in FRIENDS if p in one.text)
    start = one.day.replace(day=1)
    wanted = [e for e in happened if friend in e.text and e.what == one.what and e.day.replace(day=1) == start]
    return f"Did I {DONE[one.what][0]} with {friend} in {MONTHS[start.month - 1]} {start.year}?", wanted


KINDS = {"that day": _that_day, "whole day": _whole_day, "how often": _how_often, "yearless": _yearless,
         "latest": _latest, "earliest": _earliest, "birthday": _birthday, "relative": _relative,
         "part of day": _evening, "with whom": _with_whom}  # fmt: skip


def wanted_of(way: str, one: Asked, happened: list[Event]) -> frozenset[str]:
    """Return the records that answer, in one way of keeping the log."""
    if way != "days":
        return one.wanted
    return frozenset(str(e.day) for e in happened if e.id in one.wanted)


def log() -> Iterator[tuple[str, list[Draft], list[Asked]]]:
    """Yield each way of keeping the log, with the questions."""
    happened = events()
    questions = asked(happened)
    for way, keep in WAYS.items():
        yield way, keep(happened), [
            Asked(one.text, one.now, one.kind, wanted_of(way, one, happened)) for one in questions
        ]  # fmt: skip
