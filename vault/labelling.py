"""What the owner says of records that are there: labels, sensitivity, and that they shall be gone."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from vault import limits
from vault.adding import INSTRUCTION_LIKE
from vault.browsing import chosen
from vault.errors import BadRequest, NotFound
from vault.parts import Room
from vault.permissions import once, scope, wordings
from vault.store import labels
from vault.store.labels import Marks
from vault.types import (
    Action,
    Connection,
    ForgetRequest,
    Forgotten,
    Holder,
    Labelled,
    LabelRequest,
    Receipt,
    Sensitivity,
)


class Labelling(Room):
    """The methods of a vault that change what its records may be seen by. All are the owner's."""

    def label(self, holder: Holder, request: LabelRequest) -> Labelled:
        """Add and take away labels and set the sensitivity of some records, all of them or none, as one entry.

        When this returns every grant sees them so, or no longer sees them. An import that changes a record later lays
        these labels over its own, and may raise the sensitivity again for its new words. NotFound when all are gone.
        """
        with self._decide(holder, "label") as decision:
            decision.whole(Action.IMPORT)
            ids, marks = chosen(request.ids), _marks(request)

            def work(conn: Connection) -> tuple[set[int], Labelled]:
                if not any(conn.execute("SELECT 1 FROM record WHERE id = ?", (id,)).fetchone() for id in ids):
                    raise NotFound("no such record", reason="absent")
                found = [one for id in ids if (one := labels.change(conn, id, marks, anew=(INSTRUCTION_LIKE,)))]
                if any(len(one.labels) > limits.NAMES for one in found):
                    raise BadRequest(f"a record has at most {limits.NAMES} labels")
                changed = tuple(one.id for one in found)
                receipt = decision.append(conn, changed, _said(marks))
                return {one.n for one in found}, Labelled(changed, receipt)

            labelled = self._parts.library.change(work)
            self._settle()  # answers on their way out were right when they were recorded; none is left
            return labelled

    def forget_many(self, holder: Holder, request: ForgetRequest) -> Forgotten:
        """Remove records, their chunks and vectors, as one entry. When this returns no answer can hold one."""
        with self._decide(holder, Action.FORGET) as decision:
            decision.whole()
            gone: list[str] = []

            def record(conn: Connection, ids: Sequence[str]) -> Receipt:
                if not ids:
                    raise NotFound("no such record", reason="absent")
                gone[:] = ids
                for id in ids:
                    wordings.forget(conn, id)
                    once.forget(conn, id)
                return decision.append(conn, list(ids), {"forgotten": len(ids)})

            receipt = self._parts.library.forget_many(chosen(request.ids), record)
            self._settle()
            return Forgotten(tuple(gone), receipt)


def _marks(request: LabelRequest) -> Marks:
    """Return what was asked for; BadRequest when that is nothing, or both at once."""
    add = tuple(dict.fromkeys(map(scope.label, request.add)))
    remove = tuple(dict.fromkeys(unicodedata.normalize("NFC", one).strip() for one in request.remove))
    if both := set(add) & set(remove):
        raise BadRequest(f"{min(both)!r} cannot be added and taken away at once")
    try:
        level = None if request.sensitivity is None else Sensitivity.parse(request.sensitivity)
    except ValueError as error:
        raise BadRequest(str(error), hint="one of: public, personal, sensitive, secret") from None
    if not add and not remove and level is None:
        raise BadRequest("nothing to change", hint="name a label to add or take away, or a sensitivity")
    return Marks(add, remove, level)


def _said(marks: Marks) -> dict[str, object]:
    level = "" if marks.level is None else marks.level.name.lower()
    said: dict[str, object] = {"add": list(marks.add), "remove": list(marks.remove), "sensitivity": level}
    return {name: value for name, value in said.items() if value}
