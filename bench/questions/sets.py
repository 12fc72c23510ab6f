"""The labelled collections: records, questions, and which records answer. Data from outside is for evaluation only."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.questions.groups import groups
from bench.questions.life import life
from bench.questions.log import log
from bench.questions.ticks import ticks
from vault import plugins
from vault.types import Draft

OLD = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""A day years after everything: who asks an archive."""


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    wanted: dict[str, int]
    group: str
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    measure: str
    drafts: list[Draft]
    questions: list[Question]


# ---------------------------------------------------------------- from outside


def documents(folder: Path) -> Collection:
    """One record for each abstract."""
    drafts = [
        Draft(str(one["_id"]), one["text"], title=one.get("title", "")) for one in _lines(folder / "corpus.jsonl.gz")
    ]
    wanted: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            wanted.setdefault(query, {})[document] = int(grade)
    questions = [
        Question(one["text"], wanted[str(one["_id"])], folder.name)
        for one in _lines(folder / "queries.jsonl.gz") if str(one["_id"]) in wanted
    ]  # fmt: skip
    return Collection(folder.name, "nDCG@10", drafts, questions)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def chats(path: Path) -> Collection:
    """One turn, one record: the speaker in `people`, the session's date, the conversation as thread. No captions."""
    drafts: list[Draft] = []
    questions: list[Question] = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        conversations = json.load(file)
    for one in conversations:
        name, talk = one["sample_id"], one["conversation"]
        sessions = sorted((k for k in talk if re.fullmatch(r"session_\d+", k)), key=lambda k: int(k[8:]))
        for session in sessions:
            date = datetime.strptime(talk[f"{session}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
            drafts += [
                Draft(f"{name}/{turn['dia_id']}", turn["text"], kind="chat", people=(turn["speaker"],), created=date,
                      thread=name, position=len(drafts) + i)
                for i, turn in enumerate(talk[session])
            ]  # fmt: skip
        known = {draft.origin for draft in drafts}
        for qa in one["qa"]:
            turns = {f"{name}/{turn}" for text in qa["evidence"] for turn in re.findall(r"D\d+:\d+", text)} & known
            if qa["category"] != 5 and turns:
                now = date + timedelta(days=1)
                questions.append(Question(qa["question"], dict.fromkeys(turns, 1), name, now))
    return Collection("chats", "recall@10", drafts, questions)


# ---------------------------------------------------------------- made up


def invented() -> list[Collection]:
    """The life that the grammar of times was made with, and, made without a look at it, group chats and lifelogs."""
    turns, asked = groups()
    return [
        _made("life", *life()),
        _made("groups", turns, asked),
        *(
            _made(f"groups, {name}", imported(map(WAYS[name], turns)), asked)
            for name in ("bare lines", "stamped lines")
        ),
        *(_made(f"log, {way}", imported(drafts), questions) for way, drafts, questions in log()),
        _made("log, ticks", *ticks()),
    ]


def _made(name: str, drafts: list[Draft], asked: Iterable[Any]) -> Collection:
    questions = [Question(one.text, dict.fromkeys(one.wanted, 1), one.kind, one.now) for one in asked]
    return Collection(name, "recall@10", drafts, questions)


# ---------------------------------------------------------------- how others would hand it over


def as_exported(given: Collection) -> Iterator[Collection]:
    """Yield chats as sources without some of the fields give them, read by the importer as a person would."""
    for name, change in WAYS.items():
        yield replace(given, name=f"{given.name}, {name}", drafts=imported(map(change, given.drafts)))
    yield replace(given, name=f"{given.name}, years later", questions=[replace(q, now=OLD) for q in given.questions])
    yield _in_bursts(given)


def _said(one: Draft) -> str:
    return f"{one.people[0]}: {one.text}"


WAYS: dict[str, Callable[[Draft], Draft]] = {
    "no thread": lambda one: replace(one, thread="", position=0),
    "no date": lambda one: replace(one, created=None),
    "one date for all": lambda one: replace(one, created=OLD),
    "speaker in the text": lambda one: replace(one, text=_said(one), people=()),
    "named conversations": lambda one: replace(one, title=f"WhatsApp chat with {one.thread} and friends"),
    "bare lines": lambda one: Draft(one.origin, _said(one), kind="chat"),
    "dated notes": lambda one: Draft(one.origin, _said(one), created=one.created),
    "stamped lines": lambda one: Draft(one.origin, f"[{one.created:%d.%m.%y, %H:%M:%S}] {_said(one)}"),
}


def imported(drafts: Iterable[Draft]) -> list[Draft]:
    """Return records as `import jsonl` reads them, fields that are empty left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chats.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for one in drafts:
                date = one.created.isoformat() if one.created else ""
                fields = {"id": one.origin, "text": one.text, "title": one.title, "kind": one.kind, "date": date,
                          "thread": one.thread, "people": list(one.people), "labels": list(one.labels)}  # fmt: skip
                file.write(json.dumps({name: value for name, value in fields.items() if value}) + "\n")
        return [item for item in plugins.run("jsonl", path) if isinstance(item, Draft)]


def _in_bursts(given: Collection) -> Collection:
    """Every sentence its own message, as people type; any sentence of a turn that answers will do."""
    drafts: list[Draft] = []
    for one in given.drafts:
        sentences = [text for text in re.split(r"(?<=[.!?])\s+", one.text) if text.strip()]
        drafts += [
            replace(one, origin=f"{one.origin}#{i}", text=text, position=one.position * 100 + i)
            for i, text in enumerate(sentences)
        ]
    return replace(given, name=f"{given.name}, in bursts", drafts=drafts)


def origin(draft: Draft) -> str:
    """Return what a record is called in the questions."""
    return draft.origin.partition("#")[0]
