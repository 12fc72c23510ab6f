"""A second adversary at the authorization server: what the first look had not tried, over real HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api import raw
from tests.api.oauth.conftest import BACK, FORM, ZED, Client
from tests.api.oauth.test_dpop import SAID, USUAL, check, forged, signed
from tests.api.oauth.test_endpoints import ACCESS, DEVICE, EXCHANGE
from vault import limits
from vault.api.proving import Prover
from vault.errors import FlowRefused
from vault.types import AuditRequest, Entry

FAR = 10**400
"""A whole number that no floating-point one can hold."""


@pytest.fixture
def prover(tmp_path: Path) -> Prover:
    return Prover.make(tmp_path / "key")


@pytest.fixture
def thief(tmp_path: Path) -> Prover:
    return Prover.make(tmp_path / "another")


@pytest.fixture
def tv(client: Client) -> Client:
    client.let_in()
    made = client.register(client_name="TV", redirect_uris=[], grant_types=[DEVICE]).json
    return Client(client.running, made["client_id"])


def last(client: Client) -> Entry:
    """Return what the log says last, before it was looked into."""
    page = client.running.remote.audit(client.running.owner, AuditRequest(limit=2))
    return next(one.entry for one in page.entries if one.entry.action != "audit")


# ---------------------------------------------------------------- proofs


@pytest.mark.parametrize("iat", [FAR, -FAR, 1e308, float("nan"), [], {}, "1"], ids=lambda iat: str(iat)[:8])
def test_a_time_that_is_none(iat: object) -> None:
    with pytest.raises(FlowRefused):
        check(signed(SAID | {"iat": iat}))


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-256", "x": "_" * 2000, "y": "_" * 43},
        {"kty": "EC", "crv": "P-256", "x": "é", "y": "\ud800"},
        {"kty": "EC", "crv": ["P-256"], "x": "A", "y": "A"},
        {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}, {"kty": "OKP", "crv": "Ed25519", "x": ""},
        {"kty": "OKP", "crv": "Ed448", "x": "A" * 76},
    ],
    ids=lambda jwk: ascii(jwk)[:60],
)  # fmt: skip
def test_a_key_on_no_curve(jwk: dict[str, object], alg: str) -> None:
    with pytest.raises(FlowRefused):
        check(forged(USUAL | {"jwk": jwk, "alg": alg}))


def test_a_proof_that_breaks_nothing_is_refused_on_the_record(client: Client) -> None:
    token = client.tokens()["access_token"]
    said = {"jti": "1", "htm": "POST", "htu": client.issuer + "/v1/search", "iat": FAR, "ath": "x"}
    assert client.search(f"DPoP {token}", dpop=signed(said)).status == 401
    seen = last(client)
    assert (seen.decision, seen.reason) == ("deny", "wrong_holder")


def test_a_wrong_proof_at_the_token_endpoint_is_on_the_record(client: Client, prover: Prover) -> None:
    """It names the grant whose refresh token came with it, and ends nothing."""
    place = client.issuer + "/oauth/token"
    said = {"grant_type": "refresh_token", "refresh_token": client.tokens()["refresh_token"], "client_id": client.id}
    refused = client.post("/oauth/token", said, dpop=prover.proof("POST", place + "x"))
    assert refused.json["error"] == "invalid_dpop_proof"
    seen = last(client)
    assert (seen.action, seen.decision, seen.reason, seen.client) == ("refresh", "deny", "wrong_proof", "Claude Code")
    once = prover.proof("POST", place)
    assert client.post("/oauth/token", said, dpop=once).status == 200
    assert client.post("/oauth/token", said, dpop=once).json["error"] == "invalid_dpop_proof", "it came before"
    assert last(client).reason == "wrong_proof"


@pytest.mark.parametrize("kind", ["authorization_code", DEVICE, EXCHANGE])
def test_a_wrong_proof_is_refused_whatever_it_came_with(client: Client, kind: str) -> None:
    said = {
        "grant_type": kind, "client_id": client.id, "redirect_uri": BACK, "code_verifier": client.verifier,
        "code": client.code()["code"], "device_code": "x", "subject_token": client.running.claude.token,
        "subject_token_type": ACCESS, "scope": "vault:search",
    }  # fmt: skip
    assert client.post("/oauth/token", said, dpop="x").json["error"] in ("invalid_dpop_proof", "invalid_grant")
    assert last(client).decision == "deny"
    if kind == "authorization_code":
        assert client.post("/oauth/token", said).status == 200, "the code is as good as before"


def test_a_device_code_of_a_key_is_nobody_elses(tv: Client, prover: Prover, thief: Prover) -> None:
    ask, place = {"client_id": tv.id, "resource": tv.issuer + "/mcp"}, tv.issuer + "/oauth/token"
    refused = tv.post("/oauth/device_authorization", ask, dpop="x")
    assert refused.json["error"] == "invalid_dpop_proof"
    asked = tv.post(
        "/oauth/device_authorization", ask, dpop=prover.proof("POST", place.replace("token", "device_authorization"))
    )
    (view,) = (one for one in tv.running.remote.requests(tv.running.owner) if one.asker and one.asker.id == tv.id)
    tv.approve(view.id)
    poll = {"grant_type": DEVICE, "client_id": tv.id, "device_code": asked.json["device_code"]}
    for dpop in (thief.proof("POST", place), None):
        assert tv.post("/oauth/token", poll, dpop=dpop).json["error"] == "invalid_dpop_proof"
        assert (last(tv).action, last(tv).decision) == ("redeem", "deny")
    done = tv.post("/oauth/token", poll, dpop=prover.proof("POST", place))
    assert done.status == 200, "the thief ended nothing"
    token = done.json["access_token"]
    shown = prover.proof("POST", tv.issuer + "/v1/search", token)
    assert tv.search(f"DPoP {token}", dpop=shown).status == 200


# ---------------------------------------------------------------- exchange


def test_an_exchange_gives_no_more_than_was_asked(client: Client) -> None:
    """What a token cannot hold is refused: an answer without it would be a wider token than was meant."""
    ask = {"grant_type": EXCHANGE, "subject_token": client.tokens()["access_token"], "subject_token_type": ACCESS}

    def exchange(**more: object) -> Any:
        wish = {"type": "vault_query", "purpose": "a helper", "actions": ["search"], "datatypes": ["notes"], **more}
        return client.post("/oauth/token", ask | {"authorization_details": json.dumps([wish])}).json

    for limit in ("max_queries_per_hour", "max_records_per_day", "max_bytes_per_day"):
        assert exchange(**{limit: 1})["error"] == "invalid_authorization_details"
    assert 58 <= exchange(expires_in=60)["expires_in"] <= 60
    assert exchange(expires_in=86400)["expires_in"] <= limits.ACCESS_SECONDS
    assert exchange(max_results=1)["expires_in"] > 60


# ---------------------------------------------------------------- requests that nobody sends


@pytest.mark.parametrize(
    "wish",
    [
        {"purpose": "\ud800"}, {"expires_in": FAR}, {"expires_in": 1e308}, {"last": 10**30}, {"max_results": 2**70},
        {"time_range": {"from": "9999-12-31T23:59:59-23:59"}}, {"time_range": {"from": "0001-01-01T00:00:00+23:59"}},
        {"datatypes": ["\ud800"]}, {"labels": ["\ud800"]}, {"datatypes": ["x" * 100_000]}, {"people": ["a"] * 5000},
        {"datatypes": []}, {"actions": []}, {"labels": [[]]}, {"without_labels": ["\u202e"]}, {"purpose": "x" * 99_999},
    ],
    ids=lambda wish: ascii(wish)[:40],
)  # fmt: skip
def test_no_wish(tv: Client, wish: dict[str, object]) -> None:
    details = json.dumps([{"type": "vault_query", "purpose": "x"} | wish])
    said = {"client_id": tv.id, "resource": tv.issuer + "/mcp", "authorization_details": details}
    refused = tv.post("/oauth/device_authorization", said)
    assert refused.status == 400
    assert refused.json["error"] in ("invalid_authorization_details", "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        b"&".join(b"a%d=1" % n for n in range(10_000)), b"token=%ff%fe&client_id=%00", b"\xff\xfe=\xff&client_id=\xff",
        b"grant_type=refresh_token&refresh_token=%ED%A0%80&client_id=" + ZED.encode(), b"", b"=&=&=", b"a" * 250_000,
        b"grant_type=refresh_token&grant_type[]=x", b"%67rant_type=x&grant_type=y", "token=x".encode("utf-16"),
        b"grant_type=" + EXCHANGE.encode() + b"&subject_token=%00&subject_token_type=" + ACCESS.encode() + b"&scope=x",
    ],
    ids=lambda body: ascii(body)[:40],
)  # fmt: skip
@pytest.mark.parametrize("target", ["token", "revoke", "introspect", "device_authorization"])
def test_no_form(client: Client, target: str, body: bytes) -> None:
    for kind in (FORM, FORM + "; charset=utf-16", FORM + "; charset=" + "x" * 500):
        answer = raw.request(client.running.port, "POST", f"/oauth/{target}", body, content_type=kind)
        assert answer and answer.status in (200, 400, 401), answer
        assert answer.json == {} or {"error", "code"} & answer.json.keys()


@pytest.mark.parametrize(
    "body",
    [
        b"\xff", b"[]", b"null", b"[" * 100_000, b'{"client_name":"x","redirect_uris":null}',
        b'{"client_name": "\\ud800", "redirect_uris": ["http://127.0.0.1/"]}',
        b'{"client_name":"x","redirect_uris":["http://127.0.0.1/\\ud800"]}',
        b'{"client_name":"x","redirect_uris":["http://127.0.0.1/"],"grant_types":[]}',
        b'{"client_name":"x","redirect_uris":["http://127.0.0.1/"],"jwks":' + b"1" * 5000 + b"}",
        b'{"client_name":"x","client_name":"y","redirect_uris":["http://127.0.0.1/"]}',
    ],
    ids=lambda body: ascii(body)[:40],
)  # fmt: skip
def test_no_metadata(client: Client, body: bytes) -> None:
    client.let_in()
    refused = raw.request(client.running.port, "POST", "/oauth/register", body)
    assert refused and refused.status == 400 and refused.json["error"].startswith("invalid_")


@pytest.mark.parametrize("part", ["code=x", "iss=http://other", "state=", "error=access_denied", "a=1&%63ode=x"])
def test_no_address_says_what_an_answer_says(client: Client, part: str) -> None:
    """Its owner would see two codes, or an issuer that is not ours, and might believe the wrong one."""
    client.let_in()
    refused = client.register(redirect_uris=[f"{BACK}?{part}"])
    assert refused.status == 400 and refused.json["error"] == "invalid_redirect_uri"
    assert client.register(redirect_uris=[f"{BACK}?tenant=1"]).status == 201


def test_of_many_at_once_as_many_register_as_may(client: Client) -> None:
    client.let_in()
    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda _: client.register().status, range(3 * limits.REGISTERING)))
    assert said.count(201) == limits.REGISTERING and set(said) == {201, 403}
