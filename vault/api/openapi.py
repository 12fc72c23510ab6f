"""The OpenAPI 3.1 document, and the JSON Schemas in it, made from the dataclasses and the route table."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from vault import __version__
from vault.api import stream
from vault.api.headers import KEY, MATCH, ONCE, TAG
from vault.api.limits import LIMITS, Limit
from vault.api.problems import MEDIA_TYPE
from vault.api.wire import called, plain, word
from vault.errors import (
    AuditFailed,
    BadRequest,
    Busy,
    Damaged,
    Locked,
    Missing,
    NotAllowed,
    NotFound,
    Overloaded,
    Refused,
    RolledBack,
    StorageFailed,
    Throttled,
    TooLarge,
    VaultError,
    WrongPassphrase,
    kinds,
)
from vault.types import Event, Link, OwnerToken

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}, float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"}, Any: {}, object: {},
}  # fmt: skip
ANYBODY = (BadRequest, TooLarge, NotAllowed, Locked, Overloaded, VaultError)
"""What is refused before anybody looks at what is asked, and what may go wrong with everything."""
EVERY = (
    *ANYBODY, Refused, NotFound, Throttled, Busy, StorageFailed, AuditFailed, Damaged, RolledBack, Missing,
)  # fmt: skip
"""What every route that needs a token may refuse or fail with."""
_TEXT = {"schema": {"type": "string"}}
_RATE = {"RateLimit": _TEXT, "RateLimit-Policy": _TEXT}
_LATER = {"Retry-After": {"schema": {"type": "string"}}}
_TAG = {"ETag": _TEXT}
_HEADERS = {
    "key": {
        "name": ONCE, "in": "header", "required": False,
        "description": "The same key with the same request is answered as it was, for a day, and done once.",
        "schema": {"type": "string", "pattern": KEY},
    },
    "match": {
        "name": MATCH, "in": "header", "required": False,
        "description": "The tag of the grant as it was seen; refused when it is another by now.",
        "schema": {"type": "string", "pattern": TAG},
    },
}  # fmt: skip
_NOTHING = {"type": "object", "maxProperties": 0}
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
        hints, bounds = get_type_hints(kind), LIMITS.get(kind, {})
        properties, required = {}, []
        for field in dataclasses.fields(kind):
            schema = dict(self.of(hints[field.name], bounds.get(field.name)))
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
        parameters = [_parameter(name, "path", _named(name), True) for name in re.findall(r"{(\w+)}", route.path)]
        if route.takes and route.method == "GET":
            record = schemas.record(route.takes)
            parameters += [
                _parameter(name, "query", one, name in record["required"]) for name, one in record["properties"].items()
            ]
        elif route.method in ("POST", "PATCH"):
            operation["requestBody"] = _body(schemas.of(route.takes) if route.takes else _NOTHING)
        parameters += [_HEADERS[route.given]] if route.given in _HEADERS else []
        tagged = getattr(route.gives, "__dataclass_fields__", {}).keys() & {"tag"}
        operation["responses"]["200"]["headers"] = _RATE | (_TAG if tagged else {})
        operation["responses"] |= _problems({*EVERY, *route.refuses}, body=route.method in ("POST", "PATCH"))
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
        ("post", "/v1/console", "link", "A link that signs one browser in to the console, once. The owner's.", Link),
        ("get", "/openapi.json", "openapi", "This document.", anything),
        ("get", "/.well-known/vault-keys.json", "keys", "The keys that verify tokens and checkpoints.", anything),
    ):
        operation = _operation(schemas, name, summary, gives)
        refused = set(EVERY) if name in ("lock", "link") else set(ANYBODY)
        if name not in ("lock", "link"):
            operation["security"] = []
        if method == "post":
            operation["requestBody"] = _body(_PASSPHRASE if name == "unlock" else _NOTHING)
        if name == "unlock":
            refused |= {WrongPassphrase, Throttled, Busy, AuditFailed, StorageFailed}
        operation["responses"] |= _problems(refused, body=method == "post")
        paths[path] = {method: operation}
    paths[stream.PATH] = {"get": _events(schemas)}


def _events(schemas: Schemas) -> dict[str, Any]:
    operation = _operation(schemas, "events", "What happens, as server-sent events. The owner's.", Event)
    operation["responses"]["200"] = {
        "description": "Events, one line of JSON each; the id of the last is where one goes on.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "itemSchema": schemas.of(Event)}},
    }
    operation["parameters"] = [_parameter("Last-Event-ID", "header", {"type": "string", "maxLength": 31}, False)]
    operation["responses"] |= _problems(set(EVERY), body=False)
    return operation


def _operation(schemas: Schemas, name: str, summary: str, gives: Any) -> dict[str, Any]:
    schema = gives if isinstance(gives, dict) else schemas.of(gives)
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "The answer.", "content": {"application/json": {"schema": schema}}}},
    }


def _problems(refused: set[type[VaultError]], body: bool) -> dict[str, Any]:
    """Return a response for each status that a refusal may have, with its codes."""
    codes: dict[int, set[str]] = {}
    for kind in refused:
        codes.setdefault(kind.status, set()).add(kind.code)
    if body:
        codes[415] = {BadRequest.code}
    return {
        str(status): {
            "description": ", ".join(f"`{code}`" for code in sorted(said)),
            "content": {MEDIA_TYPE: {"schema": _refusal(sorted(said))}},
            **({"headers": _LATER} if status == 429 else {}),
        }
        for status, said in sorted(codes.items())
    }


def _refusal(codes: list[str]) -> dict[str, Any]:
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"code": {"enum": codes}}}]}


def _named(name: str) -> dict[str, Any]:
    """Return the schema of a part of a path."""
    if name == "number":
        return {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
    return {"type": "string", "minLength": 1, **({} if name == "name" else {"pattern": "^[^/]+$"})}


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
