"""The named limits of what a stranger may send. `wire` enforces them, `openapi` publishes them."""

from __future__ import annotations

from dataclasses import dataclass

from vault import types


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of one field: characters of a text, value of a number, items of a list, characters of each item."""

    least: int | None = None
    most: int | None = None
    each: int | None = None


NAME = Limit(1, 128)
NAMES = Limit(0, 1000, 256)
WORDS = Limit(0, 1000, 1024)

LIMITS: dict[type, dict[str, Limit]] = {
    types.SearchRequest: {"query": Limit(1, 4000), "limit": Limit(1, 100)},
    types.ReadRequest: {"id": NAME},
    types.Filter: {
        "collections": NAMES, "sources": NAMES, "kinds": NAMES, "labels": NAMES, "without_labels": NAMES,
        "people": NAMES, "last": Limit(1, 365_000), "sensitivity": Limit(1, 16),
    },
    types.AddRequest: {"collection": NAME, "drafts": Limit(1, 1000), "source": Limit(0, 1024)},
    types.Draft: {
        "origin": Limit(1, 4096), "text": Limit(0, 4 * 2**20), "title": Limit(0, 10_000), "kind": NAME,
        "people": WORDS, "labels": WORDS, "language": Limit(0, 64), "url": Limit(0, 8192),
        "thread": Limit(0, 4096), "position": Limit(-(2**53), 2**53),
    },
    types.GrantRequest: {
        "client": NAME, "actions": Limit(1, 9), "purpose": Limit(0, 500), "expires_in": Limit(1, 365 * 86400),
    },
    types.AuditRequest: {"limit": Limit(1, 1000), "before": Limit(0, 2**53), "client": NAME},
}  # fmt: skip
