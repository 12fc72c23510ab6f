"""What happened, for those who look on: audit entries and notices, without a word of what was asked or answered."""

from __future__ import annotations

from typing import Any

from vault.permissions import grants, notices
from vault.permissions.entries import read
from vault.types import Connection, Entry, Event, EventKind, Happened, Notice, Position

_KINDS = {
    "search": EventKind.RELEASE, "read": EventKind.RELEASE, "count": EventKind.RELEASE, "add": EventKind.ADDED,
    "import": EventKind.ADDED, "forget": EventKind.FORGOTTEN, "lock": EventKind.LOCK, "unlock": EventKind.LOCK,
    "link": EventKind.LOCK,
}  # fmt: skip
_ASKING = frozenset({"request_access", "connect", "register"})


def position(conn: Connection) -> Position:
    """Return where the log ends now."""
    entries, told = conn.execute(
        "SELECT (SELECT coalesce(max(number) + 1, 0) FROM entry), (SELECT coalesce(max(n), 0) FROM notice)"
    ).fetchone()
    return Position(int(entries), int(told))


def since(conn: Connection, seen: Position, most: int) -> Happened:
    """Return what happened after a position, in order, at most so much at once. One beyond the end is the end."""
    end = position(conn)
    entries = conn.execute(
        "SELECT number, body FROM entry WHERE number >= ? ORDER BY number LIMIT ?", (min(seen.entries, 2**62), most)
    ).fetchall()
    told = notices.after(conn, min(seen.notices, 2**62), most)
    found = [_notice(one) for one in told]
    found += [event for number, body in entries if body is not None and (event := _event(number, read(body)))]
    after = Position(
        int(entries[-1][0]) + 1 if entries else end.entries, told[-1].number if told else end.notices
    )  # fmt: skip
    return Happened(tuple(sorted(found, key=lambda one: (one.time, one.kind is EventKind.NOTICE))), after)


def _event(number: int, entry: Entry) -> Event | None:
    """Return the event of an entry; None for the owner's own looking around."""
    found = _refused(entry) if entry.decision == "deny" else _allowed(entry)
    if found is None:
        return None
    kind, what = found
    said = {name: entry.detail.get(name) for name in ("request", "approved", "denied")}
    return Event(
        kind, number, entry.time, _text(entry.detail.get("client")) or entry.client,
        _text(entry.detail.get("grant")) or entry.grant, what, entry.via, entry.reason, len(entry.records),
        next((_text(one) for one in said.values() if one), ""),
    )  # fmt: skip


def _refused(entry: Entry) -> tuple[EventKind, str]:
    if entry.detail.get("request"):
        return EventKind.REQUEST, entry.action
    if entry.reason.startswith("limit_"):
        return EventKind.PAUSE, entry.action
    return EventKind.REFUSAL, entry.action


def _allowed(entry: Entry) -> tuple[EventKind, str] | None:
    said = entry.detail
    if "approved" in said or "denied" in said:
        return EventKind.DECISION, "approve" if "approved" in said else "deny"
    if "change" in said:
        change = _text(said["change"])
        return (EventKind.PAUSE if change == "pause" else EventKind.GRANT), change
    if "revoked" in said:
        return EventKind.GRANT, "revoke"
    if entry.action == "grant" and "scope" in said:
        return EventKind.GRANT, "grant"
    if entry.action in _ASKING:
        return EventKind.REQUEST, entry.action
    kind = _KINDS.get(entry.action)
    own = entry.client == grants.OWNER and kind is EventKind.RELEASE
    return None if kind is None or own else (kind, entry.action)


def _notice(notice: Notice) -> Event:
    return Event(
        EventKind.NOTICE, notice.number, notice.time, notice.client, notice.grant, notice.kind,
        request=_text(notice.detail.get("request")),
    )  # fmt: skip


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
