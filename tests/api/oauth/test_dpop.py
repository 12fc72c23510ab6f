"""Tokens bound to a key: good only with a fresh proof of it, on every interface."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.api import raw
from tests.api.conftest import Running
from tests.api.oauth.conftest import Client, told
from tests.support import run_command
from vault.api.client import RemoteVault
from vault.api.oauth.dpop import AROUND, Proofs
from vault.api.proving import Prover
from vault.errors import BadRequest, FlowRefused, Overloaded, Refused, Throttled
from vault.types import Filter, GrantRequest, Holder, SearchRequest

URL, TOKEN, NOW = "http://127.0.0.1:7117/v1/search", "a-token", 1_800_000_000.0
ATH = base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode()).digest()).rstrip(b"=").decode()
EC: Any = ECKey.generate_key("P-256")
ED: Any = OKPKey.generate_key("Ed25519")
SAID = {"jti": "1", "htm": "POST", "htu": URL, "iat": int(NOW), "ath": ATH}


def signed(said: Any = SAID, key: Any = EC, alg: str = "ES256", **header: Any) -> str:
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False)} | header
    return jws.serialize_compact(head, json.dumps(said).encode(), key, algorithms=[alg])


def forged(header: dict[str, Any], said: Any = SAID) -> str:
    """Return a proof whose signature is right, by the key EC, under a header that the library would not write."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, said)]
    r, s = decode_dss_signature(EC.private_key.sign(b".".join(parts), ECDSA(SHA256())))
    signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


USUAL = {"typ": "dpop+jwt", "alg": "ES256", "jwk": EC.as_dict(private=False)}


def check(proof: str, proofs: Proofs | None = None, **change: Any) -> str:
    said: dict[str, Any] = {"method": "POST", "url": URL, "now": NOW, "token": TOKEN} | change
    return (proofs or Proofs()).check(proof, **said)


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (ED, "Ed25519")])
def test_a_proof_names_its_key(key: Any, alg: str) -> None:
    assert check(signed(key=key, alg=alg)) == key.thumbprint()


@pytest.mark.parametrize(
    "change",
    [
        {"htm": "GET"}, {"htm": "post"}, {"htu": URL + "/"}, {"htu": "https://127.0.0.1:7117/v1/search"},
        {"htu": "http://localhost:7117/v1/search"}, {"htu": "http://[::1"}, {"htu": 1}, {"htu": None},
        {"iat": int(NOW) - AROUND - 1}, {"iat": int(NOW) + AROUND + 1}, {"iat": "now"}, {"iat": None}, {"iat": True},
        {"iat": float("1e400")}, {"ath": "x"}, {"ath": None}, {"jti": ""},
        {"jti": "x" * 257}, {"jti": 1}, {"jti": None},
    ],
    ids=str,
)  # fmt: skip
def test_it_says_something_else(change: dict[str, object]) -> None:
    with pytest.raises(FlowRefused) as refused:
        check(signed(SAID | change))
    assert refused.value.error == "invalid_dpop_proof"


@pytest.mark.parametrize("fine", [{"htu": URL + "?q=1#f"}, {"htu": "HTTP://127.0.0.1:7117/v1/%73earch"},
                                  {"iat": int(NOW) - AROUND}, {"iat": NOW + AROUND}, {"more": "x"}])  # fmt: skip
def test_what_does_not_matter(fine: dict[str, object]) -> None:
    assert check(signed(SAID | fine))


@pytest.mark.parametrize(
    "proof",
    [
        "", "x", "a.b.c", "...", "é.é.é", signed() + "x", "x" * 5000, signed(typ="JWT"), signed()[:-4],
        *(forged(USUAL | change) for change in (
            {"jwk": ED.as_dict(private=False)}, {"jwk": EC.as_dict(private=True)}, {"jwk": {}}, {"jwk": "x"},
            {"jwk": {"kty": "EC", "crv": "P-256", "x": 1, "y": 2}}, {"jwk": None}, {"alg": ["ES256"]}, {"alg": "none"},
            {"crit": ["b64"], "b64": True}, {"typ": None},
        )), forged(USUAL, ["a list"]), forged({}), forged({"typ": "dpop+jwt"}),
    ],
    ids=lambda proof: "",  # proofs are new each time
)  # fmt: skip
def test_no_proof(proof: str) -> None:
    with pytest.raises(FlowRefused):
        check(proof)


def test_the_forger_can_sign() -> None:
    assert check(forged(USUAL)) == EC.thumbprint()


def test_no_other_algorithm() -> None:
    rsa: Any = RSAKey.generate_key(2048)
    wide: Any = ECKey.generate_key("P-384")
    secret = {"kty": "oct", "k": "AAAA"}
    for proof in (forged(USUAL | {"alg": "HS256", "jwk": secret}), signed(key=rsa, alg="RS256"),
                  signed(key=wide, alg="ES384"), forged(USUAL | {"alg": "none"}).rpartition(".")[0] + "."):  # fmt: skip
        with pytest.raises(FlowRefused):
            check(proof)


