"""How well the search finds: `python -m bench.retrieval [--data DIR]`.

Chats: every turn of every LoCoMo conversation is one record of one vault; recall@10 of the turns that answer a
question, adversarial questions left out. Documents: SciFact and Cranfield, one record each; nDCG@10. Beside the fused
search: each half alone over the same chunks, and their reciprocal rank fusion. The data is for evaluation only:
figures, no text. A made-up life (`bench.questions`): recall@10, by how a time or a name is spelled, also without
the parts of the search that read times and misspelled names.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import numpy as np

from bench.machine import keep, table
from bench.questions.life import life
from vault.embed import chunking, encoder, fusion, lexical, selection
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Draft

DATA = Path(__file__).parents[2] / "shared" / "data" / "retrieval"
TOP = 10
WAYS = ("dense alone", "BM25 alone", "reciprocal ranks", "no times, no spelling", "ownvault")
GAIN_BAR, BEST_KNOWN = 0.08, 0.665
NDCG_BARS = {"scifact": 0.73, "cranfield": 0.41}


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


def lines(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def documents(folder: Path) -> Collection:
    drafts = [
        Draft(str(one["_id"]), one["text"], title=one.get("title", "")) for one in lines(folder / "corpus.jsonl.gz")
    ]
    wanted: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            wanted.setdefault(query, {})[document] = int(grade)
    questions = [
        Question(one["text"], wanted[str(one["_id"])], folder.name)
        for one in lines(folder / "queries.jsonl.gz") if str(one["_id"]) in wanted
    ]  # fmt: skip
    return Collection(folder.name, "nDCG@10", drafts, questions)


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


def invented() -> Collection:
    drafts, asked = life()
    questions = [Question(one.text, dict.fromkeys(one.wanted, 1), one.spelling, one.now) for one in asked]
    return Collection("life", "recall@10", drafts, questions)


def index_of(drafts: list[Draft], model: encoder.Encoder) -> Index:
    cut = [(n, chunk) for n, draft in enumerate(drafts) for chunk in chunking.split(draft)]
    vectors = model.encode([chunking.passage(chunk) for _, chunk in cut])
    lexicon: dict[str, int] = {}
    pieces: dict[int, list[Piece]] = {}
    for number, ((n, chunk), vector) in enumerate(zip(cut, vectors, strict=True)):
        counts = lexical.tally(chunking.passage(chunk))
        for word in counts:
            lexicon.setdefault(word, len(lexicon))
        pieces.setdefault(n, []).append(Piece(number, vector.tobytes(), lexical.encode_terms(counts, lexicon)))
    index = Index(model.dim)
    index.learn(lexicon)
    index.add(
        Entry(n, "bench", "bench", d.kind, d.people, d.labels, d.created, d.sensitivity, d.provenance, d.thread,
              d.position, tuple(pieces[n]))
        for n, d in enumerate(drafts)
    )  # fmt: skip
    return index


def ways(index: Index, vector: np.ndarray, question: Question) -> dict[str, list[int]]:
    """Return the best records by each way of searching: the real one, and its halves on the same chunks."""
    scope = index._select(EVERYTHING)
    every = np.arange(len(scope))
    records, ids = scope.records(every), scope.ids(every)
    dense = scope.exact(every, vector, index._scorer)
    terms = lexical.terms(question.text)
    with mock.patch.object(selection, "STRANGE", 0):
        words = replace(scope, links=()).lexical(terms, index._lexicon, index._scorer)
        literally = index.rank(EVERYTHING, vector, question.text, TOP)
    places = [1.0 / (61.0 + np.argsort(np.argsort(-scores, kind="stable"))) for scores in (dense, words)]
    halves = {"dense alone": dense, "BM25 alone": words, "reciprocal ranks": places[0] + places[1]}
    found = {
        name: [int(records[row]) for row in fusion.best(scores, dense, records, ids, TOP)]
        for name, scores in halves.items()
    }
    found["no times, no spelling"] = [one.record for one in literally]
    found["ownvault"] = [one.record for one in index.rank(EVERYTHING, vector, question.text, TOP, question.now)]
    return found


def measured(collection: Collection, found: list[int], question: Question) -> float:
    grades = [question.wanted.get(collection.drafts[n].origin, 0) for n in found]
    if collection.measure == "recall@10":
        return sum(grade > 0 for grade in grades) / min(len(question.wanted), TOP)
    ideal = sorted(question.wanted.values(), reverse=True)[:TOP]
    gain = [sum(g / math.log2(i + 2) for i, g in enumerate(some)) for some in (grades, ideal)]
    return gain[0] / gain[1]


def evaluate(collection: Collection, model: encoder.Encoder) -> dict[str, dict[str, float]]:
    """Return, for each way of searching, the mean over all questions and over each group of them."""
    index = index_of(collection.drafts, model)
    scores: dict[str, dict[str, list[float]]] = {}
    for question in collection.questions:
        for way, found in ways(index, model.encode_query(question.text), question).items():
            score = measured(collection, found, question)
            for group in ("all", question.group):
                scores.setdefault(way, {}).setdefault(group, []).append(score)
    index.close()
    return {way: {g: round(float(np.mean(s)), 4) for g, s in groups.items()} for way, groups in scores.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--device", default="auto")
    given = options.parse_args()
    if not given.data.is_dir():
        print(f"no retrieval data at {given.data}: nothing measured")
        sys.exit(os.environ.get("CI") == "true")
    model = encoder.load(device=given.device)
    sets = [
        chats(given.data / "locomo_dev.json.gz"),
        *(documents(given.data / n) for n in ("scifact", "cranfield")),
        invented(),
    ]
    results = {one.name: evaluate(one, model) for one in sets}
    told = {one.name: {"measure": one.measure, "questions": len(one.questions), **results[one.name]} for one in sets}
    keep("retrieval", {"model": model.name, "device": model.device, **told})
    for one in sets:
        figures = results[one.name]
        table(
            f"{one.name}: {one.measure}, {len(one.questions)} questions, {len(one.drafts):,} records",
            [(way, " ".join(f"{g} {s:.3f}" for g, s in figures[way].items()), bar(one.name, way, figures))
             for way in WAYS],
        )  # fmt: skip


def bar(name: str, way: str, figures: dict[str, dict[str, float]]) -> str:
    if way != "ownvault" or name == "life":
        return ""
    if name in NDCG_BARS:
        return f"bar {NDCG_BARS[name]:.3f}"
    return f"bar {max(figures['BM25 alone']['all'] + GAIN_BAR, BEST_KNOWN):.3f} (BM25 + {GAIN_BAR}, and {BEST_KNOWN})"


if __name__ == "__main__":
    main()
