"""Grants in the database: what goes in comes out, and what must not go in does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vault import limits
from vault.errors import BadRequest, Damaged, NotFound, Overloaded
from vault.permissions import budgets, grants, scope
from vault.types import (
    EVERYTHING,
    Action,
    Approval,
    Detail,
    Filter,
    Grant,
    Limits,
    NarrowRequest,
    Status,
    Usage,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
GRANT = Grant(
    id="g-1", client="Claude", purpose="daily help", actions=frozenset({Action.SEARCH, Action.READ}),
    where=scope.from_filter(Filter(collections=("notes",), last=90), all=False), status=Status.ACTIVE, created=NOW,
    expires=NOW + timedelta(days=30), last_used=None,
)  # fmt: skip


def test_there_and_back(conn: Any) -> None:
    used = replace(
        GRANT, id="g-2", last_used=NOW, created=NOW + timedelta(seconds=1), detail=Detail.REDACTED,
        limits=Limits(1, 2, 3, 4), approval=Approval.SENSITIVE, holder="thumb-print_1", paused_for="owner", fresh=NOW,
        records_then=7, version=3, status=Status.PAUSED,
    )  # fmt: skip
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
        {"expires": NOW}, {"expires": NOW + timedelta(days=366)}, {"purpose": "x" * 501}, {"holder": "a b"},
        {"limits": Limits(results=0)}, {"limits": Limits(bytes_per_day=-1)}, {"limits": Limits(queries_per_hour=2**53)},
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


# ---------------------------------------------------------------- status


OPERATIONS = {
    "pause": lambda conn: grants.pause(conn, "g-1", "owner"),
    "resume": lambda conn: grants.resume(conn, "g-1", NOW + DAY),
    "revoke": lambda conn: grants.set_status(conn, "g-1", Status.REVOKED),
    "narrow": lambda conn: grants.update(conn, replace(grants.get(conn, "g-1"), detail=Detail.SNIPPET)),
}
BECOMES = {
    Status.ACTIVE: {"pause": Status.PAUSED, "revoke": Status.REVOKED, "narrow": Status.ACTIVE},
    Status.PAUSED: {
        "pause": Status.PAUSED, "resume": Status.ACTIVE, "revoke": Status.REVOKED, "narrow": Status.PAUSED,
    },
    Status.REVOKED: {"revoke": Status.REVOKED},
    Status.EXPIRED: {"revoke": Status.REVOKED},
}  # fmt: skip


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_on_every_status(conn: Any, status: Status, operation: str) -> None:
    grants.create(conn, replace(GRANT, status=status))
    expected = BECOMES[status].get(operation)
    if expected is None:
        with pytest.raises(BadRequest):
            OPERATIONS[operation](conn)
        assert grants.get(conn, "g-1") == replace(GRANT, status=status)
    else:
        assert OPERATIONS[operation](conn) == grants.get(conn, "g-1")
        assert grants.get(conn, "g-1").status is expected


def test_only_revoking_is_by_hand(conn: Any) -> None:
    grants.create(conn, GRANT)
    for status in (Status.ACTIVE, Status.PAUSED, Status.EXPIRED):
        with pytest.raises(BadRequest):
            grants.set_status(conn, "g-1", status)
    assert grants.get(conn, "g-1") == GRANT
    for call in (
        lambda: grants.get(conn, "g-9"), lambda: grants.set_status(conn, "g-9", Status.REVOKED),
        lambda: grants.pause(conn, "g-9", "owner"), lambda: grants.resume(conn, "g-9", NOW),
        lambda: grants.update(conn, replace(GRANT, id="g-9")),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            call()


def test_pause_and_resume(conn: Any) -> None:
    grants.create(conn, replace(GRANT, limits=Limits(queries_per_hour=1)))
    budgets.charge(conn, GRANT.client, NOW, ["r"], 10)
    assert budgets.exceeded(conn, grants.get(conn, "g-1"), NOW, ["r"], 10) == "queries_per_hour"
    paused = grants.pause(conn, "g-1", "queries_per_hour")
    assert (paused.paused_for, paused.version) == ("queries_per_hour", 1)
    assert grants.pause(conn, "g-1", "owner").paused_for == "owner"
    resumed = grants.resume(conn, "g-1", NOW)  # in the very moment of the last charge
    assert (resumed.paused_for, resumed.fresh, resumed.version) == ("", NOW, 2)
    assert budgets.exceeded(conn, resumed, NOW, ["r"], 10) == ""
    budgets.charge(conn, GRANT.client, NOW, ["r"], 10)
    assert budgets.exceeded(conn, resumed, NOW, ["r"], 10) == "queries_per_hour"
    grants.pause(conn, "g-1", "owner")
    with pytest.raises(BadRequest):
        grants.resume(conn, "g-1", GRANT.expires)


def test_what_the_owner_holds_is_never_changed(conn: Any) -> None:
    grants.create(conn, grants.owner(NOW))
    own = grants.get(conn, grants.OWNER)
    for call in (
        lambda: grants.pause(conn, grants.OWNER, "owner"), lambda: grants.resume(conn, grants.OWNER, NOW),
        lambda: grants.update(conn, replace(own, detail=Detail.SNIPPET)),
    ):  # fmt: skip
        with pytest.raises(BadRequest):
            call()
    assert grants.get(conn, grants.OWNER) == own


# ---------------------------------------------------------------- time


def test_live_at_the_very_moment() -> None:
    moment = timedelta(microseconds=1)
    used = replace(GRANT, last_used=GRANT.expires - DAY)
    assert grants.live(used, GRANT.expires - moment) is Status.ACTIVE
    assert grants.live(used, GRANT.expires) is Status.EXPIRED
    for status in (Status.PAUSED, Status.REVOKED):
        assert grants.live(replace(GRANT, status=status), GRANT.expires) is status
    view = grants.view(GRANT, GRANT.expires, Usage(1, 2, 3))
    assert (view.status, view.used) == (Status.EXPIRED, Usage(1, 2, 3))
    assert view.scope == {"collections": ["notes"], "sensitivity": "personal", "last": 90}


@pytest.mark.parametrize("field", ["created", "last_used", "fresh"])
def test_unused_for_a_month_is_expired(conn: Any, field: str) -> None:
    """Whatever of the three was last counts: making, using or resuming it."""
    latest = NOW + timedelta(days=7)
    idle = replace(GRANT, expires=NOW + timedelta(days=300), **{field: latest})
    grants.create(conn, idle)
    over = latest + timedelta(days=limits.IDLE_DAYS)
    assert grants.live(idle, over - timedelta(microseconds=1)) is Status.ACTIVE
    assert grants.live(idle, over) is Status.EXPIRED
    assert grants.expire(conn, over - timedelta(microseconds=1)) == []
    assert grants.expire(conn, over) == [replace(idle, status=Status.EXPIRED)]
    assert grants.expire(conn, over) == []  # told once


def test_once_seen_expired_is_expired_for_good(conn: Any) -> None:
    """A clock set back revives nothing, and nothing but time is over."""
    used = replace(GRANT, last_used=GRANT.expires - DAY)
    for id, status in (("g-1", Status.ACTIVE), ("g-2", Status.PAUSED), ("g-3", Status.REVOKED)):
        grants.create(conn, replace(used, id=id, status=status))
    grants.create(conn, replace(used, id="g-4", expires=GRANT.expires + DAY))
    grants.create(conn, grants.owner(NOW))
    assert grants.expire(conn, GRANT.expires - timedelta(microseconds=1)) == []
    assert grants.get(conn, "g-1").status is Status.ACTIVE
    assert {grant.id for grant in grants.expire(conn, GRANT.expires)} == {"g-1", "g-2"}
    stored = {id: grants.live(grants.get(conn, id), NOW) for id in ("g-1", "g-2", "g-3", "g-4", grants.OWNER)}
    assert list(stored.values()) == [Status.EXPIRED, Status.EXPIRED, Status.REVOKED, Status.ACTIVE, Status.ACTIVE]
    assert grants.set_status(conn, "g-1", Status.REVOKED).status is Status.REVOKED


# ---------------------------------------------------------------- single tokens


def test_a_revoked_token_ends_its_children(conn: Any) -> None:
    grants.revoke_token(conn, "b", "g-1", NOW)
    grants.revoke_token(conn, "b", "g-1", NOW)  # twice is no error
    for ids, revoked in {("a",): False, ("a", "b"): True, ("a", "b", "c"): True, ("a", "d"): False, (): False}.items():
        assert grants.token_revoked(conn, ids) is revoked


# ---------------------------------------------------------------- narrowing in place


def test_update_stores_what_is_narrower_and_nothing_else(conn: Any) -> None:
    grants.create(conn, GRANT)
    request = NarrowRequest(
        Filter(collections=("notes",), labels=("work",)), (Action.READ,), Detail.REDACTED, Limits(5, 6, 7, 8), 3600,
        Approval.EACH,
    )  # fmt: skip
    narrower = grants.narrow(GRANT, request, NOW)
    assert grants.update(conn, narrower) == grants.get(conn, "g-1") == replace(narrower, version=2)
    with pytest.raises(Overloaded):  # decided on a row that is no longer there
        grants.update(conn, narrower)
    held = grants.get(conn, "g-1")
    for wider in (
        {"detail": Detail.FULL}, {"limits": Limits(5, 6, 7)}, {"limits": Limits(6, 6, 7, 8)}, {"where": EVERYTHING},
        {"where": held.where.narrow(labels=()) & GRANT.where, "expires": GRANT.expires}, {"approval": Approval.FIRST},
        {"actions": GRANT.actions}, {"expires": held.expires + timedelta(microseconds=1)},
    ):  # fmt: skip
        with pytest.raises(BadRequest):
            grants.update(conn, replace(held, **wider))  # type: ignore[arg-type]
    assert grants.get(conn, "g-1") == held


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("bounds", [Limits(), Limits(1, 2, 3, 4), Limits(bytes_per_day=2**53 - 1)])
def test_limits_there_and_back(bounds: Limits) -> None:
    assert grants.limits_read(grants.limits_json(bounds)) == bounds


def test_limits_are_spelled_as_in_the_spec() -> None:
    assert grants.limits_json(Limits(results=5, records_per_day=50)) == (
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50,"results":5,"v":1}'
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{}", "1", "[" * 100_000,
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50,"results":5}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50,"results":5,"v":2}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50,"results":5,"v":true}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50,"v":1}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50,"results":5,"v":1,"x":1}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":50, "results":5,"v":1}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":5e1,"results":5,"v":1}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":0,"results":5,"v":1}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":true,"results":5,"v":1}',
        '{"bytes_per_day":null,"queries_per_hour":null,"records_per_day":"50","results":5,"v":1}',
        '{"bytes_per_day":9007199254740992,"queries_per_hour":null,"records_per_day":50,"results":5,"v":1}',
    ],
)  # fmt: skip
def test_other_limits_are_none(text: str) -> None:
    with pytest.raises(BadRequest):
        grants.limits_read(text)


@pytest.mark.parametrize(
    "assignment",
    [
        "scope = '{}'", "actions = '[\"fly\"]'", "actions = '1'", "actions = 'x'", "status = 'happy'",
        "expires = 9223372036854775807", "detail = 'all'", "limits = '{}'", "approval = ''", "fresh = 1 << 62",
    ],
)  # fmt: skip
def test_a_row_we_did_not_write_is_damage(conn: Any, assignment: str) -> None:
    grants.create(conn, GRANT)
    conn.execute(f"UPDATE grant_ SET {assignment}")
    for call in (lambda: grants.get(conn, "g-1"), lambda: grants.all(conn)):
        with pytest.raises(Damaged):
            call()
