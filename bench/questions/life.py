"""Two and a half years of somebody's chats, mail, notes and calendar, with questions that name times and people.

The same people talk of the same things again and again, as people do: only the time that was asked for tells which
of the records answers. Which do is known from how the records were made, never from how the search reads a question.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bench.questions.asked import Asked
from bench.questions.phrases import LATER, PEOPLE, PLACES, TALK, TOPICS
from vault.types import Draft

FIRST, LAST = date(2021, 3, 1), date(2023, 9, 30)
OCCASIONS = 1700
PER_SPELLING = 30
MISSPELLED = 100
TOP = 10
DAY = timedelta(days=1)
EASTER = {2021: date(2021, 4, 4), 2022: date(2022, 4, 17), 2023: date(2023, 4, 9)}
MONTHS = {
    "en": "January February March April May June July August September October November December".split(),  # noqa: SIM905
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),  # noqa: SIM905
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),  # noqa: SIM905
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),  # noqa: SIM905
}
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905
SEASONS = {3: "spring", 6: "summer", 9: "autumn"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a record is about: whom, what, and the days it tells of."""

    origin: str
    person: str
    topic: str
    start: date
    end: date


Time = tuple[str, date, date, date]
"""Words for a time, its first day, the day after its last, and the day on which it is asked."""


def life(seed: int = 7) -> tuple[list[Draft], list[Asked]]:
    """Return the records and the questions."""
    dice = random.Random(seed)
    drafts, said = _records(dice)
    questions = [one for name, spell in SPELLINGS.items() for one in _questions(name, spell, said, dice)]
    return drafts, questions + list(_misspelled(said, dice))


# ---------------------------------------------------------------- records


def _records(dice: random.Random) -> tuple[list[Draft], list[Said]]:
    drafts: list[Draft] = []
    said: list[Said] = []
    days = sorted(FIRST + dice.randrange((LAST - FIRST).days) * DAY for _ in range(OCCASIONS))
    for n, day in enumerate(days):
        person, topic = dice.choice(PEOPLE), dice.choice(list(TOPICS))
        make = dice.choices((_chat, _mail, _note, _event, _retold), (5, 3, 2, 2, 1))[0]
        for draft, told in make(f"{n}", person, topic, day, dice):
            drafts.append(draft)
            if told:
                said.append(told)
    return drafts, said


def _chat(name: str, person: str, topic: str, day: date, dice: random.Random) -> Iterator[tuple[Draft, Said | None]]:
    """A short exchange; the friend's messages on the topic are what can be asked for."""
    lines = dice.sample(TOPICS[topic], 3)
    told = [(person, lines[0]), ("Robin", dice.choice(TALK)), (person, lines[1]), ("Robin", dice.choice(TALK))]
    told += [(person, lines[2])] if dice.random() < 0.5 else []
    told += [(dice.choice((person, "Robin")), line) for line in dice.sample(TALK, dice.randrange(1, 4))]
    for i, (speaker, line) in enumerate(told):
        draft = Draft(
            f"{name}/{i}", _filled(line, dice), kind="chat", people=(speaker,), created=_at(day, 18, i), thread=person,
            position=int(name) * 20 + i,
        )  # fmt: skip
        yield draft, Said(draft.origin, person, topic, day, day + DAY) if line in lines else None


def _mail(name: str, person: str, topic: str, day: date, dice: random.Random) -> Iterator[tuple[Draft, Said | None]]:
    first, second = dice.sample(TOPICS[topic], 2)
    text = _filled(f"Dear Robin,\n\n{first} {second} {dice.choice(TALK)}\n\nBest wishes\n{person}", dice)
    subject = topic.removeprefix("the ").capitalize()
    yield (
        Draft(name, text, title=subject, kind="mail", people=(person,), created=_at(day, 9)),
        Said(name, person, topic, day, day + DAY),
    )


def _note(name: str, person: str, topic: str, day: date, dice: random.Random) -> Iterator[tuple[Draft, Said | None]]:
    text = _filled(f"{person} rang. {' '.join(dice.sample(TOPICS[topic], 2))}\n\n- {dice.choice(TALK)}", dice)
    yield Draft(name, text, title="Diary", kind="note", created=_at(day, 21)), Said(name, person, topic, day, day + DAY)


