"""The open line format: what goes in comes out, and a bad line costs only itself."""

from __future__ import annotations

import gzip
import json
import tempfile
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vault.errors import ImportFailed
from vault.plugins import run
from vault.types import Draft, Provenance, Sensitivity


def write(path, *lines):
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + b"\n"
    )
    return path


def test_a_record_in_full(take, tmp_path):
    line = {
        "id": "a/1",
        "text": "hello\r\nthere",
        "title": " A  title ",
        "date": "2023-05-07T10:00:00Z",
        "updated": "2023-05-08",
        "people": ["Ann", "Ann", "Bob"],
        "kind": "message",
        "labels": ["x"],
        "sensitivity": "Secret",
        "url": "https://x.org/",
        "thread": "t",
        "lang": "de",
        "provenance": "owner",
    }
    taken = take("jsonl", write(tmp_path / "x.jsonl", line, line | {"id": 7}))
    expected = Draft(
        "a/1",
        "hello\nthere",
        "A title",
        "message",
        datetime(2023, 5, 7, 10, tzinfo=UTC),
        datetime(2023, 5, 8, tzinfo=UTC),
        ("Ann", "Bob"),
        ("x",),
        Sensitivity.SECRET,
        "de",
        Provenance.OWNER,
        "https://x.org/",
        "t",
        0,
    )
    assert taken.drafts[0] == expected
    assert (taken.drafts[1].origin, taken.drafts[1].position) == ("7", 1)
    assert not taken.failures


DATES = [
    ("2023-05-07", (2023, 5, 7)),
    ("20230507", (2023, 5, 7)),
    ("2023-05", (2023, 5, 1)),
    ("2023", (2023, 1, 1)),
    ("2023-05-07T10:00:00", (2023, 5, 7, 10)),
    ("2023-05-07 10:00", (2023, 5, 7, 10)),
    ("2023-05-07T10:00:00z", (2023, 5, 7, 10)),
    ("2023-05-07T10:00:00.5+02:00", (2023, 5, 7, 8, 0, 0, 500_000)),
    ("2023-05-07 10:00:00 UTC", (2023, 5, 7, 10)),
    ("2023-05-07 10:00:00 +0200", (2023, 5, 7, 8)),
    ("2023-05-07T10:00:00,123456789Z", (2023, 5, 7, 10, 0, 0, 123_456)),
    ("2023/05/07 10:00", (2023, 5, 7, 10)),
    ("Sun, 7 May 2023 10:00:00 +0000", (2023, 5, 7, 10)),
    ("1969-07-20", (1969, 7, 20)),
    ("7 May 2023", (2023, 5, 7)),
    ("May 7, 2023 2:33 PM", (2023, 5, 7, 14, 33)),
    ("2:33 pm on 7 May, 2023", (2023, 5, 7, 14, 33)),
    ("07.05.2023, 14:33", (2023, 5, 7, 14, 33)),
    ("Sonntag, 7. Mai 2023", (2023, 5, 7)),
    (1683469980, (2023, 5, 7, 14, 33)),
    (1683469980000, (2023, 5, 7, 14, 33)),
    (1683469980.5, (2023, 5, 7, 14, 33, 0, 500_000)),
]  # fmt: skip


def test_dates(take, tmp_path):
    lines = [{"id": str(n), "text": "x", "date": said} for n, (said, _) in enumerate(DATES)]
    taken = take("jsonl", write(tmp_path / "x", *lines))
    for draft, (said, meant) in zip(taken.drafts, DATES, strict=True):
        assert draft.created == datetime(*meant, tzinfo=UTC), said


BAD = {
    b"nonsense": "not JSON: Expecting value at character 1",
    b"[1]": "not a JSON object",
    b'{"id": 1': "not JSON",
    b"\xff": "not UTF-8",
    b"[" * 100_000: "nested too deeply",
    b'{"a":' * 100_000: "nested too deeply",
    b"1" * 5000: "not JSON: a number is out of range",
    b'{"id": NaN, "text": "x"}': "not JSON: a number",
    b'{"text": "x"}': "id is missing",
    b'{"id": " ", "text": "x"}': "id is missing",
    b'{"id": 1.5, "text": "x"}': "id must be",
    b'{"id": true, "text": "x"}': "id must be",
    b'{"id": "a\\nb", "text": "x"}': "id must be",
    b'{"id": "x"}': "text is missing",
    b'{"id": "x", "text": 1}': "text must be a string",
    b'{"id": "x", "text": "\\u0000 "}': "text is empty",
    b'{"id": "x", "text": "x", "date": "yesterday"}': "date is not",
    b'{"id": "x", "text": "x", "date": 5}': "date must be",
    b'{"id": "x", "text": "x", "date": "0001-01-01T00:00+14:00"}': "date is not",
    b'{"id": "x", "text": "x", "people": "Ann"}': "people must be",
    b'{"id": "x", "text": "x", "labels": [1]}': "labels must be",
    b'{"id": "x", "text": "x", "sensitivity": "top"}': "sensitivity is not",
    b'{"id": "x", "text": "x", "thread": 1}': "thread must",
    b'{"id": "x", "text": "x", "title": ["a"]}': "title must be",
    b'{"id": "x", "text": "x", "provenance": "me"}': "provenance is",
}


