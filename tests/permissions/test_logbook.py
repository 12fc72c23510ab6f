"""Looking through the log: every filter against a plain walk over all entries, pages, filing, and the log over time."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import limits
from vault.errors import BadRequest
from vault.permissions import audit, filing, logbook, timeline
from vault.types import AuditEntry, AuditRequest, Ending, Entry, Period, Sensitivity, TimelineRequest

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
USUAL = Entry(NOW, "claude", "g-1", "search", "mcp", "allow", "granted", "dentist")
RECORDS = {"r1": ("notes", 1), "r2": ("notes", 2), "r3": ("health", 2), "gone": None}


def entry(n: int) -> Entry:
    """Return one of many different entries."""
    client = ("claude", "cursor", "owner", "")[n % 4]
    records = [(), ("r1",), ("r2", "r3"), ("gone", "r1")][n // 2 % 4]
    deny = n % 5 == 0
    detail: dict[str, Any] = {"shown": "redacted"} if n % 3 else {}
    if n % 7 == 0:
        detail["collection"] = "mail"
    return Entry(
        NOW + timedelta(minutes=37 * n), client, "g", ("search", "read", "count")[n % 3], "mcp",
        "deny" if deny else "allow", ("out_of_scope", "internal")[n % 2] if deny else "granted",
        ("Zahnarzt", "BOAT 50%", "\u017ftraße", "")[n % 4], () if deny else records, detail,
    )  # fmt: skip


@pytest.fixture
def log(conn: Any) -> Any:
    for n, (id, where) in enumerate(RECORDS.items()):
        if where is not None:
            record(conn, n, id, *where)
    for n in range(200):
        audit.append(conn, entry(n), hashlib.sha256(b"%d" % n).digest())
    audit.erase(conn, 17, replace(USUAL, client="owner"), bytes(32))
    return conn


def record(conn: Any, n: int, id: str, collection: str, level: int) -> None:
    values = (n + 1, id, collection, "s", id, "note", "t", "x", "", "", 0, 0, "[]", "[]", level, "", "owner", 1, b"")
    names = (
        "n, id, collection, source, origin, kind, title, text, url, thread, position, imported, people, labels,"
        " sensitivity, language, provenance, version, content_hash"
    )
    conn.execute(f"INSERT INTO record ({names}) VALUES ({', '.join('?' * len(values))})", values)


def holds(one: AuditEntry, asked: AuditRequest) -> bool:
    """Say whether an entry is asked for, from what it says alone."""
    said, named = one.entry, [RECORDS.get(id) for id in one.entry.records]
    if one.outcome is None:
        return asked == AuditRequest(asked.limit, asked.before)
    cells = [cell for cell in named if cell]
    collection = asked.collection is None or any(cell[0] == asked.collection for cell in cells)
    if asked.sensitivity is None and asked.collection is not None:
        collection = collection or said.detail.get("collection") == asked.collection
    return (
        (asked.client is None or said.client == asked.client)
        and (not asked.outcome or one.outcome in asked.outcome)
        and (asked.action is None or said.action == asked.action)
        and (asked.since is None or said.time >= asked.since)
        and (asked.until is None or said.time < asked.until)
        and collection
        and (asked.sensitivity is None or any(
            level == asked.sensitivity and asked.collection in (None, name) for name, level in cells))
        and (asked.record is None or asked.record in said.records)
        and (asked.text is None or asked.text.casefold() in said.query.casefold())
    )  # fmt: skip


ASKED = [
    {}, {"client": "claude"}, {"client": ""}, {"client": "nobody"}, {"action": "read"}, {"record": "gone"},
    {"record": "r2"},
    {"collection": "notes"}, {"collection": "mail"}, {"collection": "nothing"}, {"sensitivity": Sensitivity.SENSITIVE},
    {"collection": "notes", "sensitivity": Sensitivity.SENSITIVE}, {"collection": "health", "client": "cursor"},
    {"text": "boat"}, {"text": "50%"}, {"text": "%"}, {"text": "STRASSE"}, {"text": "_"}, {"text": '"'},
    {"since": NOW + timedelta(hours=30)}, {"until": NOW + timedelta(hours=30)}, {"since": NOW + timedelta(days=99)},
    {"since": NOW + timedelta(hours=30), "until": NOW + timedelta(hours=60), "client": "owner", "text": "bo"},
    *({"outcome": (one,)} for one in Ending), {"outcome": (Ending.DENIED, Ending.ERROR, Ending.DENIED)},
    {"outcome": tuple(Ending)}, {"outcome": (Ending.REDACTED, Ending.RELEASED), "client": "claude", "action": "search"},
]  # fmt: skip


@pytest.mark.parametrize("asked", ASKED, ids=str)
@pytest.mark.parametrize("looked", [3, limits.LOOKED_AT])
def test_filters_are_those_of_a_plain_walk(
    log: Any, asked: dict[str, Any], looked: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(limits, "LOOKED_AT", looked)
    monkeypatch.setattr(logbook, "_CHUNK", min(looked, 500))
    everything = audit.page(log, AuditRequest(1000)).entries if looked > 1000 else _walk(log, AuditRequest(1000))
    assert len(everything) == 201
    wanted = [one for one in everything if holds(one, AuditRequest(7, **asked))]
    assert _walk(log, AuditRequest(7, **asked)) == wanted


def _walk(conn: Any, asked: AuditRequest) -> list[AuditEntry]:
    """Return all pages of a request together; no page is longer than it may be, and each goes further."""
    found: list[AuditEntry] = []
    before: int | None = None
    while True:
        page = audit.page(conn, replace(asked, before=before))
        assert len(page.entries) <= asked.limit and page.size == 201
        found += page.entries
        if page.more is None:
            return found
        assert before is None or page.more < before
        before = page.more


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1001}, {"before": -1}, {"before": 2**63}, {"text": ""}])
def test_no_such_page(conn: Any, asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        audit.page(conn, AuditRequest(**asked))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"records": ("r1",)}, Ending.RELEASED),
        ({"records": ("r1",), "detail": {"shown": "snippet"}}, Ending.RELEASED),
        ({"records": ("r1",), "detail": {"shown": "redacted"}}, Ending.REDACTED),
        ({"detail": {"shown": "redacted"}}, Ending.ANSWERED),
        ({"action": "count", "detail": {"count": 3}}, Ending.ANSWERED),
        ({"client": "owner", "records": ("r1",)}, Ending.OWNER),
        ({"client": "owner", "decision": "deny", "reason": "token_narrower"}, Ending.DENIED),
        ({"client": "", "decision": "deny", "reason": "token_expired"}, Ending.DENIED),
        ({"decision": "deny", "reason": "limit_records_per_day"}, Ending.DENIED),
        ({"decision": "deny", "reason": "internal"}, Ending.ERROR),
        ({"decision": "deny", "reason": "bad_request"}, Ending.ERROR),
    ],
)
def test_what_became_of_a_request(changed: dict[str, Any], expected: Ending) -> None:
    assert filing.ending(replace(USUAL, **changed)) is expected


def test_filing_is_what_the_entries_say_also_after_erasing(log: Any) -> None:
    left = [one for one in audit.page(log, AuditRequest(1000)).entries if one.outcome]
    places = Counter(filing.place(one.entry) for one in left)
    assert dict(places) == {filing.Place(*row[:4]): row[4] for row in log.execute("SELECT * FROM activity").fetchall()}
    assert log.execute("SELECT number FROM filed WHERE number = 17").fetchone() is None
    assert audit.verify(log, audit.root(log)).ok


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE filed SET outcome = 'owner' WHERE number = 5",
        "UPDATE filed SET client = 'x' WHERE number = 5",
        "UPDATE filed SET action = 'x' WHERE number = 5",
        "DELETE FROM filed WHERE number = 200",
        "DELETE FROM filed WHERE number = 0",
        "INSERT INTO filed VALUES (17, 'claude', 'read', 'released')",
        "INSERT INTO filed VALUES (999, 'claude', 'read', 'released')",
        "UPDATE activity SET entries = entries + 1 WHERE client = 'cursor'",
        "DELETE FROM activity WHERE client = 'cursor'",
        "INSERT INTO activity VALUES (0, 'x', 'x', 'owner', 1)",
    ],
)
def test_verifying_finds_an_entry_that_is_filed_wrong(log: Any, tamper: str) -> None:
    log.execute(tamper)
    assert audit.verify(log, audit.root(log)).problems == ("filing: differs",)


# ---------------------------------------------------------------- over time


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize(
    "asked", [{}, {"client": "claude"}, {"outcome": (Ending.DENIED, Ending.ERROR)}, {"action": "read"}]
)
def test_the_timeline_counts_every_entry_of_its_time_once(log: Any, period: Period, asked: dict[str, Any]) -> None:
    now = NOW + timedelta(minutes=37 * 200)
    told = timeline.timeline(log, TimelineRequest(period, **asked), now, UTC)
    assert all(one.end == other.start for one, other in pairwise(told.slots))
    assert told.slots[-1].start <= now < told.slots[-1].end
    entries = [
        one for one in audit.page(log, AuditRequest(1000)).entries if one.outcome and holds(one, AuditRequest(**asked))
    ]
    for slot in told.slots:
        within = Counter((one.entry.client, one.outcome) for one in entries if slot.start <= one.entry.time < slot.end)
        assert {(share.client, share.outcome): share.entries for share in slot.shares} == dict(within)
    if period is Period.ALL:
        assert sum(share.entries for slot in told.slots for share in slot.shares) == len(entries)
    assert told.clients == ("", "claude", "cursor", "owner") and told.actions == ("count", "erase", "read", "search")


@given(
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "America/Santiago"]),
    st.sampled_from(list(Period)),
    st.datetimes(datetime(2012, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 20_000),
)
def test_slots_have_no_gap_and_reach_from_the_first_to_now(zone: str, period: Period, now: datetime, days: int) -> None:
    here = ZoneInfo(zone)
    first = max(now - timedelta(days=days), datetime(1975, 1, 1, tzinfo=UTC))
    edges = timeline.bounds(period, first, now, here)
    assert all(one < other for one, other in pairwise(edges)) and 2 <= len(edges) <= timeline.MOST + 2
    assert edges[-2] <= now < edges[-1]
    assert period is not Period.ALL or edges[0] <= first
    if period not in (Period.DAY, Period.WEEK):
        assert {edge.astimezone(here).hour for edge in edges} <= {0, 1}, "midnight, or the first moment that a day has"


def test_an_empty_log_has_a_timeline(conn: Any) -> None:
    for period in Period:
        told = timeline.timeline(conn, TimelineRequest(period), NOW, UTC)
        assert told.slots and not any(slot.shares for slot in told.slots) and told.clients == ()
