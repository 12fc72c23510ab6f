"""Group chats and what is asked of them: many short turns, several speakers, answers that share no word with the question.

Seven people in four groups, three years. Something is asked or told, somebody answers in few words, others chatter in
between. The turn that answers is known from how it was made. In English, a quarter in German and in Spanish.
"""

# ruff: noqa: E501 - tables of phrases, a line for each

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from bench.questions.asked import Asked
from vault.types import Draft

FIRST, DAYS = date(2020, 2, 1), 1000
ROUNDS = 5
DAY = timedelta(days=1)
PEOPLE = ("Ana", "Ben", "Carla", "Deniz", "Emil", "Farah", "Gustavo")
GROUPS = {"Flat 4B": PEOPLE[:4], "Climbing": PEOPLE[2:6], "Family Rossi": PEOPLE[4:], "Project Heron": PEOPLE[1:6]}
CHATTER = (
    "lol", "ok", "👍", "hahaha", "sure", "where are you guys?", "on my way", "brb", "who's in tonight?", "me!", "can't today",
    "good morning", "miss you all", "same", "no way", "that's so funny", "did you see the match?", "ok ok", "hm", "thx!",
    "is it raining there?", "call me later", "sorry only saw this now", "happy birthday!!", "❤️", "nice", "and?", "what time?",
    "at seven", "let's see", "i'm so tired", "traffic is awful", "who took my charger", "coffee?", "5 min",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """Turns as (who, what) with who 0, 1, 2 of a draw; the turns that answer; questions, `{a}` being who says turn 0."""

    turns: tuple[tuple[int, str], ...]
    answers: tuple[int, ...]
    questions: tuple[str, ...]


SCENES = (
    Scene(((0, "does anyone know a good dentist? my tooth is killing me"), (1, "dr weiss on the square"), (1, "she's gentle, i go there since years"), (2, "avoid the one at the station")), (1, 2), ("Who recommended the dentist?", "Which dentist did {b} recommend to {a}?")),
    Scene(((0, "guys i have news"), (0, "i'm moving to lisbon!!"), (1, "what?? when"), (0, "first of october, got the flat yesterday")), (1, 3), ("When did {a} say that they would move?", "Where is {a} moving to?")),
    Scene(((0, "what do i owe you for the concert"), (1, "38 each"), (0, "sent"), (1, "got it")), (1,), ("How much was the concert ticket that {a} paid {b} for?",)),
    Scene(((0, "she's here!"), (0, "3.4 kilos, both fine"), (1, "congratulations!! what's her name"), (0, "Matilda")), (0, 1, 3), ("What did {a} call the baby?", "When was {a}'s daughter born?")),
    Scene(((0, "anyone has the wifi code of the cabin"), (1, "its on the fridge"), (1, "heron-2291"), (0, "lifesaver")), (2,), ("What is the password of the internet in the cabin?",)),
    Scene(((0, "how was the interview"), (1, "weird, they asked me to draw a bicycle"), (0, "and?"), (1, "they offered it to me on the spot")), (1, 3), ("What did they ask {b} at the job interview?", "Did {b} get the job?")),
    Scene(((0, "who can feed momo next week"), (1, "not me, i'm in rome"), (2, "i can, leave the key with the neighbour")), (2,), ("Who offered to look after {a}'s cat?",)),
    Scene(((0, "i quit today"), (1, "finally"), (2, "proud of you"), (0, "boss just stared at me")), (0,), ("When did {a} leave the job?", "How did {a}'s boss react to the resignation?")),
    Scene(((0, "my car broke down near ulm"), (1, "oh no, do you need a lift"), (0, "tow truck is coming, gearbox they say")), (0, 2), ("What was wrong with {a}'s car?", "Where did {a}'s car break down?")),
    Scene(((0, "what should we get emma for the wedding"), (1, "they only want money"), (2, "let's do the pasta machine anyway"), (0, "deal, i order it")), (2, 3), ("What present did we choose for Emma's wedding?",)),
    Scene(((0, "is the sauna open on mondays"), (1, "closed for repairs until march"), (0, "argh")), (1,), ("Until when is the sauna shut?",)),
    Scene(((0, "ran my first half marathon!!"), (1, "time??"), (0, "2:04"), (2, "beast")), (0, 2), ("How fast did {a} run the half marathon?",)),
    Scene(((0, "results are in"), (1, "tell us"), (0, "it's benign 😭"), (2, "thank god")), (2,), ("What came out of {a}'s medical test?",)),
    Scene(((0, "which mechanic did your brakes"), (1, "the guy behind the market hall"), (1, "150 with parts")), (1, 2), ("Who repaired {b}'s brakes?", "How much did {b} pay for the brakes?")),
    Scene(((0, "we missed the ferry"), (1, "how??"), (0, "i read 17 as 7"), (2, "classic")), (0, 2), ("Why did {a} miss the boat?",)),
    Scene(((0, "recipe for that soup pls"), (1, "red lentils, coconut milk, lots of lime"), (1, "and fry the ginger first")), (1, 2), ("What goes into the soup that {b} makes?",)),
    Scene(((0, "Kennt jemand einen guten Zahnarzt?"), (1, "Dr. Weiss am Markt, sehr lieb"), (0, "danke dir")), (1,), ("Wer hat den Zahnarzt empfohlen?",)),
    Scene(((0, "ich ziehe um, nach Leipzig"), (1, "wann denn?"), (0, "am ersten Mai, Schlüssel hab ich schon")), (0, 2), ("Wann zieht {a} um?", "Wohin zieht {a}?")),
    Scene(((0, "Was hat die Reparatur gekostet?"), (1, "240, der Kompressor war hin"), (0, "autsch")), (1,), ("Wie teuer war die Reparatur bei {b}?",)),
    Scene(((0, "¿alguien sabe de un buen fontanero?"), (1, "mi primo Paco, te paso el número"), (0, "genial gracias")), (1,), ("¿Quién recomendó al fontanero?",)),
    Scene(((0, "al final nos mudamos a Valencia"), (1, "¡no me digas! ¿cuándo?"), (0, "en septiembre, ya tenemos piso")), (0, 2), ("¿Cuándo se muda {a}?", "¿A dónde se muda {a}?")),
    Scene(((0, "¿qué llevamos a la cena del sábado?"), (1, "yo hago la tortilla"), (2, "y yo el vino")), (1, 2), ("¿Quién lleva el vino a la cena?",)),
)  # fmt: skip


def groups(seed: int = 21) -> tuple[list[Draft], list[Asked]]:
    """Return the turns, each a record, in the order of their groups, and the questions. Scenes come back with other people:
    such a question names them, or the month."""
    dice = random.Random(seed)
    plans = sorted(
        (FIRST + dice.randrange(DAYS) * DAY, n, scene) for _ in range(ROUNDS) for n, scene in enumerate(SCENES)
    )
    drafts: list[Draft] = []
    told: dict[tuple[int, str], list[tuple[str, date, frozenset[str]]]] = {}
    for at, (day, n, scene) in enumerate(plans):
        group = dice.choice(list(GROUPS))
        cast = dice.sample(GROUPS[group], 3)
        moment = datetime(day.year, day.month, day.day, dice.randrange(7, 22), tzinfo=UTC)
        turns = [(dice.choice(GROUPS[group]), dice.choice(CHATTER)) for _ in range(dice.randrange(4, 12))]
        wanted = set()
        for i, (who, said) in enumerate(scene.turns):
            if dice.random() < 0.3:
                turns.append((dice.choice(GROUPS[group]), dice.choice(CHATTER)))
            if i in scene.answers:
                wanted.add(f"{at}-{len(turns)}")
            turns.append((cast[who], said))
        turns += [(dice.choice(GROUPS[group]), dice.choice(CHATTER)) for _ in range(dice.randrange(3, 12))]
        for i, (who, said) in enumerate(turns):
            moment += timedelta(seconds=dice.randrange(5, 240))
            drafts.append(
                Draft(f"{at}-{i}", said, kind="chat", people=(who,), created=moment, thread=group, position=len(drafts))
            )
        for question in scene.questions:
            text = question.format(a=cast[0], b=cast[1])
            told.setdefault((n, text), []).append((group, day, frozenset(wanted)))
    drafts.sort(key=lambda one: (one.thread, one.position))
    return drafts, list(_asked(told))


def _asked(told: dict[tuple[int, str], list[tuple[str, date, frozenset[str]]]]) -> Iterator[Asked]:
    now = datetime.combine(FIRST + DAYS * DAY, datetime.min.time(), UTC)
    for (_, text), times in told.items():
        yield Asked(text, now, "unnamed time", frozenset().union(*(wanted for *_, wanted in times)))
        if len(times) > 1:
            _, day, _ = times[0]
            same = [w for _, d, w in times if (d.year, d.month) == (day.year, day.month)]
            month = f"{day:%B %Y}" if text[0] != "¿" and not text.startswith(("W", "w")) else f"{day:%m/%Y}"
            yield Asked(f"{text.rstrip('?')} in {month}?", now, "month", frozenset().union(*same))


# ---------------------------------------------------------------- how others would hand the same chats over


def bare(drafts: list[Draft]) -> list[Draft]:
    """Without threads, the speaker in the text."""
    return [replace(one, text=f"{one.people[0]}: {one.text}", people=(), thread="", position=0) for one in drafts]


def stamped(drafts: list[Draft]) -> list[Draft]:
    """Lines of an export: time and speaker in the text, and no field at all."""
    return [
        Draft(one.origin, f"[{one.created:%d.%m.%y, %H:%M:%S}] {one.people[0]}: {one.text}") for one in drafts if one.created
    ]  # fmt: skip
