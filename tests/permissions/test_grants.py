"""Grants in the database: what goes in comes out, and what must not go in does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vault.errors import BadRequest, Damaged, NotFound
from vault.permissions import grants, scope
from vault.types import EVERYTHING, Action, Filter, Grant, Status

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
GRANT = Grant(
    id="g-1", client="Claude", purpose="daily help", actions=frozenset({Action.SEARCH, Action.READ}),
    where=scope.from_filter(Filter(collections=("notes",), last=90), all=False), status=Status.ACTIVE, created=NOW,
    expires=NOW + timedelta(days=30), last_used=None,
)  # fmt: skip


def test_there_and_back(conn: Any) -> None:
    used = replace(GRANT, id="g-2", last_used=NOW, created=NOW + timedelta(seconds=1))
    grants.create(conn, GRANT)
    grants.create(conn, used)
    grants.create(conn, grants.owner(NOW))
    assert grants.get(conn, "g-1") == GRANT
    assert grants.all(conn) == (used, GRANT)  # newest first, the owner's own not among them
    grants.touch(conn, "g-1", NOW)
    assert grants.get(conn, "g-1").last_used == NOW


def test_the_owner(conn: Any) -> None:
    grants.create(conn, grants.owner(NOW))
    owner = grants.get(conn, grants.OWNER)
    assert owner.where == EVERYTHING and owner.actions == frozenset(Action)
    assert grants.live(owner, NOW + timedelta(days=365_000)) is Status.ACTIVE
    with pytest.raises(BadRequest):
        grants.set_status(conn, grants.OWNER, Status.REVOKED)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""}, {"id": "a b"}, {"id": "x" * 129}, {"id": "g\n"}, {"client": "a\u200b"}, {"client": "owner"},
        {"client": "re\u0301"}, {"actions": frozenset()}, {"actions": frozenset({Action.SEARCH, Action.REVOKE})},
        {"expires": NOW}, {"expires": NOW + timedelta(days=366)}, {"purpose": "x" * 501},
    ],
)  # fmt: skip
def test_what_must_not_be_granted(conn: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        grants.create(conn, replace(GRANT, **changes))
    assert grants.all(conn) == ()


def test_an_id_is_taken_once(conn: Any) -> None:
    grants.create(conn, GRANT)
    with pytest.raises(BadRequest):
        grants.create(conn, GRANT)


def test_status(conn: Any) -> None:
    grants.create(conn, GRANT)
    assert grants.set_status(conn, "g-1", Status.PAUSED).status is Status.PAUSED
    assert grants.set_status(conn, "g-1", Status.ACTIVE).status is Status.ACTIVE
    assert grants.set_status(conn, "g-1", Status.REVOKED).status is Status.REVOKED
    assert grants.set_status(conn, "g-1", Status.REVOKED).status is Status.REVOKED  # twice is no error
    for status in (Status.ACTIVE, Status.PAUSED):
        with pytest.raises(BadRequest):
            grants.set_status(conn, "g-1", status)
    assert grants.get(conn, "g-1").status is Status.REVOKED
    for call in (lambda: grants.get(conn, "g-9"), lambda: grants.set_status(conn, "g-9", Status.PAUSED)):
        with pytest.raises(NotFound):
            call()


def test_live_at_the_very_moment() -> None:
    moment = timedelta(microseconds=1)
    assert grants.live(GRANT, GRANT.expires - moment) is Status.ACTIVE
    assert grants.live(GRANT, GRANT.expires) is Status.EXPIRED
    for status in (Status.PAUSED, Status.REVOKED):
        assert grants.live(replace(GRANT, status=status), GRANT.expires) is status
    view = grants.view(GRANT, GRANT.expires)
    assert view.status is Status.EXPIRED
    assert view.scope == {"collections": ["notes"], "sensitivity": "personal", "last": 90}


def test_once_seen_expired_is_expired_for_good(conn: Any) -> None:
    """A clock set back revives nothing, and nothing but time is over."""
    for id, status in (("g-1", Status.ACTIVE), ("g-2", Status.PAUSED), ("g-3", Status.REVOKED)):
        grants.create(conn, replace(GRANT, id=id, status=status))
    grants.create(conn, replace(GRANT, id="g-4", expires=GRANT.expires + timedelta(days=1)))
    grants.create(conn, grants.owner(NOW))
    grants.expire(conn, GRANT.expires - timedelta(microseconds=1))
    assert grants.get(conn, "g-1").status is Status.ACTIVE
    grants.expire(conn, GRANT.expires)
    stored = {id: grants.live(grants.get(conn, id), NOW) for id in ("g-1", "g-2", "g-3", "g-4", grants.OWNER)}
    assert list(stored.values()) == [Status.EXPIRED, Status.EXPIRED, Status.REVOKED, Status.ACTIVE, Status.ACTIVE]
    for status in (Status.ACTIVE, Status.PAUSED, Status.EXPIRED):
        with pytest.raises(BadRequest):
            grants.set_status(conn, "g-1", status)
    assert grants.set_status(conn, "g-1", Status.REVOKED).status is Status.REVOKED


@pytest.mark.parametrize(
    "assignment",
    [
        "scope = '{}'", "actions = '[\"fly\"]'", "actions = '1'", "actions = 'x'", "status = 'happy'",
        "expires = 9223372036854775807",
    ],
)  # fmt: skip
def test_a_row_we_did_not_write_is_damage(conn: Any, assignment: str) -> None:
    grants.create(conn, GRANT)
    conn.execute(f"UPDATE grant_ SET {assignment}")
    for call in (lambda: grants.get(conn, "g-1"), lambda: grants.all(conn)):
        with pytest.raises(Damaged):
            call()
