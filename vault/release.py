"""What leaves the vault of a record: only what the holder's detail shows, in the very words that are recorded.

The owner gets records as they are. For everybody else invisible characters are taken out, what others wrote is
marked untrusted, and below the detail `full` no more than a passage leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from vault import limits
from vault.errors import BadRequest
from vault.legible import legible
from vault.permissions.redaction import Redactor
from vault.types import Detail, Hit, Provenance, Record, RecordView

AROUND = 16_384
"""Characters around a passage in which an identifier that its edges cut is looked for, hidden ones included."""
V = TypeVar("V", Hit, RecordView)


class Release:
    """Words the records of one answer. Placeholders are the same throughout it, and mean nothing in another."""

    def __init__(self, detail: Detail, *, owner: bool = False) -> None:
        self._detail, self._owner = detail, owner
        self._redactor = Redactor() if detail <= Detail.REDACTED else None

    def hit(self, record: Record, start: int, end: int, score: float) -> Hit:
        """Return a record as an answer to a query, by the passage `record.text[start:end]`."""
        return Hit(
            record.id, self._line(record.title), self._passage(record, start, end), round(score, 6),
            self._line(record.collection), self._line(record.source), self._line(record.kind), record.date,
            self._names(record.people), self._names(record.labels), self._address(record.origin), record.provenance,
            _untrusted(record), self._detail,
        )  # fmt: skip

    def whole(self, record: Record) -> RecordView:
        """Return a record by itself: its whole text, or its beginning where the detail is less than full."""
        return RecordView(
            record.id, self._line(record.title), self._passage(record, 0, len(record.text)),
            self._line(record.collection), self._line(record.source), self._line(record.kind), record.date,
            self._names(record.people), self._names(record.labels), self._address(record.origin), record.provenance,
            self._address(record.url), _untrusted(record), self._detail,
        )  # fmt: skip

    def groups(self, numbers: Mapping[str, int]) -> dict[str, int]:
        """Return how many there are of each name, with the names worded like a record's."""
        total = Counter[str]()
        for name, number in numbers.items():
            total[self._line(name)] += number
        return dict(total)

    def _passage(self, record: Record, start: int, end: int) -> str:
        if self._detail < Detail.FULL:
            end = _cut(record.text, start, end)
        if self._redactor is None:
            return self._clean(record.text[start:end])
        near = slice(max(0, start - AROUND), start), slice(end, end + AROUND)
        before, within = legible(record.text[near[0]]), legible(record.text[start:end])
        text = before + within + legible(record.text[near[1]])  # cleaned first: nothing hidden may split an identifier
        return self._clean(self._redactor.mask(text, len(before), len(before) + len(within)))

    def _line(self, text: str) -> str:
        return self._clean(self._redactor.mask(legible(text)) if self._redactor is not None else text)

    def _names(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(self._line, names))

    def _address(self, text: str) -> str:
        """Addresses of records are made of identifiers often enough: below `snippet` none leaves."""
        return "" if self._redactor is not None else self._clean(text)

    def _clean(self, text: str) -> str:
        return text if self._owner else legible(text)


def wordings(views: Sequence[V]) -> list[tuple[str, str, str]]:
    """Return id, title and text of each record, as released."""
    return [(view.id, view.title, view.text) for view in views]


def part(view: RecordView, offset: int, size: int | None) -> tuple[RecordView, int | None]:
    """Return a record with `size` characters of its text from `offset` on, and where the text goes on if it does.

    Raises BadRequest for a part that there cannot be.
    """
    if offset < 0 or (size is not None and size < 1):
        raise BadRequest("a part of a text begins at 0 or later and has a character at least")
    end = len(view.text) if size is None else offset + size
    return replace(view, text=view.text[offset:end]), end if end < len(view.text) else None


def _cut(text: str, start: int, end: int) -> int:
    """Return where a passage ends that is no longer than a snippet, between two words if there is a place."""
    if end - start <= limits.SNIPPET:
        return end
    space = text.rfind(" ", start + limits.SNIPPET // 2, start + limits.SNIPPET)
    return space if space > 0 else start + limits.SNIPPET


def _untrusted(record: Record) -> bool:
    return record.provenance is not Provenance.OWNER
