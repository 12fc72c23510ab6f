"""What clients discover, and what a refusal tells them of the way to a token."""

from __future__ import annotations

import json

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oauth2.rfc9207 import AuthorizationServerMetadata as IssuerMetadata

from tests.api import raw
from tests.api.conftest import Running, assistant
from tests.api.oauth.conftest import Client
from vault.types import Action

NAMES = ("127.0.0.1", "localhost", "[::1]", "vault.localhost")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["", "/mcp", "/v1"])
def test_the_authorization_server_says_who_it_is(running: Running, name: str, suffix: str) -> None:
    host = f"{name}:{running.port}"
    answer = raw.request(running.port, target=f"/.well-known/oauth-authorization-server{suffix}", host=host)
    assert answer and answer.status == 200 and answer.headers["content-type"] == "application/json"
    said = answer.json
    assert said["issuer"] == f"http://{host}"
    assert all(said[one].startswith(f"http://{host}/oauth/") for one in said if one.endswith("_endpoint"))
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["token_endpoint_auth_methods_supported"] == ["none"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["client_id_metadata_document_supported"] is True
    if name != "vault.localhost":  # Authlib knows no other names of this machine
        AuthorizationServerMetadata(said).validate(metadata_classes=[IssuerMetadata])


@pytest.mark.parametrize("place", ["", "/mcp", "/v1"])
def test_what_is_protected_says_by_whom(running: Running, place: str) -> None:
    answer = raw.request(running.port, target=f"/.well-known/oauth-protected-resource{place}")
    assert answer and answer.status == 200
    issuer = f"http://127.0.0.1:{running.port}"
    assert (answer.json["resource"], answer.json["authorization_servers"]) == (issuer + place, [issuer])
    assert answer.json["bearer_methods_supported"] == ["header"]


@pytest.mark.parametrize(
    "path", ["/.well-known/oauth-protected-resource/other", "/.well-known/oauth-authorization-server/x"]
)
def test_nothing_else_is_protected(running: Running, path: str) -> None:
    answer = raw.request(running.port, target=path)
    assert answer and answer.status == 404


@pytest.mark.parametrize(("target", "place"), [("/mcp", "/mcp"), ("/v1/search", "/v1"), ("/v1/grants/x/pause", "/v1")])
def test_without_a_token_the_way_to_one(client: Client, target: str, place: str) -> None:
    for authorization, error in (
        (None, ""),
        ("Bearer x", 'error="invalid_token", '),
        ("Bearer", 'error="invalid_token", '),
    ):
        answer = raw.request(client.running.port, "POST", target, b"{}", authorization=authorization)
        assert answer and answer.status == 401
        assert answer.headers["www-authenticate"] == (
            f'Bearer {error}resource_metadata="{client.issuer}/.well-known/oauth-protected-resource{place}",'
            ' scope="vault:search vault:fetch vault:count"'
        )
    proved = raw.request(client.running.port, "POST", target, b"{}", authorization="DPoP x", dpop="x")
    assert proved and proved.headers["www-authenticate"].startswith('DPoP algs="ES256 Ed25519", error="invalid_token"')


@pytest.mark.parametrize(
    ("path", "body", "scope"),
    [
        ("search", {"query": "x"}, "vault:search"), ("count", {}, "vault:count"),
        ("records/read", {"id": "x"}, "vault:fetch"),
        ("records", {"collection": "notes", "drafts": [{"origin": "o", "text": "t"}]}, "vault:add"),
    ],
)  # fmt: skip
def test_without_a_right_the_scope_that_gives_it(running: Running, path: str, body: object, scope: str) -> None:
    action = Action.COUNT if scope != "vault:count" else Action.SEARCH
    holder = assistant(running, f"only-{action}", action)
    answer = raw.request(running.port, "POST", f"/v1/{path}", json.dumps(body).encode(),
                         authorization=f"Bearer {holder.token}")  # fmt: skip
    assert answer and answer.status == 403
    assert f'error="insufficient_scope", scope="{scope}"' in answer.headers["www-authenticate"]


def test_what_only_the_owner_may_no_scope_gives(running: Running) -> None:
    answer = raw.request(running.port, "GET", "/v1/grants", authorization=f"Bearer {running.claude.token}")
    assert answer and answer.status == 403 and "www-authenticate" not in answer.headers


def test_another_origin_is_told_nothing(running: Running) -> None:
    for target in ("/v1/search", "/mcp", "/oauth/token"):
        answer = raw.request(running.port, "POST", target, b"{}", origin="https://evil.example")
        assert answer and answer.status == 403 and "www-authenticate" not in answer.headers
