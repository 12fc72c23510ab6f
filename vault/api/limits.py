"""Which bound of `vault.limits` holds for which field of a request. `wire` enforces them, `openapi` publishes them."""

from __future__ import annotations

from dataclasses import dataclass

from vault import limits, types


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of one field: characters of a text, value of a number, items of a list, characters of each item."""

    least: int | None = None
    most: int | None = None
    each: int | None = None


NAME = Limit(1, limits.NAME)
NAMES = Limit(0, limits.NAMES, limits.LABEL)
"""Of records and filters; names that must be shorter are checked where they are used."""

LIMITS: dict[type, dict[str, Limit]] = {
    types.SearchRequest: {"query": Limit(1, limits.QUERY), "limit": Limit(1, limits.HITS)},
    types.ReadRequest: {"id": NAME},
    types.Filter: {
        "collections": NAMES, "sources": NAMES, "kinds": NAMES, "labels": NAMES, "without_labels": NAMES,
        "people": NAMES, "last": Limit(1, limits.WINDOW_DAYS), "sensitivity": Limit(1, 16),
    },
    types.AddRequest: {"collection": NAME, "drafts": Limit(1, limits.DRAFTS), "source": Limit(0, limits.NAME)},
    types.Draft: {
        "origin": Limit(1, limits.ORIGIN), "text": Limit(0, limits.TEXT), "title": Limit(0, limits.TITLE),
        "kind": Limit(1, limits.KIND), "people": NAMES, "labels": NAMES, "language": Limit(0, limits.LANGUAGE),
        "url": Limit(0, limits.URL), "thread": Limit(0, limits.THREAD), "position": Limit(0, limits.POSITION),
    },
    types.GrantRequest: {
        "client": NAME, "actions": Limit(1, len(types.Action)), "purpose": Limit(0, limits.PURPOSE),
        "expires_in": Limit(1, limits.GRANT_DAYS * 86400),
    },
    types.AuditRequest: {"limit": Limit(1, limits.PAGE), "before": Limit(0, limits.POSITION), "client": NAME},
}  # fmt: skip
