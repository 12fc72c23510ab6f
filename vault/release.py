"""What leaves the vault of a record: only what a holder is shown, never the record itself."""

from __future__ import annotations

from vault.types import Hit, Record, RecordView


def hit(record: Record, start: int, end: int, score: float) -> Hit:
    """Return a record as an answer to a query: the part of its text that answers, and that part's cosine similarity."""
    return Hit(
        record.id, record.title, record.text[start:end], round(score, 6), record.collection, record.source, record.kind,
        record.date, record.people, record.labels, record.origin, record.provenance,
    )  # fmt: skip


def whole(record: Record) -> RecordView:
    """Return a record with its whole text."""
    return RecordView(
        record.id, record.title, record.text, record.collection, record.source, record.kind, record.date,
        record.people, record.labels, record.origin, record.provenance, record.url,
    )  # fmt: skip
