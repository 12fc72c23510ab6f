"""The OpenAPI 3.1 document, and the JSON Schemas in it, made from the dataclasses and the route table."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from vault import __version__
from vault.api.limits import LIMITS, Limit
from vault.api.problems import MEDIA_TYPE
from vault.api.wire import called, plain, word
from vault.errors import VaultError, kinds
from vault.types import OwnerToken

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}, float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"}, Any: {}, object: {},
}  # fmt: skip
_PASSPHRASE = {
    "type": "object",
    "properties": {"passphrase": {"type": "string"}},
    "required": ["passphrase"],
    "additionalProperties": False,
}


class Schemas:
    """Collects the schema of every dataclass that is mentioned. `base` is where they will stand."""

    def __init__(self, base: str = "#/components/schemas/") -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self._base = base

    def of(self, kind: Any, limit: Limit | None = None) -> dict[str, Any]:
        """Return the schema of a type: a reference for a dataclass, else the schema itself."""
        if kind in _PLAIN:
            return _PLAIN[kind] | _bounds(kind, limit)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"type": "string", "enum": [word(one) for one in kind]}
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            if kind.__name__ not in self.found:
                self.found[kind.__name__] = {}
                self.found[kind.__name__] = self.record(kind)
            return {"$ref": self._base + kind.__name__}
        inner = get_args(kind)
        if get_origin(kind) is UnionType:
            return {"anyOf": [self.of(one, limit) for one in inner if one is not NoneType] + [{"type": "null"}]}
        if get_origin(kind) is dict:
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        each = Limit(None, limit.each) if limit and limit.each else None
        items = {"minItems": limit.least, "maxItems": limit.most} if limit else {}
        return {"type": "array", "items": self.of(inner[0], each)} | {k: v for k, v in items.items() if v}

    def record(self, kind: type) -> dict[str, Any]:
        """Return the object schema of a dataclass. A field with a default may be left out of a request."""
        hints, limits = get_type_hints(kind), LIMITS.get(kind, {})
        properties, required = {}, []
        for field in dataclasses.fields(kind):
            schema = dict(self.of(hints[field.name], limits.get(field.name)))
            if field.default is not dataclasses.MISSING:
                default = plain(field.default)
                schema |= {} if default is None or isinstance(default, dict) else {"default": default}
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                required.append(field.name)
            properties[called(field.name)] = schema
        about = (kind.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip()
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return schema | ({} if about.startswith(kind.__name__ + "(") else {"description": about})


def _bounds(kind: Any, limit: Limit | None) -> dict[str, int]:
    if limit is None:
        return {}
    least, most = ("minLength", "maxLength") if kind is str else ("minimum", "maximum")
    return {name: value for name, value in ((least, limit.least), (most, limit.most)) if value is not None}


def document() -> dict[str, Any]:
    """Return the whole document."""
    from vault.api.routes import ROUTES

    schemas, paths = Schemas(), dict[str, dict[str, Any]]()
    for route in ROUTES:
        operation = _operation(schemas, route.name, route.summary, route.gives)
        parameters = [_parameter(name, "path", {"type": "string"}, True) for name in re.findall(r"{(\w+)}", route.path)]
        if route.takes and route.method == "GET":
            record = schemas.record(route.takes)
            parameters += [_parameter(name, "query", one, False) for name, one in record["properties"].items()]
        elif route.takes:
            operation["requestBody"] = _body(schemas.of(route.takes))
        paths.setdefault(route.path, {})[route.method.lower()] = operation | (
            {"parameters": parameters} if parameters else {}
        )
    _add_others(schemas, paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ownvault",
            "version": __version__,
            "description": "A private vault on this machine, asked with capability tokens.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:7117"}],
        "security": [{"capability": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"capability": {"type": "http", "scheme": "bearer", "bearerFormat": "Biscuit v3"}},
            "schemas": dict(sorted(schemas.found.items())) | {"Problem": _problem()},
        },
    }


def _add_others(schemas: Schemas, paths: dict[str, dict[str, Any]]) -> None:
    """Describe the routes that are about the server and not the vault's content."""
    words = {"enum": ["locked", "starting", "loading", "unlocked"]}
    state = {"type": "object", "properties": {"state": words, "version": _PLAIN[str]}, "required": ["state"]}
    anything: dict[str, Any] = {"type": "object"}
    for method, path, name, summary, gives in (
        ("get", "/healthz", "healthz", "Whether the vault is locked. Answered while it is, too.", state),
        ("post", "/v1/unlock", "unlock", "Unlock, for the owner's token. Answered while locked, too.", OwnerToken),
        ("post", "/v1/lock", "lock", "End the process that holds the key. The owner's.", state),
        ("get", "/openapi.json", "openapi", "This document.", anything),
        ("get", "/.well-known/vault-keys.json", "keys", "The keys that verify tokens and checkpoints.", anything),
    ):
        operation = _operation(schemas, name, summary, gives)
        if name != "lock":
            operation["security"] = []
        if name == "unlock":
            operation["requestBody"] = _body(_PASSPHRASE)
        paths[path] = {method: operation}


def _operation(schemas: Schemas, name: str, summary: str, gives: Any) -> dict[str, Any]:
    schema = gives if isinstance(gives, dict) else schemas.of(gives)
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": schema}}},
            "default": {
                "description": "A refusal or failure.",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }


def _parameter(name: str, place: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    if "anyOf" in schema:  # a query has no null: leaving it out says that
        schema = schema["anyOf"][0]
    return {"name": name, "in": place, "required": required, "schema": schema}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _problem() -> dict[str, Any]:
    text = {"type": "string"}
    codes = sorted({*kinds(), VaultError.code})
    return {
        "type": "object",
        "description": "RFC 9457 problem details.",
        "properties": {
            "type": text, "title": text, "status": {"type": "integer"}, "code": {"type": "string", "enum": codes},
            "detail": text, "hint": text, "request": text,
        },
        "required": ["type", "title", "status", "code", "detail"],
    }  # fmt: skip
