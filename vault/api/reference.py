"""The REST reference, generated from the OpenAPI document: `python -m vault.api.reference > docs/rest.md`."""

from __future__ import annotations

import sys
from typing import Any

from vault import limits
from vault.api import openapi
from vault.api.tools import TOOLS
from vault.errors import kinds

INTRODUCTION = """\
# REST and MCP

This page is generated: `python -m vault.api.reference > docs/rest.md`; a test compares it. The server itself gives
the same as OpenAPI 3.1 at `/openapi.json`.

- One server, one loopback port (default 7117). `Host` must be `127.0.0.1`, `localhost`, `[::1]` or `vault.localhost`
  with the port; a foreign `Origin` is refused; there are no CORS headers, so no web page can read an answer.
- `Authorization: Bearer TOKEN` with a capability token: an assistant's from `ownvault grant`, the owner's from
  `POST /v1/unlock`. Routes marked *public* need none.
- Bodies are JSON (`Content-Type: application/json`), at most 8 MiB. An unknown key is an error, not a guess.
- Times are ISO 8601; a date alone is its midnight, a time without a zone is UTC. Answers have `Z`.
- An error is `application/problem+json` (RFC 9457) with a stable `code`: `{"type", "title", "status", "code",
  "detail", "hint"?}`. Out of scope and absent are the same `not_found`.
- Every answer was recorded before it left; its `receipt` has the entry's number and leaf hash.

```
curl -s http://127.0.0.1:7117/v1/search -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
     -d '{"query": "who repaired the boat", "limit": 3, "filter": {"collections": ["notes"]}}'
```
"""
MCP = """\
`POST /mcp` is MCP over streamable HTTP, for both protocol eras (2026-07-28 and 2025-11-25), with the same tokens;
`ownvault mcp` speaks it over stdin and stdout. Only the tools that a token allows are listed, and no other can be
told from one that does not exist. A failed call has `{"code": …}` with the codes below.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    document = openapi.document()
    schemas = document["components"]["schemas"]
    parts = [INTRODUCTION, "## Routes\n", *_routes(document["paths"]), "## Objects\n"]
    parts += [_object(name, schema) for name, schema in schemas.items() if name != "Problem"]
    parts += ["## MCP tools\n", MCP, *(_tool(name) for name in TOOLS), "## Error codes\n", _codes()]
    return "\n".join(parts)


def _routes(paths: dict[str, Any]) -> list[str]:
    lines = ["| Route | Takes | Gives | |", "|---|---|---|---|"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            taken = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            query = [f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] == "query"]
            given = operation["responses"]["200"]["content"]["application/json"]["schema"]
            takes = _kind(taken) if taken else ", ".join(query)
            public = " *public*" if operation.get("security") == [] else ""
            lines.append(f"| `{method.upper()} {path}` | {takes} | {_kind(given)} | {operation['summary']}{public} |")
    return ["\n".join(lines) + "\n"]


def _object(name: str, schema: dict[str, Any]) -> str:
    lines = [f"### {name}\n"]
    if "description" in schema:
        lines.append(schema["description"] + "\n")
    return "\n".join([*lines, _fields(schema), ""])


def _fields(schema: dict[str, Any]) -> str:
    lines = ["| Field | Kind | |", "|---|---|---|"]
    for field, said in schema["properties"].items():
        notes = ["required"] if field in schema["required"] else []
        notes += [f"default `{said['default']}`".lower()] if "default" in said and said["default"] != "" else []
        lines.append(f"| `{field}` | {_kind(said)} | {', '.join(notes)} |")
    return "\n".join(lines)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]  # type: ignore[no-any-return]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}" + _most(schema, "maxItems")
    if schema.get("format") == "date-time":
        return "time"
    if schema.get("type") == "object" and "properties" in schema:
        return "{" + ", ".join(f'"{name}"' for name in schema["properties"]) + "}"
    return str(schema.get("type", "anything")) + _most(schema, "maxLength", "maximum")


def _most(schema: dict[str, Any], *names: str) -> str:
    most = next((schema[name] for name in names if name in schema), None)
    return "" if most is None or most >= limits.POSITION else f" ≤ {most:,}"


def _tool(name: str) -> str:
    tool = TOOLS[name]
    return f"### {name}\n\n{tool.description}\n\n{_fields(tool.takes())}\n"


def _codes() -> str:
    rows = sorted((kind.status, kind.code, (kind.__doc__ or "").splitlines()[0]) for kind in kinds().values())
    lines = ["| Status | Code | Meaning |", "|---|---|---|"]
    return "\n".join(lines + [f"| {status} | `{code}` | {words} |" for status, code, words in rows]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
