"""Who answers whom: ties mail into conversations, ordered by date. No importer itself."""

from __future__ import annotations

from datetime import datetime


class Threads:
    """Union of messages by the ids they name. First `note` all, then `settle`, then ask for each `place`."""

    def __init__(self) -> None:
        self.count = 0
        self._parent: dict[str, str] = {}
        self._noted: dict[str, tuple[float, int]] = {}
        self._place: dict[str, tuple[str, int]] = {}

    def note(self, id: str, answers: list[str], date: datetime | None) -> None:
        """Remember one message: its own id, the ids it answers (root first), its date."""
        self.count += 1
        if not id or id in self._noted:
            return
        self._noted[id] = (date.timestamp() if date else float("inf"), self.count)
        above = answers[0] if answers else ""
        for one in [*answers[1:], id]:
            self._join(above or one, one)
            above = above or one

    def _root(self, id: str) -> str:
        path = []
        while (up := self._parent.get(id, id)) != id:
            path.append(id)
            id = up
        for one in path:
            self._parent[one] = id
        return id

    def _join(self, upper: str, lower: str) -> None:
        above, below = self._root(upper), self._root(lower)
        if above != below:
            self._parent[below] = above

    def settle(self) -> None:
        """Give every message its thread and its position: by date, then in the order noted."""
        next_: dict[str, int] = {}
        for id in sorted(self._noted, key=self._noted.__getitem__):
            thread = self._root(id)
            self._place[id] = (thread, next_.get(thread, 0))
            next_[thread] = self._place[id][1] + 1

    def place(self, id: str) -> tuple[str, int]:
        """Return (thread, position) of a message; of one without an id, no thread."""
        return self._place.get(id, ("", 0))
