"""REST through the real server: every route, and refusals as carefully as successes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.api import raw
from tests.api.conftest import Running, assistant
from vault.api import openapi, problems, reference, rest
from vault.api.attempts import Attempts
from vault.errors import VaultError, kinds
from vault.service import Vault
from vault.types import Action, Holder

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
                          "origin", "provenance"]  # fmt: skip
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
    assert sees == {"records": 3, "collections": {"notes": 3}}
    made = ask(running, "POST", "/v1/grants", wanted, running.owner).json
    assert set(made) == {"grant", "token", "sees"} and made["grant"]["client"] == "cursor"
    holder, id = Holder(made["token"]), made["grant"]["id"]
    assert ask(running, "POST", "/v1/search", {"query": "choir"}, holder).status == 200
    assert id in [one["id"] for one in ask(running, "GET", "/v1/grants", None, running.owner).json["grants"]]
    assert ask(running, "DELETE", f"/v1/grants/{id}", None, running.owner).json["status"] == "revoked"
    refused = ask(running, "POST", "/v1/search", {"query": "choir"}, holder)
    assert refused.status == 401 and refused.json["code"] == "token_refused"
    assert refused.headers["www-authenticate"] == "Bearer"


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
VALID = {
    "/v1/search": {"query": "x"}, "/v1/records/read": {"id": "r"}, "/v1/count": EMPTY,
    "/v1/records": {"collection": "notes", "drafts": [{"origin": "a", "text": "t"}]},
    "/v1/grants": {"client": "c", "all": True}, "/v1/grants/preview": {"client": "c", "all": True}, "/v1/lock": EMPTY,
}  # fmt: skip
OWNERS = (
    "forget",
    "grant",
    "grants",
    "preview",
    "revoke",
    "audit",
    "verify",
    "prove",
    "status",
    "origins",
    "lock",
    "add",
)


@pytest.mark.parametrize(("method", "path", "operation"), [r for r in ROUTES if "security" not in r[2]], ids=str)
def test_every_other_route_needs_a_token(running: Running, method: str, path: str, operation: dict[str, Any]) -> None:
    target = path.replace("{number}", "0").replace("{id}", "x").replace("{name}", "x")
    for token in (None, "", "Bearer", "Bearer x", "Basic eDp5", f"Bearer {running.claude.token[:-8]}AAAA",
                  f"Bearer {running.claude.token},{running.claude.token}", running.claude.token):  # fmt: skip
        body = json.dumps(VALID[path]).encode() if method == "POST" else None
        answer = raw.request(running.port, method, target, body, authorization=token)
        assert answer and (answer.status, answer.json["code"]) == (401, "token_refused"), token
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "operation"), [r for r in ROUTES if r[2]["operationId"] in OWNERS], ids=str)
def test_an_assistant_is_not_the_owner(running: Running, method: str, path: str, operation: dict[str, Any]) -> None:
    target = path.replace("{number}", "0").replace("{id}", "x").replace("{name}", "x")
    answer = ask(running, method, target, VALID[path] if method == "POST" else None, running.claude)
    assert (answer.status, answer.json["code"]) == (403, "not_allowed")


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
    }
    assert served == {(method, path) for method, path, _ in ROUTES}


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
        assert ("requestBody" in operation) == (method == "POST" and path != "/v1/lock")
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
    assert all(isinstance(problems.error(problems.problem(kind("m", hint="h"))), kind) for kind in kinds().values())
    unknown = problems.error({"code": "from_the_future", "detail": "d"})
    assert type(unknown) is VaultError
