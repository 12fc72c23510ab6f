"""How well the search finds: `python -m bench.retrieval [--data DIR]`.

Chats: every turn of every LoCoMo conversation is one record of one vault; recall@10 of the turns that answer a
question, adversarial questions left out. Documents: SciFact and Cranfield, one record each; nDCG@10. Beside the fused
search: each half alone over the same chunks, and their reciprocal rank fusion. The data is for evaluation only:
figures, no text.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.machine import keep, spread, table
from vault.embed import chunking, encoder, fusion, lexical
from vault.embed.search import Entry, Index, Piece
from vault.types import EVERYTHING, Draft

DATA = Path(__file__).parents[2] / "shared" / "data" / "retrieval"
TOP, ROUNDS = 10, 7
GAIN_BAR, NDCG_BAR, BEST_KNOWN = 0.03, 0.72, 0.665


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    wanted: dict[str, int]
    group: str


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
                questions.append(Question(qa["question"], dict.fromkeys(turns, 1), name))
    return Collection("chats", "recall@10", drafts, questions)


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


def ways(index: Index, vector: np.ndarray, text: str) -> dict[str, list[int]]:
    """Return the best records by each way of searching: the real one, and its halves on the same chunks."""
    scope = index._select(EVERYTHING)
    dense = index._scorer.begin([(s.vectors, rows) for s, rows in scope.parts], vector)()[scope.order]
    dense = dense.astype(np.float64)
    known = [index._lexicon[term] for term in dict.fromkeys(lexical.terms(text)) if term in index._lexicon]
    words = replace(scope, links=()).lexical(known)
    places = [1.0 / (61.0 + np.argsort(np.argsort(-scores, kind="stable"))) for scores in (dense, words)]
    halves = {"dense alone": dense, "BM25 alone": words, "reciprocal ranks": places[0] + places[1]}
    found = {
        name: [int(scope.numbers[row]) for row in fusion.best(scores, scope.starts, scope.ids, TOP)]
        for name, scores in halves.items()
    }
    found["ownvault"] = [one.record for one in index.rank(EVERYTHING, vector, text, TOP)]
    return found


def measured(collection: Collection, found: list[int], question: Question) -> float:
    grades = [question.wanted.get(collection.drafts[n].origin, 0) for n in found]
    if collection.measure == "recall@10":
        return sum(grade > 0 for grade in grades) / len(question.wanted)
    ideal = sorted(question.wanted.values(), reverse=True)[:TOP]
    gain = [sum(g / math.log2(i + 2) for i, g in enumerate(some)) for some in (grades, ideal)]
    return gain[0] / gain[1]


def evaluate(collection: Collection, model: encoder.Encoder) -> dict[str, dict[str, float]]:
    """Return, for each way of searching, the mean over all questions and over each group of them."""
    index = index_of(collection.drafts, model)
    scores: dict[str, dict[str, list[float]]] = {}
    for question in collection.questions:
        for way, found in ways(index, model.encode_query(question.text), question.text).items():
            score = measured(collection, found, question)
            for group in ("all", question.group):
                scores.setdefault(way, {}).setdefault(group, []).append(score)
    index.close()
    return {way: {g: round(float(np.mean(s)), 4) for g, s in groups.items()} for way, groups in scores.items()}


def encoding(drafts: list[Draft], model: encoder.Encoder) -> dict[str, object]:
    """Compare our batches with sentence-transformers' own over the same texts, in turns: one run alone says little on
    a machine that does other things too."""
    texts = [chunking.passage(chunk) for draft in drafts for chunk in chunking.split(draft)]
    plain = model._model  # type: ignore[attr-defined]
    rounds, difference = [], 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        expected = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        middle = time.perf_counter()
        found = model.encode(texts)
        rounds.append((middle - start, time.perf_counter() - middle))
        difference = max(difference, float(np.abs(expected - found).max()))
    return {
        "texts": len(texts), "load_average": round(os.getloadavg()[0], 1), "largest_difference": difference,
        "plain_s": [round(p, 2) for p, _ in rounds], "ours_s": [round(o, 2) for _, o in rounds],
        "speed_against_plain": spread([p / o for p, o in rounds]),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, default=DATA)
    options.add_argument("--device", default="auto")
    given = options.parse_args()
    if not given.data.is_dir():
        print(f"no retrieval data at {given.data}: nothing measured")
        sys.exit(os.environ.get("CI") == "true")
    model = encoder.load(device=given.device)
    sets = [chats(given.data / "locomo_dev.json.gz"), *(documents(given.data / n) for n in ("scifact", "cranfield"))]
    results = {
        one.name: {"measure": one.measure, "questions": len(one.questions), **evaluate(one, model)} for one in sets
    }
    speed = encoding(sets[0].drafts[:500] + sets[1].drafts[:50], model)
    keep("retrieval", {"model": model.name, "device": model.device, **results, "encoding": speed})
    for one in sets:
        figures = results[one.name]
        table(
            f"{one.name}: {one.measure}, {len(one.questions)} questions, {len(one.drafts):,} records",
            [(way, " ".join(f"{g} {s:.3f}" for g, s in figures[way].items()), bar(one.name, way, figures))
             for way in ("dense alone", "BM25 alone", "reciprocal ranks", "ownvault")],
        )  # fmt: skip
    ratio = speed["speed_against_plain"]
    print(f"\nencoding {speed['texts']} chunks, same vectors to {speed['largest_difference']:.0e}")
    print(f"  plain encode's time over ours, {ROUNDS} rounds in turns: {ratio}, load {speed['load_average']}")


def bar(name: str, way: str, figures: dict[str, dict[str, float]]) -> str:
    if way != "ownvault" or name == "cranfield":
        return ""
    if name == "scifact":
        return f"bar {NDCG_BAR:.3f}"
    half = max(figures["dense alone"]["all"], figures["BM25 alone"]["all"])
    return f"bar {max(half + GAIN_BAR, BEST_KNOWN):.3f} (the better half + {GAIN_BAR}, and {BEST_KNOWN})"


if __name__ == "__main__":
    main()
