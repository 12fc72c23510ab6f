"""What an audit entry says, as canonical JSON, and the leaf that commits to it. SPEC.md, "Audit"."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785

from vault.errors import AuditFailed
from vault.permissions import times, tree
from vault.types import Entry

COMMITMENT_LABEL = b"ownvault/v1/audit-commitment\x00"
LEAF_LABEL = b"ownvault/v1/audit-leaf\n"
SALT = 32
"""Bytes of random salt for each entry."""
ERASE = "erase"
"""The action of the entry that says which other entry was erased."""

_VERSION = 1
_KEYS = {"v", "time", "client", "grant", "action", "via", "decision", "reason", "query", "records", "detail"}


def body(entry: Entry) -> str:
    """Return the entry as canonical JSON (RFC 8785). AuditFailed if `detail` is not plain JSON data."""
    value = {
        "v": _VERSION,
        "time": times.spell(entry.time),
        "client": entry.client,
        "grant": entry.grant,
        "action": entry.action,
        "via": entry.via,
        "decision": entry.decision,
        "reason": entry.reason,
        "query": entry.query,
        "records": list(entry.records),
        "detail": entry.detail,
    }
    try:
        return _canonical(value)
    except (rfc8785.CanonicalizationError, RecursionError):
        try:
            return _canonical(_well_formed(value))
        except (rfc8785.CanonicalizationError, RecursionError) as error:
            raise AuditFailed(f"the entry cannot be written: {error}") from None


def _canonical(value: Any) -> str:
    return rfc8785.dumps(value).decode()


def _well_formed(value: Any) -> Any:
    """Replace halves of surrogate pairs: JSON can say them, UTF-8 cannot, and the attempt must be recorded."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    return list(map(_well_formed, value)) if isinstance(value, list | tuple) else value


def read(text: str) -> Entry:
    """Return the entry that `body` wrote; AuditFailed for any other text."""
    try:
        value = json.loads(text)
        if value.keys() != _KEYS or value["v"] != _VERSION or not _typed(value):
            raise ValueError
        entry = Entry(
            time=times.read(value["time"]),
            client=value["client"],
            grant=value["grant"],
            action=value["action"],
            via=value["via"],
            decision=value["decision"],
            reason=value["reason"],
            query=value["query"],
            records=tuple(value["records"]),
            detail=value["detail"],
        )
        if body(entry) != text:
            raise ValueError
    except (ValueError, AttributeError, RecursionError):
        raise AuditFailed("an audit entry cannot be read", hint="run: ownvault audit verify") from None
    return entry


def _typed(value: dict[str, Any]) -> bool:
    texts = [value[key] for key in _KEYS - {"v", "records", "detail"}]
    return (
        isinstance(value["records"], list)
        and isinstance(value["detail"], dict)
        and all(isinstance(item, str) for item in (*texts, *value["records"]))
    )


def leaf(text: str, salt: bytes) -> bytes:
    """Return the leaf hash of an entry's body under its salt."""
    commitment = hashlib.sha256(COMMITMENT_LABEL + salt + text.encode()).digest()
    return tree.hash_leaf(LEAF_LABEL + commitment)