def _event(name: str, person: str, topic: str, day: date, dice: random.Random) -> Iterator[tuple[Draft, Said | None]]:
    title = f"{person}: {topic.removeprefix('the ')}"
    text = f"Place: {dice.choice(PLACES)}"
    yield (
        Draft(name, text, title=title, kind="event", people=(person,), created=_at(day, 15)),
        Said(name, person, topic, day, day + DAY),
    )


def _retold(name: str, person: str, topic: str, day: date, dice: random.Random) -> Iterator[tuple[Draft, Said | None]]:
    """On Monday or Tuesday somebody tells of the weekend."""
    monday = day + (7 - day.weekday()) % 7 * DAY
    text = _filled(dice.choice(LATER) + dice.choice(TOPICS[topic]), dice)
    draft = Draft(
        name, text, kind="chat", people=(person,), created=_at(monday + dice.randrange(2) * DAY, 12), thread=person,
        position=int(name) * 20,
    )  # fmt: skip
    yield draft, Said(name, person, topic, monday - 2 * DAY, monday)


def _filled(line: str, dice: random.Random) -> str:
    return line.replace("{n}", str(dice.randrange(4, 90) * 10)).replace("{d}", str(dice.randrange(3, 40))).replace(
        "{place}", dice.choice(PLACES)
    )  # fmt: skip


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


# ---------------------------------------------------------------- times in words


def _later(day: date) -> date:
    return day + 200 * DAY


def _day(form: Callable[[date], str]) -> Callable[[Said, random.Random], Time | None]:
    def spell(one: Said, _: random.Random) -> Time | None:
        return (form(one.start), one.start, one.end, _later(one.start)) if one.end - one.start == DAY else None

    return spell


def _ordinal(n: int) -> str:
    return f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _month(one: Said, _: random.Random) -> Time:
    start = one.start.replace(day=1)
    return f"in {MONTHS['en'][start.month - 1]} {start.year}", start, (start + 32 * DAY).replace(day=1), _later(start)


def _season(one: Said, dice: random.Random) -> Time | None:
    month = one.start.month // 3 * 3
    if month not in SEASONS:
        return None
    start = date(one.start.year, month, 1)
    words = dice.choice(("in spring of {y}", "in the spring of {y}", "in spring {y}")).replace("spring", SEASONS[month])
    return words.format(y=start.year), start, date(start.year, month + 3, 1), _later(start)


def _last_weekday(one: Said, dice: random.Random) -> Time:
    asked = one.start + dice.randrange(2, 7) * DAY
    return f"last {WEEKDAYS[one.start.weekday()]}", one.start, one.end, asked


def _ago(one: Said, dice: random.Random) -> Time:
    words, days = dice.choice(
        (("two weeks ago", 14), ("three days ago", 3), ("10 days ago", 10), ("a week ago", 7), ("three weeks ago", 21))
    )
    room = 3 if days % 7 == 0 else 0
    return words, one.start - room * DAY, one.start + (room + 1) * DAY, one.start + days * DAY


def _feast(one: Said, dice: random.Random) -> Time | None:
    year = one.start.year
    for words, day in ((f"around Christmas {year}", date(year, 12, 25)), (f"around Easter {year}", EASTER[year])):
        if abs((one.start - day).days) <= 5:
            return words, day - 5 * DAY, day + 6 * DAY, _later(day)
    return None


def _foreign(one: Said, dice: random.Random) -> Time:
    tongue, form = dice.choice((("de", "am {d}. {m} {y}"), ("fr", "le {d} {m} {y}"), ("es", "el {d} de {m} de {y}")))
    words = form.format(d=one.start.day, m=MONTHS[tongue][one.start.month - 1], y=one.start.year)
    return words, one.start, one.end, _later(one.start)


def _yesterday(one: Said, dice: random.Random) -> Time:
    words, days = dice.choice((("yesterday", 1), ("the day before yesterday", 2)))
    return words, one.start, one.end, one.start + days * DAY


def _last_weekend(one: Said, dice: random.Random) -> Time | None:
    if one.start.weekday() < 5:
        return None
    saturday = one.start - (one.start.weekday() - 5) * DAY
    return "last weekend", saturday, saturday + 2 * DAY, saturday + dice.randrange(2, 7) * DAY