def test_a_proof_is_good_once_for_each_key() -> None:
    proofs = Proofs()
    check(signed(), proofs)
    for _ in range(2):
        with pytest.raises(FlowRefused):
            check(signed(), proofs)
    assert check(signed(key=ED, alg="Ed25519"), proofs) == ED.thumbprint()
    assert check(signed(SAID | {"jti": "2"}), proofs)


def test_a_proof_is_remembered_as_long_as_it_could_come_again() -> None:
    proofs = Proofs()
    early = SAID | {"iat": int(NOW) + AROUND}
    check(signed(early), proofs)
    with pytest.raises(FlowRefused):
        check(signed(early), proofs, now=NOW + 2 * AROUND - 1)
    check(signed(SAID | {"jti": "2", "iat": int(NOW) + 500}), proofs, now=NOW + 500)
    assert len(proofs._used) == 1, "and not longer"


def test_who_floods_is_turned_away_alone() -> None:
    proofs = Proofs(each=2)
    for jti in "ab":
        check(signed(SAID | {"jti": jti}), proofs)
    with pytest.raises(Throttled):
        check(signed(SAID | {"jti": "c"}), proofs)
    assert check(signed(key=ED, alg="Ed25519"), proofs) == ED.thumbprint()
    assert check(signed(SAID | {"jti": "c", "iat": int(NOW) + 200}), proofs, now=NOW + 200)


def test_a_proof_from_before_the_start_may_have_been_used() -> None:
    """After a lock and an unlock nobody remembers the proofs that the process before had seen."""
    with pytest.raises(FlowRefused) as refused:
        check(signed(), Proofs(since=NOW + 1))
    assert refused.value.reason == "dpop_before_start"
    assert check(signed(), Proofs(since=int(NOW) + 0.9)), "proofs say whole seconds"


def test_what_is_remembered_is_bounded() -> None:
    proofs = Proofs(most=3)
    for jti in "abc":
        check(signed(SAID | {"jti": jti}), proofs)
    with pytest.raises(Overloaded):
        check(signed(SAID | {"jti": "d"}), proofs)
    assert check(signed(SAID | {"jti": "d", "iat": int(NOW) + 200}), proofs, now=NOW + 200)


# ---------------------------------------------------------------- on a server


@pytest.fixture
def prover(tmp_path: Path) -> Prover:
    return Prover.make(tmp_path / "key")


def bound(running: Running, prover: Prover) -> str:
    request = GrantRequest("bound", filter=Filter(collections=("notes",)), holder=prover.thumbprint)
    return running.remote.grant(running.owner, request).token


def test_a_stolen_token_is_no_good_without_its_key(client: Client, prover: Prover, tmp_path: Path) -> None:
    token, url = bound(client.running, prover), client.issuer + "/v1/search"
    thief = Prover.make(tmp_path / "thief")
    assert client.search(f"Bearer {token}").status == 401
    assert client.search(f"DPoP {token}").status == 401
    proof = prover.proof("POST", url, token)
    assert client.search(f"DPoP {token}", dpop=proof).status == 200
    elsewhere = (client.issuer + "/v1/count", f"http://localhost:{client.running.port}/v1/search")
    others = [("GET", url, token), ("POST", url, ""), ("POST", url, "x"), *(("POST", it, token) for it in elsewhere)]
    for stolen in (proof, *(prover.proof(*one) for one in others), thief.proof("POST", url, token), "", "x"):
        refused = client.search(f"DPoP {token}", dpop=stolen)
        assert refused.status == 401 and refused.headers["www-authenticate"].startswith("DPoP ")
    twice = prover.proof("POST", url, token)
    assert client.search(f"DPoP {token}", dpop=f"{twice}\r\ndpop: {prover.proof('POST', url, token)}").status == 401


def test_a_token_of_no_key_needs_none_but_a_false_proof_is_refused(client: Client, prover: Prover) -> None:
    token, url = client.running.claude.token, client.issuer + "/v1/search"
    assert client.search(f"DPoP {token}", dpop=prover.proof("POST", url, token)).status == 200
    assert client.search(f"DPoP {token}", dpop="x").status == 401
    assert client.search(f"DPoP {token}").status == 401


def test_mcp_asks_for_the_proof_too(client: Client, prover: Prover) -> None:
    token, url = bound(client.running, prover), client.issuer + "/mcp"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    told_ = {"accept": "application/json, text/event-stream", "mcp_protocol_version": "2025-11-25"}

    def ask(**headers: str) -> int:
        answer = raw.request(client.running.port, "POST", "/mcp", body, **told_ | headers)
        assert answer
        return answer.status

    assert ask(authorization=f"Bearer {token}") == 401
    proof = prover.proof("POST", url, token)
    assert ask(authorization=f"DPoP {token}", dpop=proof) == 200
    assert ask(authorization=f"DPoP {token}", dpop=proof) == 401
    rest = prover.proof("POST", client.issuer + "/v1/search", token)
    assert ask(authorization=f"DPoP {token}", dpop=rest) == 401