def test_a_bad_line_costs_only_itself(take, tmp_path):
    good = [{"id": str(n), "text": "good"} for n in range(len(BAD))]
    lines = [line for pair in zip(good, BAD, strict=True) for line in pair]
    taken = take("jsonl", write(tmp_path / "x.jsonl", *lines))
    assert len(taken.drafts) == len(BAD)
    assert [f.place for f in taken.failures] == [f"line {2 * n + 2}" for n in range(len(BAD))]
    for failure, (line, reason) in zip(taken.failures, BAD.items(), strict=True):
        assert failure.reason.startswith(reason), (line[:40], failure)


def test_oddities(take, tmp_path):
    one, two = {"id": "1", "text": "first", "unknown": 1}, {"id": "1", "text": "second"}
    data = write(
        tmp_path / "a", b"\xef\xbb\xbf" + json.dumps(one).encode(), b"", b"   \r", two, {"id": "é", "text": "x", "y": 1}
    )
    taken = take("jsonl", data)
    assert [d.text for d in taken.drafts] == ["first", "x"]
    assert taken.reasons == {
        "line 4": "its id is used on an earlier line; the first was kept",
        "unknown keys": "ignored wherever they occur: unknown, y",
    }
    assert taken.drafts[0].provenance is Provenance.THIRD_PARTY
    assert take("jsonl", data, provenance="owner").drafts[0].provenance is Provenance.OWNER
    with pytest.raises(ImportFailed):
        take("jsonl", data, provenance="mine")