def _week_before(one: Said, dice: random.Random) -> Time:
    end = one.start + dice.randrange(1, 8) * DAY
    words = f"in the week before {end.day} {MONTHS['en'][end.month - 1]} {end.year}"
    return words, end - 7 * DAY, end, _later(one.start)


def _told_later(one: Said, _: random.Random) -> Time | None:
    if one.end - one.start != 2 * DAY:
        return None
    words = f"on the weekend of {one.start.day} {MONTHS['en'][one.start.month - 1]} {one.start.year}"
    return words, one.start, one.end, _later(one.start)


SPELLINGS: dict[str, Callable[[Said, random.Random], Time | None]] = {
    "on 7 May 2023": _day(lambda d: f"on {d.day} {MONTHS['en'][d.month - 1]} {d.year}"),
    "on 2023-05-07": _day(lambda d: f"on {d}"),
    "on 07/05/2023": _day(lambda d: f"on {d:%d/%m/%Y}"),
    "on May 7th, 2023": _day(lambda d: f"on {MONTHS['en'][d.month - 1]} {_ordinal(d.day)}, {d.year}"),
    "on 7.5.23": _day(lambda d: f"on {d.day}.{d.month}.{d:%y}"),
    "in May 2023": _month,
    "in spring 2022": _season,
    "last Tuesday": _last_weekday,
    "two weeks ago": _ago,
    "around Christmas 2021": _feast,
    "am 7. Mai 2023": _foreign,
    "yesterday": _yesterday,
    "last weekend": _last_weekend,
    "the week before": _week_before,
    "told later": _told_later,
}


# ---------------------------------------------------------------- questions

ABOUT = (
    (
        "What did {p} say about {t} {w}?",
        "{w}, what was it with {p} and {t}?",
        "What news of {t} did I get from {p} {w}?",
    ),
    ("What happened with {t} {w}?", "{w}, what was it with {t}?", "Who told me about {t} {w}?"),
)
"""Questions that name the person and questions that do not."""


def _questions(
    name: str, spell: Callable[[Said, random.Random], Time | None], said: list[Said], dice: random.Random
) -> Iterator[Asked]:
    made = 0
    for one in dice.sample(said, len(said)):
        when = spell(one, dice)
        if when is None:
            continue
        words, start, end, asked = when
        told, by_person = name == "told later", dice.random() < 0.5
        wanted = frozenset(
            s.origin for s in said
            if s.topic == one.topic and (not by_person or s.person == one.person) and start <= s.start and s.end <= end
            and (told or s.end - s.start == DAY)
        )  # fmt: skip
        if not 0 < len(wanted) <= TOP:
            continue
        text = dice.choice(ABOUT[not by_person]).format(p=one.person.split()[0], t=one.topic, w=words)
        yield Asked(text[0].upper() + text[1:], _at(asked, 12), name, wanted)
        made += 1
        if made == PER_SPELLING:
            return


def _misspelled(said: list[Said], dice: random.Random) -> Iterator[Asked]:
    """The name with one slip of the finger, and the same question with the name as it is."""
    pairs = sorted({(one.person, one.topic) for one in said})
    chosen = dice.sample(pairs, len(pairs))
    made = 0
    for person, topic in chosen:
        wanted = frozenset(s.origin for s in said if (s.person, s.topic) == (person, topic))
        name = dice.choice([part for part in person.split() if len(part) >= 5] or person.split())
        if len(wanted) > 2 * TOP:
            continue
        form = dice.choice(("What did {p} say about {t}?", "{p} and {t}", "What do I know from {p} about {t}?"))
        for spelling, written in (("misspelled name", _slip(name, dice)), ("the same name", name)):
            yield Asked(form.format(p=written, t=topic), _at(LAST, 12), spelling, wanted)
        made += 1
        if made == MISSPELLED:
            return


def _slip(name: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(name) - 1)
    return dice.choice(
        (
            name[:at] + name[at + 1 :],
            name[:at] + name[at] + name[at:],
            name[:at] + name[at + 1] + name[at] + name[at + 2 :],
            name[:at] + dice.choice("aeinrst") + name[at + 1 :],
        )
    )
