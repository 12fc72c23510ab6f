"""Which bound of `vault.limits` holds for which field of a request. `wire` enforces them, `openapi` publishes them."""

from __future__ import annotations

from dataclasses import dataclass

from vault import limits, types
from vault.api import cursors, lists, rar


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of one field: characters of a text, value of a number, items of a list, characters of each item."""

    least: int | None = None
    most: int | None = None
    each: int | None = None


NAME = Limit(1, limits.NAME)
ACTIONS = Limit(1, len(types.Action))
LIFE = Limit(1, limits.GRANT_DAYS * 86400)
"""Seconds that a grant lasts."""
SOME = Limit(1, limits.POSITION)
CURSOR = Limit(1, cursors.LONGEST)
PAGE = {"limit": Limit(1, limits.PAGE), "cursor": CURSOR}
LOOKING = {"action": NAME, "collection": NAME, "record": NAME, "text": Limit(1, limits.QUERY)}
"""By what entries of the log are looked for."""
NAMES = Limit(0, limits.NAMES, limits.LABEL)
"""Of records and filters; names that must be shorter are checked where they are used."""

LIMITS: dict[type, dict[str, Limit]] = {
    types.SearchRequest: {"query": Limit(1, limits.QUERY), "limit": Limit(1, limits.HITS), "size": SOME},
    types.ReadRequest: {"id": NAME, "offset": Limit(0, limits.POSITION), "size": SOME},
    types.Filter: {
        "collections": NAMES, "sources": NAMES, "kinds": NAMES, "labels": NAMES, "without_labels": NAMES,
        "people": NAMES, "last": Limit(1, limits.WINDOW_DAYS), "sensitivity": Limit(1, 16),
    },
    types.LabelRequest: {
        "ids": Limit(1, limits.PAGE, limits.NAME), "add": NAMES, "remove": NAMES, "sensitivity": Limit(1, 16),
    },
    types.ForgetRequest: {"ids": Limit(1, limits.PAGE, limits.NAME)},
    types.AddRequest: {"collection": NAME, "drafts": Limit(1, limits.DRAFTS), "source": Limit(0, limits.NAME)},
    types.Draft: {
        "origin": Limit(1, limits.ORIGIN), "text": Limit(0, limits.TEXT), "title": Limit(0, limits.TITLE),
        "kind": Limit(1, limits.KIND), "people": NAMES, "labels": NAMES, "language": Limit(0, limits.LANGUAGE),
        "url": Limit(0, limits.URL), "thread": Limit(0, limits.THREAD), "position": Limit(0, limits.POSITION),
    },
    types.Limits: {
        "results": Limit(1, limits.HITS), "queries_per_hour": SOME, "records_per_day": SOME, "bytes_per_day": SOME,
    },
    types.GrantRequest: {
        "client": NAME, "actions": ACTIONS, "purpose": Limit(0, limits.PURPOSE), "expires_in": LIFE,
        "holder": Limit(0, limits.NAME),
    },
    types.NarrowRequest: {"actions": ACTIONS, "expires_in": LIFE},
    types.RevokeRequest: {"client": NAME},
    types.AccessRequest: {"purpose": Limit(1, limits.PURPOSE), "actions": ACTIONS, "expires_in": LIFE},
    types.ApproveRequest: {"seconds": LIFE, "actions": ACTIONS, "expires_in": LIFE},
    types.AuditRequest: {"limit": Limit(1, limits.PAGE), "before": Limit(0, limits.POSITION), "client": NAME} | LOOKING,
    types.ReplayRequest: {"client": NAME, "limit": Limit(1, limits.PAGE), "before": Limit(0, limits.POSITION)},
    **{kind: PAGE for kind in (lists.PageRequest, lists.RequestsRequest)},
    lists.AuditQuery: PAGE | {"before": Limit(0, limits.POSITION), "client": NAME, "outcome": NAME} | LOOKING,
    lists.TimelineQuery: {"client": NAME, "outcome": NAME, "action": NAME},
    lists.ExposedQuery: PAGE | {"client": NAME, "record": NAME, "collection": NAME},
    lists.ReplayQuery: PAGE | {"before": Limit(0, limits.POSITION), "client": NAME},
    lists.RecordsQuery: PAGE | {"collection": NAME},
    types.ProviderRequest: {
        "url": Limit(1, limits.URL), "model": Limit(1, limits.MODEL), "key": Limit(0, limits.KEY),
        "window": Limit(limits.LEAST_WINDOW, limits.WINDOW),
    },
    types.PairStart: {
        "name": Limit(1, limits.BROWSER_NAME), "commit": Limit(43, 43), "asks": Limit(1, len(types.Right)),
    },
    types.PairReveal: {"pairing": NAME, "nonce": Limit(43, 43)},
    types.PairToken: {"pairing": NAME, "refresh_token": Limit(1, limits.NAME)},
    types.PairApproval: {
        "name": Limit(1, limits.BROWSER_NAME), "collections": NAMES, "expires_in": LIFE,
    },
    types.CaptureRequest: {
        "key": Limit(8, 64), "url": Limit(1, limits.CAPTURED_URL), "collection": NAME, "title": Limit(0, limits.TITLE),
        "text": Limit(0, limits.TEXT), "labels": Limit(0, limits.CAPTURE_LABELS, limits.LABEL),
        "highlights": Limit(0, limits.HIGHLIGHTS, limits.TEXT), "language": Limit(0, limits.LANGUAGE),
        "author": Limit(0, limits.TITLE), "published": Limit(0, 64),
    },
    types.Dialogue: {
        "adapter": NAME, "turns": Limit(1, limits.TURNS), "version": SOME, "id": Limit(0, limits.LABEL),
    },
    types.SaidTurn: {"text": Limit(0, limits.TEXT), "time": Limit(0, 64), "model": Limit(0, limits.NAME)},
    types.SentFile: {"type": Limit(1, limits.NAME)},
    types.InsertRequest: {
        "site": NAME, "query": Limit(1, limits.QUERY), "records": Limit(1, limits.INSERTED, limits.NAME),
        "limit": Limit(1, limits.HITS),
    },
    types.SiteRequest: {"site": NAME},
    types.DecideRequest: {"request": NAME, "seconds": Limit(1, limits.DECIDED_SECONDS)},
    types.PairingRequest: {"seconds": Limit(1, limits.PAIRING_SECONDS)},
    types.OrderRequest: {"names": Limit(1, limits.PROVIDERS, limits.NAME)},
    types.BriefRequest: {"question": Limit(1, limits.QUERY), "limit": Limit(1, limits.HITS)},
    rar.VaultQuery: {
        "purpose": Limit(1, limits.PURPOSE), "actions": Limit(1, len(rar.Tool)), "locations": Limit(1, 8, limits.URL),
        "datatypes": NAMES, "sources": NAMES, "kinds": NAMES, "labels": NAMES, "without_labels": NAMES,
        "people": NAMES, "last": Limit(1, limits.WINDOW_DAYS), "sensitivity": Limit(1, 16),
        "max_results": Limit(1, limits.HITS), "max_queries_per_hour": SOME, "max_records_per_day": SOME,
        "max_bytes_per_day": SOME, "expires_in": LIFE,
    },
}  # fmt: skip