def test_threads_number_their_own_lines(take, tmp_path):
    lines = [{"id": str(n), "text": "x", "thread": "ab"[n % 2] if n < 6 else None} for n in range(8)]
    taken = take("jsonl", write(tmp_path / "x", *lines))
    assert [(d.thread, d.position) for d in taken.drafts] == [("ab"[n % 2], n // 2) for n in range(6)] + [("", 0)] * 2


def test_compressed(take, tmp_path):
    whole = gzip.compress(b"".join(json.dumps({"id": n, "text": "x" * 50}).encode() + b"\n" for n in range(2000)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole)
    assert len(take("jsonl", tmp_path / "a.jsonl.gz").drafts) == 2000
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-3000])
    taken = take("jsonl", tmp_path / "a.jsonl.gz")
    assert taken.drafts
    assert [f.reason for f in taken.failures] == ["the compressed file is damaged from here on"]


def test_a_line_of_a_hundred_million_bytes_is_skipped(take, tmp_path):
    """Compressed it is 100 kB: a bomb. The child may use far less memory than the line has."""
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as file:
        file.write(b'{"id": "1", "text": "before"}\n')
        for _ in range(100):
            file.write(b" " * 1_000_000)
        file.write(b'\n{"id": "2", "text": "after"}\n')
    taken = take("jsonl", tmp_path / "bomb.gz")
    assert [d.text for d in taken.drafts] == ["before", "after"]
    assert taken.reasons == {"line 2": "longer than 24 MiB"}


def test_inputs_it_declines(take, tmp_path):
    with pytest.raises(ImportFailed, match="not a folder"):
        take("jsonl", tmp_path)
    (tmp_path / "x").write_text('{"id": "1"}', "utf-16")
    with pytest.raises(ImportFailed, match="UTF-16"):
        take("jsonl", tmp_path / "x")


WORD = st.text(st.characters(exclude_categories=["C", "Z", "M"]), min_size=1, max_size=20).map(
    lambda word: unicodedata.normalize("NFC", word)
)
TEXT = st.lists(WORD, min_size=1, max_size=8).map("\n".join)
RECORD = st.fixed_dictionaries(
    {"text": TEXT},
    optional={
        "title": WORD,
        "kind": WORD,
        "people": st.lists(WORD, max_size=4, unique=True),
        "lang": st.just("de"),
        "thread": WORD,
        "labels": st.lists(WORD, max_size=4, unique=True),
        "sensitivity": st.sampled_from([s.name.lower() for s in Sensitivity]),
        "provenance": st.sampled_from([p.value for p in Provenance]),
        "url": st.just("https://x.org/?q=ü"),
        "date": st.datetimes(timezones=st.timezones()).filter(lambda d: 2 < d.year < 9998),
        "updated": st.datetimes(),
    },
)


def as_line(number: int, draft: Draft) -> dict[str, object]:
    """Return the line that says `draft`: the writer's half of the round trip."""
    date = {k: v.isoformat() for k, v in (("date", draft.created), ("updated", draft.updated)) if v}
    return {
        "id": str(number),
        "text": draft.text,
        "title": draft.title,
        "kind": draft.kind,
        "people": list(draft.people),
        "labels": list(draft.labels),
        "sensitivity": draft.sensitivity.name,
        "lang": draft.language,
        "provenance": draft.provenance.value,
        "url": draft.url,
        "thread": draft.thread,
        **date,
    }


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(RECORD, min_size=1, max_size=40))
def test_round_trip(records):
    """Lines -> drafts hold what was written; drafts -> lines -> drafts are the same drafts."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "x.jsonl"
        lines = [json.loads(json.dumps({"id": str(n)} | r, default=datetime.isoformat)) for n, r in enumerate(records)]
        first = drafts(write(place, *lines))
        assert drafts(write(place, *(as_line(n, draft) for n, draft in enumerate(first)))) == first
    for draft, record in zip(first, records, strict=True):
        assert draft.text == record["text"]
        assert draft.people == tuple(record.get("people", ()))
        assert draft.labels == tuple(record.get("labels", ()))
        assert draft.title == record.get("title", "")
        assert draft.created == (record["date"].astimezone(UTC) if "date" in record else None)
        assert draft.updated == (record["updated"].replace(tzinfo=UTC) if "updated" in record else None)


def drafts(path: Path) -> list[Draft]:
    items = [item for item in run("jsonl", path) if type(item).__name__ != "Progress"]
    assert all(isinstance(item, Draft) for item in items), [i for i in items if not isinstance(i, Draft)]
    return items


def test_a_line_without_a_date_takes_the_one_its_text_or_title_begins_with(take, tmp_path):
    lines = [
        {"id": "a", "text": "[07.05.23, 14:33:00] Ana: hi"}, {"id": "b", "text": "On 2023/05/07, lunch."},
        {"id": "c", "text": "Rain.", "title": "7 May 2023"},
        {"id": "d", "text": "On 2023/05/07.", "date": "2024-01-01"},
        {"id": "e", "text": "It was on 2023/05/07."}, {"id": "f", "text": "Rain.", "title": "7 May 2023, revised"},
    ]  # fmt: skip
    drafts = take("jsonl", write(tmp_path / "x", *lines)).drafts
    noon, day = datetime(2023, 5, 7, 14, 33, tzinfo=UTC), datetime(2023, 5, 7, tzinfo=UTC)
    assert [d.created for d in drafts] == [noon, day, day, datetime(2024, 1, 1, tzinfo=UTC), None, None]
    assert [d.text for d in drafts] == [line["text"] for line in lines]


def test_messages_without_a_thread_are_one_conversation_for_each_title(take, tmp_path):
    lines = [
        {"id": "1", "text": "hi", "kind": "chat"}, {"id": "2", "text": "hi", "kind": "Slack_message", "title": "b"},
        {"id": "3", "text": "[2023-05-07 14:33] Ana: hi"}, {"id": "4", "text": "hi", "kind": "chat", "thread": "t"},
        {"id": "5", "text": "hi"}, {"id": "6", "text": "x" * 1001, "kind": "chat"}, {"id": "7", "text": "a: b"},
        {"id": "8", "text": "hi", "kind": "chatter"},
    ]  # fmt: skip
    drafts = take("jsonl", write(tmp_path / "x", *lines)).drafts
    name = drafts[0].thread.removesuffix(": ")
    assert name.startswith("x ")
    assert [(d.thread, d.position) for d in drafts] == [
        (f"{name}: ", 0), (f"{name}: b", 0), (f"{name}: ", 1), ("t", 0), ("", 0), ("", 0), ("", 0), ("", 0)
    ]  # fmt: skip
