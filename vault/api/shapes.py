"""The JSON Schemas of what the MCP tools take and give. Made from the dataclasses that the vault itself speaks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from vault.api import rar
from vault.api.openapi import Schemas
from vault.types import (
    AddRequest,
    CountAnswer,
    CountRequest,
    Draft,
    Filter,
    Hit,
    ReadAnswer,
    ReadRequest,
    Receipt,
    RecordView,
    RequestState,
    SearchRequest,
)

Schema = dict[str, Any]
WAITING = "approval_required"
"""The `status` of an answer that waits for the owner."""
OUTSIDE = ("id", "title", "text", "url", "untrusted")
"""Members of a record that stand beside its metadata, as ChatGPT wants them."""
_TEXT: Schema = {"type": "string"}


def search_takes() -> Schema:
    return _object(_fields(SearchRequest, "filter", "size") | _fields(Filter), "query")


def search_gives() -> Schema:
    shown = _fields(Hit) | {"url": _TEXT}
    results = {"type": "array", "items": _object(shown, *shown)}
    return _or_waiting({"results": results, "receipt": _receipt()}, "results", "receipt")


def fetch_takes() -> Schema:
    return _object(_fields(ReadRequest, "size"), "id")


def fetch_gives() -> Schema:
    about = _fields(RecordView, *OUTSIDE)
    said = {
        "id": _TEXT, "title": _TEXT, "text": _TEXT, "url": _TEXT, "metadata": _object(about, *about),
        "untrusted": {"type": "boolean"}, "more": _fields(ReadAnswer)["more"], "receipt": _receipt(),
    }  # fmt: skip
    return _or_waiting(said, *said)


def count_takes() -> Schema:
    return _object(_fields(CountRequest, "filter") | _fields(Filter))


def count_gives() -> Schema:
    said = _fields(CountAnswer, "receipt") | {"receipt": _receipt()}
    return _or_waiting(said, *said)


def add_takes() -> Schema:
    draft = _fields(Draft, "provenance", "origin") | {"origin": _fields(Draft)["origin"]}
    return _object({"collection": _fields(AddRequest, "drafts")["collection"]} | draft, "collection", "text")


def add_gives() -> Schema:
    outcome = _object({"origin": _TEXT, "outcome": _TEXT, "id": _TEXT, "reason": _TEXT}, "origin", "outcome")
    return _or_waiting({"outcome": outcome, "receipt": _receipt()}, "outcome", "receipt")


def access_takes() -> Schema:
    return _object(_fields(rar.VaultQuery, "locations") | {"request": _TEXT})


def access_gives(states: Iterable[str]) -> Schema:
    said = {"status": {"type": "string", "enum": list(states)}, "request": _TEXT, "message": _TEXT, "url": _TEXT}
    return _object(said | {"expires": _fields(RequestState)["expires"]}, *said, "expires")


def _receipt() -> Schema:
    return _object(_fields(Receipt), "entry", "leaf")


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _or_waiting(properties: Schema, *required: str) -> Schema:
    """Return the schema of an answer that may be held back: all of `properties` are there, or what waiting says."""
    held = {"status": {"type": "string", "const": WAITING}, "request": _TEXT, "message": _TEXT, "url": _TEXT}
    either = [{"required": list(required)}, {"required": list(held)}]
    return {"type": "object", "properties": properties | held, "oneOf": either, "additionalProperties": False}


@cache
def _fields(kind: type, *left_out: str) -> Schema:
    schemas = Schemas("#/")
    properties = schemas.record(kind)["properties"]
    return {
        name: schemas.found[schema["$ref"][2:]] if "$ref" in schema else schema
        for name, schema in properties.items()
        if name not in left_out
    }
