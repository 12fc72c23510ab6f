"""REST through the real server: every route, and refusals as carefully as successes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.api import raw
from tests.api.conftest import Running, assistant
from vault import limits
from vault.api import openapi, problems, reference, rest, stream
from vault.api.attempts import Attempts
from vault.errors import NotFound, Throttled, VaultError, kinds
from vault.service import Vault
from vault.types import Action, AuditRequest, Holder

EMPTY: dict[str, Any] = {}


def ask(running: Running, method: str, target: str, said: Any = None, holder: Holder | None = None) -> raw.Response:
    body = None if said is None else json.dumps(said).encode()
    token = None if holder is None else f"Bearer {holder.token}"
    answer = raw.request(running.port, method, target, body, authorization=token)
    assert answer
    return answer


def test_search_has_the_shape_that_others_rely_on(running: Running) -> None:
    answer = ask(running, "POST", "/v1/search", {"query": "who replaced the bolts", "limit": 2}, running.claude)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"hits", "receipt"} and set(answer.json["receipt"]) == {"entry", "leaf"}
    best = answer.json["hits"][0]
    assert list(best) == ["id", "title", "text", "score", "collection", "source", "kind", "date", "people", "labels",
                          "origin", "provenance", "untrusted", "detail"]  # fmt: skip
    assert (best["origin"], best["collection"], best["people"]) == ("keel", "notes", ["Anders"])
    assert {hit["collection"] for hit in answer.json["hits"]} == {"notes"}


def test_read_count_add_forget(running: Running) -> None:
    draft = {"origin": "tmp", "text": "For a moment.", "created": "2026-01-02T03:04:05+01:00", "sensitivity": "public"}
    added = ask(
        running, "POST", "/v1/records", {"collection": "notes", "drafts": [draft], "source": "t"}, running.owner
    )
    assert added.json["outcomes"][0]["outcome"] == "added"
    id = added.json["outcomes"][0]["id"]
    read = ask(running, "POST", "/v1/records/read", {"id": id}, running.claude).json
    assert read["record"]["text"] == "For a moment." and read["record"]["date"] == "2026-01-02T02:04:05Z"
    count = ask(running, "POST", "/v1/count", {"filter": {"sources": ["t"]}}, running.claude)
    assert count.json["count"] == 1
    assert ask(running, "GET", "/v1/sources/t/origins", None, running.owner).json == {"origins": ["tmp"]}
    assert ask(running, "GET", "/v1/sources/markdown%3Aa%2Fb/origins", None, running.owner).json == {"origins": []}
    assert set(ask(running, "DELETE", f"/v1/records/{id}", None, running.owner).json) == {"entry", "leaf"}
    gone = ask(running, "POST", "/v1/records/read", {"id": id}, running.claude)
    assert gone.status == 404 and gone.json["code"] == "not_found"


def test_grant_preview_list_revoke(running: Running) -> None:
    wanted = {"client": "cursor", "actions": ["search"], "filter": {"collections": ["notes"]}, "purpose": "try"}
    sees = ask(running, "POST", "/v1/grants/preview", wanted, running.owner).json
    assert (sees["records"], sees["collections"], sees["people"]) == (3, {"notes": 3}, {"Anders": 1})
    made = ask(running, "POST", "/v1/grants", wanted, running.owner).json
    assert set(made) == {"grant", "token", "sees"} and made["grant"]["client"] == "cursor"
    holder, id = Holder(made["token"]), made["grant"]["id"]
    assert ask(running, "POST", "/v1/search", {"query": "choir"}, holder).status == 200
    assert id in [one["id"] for one in ask(running, "GET", "/v1/grants", None, running.owner).json["grants"]]
    assert ask(running, "DELETE", f"/v1/grants/{id}", None, running.owner).json["status"] == "revoked"
    refused = ask(running, "POST", "/v1/search", {"query": "choir"}, holder)
    assert refused.status == 401 and refused.json["code"] == "token_refused"
    assert refused.headers["www-authenticate"].startswith("Bearer ")


def test_audit(running: Running) -> None:
    page = ask(running, "GET", "/v1/audit?limit=2&client=claude", None, running.owner).json
    assert len(page["entries"]) == 2 and {one["entry"]["client"] for one in page["entries"]} == {"claude"}
    number = page["entries"][0]["number"]
    older = ask(running, "GET", f"/v1/audit?before={number}", None, running.owner).json
    assert max(one["number"] for one in older["entries"]) < number
    assert ask(running, "GET", "/v1/audit/verify", None, running.owner).json["ok"] is True
    proof = ask(running, "GET", f"/v1/audit/{number}/proof", None, running.owner).json
    assert proof["number"] == number and proof["proof"].startswith("c2sp.org/tlog-proof@v1")
    for wrong in ("limit=x", "limit=1&limit=2", "colour=red", "limit=0"):
        assert ask(running, "GET", f"/v1/audit?{wrong}", None, running.owner).status == 400
    for target, status in (("/v1/audit/999999/proof", 404), ("/v1/audit/x/proof", 400), ("/v1/audit/-1/proof", 400)):
        assert ask(running, "GET", target, None, running.owner).status == status


def test_status_and_public_routes(running: Running) -> None:
    status = ask(running, "GET", "/v1/status", None, running.owner).json
    assert status["state"] == "unlocked" and {one["name"] for one in status["collections"]} == {"notes", "private"}
    health = ask(running, "GET", "/healthz").json
    assert health["state"] == "unlocked" and set(health) == {"state", "version"}
    assert ask(running, "GET", "/openapi.json").json == openapi.document()
    assert {"audience", "token_keys"} <= set(ask(running, "GET", "/.well-known/vault-keys.json").json)
    head = raw.request(running.port, "HEAD", "/healthz")
    assert head and head.status == 200 and not head.body


ROUTES = [
    (method.upper(), path, operation)
    for path, methods in openapi.document()["paths"].items()
    for method, operation in methods.items()
]


def named(part: Any) -> str:
    """Name a test by method and path, and not by all that the document says of them."""
    return part if isinstance(part, str) else ""


VALID = {
    "/v1/records/label": {"ids": ["r1"], "add": ["a"]}, "/v1/records/forget": {"ids": ["r1"]},
    "/v1/search": {"query": "x"}, "/v1/records/read": {"id": "r"},
    "/v1/records": {"collection": "notes", "drafts": [{"origin": "a", "text": "t"}]},
    "/v1/grants": {"client": "c", "all": True}, "/v1/grants/preview": {"client": "c", "all": True},
    "/v1/grants/propose": {"client": "c", "all": True}, "/v1/grants/revoke": {"all": True},
    "/v1/grants/{id}/search": {"query": "x"}, "/v1/grants/{id}/contrast": {"query": "x"},
    "/v1/tokens/revoke": {"token": "x"}, "/v1/requests": {"purpose": "p"}, "/v1/audit/replay": {"client": "claude"},
    "/v1/providers": {"url": "http://127.0.0.1:9/v1", "model": "m", "grant": {"client": "c", "all": True}},
    "/v1/browsers/{id}/allow": {"site": "https://a.example"}, "/v1/providers/order": {"names": ["x"]},
    "/v1/providers/{id}/brief": {"question": "x"},
}  # fmt: skip
"""A request that each route takes; the others take an empty one, or none."""
CLIENTS = ("search", "read", "count", "request_access", "request_state", "collect")
"""What an assistant may do."""


def target(path: str) -> str:
    """Return a path with something in it; for a GET with the query that it cannot do without."""
    path = path + {"/v1/audit/replay": "?client=claude", "/v1/records": "?collection=notes"}.get(path, "")
    return path.replace("{number}", "0").replace("{id}", "x").replace("{name}", "x")


def body(method: str, path: str) -> Any:
    return VALID.get(path, EMPTY) if method in ("POST", "PATCH") else None


@pytest.mark.parametrize(("method", "path", "operation"), [r for r in ROUTES if "security" not in r[2]], ids=named)
def test_every_other_route_needs_a_token(running: Running, method: str, path: str, operation: dict[str, Any]) -> None:
    for token in (None, "", "Bearer", "Bearer x", "Basic eDp5", f"Bearer {running.claude.token[:-8]}AAAA",
                  f"Bearer {running.claude.token},{running.claude.token}", running.claude.token):  # fmt: skip
        said = None if (given := body(method, path)) is None else json.dumps(given).encode()
        answer = raw.request(running.port, method, target(path), said, authorization=token)
        assert answer and (answer.status, answer.json["code"]) == (401, "token_refused"), token
        assert answer.headers["www-authenticate"].startswith("Bearer ")


OWNERS = [r for r in ROUTES if "security" not in r[2] and r[2]["operationId"] not in CLIENTS]


@pytest.mark.parametrize(("method", "path", "operation"), OWNERS, ids=named)
def test_an_assistant_is_not_the_owner(running: Running, method: str, path: str, operation: dict[str, Any]) -> None:
    answer = ask(running, method, target(path), body(method, path), running.claude)
    assert (answer.status, answer.json["code"]) == (403, "not_allowed")


@pytest.mark.parametrize("path", ["/v1/grants/x/pause", "/v1/requests/x/deny", "/v1/keys/rotate"])
def test_a_route_without_a_request_takes_none(running: Running, path: str) -> None:
    answer = ask(running, "POST", path, {"force": True}, running.owner)
    assert (answer.status, answer.json["detail"]) == (400, "this route takes nothing")


def test_a_method_that_is_not_answered_says_which_are(running: Running) -> None:
    for method, path, allowed in (
        ("GET", "/v1/search", "POST"), ("PATCH", "/v1/search", "POST"), ("PUT", "/v1/search", None),
        ("OPTIONS", "/v1/search", None), ("POST", "/v1/grants/g0", "DELETE, GET, HEAD, PATCH"),
        ("PATCH", "/mcp", "POST"), ("POST", "/healthz", "GET, HEAD"), ("DELETE", "/v1/requests", "GET, HEAD, POST"),
        ("POST", "/v1/events", "GET"),
    ):  # fmt: skip
        answer = raw.request(running.port, method, path, b"{}", authorization=f"Bearer {running.owner.token}")
        assert answer and answer.status == 405, (method, path)
        assert answer.headers["allow"] == (allowed or "DELETE, GET, HEAD, PATCH, POST")
        assert not {name for name in answer.headers if name.startswith("access-control")}


def test_a_key_given_twice_is_refused(running: Running) -> None:
    twice = b'{"query": "roof", "query": "mail"}'
    answer = raw.request(running.port, "POST", "/v1/search", twice, authorization=f"Bearer {running.claude.token}")
    assert answer and (answer.status, answer.json["detail"]) == (400, "a key is given twice")


def test_the_log_believes_the_owner_alone_which_interface_it_was(running: Running) -> None:
    for holder, said, logged in (
        (running.owner, "cli", "cli"), (running.owner, "mcp", "rest"), (running.owner, "x" * 9999, "rest"),
        (running.claude, "cli", "rest"), (Holder("nonsense"), "cli", "rest"),
    ):  # fmt: skip
        token = f"Bearer {holder.token}"
        raw.request(running.port, "POST", "/v1/count", b"{}", authorization=token, ownvault_via=said)
        page = running.remote.audit(running.owner, AuditRequest(limit=2)).entries
        newest = next(one.entry for one in page if one.entry.action == "count")
        assert newest.via == logged, (said, newest)


def test_a_stranger_does_not_pass_for_the_command_line(running: Running) -> None:
    wrong = b'{"passphrase": "wrong"}'
    raw.request(running.port, "POST", "/v1/unlock", wrong, ownvault_via="cli", ownvault_knock="guess")
    newest = running.remote.audit(running.owner, AuditRequest(limit=1)).entries[0].entry
    assert (newest.action, newest.decision, newest.via) == ("unlock", "deny", "rest")
    (running.server.directory / "attempts.json").unlink()


def test_absent_and_out_of_scope_are_one_answer(running: Running) -> None:
    hidden = ask(
        running, "POST", "/v1/search", {"query": "bolts", "filter": {"collections": ["private"]}}, running.owner
    )
    hidden_id = hidden.json["hits"][0]["id"]
    answers = [
        ask(running, "POST", "/v1/records/read", {"id": id}, running.claude) for id in (hidden_id, "r" + "a" * 26)
    ]
    assert answers[0].status == answers[1].status == 404 and answers[0].json == answers[1].json
    for name in ("private", "nowhere"):
        answer = ask(running, "POST", "/v1/search", {"query": "x", "filter": {"collections": [name]}}, running.claude)
        assert answer.status == 404 and answer.json["detail"] == f"no collection {name!r}"


def test_errors_are_problem_documents(running: Running) -> None:
    for method, target, said, status in (
        ("POST", "/v1/search", {"query": ""}, 400), ("POST", "/v1/search", {"query": "x" * 4001}, 400),
        ("GET", "/v1/search", None, 405), ("GET", "/v1/nowhere", None, 404), ("POST", "/v1/search/", EMPTY, 404),
        ("GET", "//healthz", None, 400), ("GET", "/v1/grants/..%2f..%2fhealthz", None, 404),
    ):  # fmt: skip
        answer = ask(running, method, target, said, running.claude)
        assert answer.status == status, target
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "detail"} <= set(answer.json) <= {*answer.json, "hint"}
        assert answer.json["status"] == status and answer.json["code"] in kinds()


def test_write_only_grants_cannot_read(running: Running) -> None:
    writer = assistant(running, "clipper", Action.ADD)
    draft = {
        "collection": "notes",
        "drafts": [{"origin": "clip", "text": "clipped", "provenance": "owner"}],
        "source": "me",
    }
    outcome = ask(running, "POST", "/v1/records", draft, writer).json["outcomes"][0]
    assert outcome["outcome"] == "added"
    for target, said in (
        ("/v1/search", {"query": "clipped"}),
        ("/v1/records/read", {"id": outcome["id"]}),
        ("/v1/count", EMPTY),
    ):
        assert ask(running, "POST", target, said, writer).status == 403
    record = ask(running, "POST", "/v1/records/read", {"id": outcome["id"]}, running.owner).json["record"]
    assert (record["source"], record["provenance"]) == ("client:clipper:notes", "third_party")
    ask(running, "DELETE", f"/v1/records/{outcome['id']}", None, running.owner)


# ---------------------------------------------------------------- without the server


def test_the_document_and_the_routes_are_the_same(vault: Vault, tmp_path: Path) -> None:
    app = rest.make(vault, Attempts(tmp_path), lambda: None)
    served = {
        (method, rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        # OAuth has a document of its own (RFC 8414), the extension has SPEC.md, the console is for people
        if not rule.rule.startswith(("/oauth/", "/.well-known/oauth-", "/console/", "/extension/"))
    }
    assert served | {("GET", stream.PATH)} == {(method, path) for method, path, _ in ROUTES}


def test_the_document_is_sound() -> None:
    document = openapi.document()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    names = [operation["operationId"] for _, _, operation in ROUTES]
    assert len(set(names)) == len(names)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for method, path, operation in ROUTES:
        in_path = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        assert "requestBody" not in operation or method in ("POST", "PATCH")
    for reference_ in _references(document):
        assert reference_.removeprefix("#/components/schemas/") in schemas


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [value["$ref"]] if "$ref" in value else [one for v in value.values() for one in _references(v)]
    return [one for v in value for one in _references(v)] if isinstance(value, list) else []


def test_the_reference_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "rest.md"
    assert page.read_text("utf-8") == reference.page(), "write it anew: python -m vault.api.reference > docs/rest.md"


def test_an_unexpected_exception_tells_nothing(vault: Vault, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = rest.make(vault, Attempts(tmp_path), lambda: None)

    def broken() -> rest.Response:
        raise RuntimeError("canary content")

    app.add_url_rule("/broken", "broken", broken)
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500 and answer.get_json()["code"] == "internal"
    assert "canary" not in answer.get_data(as_text=True) + caplog.text
    assert "RuntimeError in test_rest.py" in caplog.text


def test_every_error_survives_the_wire() -> None:
    for kind in kinds().values():
        back = problems.error(json.loads(json.dumps(problems.problem(kind("m", hint="h", request="q1")))))
        assert type(back) is kind and (back.message, back.hint, back.request) == ("m", "h", "q1")
    assert not {"hint", "request"} & set(problems.problem(NotFound("m")))
    unknown = problems.error({"code": "from_the_future", "detail": "d"})
    assert type(unknown) is VaultError


# ---------------------------------------------------------------- how often


def test_a_client_is_told_what_is_left_and_the_owner_is_not(running: Running) -> None:
    answer = ask(running, "POST", "/v1/count", EMPTY, assistant(running, "hasty", Action.COUNT))
    assert answer.headers["ratelimit-policy"] == f'"client";q={limits.BURST};w={limits.BURST // limits.RATE}'
    assert answer.headers["ratelimit"] == f'"client";r={limits.BURST - 1};t=1'
    assert "ratelimit" not in ask(running, "POST", "/v1/count", EMPTY, running.owner).headers


def test_a_refusal_says_when_to_come_back() -> None:
    assert problems.Refusal(Throttled("too many requests", seconds=0.2)).headers["retry-after"] == "1"
    assert problems.Refusal(Throttled("too many", seconds=59.1)).headers["retry-after"] == "60"
