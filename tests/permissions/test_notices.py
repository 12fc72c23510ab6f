"""Notices: newest first, so many and no more, gone when dismissed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vault import limits
from vault.errors import Damaged, NotFound
from vault.permissions import notices
from vault.types import Notice

NOW = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def test_newest_first_and_as_they_were(conn: Any) -> None:
    notices.put(conn, NOW, "limit", "claude", "g-1", {"limit": "records_per_day"})
    notices.put(conn, NOW - DAY, "sweep", "日記", "g-2", {"new": 200, "hits": 210})
    assert notices.listed(conn) == (
        Notice(2, NOW - DAY, "sweep", "日記", "g-2", {"new": 200, "hits": 210}),
        Notice(1, NOW, "limit", "claude", "g-1", {"limit": "records_per_day"}),
    )


def test_the_oldest_go_first(conn: Any) -> None:
    for i in range(limits.NOTICES + 5):
        notices.put(conn, NOW, "idle", "claude", f"g-{i}", {})
    assert [notice.grant for notice in notices.listed(conn)] == [f"g-{i}" for i in range(limits.NOTICES + 4, 4, -1)]


def test_dismissed_is_gone(conn: Any) -> None:
    for i in range(3):
        notices.put(conn, NOW, "idle", "claude", f"g-{i}", {})
    notices.dismiss(conn, 2)
    assert [notice.number for notice in notices.listed(conn)] == [3, 1]
    for absent in (2, 4, 0, -1):
        with pytest.raises(NotFound):
            notices.dismiss(conn, absent)
    notices.dismiss(conn, 3)
    notices.put(conn, NOW, "idle", "claude", "g-9", {})
    assert [notice.number for notice in notices.listed(conn)] == [4, 1]  # a number is never used again


def test_lately(conn: Any) -> None:
    notices.put(conn, NOW, "sweep", "claude", "g-1", {})
    assert notices.lately(conn, "sweep", "claude", NOW)
    assert not notices.lately(conn, "sweep", "claude", NOW + timedelta(microseconds=1))
    assert not notices.lately(conn, "limit", "claude", NOW - DAY)
    assert not notices.lately(conn, "sweep", "cursor", NOW - DAY)


@pytest.mark.parametrize("assignment", ["detail = '[]'", "detail = ''", "detail = '{'", "time = 1 << 62"])
def test_a_row_we_did_not_write_is_damage(conn: Any, assignment: str) -> None:
    notices.put(conn, NOW, "idle", "claude", "g-1", {})
    conn.execute(f"UPDATE notice SET {assignment}")
    with pytest.raises(Damaged):
        notices.listed(conn)
