"""What the owner says of records: labels and sensitivity. Their own labels are laid over whatever an import brings."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from vault.types import Connection, Sensitivity


class Marks(NamedTuple):
    """Labels to add and to take away, and a sensitivity to set, None to leave it."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    level: Sensitivity | None


class Changed(NamedTuple):
    """A record that is another now: its number, its id, and its labels."""

    n: int
    id: str
    labels: tuple[str, ...]


def change(conn: Connection, id: str, marks: Marks, anew: Collection[str] = ()) -> Changed | None:
    """Change one record to its next version; None when there is none, or it is so already.

    Every later import of it has the same added and taken away, but for labels in `anew`, which are judged afresh.
    """
    row = conn.execute("SELECT n, labels, sensitivity FROM record WHERE id = ?", (id,)).fetchone()
    if row is None:
        return None
    n, stored, level = row
    for label, given in [*((one, 1) for one in marks.add), *((one, 0) for one in marks.remove)]:
        if label in anew:
            conn.execute("DELETE FROM own_label WHERE record = ? AND label = ?", (n, label))
        else:
            conn.execute("INSERT OR REPLACE INTO own_label (record, label, given) VALUES (?, ?, ?)", (n, label, given))
    before = tuple(json.loads(stored))
    after = _laid(before, marks.add, marks.remove)
    wanted = level if marks.level is None else int(marks.level)
    if (after, wanted) == (before, level):
        return None
    conn.execute(
        "UPDATE record SET labels = ?, sensitivity = ?, version = version + 1 WHERE n = ?", (_stored(after), wanted, n)
    )
    return Changed(n, id, after)


def over(conn: Connection, n: int, imported: str) -> str:
    """Return the labels that an import brings, as stored, with the owner's laid over them."""
    own = conn.execute("SELECT label, given FROM own_label WHERE record = ? ORDER BY place", (n,)).fetchall()
    if not own:
        return imported
    added, removed = ([label for label, given in own if given == which] for which in (1, 0))
    return _stored(_laid(json.loads(imported), added, removed))


def _laid(labels: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in dict.fromkeys((*labels, *add)) if one not in remove)


def _stored(labels: Sequence[str]) -> str:
    return json.dumps(labels, ensure_ascii=False, separators=(",", ":"))