def test_the_typed_client_proves_its_key(client: Client, prover: Prover, tmp_path: Path) -> None:
    holder = Holder(bound(client.running, prover))
    with_key = RemoteVault(client.issuer, prover=Prover.read(tmp_path / "key"))
    assert with_key.search(holder, SearchRequest("bolts")).hits
    assert with_key.search(holder, SearchRequest("bolts")).hits, "each with a proof of its own"
    with pytest.raises(Refused):
        RemoteVault(client.issuer).search(holder, SearchRequest("bolts"))


def test_the_command_line_proves_its_key(running: Running, tmp_path: Path) -> None:
    key = tmp_path / "cli.key"
    thumbprint = running.server.command("token", "key", str(key)).stdout.strip()
    assert key.stat().st_mode & 0o777 == 0o600
    made = running.server.json("grant", "script", "--collection", "notes", "--holder", thumbprint)
    environment = running.server.environment | {"OWNVAULT_TOKEN": str(made["token"])}
    server = running.server.__class__(**{**vars(running.server), "environment": environment})
    assert server.command("search", "bolts", check=False).returncode == 4
    environment["OWNVAULT_KEY_FILE"] = str(key)
    assert "Keel bolts" in server.command("search", "bolts").stdout
    assert server.command("token", "key", str(key), check=False).returncode == 2, "a key is never overwritten"
    key.chmod(0o644)
    assert "others can read" in server.command("search", "bolts", check=False).stderr


def test_the_bridge_proves_its_key(running: Running, prover: Prover, tmp_path: Path) -> None:
    ask = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}) + "\n"
    environment = running.server.environment | {"OWNVAULT_TOKEN": bound(running, prover)}
    assert '"tools"' not in run_command(environment, "mcp", stdin=ask, check=False).stdout
    environment["OWNVAULT_KEY_FILE"] = str(tmp_path / "key")
    answer = json.loads(run_command(environment, "mcp", stdin=ask).stdout)
    assert {tool["name"] for tool in answer["result"]["tools"]} >= {"search", "fetch"}


NO_KEYS = ["", "x", "{}", "[]", '{"kty":"oct","k":"AA"}', json.dumps(ED.as_dict(private=False))]


@pytest.mark.parametrize("text", NO_KEYS, ids=["empty", "x", "object", "list", "secret", "public"])
def test_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadRequest):
        Prover.read(path)
    with pytest.raises(BadRequest):
        Prover.read(tmp_path / "none")


def test_tokens_over_oauth_are_bound_to_the_key_that_asked(client: Client, prover: Prover, tmp_path: Path) -> None:
    place = client.issuer + "/oauth/token"
    code = client.code(dpop_jkt=prover.thumbprint)["code"]
    said = {"grant_type": "authorization_code", "code": code, "client_id": client.id, "redirect_uri": client.redirect,
            "code_verifier": client.verifier}  # fmt: skip
    done = client.post("/oauth/token", said, dpop=prover.proof("POST", place)).json
    assert done["token_type"] == "DPoP"
    url = client.issuer + "/v1/search"
    assert client.search(f"Bearer {done['access_token']}").status == 401
    proof = prover.proof("POST", url, done["access_token"])
    assert client.search(f"DPoP {done['access_token']}", dpop=proof).status == 200
    renew = {"grant_type": "refresh_token", "refresh_token": done["refresh_token"], "client_id": client.id}
    thief = Prover.make(tmp_path / "thief")
    assert client.post("/oauth/token", renew).json["error"] == "invalid_grant"
    assert client.post("/oauth/token", renew, dpop=thief.proof("POST", place)).json["error"] == "invalid_grant"
    assert client.post("/oauth/token", renew, dpop="x").json["error"] == "invalid_dpop_proof"
    assert client.post("/oauth/token", renew, dpop=prover.proof("POST", place)).json["token_type"] == "DPoP"


def test_a_code_of_a_key_is_nobody_elses(client: Client, prover: Prover) -> None:
    code = client.code(dpop_jkt=prover.thumbprint)["code"]
    assert client.redeem(code).json["error"] == "invalid_grant"


def test_our_own_client_must_have_a_key(client: Client, prover: Prover) -> None:
    own = Client(client.running, "ownvault-cli")
    place, id = own.wait()
    own.approve(id)
    code = told(own.get(place + "?go"))["code"]
    assert own.redeem(code).json["error"] == "invalid_dpop_proof"
    said = {"grant_type": "authorization_code", "code": code, "client_id": own.id, "redirect_uri": own.redirect,
            "code_verifier": own.verifier}  # fmt: skip
    assert own.post("/oauth/token", said, dpop=prover.proof("POST", own.issuer + "/oauth/token")).status == 200


def test_proofs_are_of_this_moment(client: Client, prover: Prover, monkeypatch: pytest.MonkeyPatch) -> None:
    token, url = bound(client.running, prover), client.issuer + "/v1/search"
    now = time.time()
    for offset, status in ((-AROUND - 5, 401), (AROUND + 5, 401), (0, 200), (AROUND - 20, 200)):
        monkeypatch.setattr(time, "time", lambda offset=offset: now + offset)
        proof = prover.proof("POST", url, token)
        monkeypatch.undo()
        assert client.search(f"DPoP {token}", dpop=proof).status == status
