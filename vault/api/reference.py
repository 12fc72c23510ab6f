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
- Lists come in pages: `limit` items at most, and `next`, the `cursor` of the page after this one. A cursor is good for
  the grant and the list that it was given for, until the vault is locked.
- `Idempotency-Key: "…"` on `POST /v1/records`: the same key with the same request is answered as it was, for a day,
  and done once, whatever broke in between. With another request: 422 `key_reused`. While it is under way: 409.
- `GET /v1/grants/{id}` and whatever changes a grant tell its `ETag`; with `If-Match` a change is made only if the grant
  is still as it was seen: 412 `changed` otherwise. The tag is another with every change of what the grant allows and of
  whether it answers; usage does not change it.
- A client may ask 50 times a second in the long run and 500 times at once, the owner as often as they like. `RateLimit`
  tells what is left, 429 `throttled` with `Retry-After` when to come back.

```
curl -s http://127.0.0.1:7117/v1/search -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
     -d '{"query": "who repaired the boat", "limit": 3, "filter": {"collections": ["notes"]}}'
```
"""
EVENTS = """\
`GET /v1/events` tells the owner's own programs what happens, as server-sent events. An event has no content and no
query: who did what to which grant, with the number of its audit entry, where the rest is.

| Event | |
|---|---|
| `release` | a client was answered: `what` it asked (search, read, count) and how many `records` left |
| `refusal` | somebody was refused; `reason` is the log's |
| `request` | something waits for the owner: `request` is its id |
| `decision` | the owner approved or denied a request |
| `grant` | a grant was made, narrowed, resumed or revoked |
| `pause` | a grant was paused, by the owner or by its own limit |
| `added`, `forgotten` | records came, or went |
| `lock` | the owner's capability was given out, or the vault is being locked |
| `notice` | something that the owner should know; `what` is its kind |
| `end` | the stream ends: the token does, or the vault is locked |

The id of an event is where to go on: `Last-Event-ID: ID` repeats nothing that came before it, at worst some of what
came with it. After 15 silent seconds a comment says that the stream is still there. At most 16 may listen at once.
Listening does not put off the idle lock.
"""
MCP = """\
`POST /mcp` is MCP over streamable HTTP, for both protocol eras (2026-07-28 and 2025-11-25), with the same tokens;
`ownvault mcp` speaks it over stdin and stdout. Only the tools that a token allows are listed, and no other can be
told from one that does not exist. A failed call has `{"code": …, "message": …}` with the codes below. Resources,
approvals, and what the bridge does while the vault is locked: [MCP](mcp.md).
"""


def page() -> str:
    """Return the whole page as Markdown."""
    document = openapi.document()
    schemas = document["components"]["schemas"]
    parts = [INTRODUCTION, "## Routes\n", *_routes(document["paths"]), "## Objects\n"]
    parts += [_object(name, schema) for name, schema in schemas.items() if name != "Problem"]
    parts += ["## Events\n", EVENTS]
    parts += ["## MCP tools\n", MCP, *(_tool(name) for name in TOOLS), "## Error codes\n", _codes()]
    return "\n".join(parts)


def _routes(paths: dict[str, Any]) -> list[str]:
    lines = ["| Route | Takes | Gives | |", "|---|---|---|---|"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            taken = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            query = [f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] == "query"]
            (given,) = operation["responses"]["200"]["content"].values()
            headers = [f"`{one['name']}`" for one in operation.get("parameters", []) if one["in"] == "header"]
            takes = ", ".join(([_kind(taken)] if taken and taken.get("maxProperties") != 0 else query) + headers)
            public = " *public*" if operation.get("security") == [] else ""
            gives = _kind(given.get("itemSchema") or given["schema"])
            lines.append(f"| `{method.upper()} {path}` | {takes} | {gives} | {operation['summary']}{public} |")
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
