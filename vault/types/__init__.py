"""What the parts of the vault say to each other: frozen data, no I/O, no policy.

Field names are the wire names: REST, MCP and `--json` print these classes as they stand.
All times are timezone-aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from vault.types.approvals import (
    AccessRequest,
    AddTerms,
    Approved,
    ApproveRequest,
    Asked,
    Collected,
    Lasting,
    Line,
    Request,
    RequestState,
    RequestView,
    Simulation,
    Verdict,
)
from vault.types.grants import (
    UNLIMITED,
    Approval,
    Exposure,
    Grant,
    Granted,
    GrantRequest,
    GrantView,
    Limits,
    NarrowRequest,
    Preview,
    Revoked,
    RevokeRequest,
    Status,
    Usage,
)
from vault.types.history import (
    AuditEntry,
    AuditPage,
    AuditRequest,
    CollectionView,
    Entry,
    Notice,
    Notices,
    OwnerToken,
    Release,
    Replay,
    ReplayRequest,
    TreeReport,
    VaultStatus,
    Wording,
)
from vault.types.messages import (
    AddAnswer,
    AddRequest,
    Answer,
    By,
    CountAnswer,
    CountRequest,
    Hit,
    Outcome,
    ReadAnswer,
    ReadRequest,
    Receipt,
    RecordView,
    SearchRequest,
)
from vault.types.records import Chunk, Draft, Provenance, Record, Sensitivity
from vault.types.scope import EVERY, EVERYTHING, GRANTABLE, Action, Conditions, Detail, Filter, Holder, Names, Scope
from vault.types.times import EPOCH, from_micros, micros, utc

__all__ = [
    "EPOCH",
    "EVERY",
    "EVERYTHING",
    "GRANTABLE",
    "UNLIMITED",
    "AccessRequest",
    "Action",
    "AddAnswer",
    "AddRequest",
    "AddTerms",
    "Answer",
    "Approval",
    "ApproveRequest",
    "Approved",
    "Asked",
    "AuditEntry",
    "AuditPage",
    "AuditRequest",
    "By",
    "Chunk",
    "Collected",
    "CollectionView",
    "Conditions",
    "Connection",
    "CountAnswer",
    "CountRequest",
    "Detail",
    "Draft",
    "Entry",
    "Exposure",
    "Filter",
    "Grant",
    "GrantRequest",
    "GrantView",
    "Granted",
    "Hit",
    "Holder",
    "Lasting",
    "Limits",
    "Line",
    "Names",
    "NarrowRequest",
    "Notice",
    "Notices",
    "Outcome",
    "OwnerToken",
    "Preview",
    "Provenance",
    "ReadAnswer",
    "ReadRequest",
    "Receipt",
    "Record",
    "RecordView",
    "Release",
    "Replay",
    "ReplayRequest",
    "Request",
    "RequestState",
    "RequestView",
    "RevokeRequest",
    "Revoked",
    "Scope",
    "SearchRequest",
    "Sensitivity",
    "Simulation",
    "Status",
    "TreeReport",
    "Usage",
    "VaultStatus",
    "Verdict",
    "Wording",
    "from_micros",
    "micros",
    "utc",
]


class Connection(Protocol):
    """The part of a DB-API connection that storage code may use."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Any: ...
    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Any: ...
