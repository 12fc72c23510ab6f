"""Server-sent events as they are written and read: a kind, one line of JSON, and the id after which one goes on."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from vault.api import wire
from vault.errors import BadRequest, Unreachable
from vault.types import Event, Happened, Position

PATH = "/v1/events"
BEAT = ": still here\n\n"
END = "event: end\ndata: {}\n\n"
RETRY_MILLISECONDS = 2000
"""After so long a listener comes back when its connection ends."""


def opening(position: Position) -> str:
    """Return what a stream begins with: it tells where it begins, so that one who hears nothing else can go on."""
    return f"retry: {RETRY_MILLISECONDS}\nid: {name(position)}\n\n"


def text(happened: Happened) -> str:
    """Return events as they are sent, the position after them with the last; nothing for none."""
    parts = [f"event: {one.kind.value}\ndata: {wire.dump(one).decode()}\n" for one in happened.events]
    if parts:
        parts[-1] += f"id: {name(happened.position)}\n"
    return "".join(part + "\n" for part in parts)


def name(position: Position) -> str:
    """Return a position as an event's id."""
    return f"{position.entries}-{position.notices}"


def position(id: str) -> Position:
    """Return the position of an event's id. Raises BadRequest for what is none."""
    first, _, second = id.partition("-")
    if not all(part.isascii() and part.isdecimal() and len(part) <= 15 for part in (first, second)):
        raise BadRequest("Last-Event-ID: should be one that an event had")
    return Position(int(first), int(second))


def events(lines: Iterable[str]) -> Generator[tuple[str, Event], None, None]:
    """Yield the events of a stream, each with the id after which one goes on. Unreachable for what is no vault's."""
    kind = data = id = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            kind = value
        elif field == "data":
            data = value
        elif field == "id":
            id = value
        elif not line and kind == "end":
            return
        elif not line and data:
            try:
                yield id, wire.answer(Event, data)
            except BadRequest:
                raise Unreachable("the events are not a vault's") from None
            kind = data = ""
