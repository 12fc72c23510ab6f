"""What an adversary tries on the authorization server, over real HTTP."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from tests.api import raw
from tests.api.conftest import Running
from tests.api.oauth.conftest import BACK, CLAUDE_CODE, NOTES, ZED, Client, told
from vault.types import ApproveRequest, Filter

# ---------------------------------------------------------------- where the answer goes


@pytest.mark.parametrize(
    "redirect",
    [
        "https://evil.example/callback", "http://evil.example/callback", "//evil.example", "/callback", "",
        "http://127.0.0.1:4711/callback/", "http://127.0.0.1:4711/Callback", "http://127.0.0.1:4711/callback?x=1",
        "http://127.0.0.1:4711/callback#x", "http://127.0.0.1:4711/callback/../evil", "https://127.0.0.1:4711/callback",
        "http://127.0.0.1:4711@evil.example/callback", "http://evil.example@127.0.0.1:4711/callback",
        "http://127.0.0.1.evil.example/callback", "http://127.0.0.1:4711\\@evil.example/callback",
        "http://127.0.0.1:x/callback", "http://127.0.0.1:999999/callback", "http://127.1:4711/callback",
        "http://0x7f000001:4711/callback", "http://2130706433/callback", "http://[::1]:4711/callback",
        "http://[::ffff:127.0.0.1]:4711/callback", "http://127.0.0.1:4711/callback\r\nX: y", "javascript:alert(1)",
        "data:text/html,x", "http://127.0.0.1:4711/%63allback", "HTTP://127.0.0.1:4711/callback",
        " http://127.0.0.1:4711/callback", "http://127.0.0.1:4711/callback ", "http://127.0.0.1:4711/callback\x00",
    ],
)  # fmt: skip
def test_no_other_address_gets_an_answer(client: Client, redirect: str) -> None:
    refused = client.authorize(redirect_uri=redirect)
    assert refused.status == 400 and "location" not in refused.headers
    assert b"evil" not in refused.body and b"<a" not in refused.body


@pytest.mark.parametrize(
    "redirect", ["http://127.0.0.1:1/callback", "http://localhost:65535/callback", "http://127.0.0.1/callback"]
)
def test_the_port_of_this_machine_is_free(client: Client, redirect: str) -> None:
    _, id = client.wait(redirect_uri=redirect)
    client.approve(id)


def test_a_client_that_registered_localhost_gets_no_other_port(client: Client) -> None:
    client.let_in()
    made = client.register(redirect_uris=["http://localhost:7777/cb", "http://127.0.0.1:7777/cb"]).json
    other = Client(client.running, made["client_id"])
    assert other.authorize(redirect_uri="http://localhost:7778/cb").status == 400
    for fine in ("http://localhost:7777/cb", "http://127.0.0.1:7778/cb"):
        _, id = other.wait(redirect_uri=fine)
        other.approve(id)


@pytest.mark.parametrize(
    "unknown",
    [
        "",
        "nobody",
        "https://evil.example/client.json",
        "http://127.0.0.1:1/client.json",
        CLAUDE_CODE + "/",
        "' OR 1=1 --",
    ],
)
def test_no_other_client_is_known_and_nothing_is_fetched(client: Client, unknown: str) -> None:
    refused = client.authorize(client_id=unknown)
    assert refused.status == 400 and "location" not in refused.headers


def test_everything_else_goes_back_to_the_client_with_the_issuer(client: Client) -> None:
    for change, error in (
        ({"response_type": "token"}, "unsupported_response_type"), ({"scope": "admin"}, "invalid_scope"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"), ({"resource": None}, "invalid_target"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"other"}]'}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"vault_query","purpose":"p","actions":["forget"]}]'},
         "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"vault_query","purpose":"p","purpose":"q"}]'},
         "invalid_authorization_details"),
        ({"authorization_details": "{"}, "invalid_authorization_details"),
        ({"authorization_details": "[" * 5000}, "invalid_authorization_details"),
    ):  # fmt: skip
        sent = client.authorize(**change, state="s1")
        assert sent.status == 303 and sent.headers["location"].startswith(BACK + "?")
        said = told(sent)
        assert (said["error"], said["state"], said["iss"]) == (error, "s1", client.issuer), change


# ---------------------------------------------------------------- PKCE


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": None, "code_challenge_method": None}, {"code_challenge": None},
        {"code_challenge_method": None}, {"code_challenge_method": "plain"}, {"code_challenge_method": "s256"},
        {"code_challenge": ""}, {"code_challenge": "x" * 42}, {"code_challenge": "x" * 44},
        {"code_challenge": "~" * 43},
    ],
)  # fmt: skip
def test_no_challenge_but_s256(client: Client, change: dict[str, str | None]) -> None:
    assert told(client.authorize(**change))["error"] == "invalid_request"


def test_no_verifier_no_token(client: Client) -> None:
    said = client.code()
    assert client.redeem(said["code"], code_verifier=None).json["error"] == "invalid_request"
    assert client.redeem(said["code"], code_verifier="w" * 43).json["error"] == "invalid_grant"
    assert client.redeem(said["code"]).json["error"] == "invalid_grant", "it is burnt"


# ---------------------------------------------------------------- the browser


CROSS = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def test_a_page_elsewhere_may_lead_here_and_no_further(client: Client) -> None:
    target = "/oauth/authorize?" + urlencode(client.parameters())
    page = client.get(target, **CROSS)
    assert page.status == 200
    id = page.body.decode().partition("ownvault deny ")[2][:17]
    client.approve(id)
    for change in ({"sec_fetch_mode": "cors"}, {"sec_fetch_mode": "no-cors"}, {"sec_fetch_dest": "iframe"},
                   {"sec_fetch_dest": "image"}, {"origin": "https://evil.example"}):  # fmt: skip
        assert client.get(target, **CROSS | change).status == 403
    for elsewhere in ("/oauth/authorize/x", "/oauth/device", "/oauth/style.css", "/v1/requests", "/oauth/authorize/"):
        assert client.get(elsewhere, **CROSS).status == 403


def test_a_page_elsewhere_sends_no_form(client: Client) -> None:
    for target in ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization"):
        for said in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
            assert client.post(target, {"token": "x"}, **said).status == 403
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/json", None):
            assert client.post(target, {"token": "x"}, content_type=kind).status == 415
    assert client.post("/oauth/register", {"client_name": "x"}).status == 415
    assert client.post("/oauth/authorize", client.parameters()).status == 415


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}"]
)
def test_a_rebound_name_gets_nothing(client: Client, host: str) -> None:
    said = host.format(port=client.running.port)
    for target in ("/.well-known/oauth-authorization-server", "/oauth/authorize?" + urlencode(client.parameters())):
        assert client.get(target, host=said).status == 400


def test_no_page_can_be_framed_scripted_or_kept(client: Client) -> None:
    place, id = client.wait()
    pages = [client.get(place), client.get("/oauth/device"), client.authorize(client_id="x")]
    client.approve(id)
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(rb"<script|style=|\son\w+=|javascript:", page.body)


def test_nothing_on_the_page_decides(client: Client) -> None:
    place, id = client.wait()
    for method in ("POST", "DELETE", "PATCH"):
        for target in (place, "/oauth/authorize", f"/v1/requests/{id}/approve"):
            answer = raw.request(client.running.port, method, target, b"{}")
            assert answer and answer.status in (401, 405, 404)
    assert client.get(place + "?go").status == 200, "it still waits"
    client.running.remote.deny(client.running.owner, id)
    assert told(client.get(place + "?go"))["error"] == "access_denied"


def test_a_handle_is_not_guessed(client: Client) -> None:
    for handle in ("x", "A" * 43, "..%2f..%2fv1%2fgrants", "%00", "q0000000000000000"):
        assert client.get(f"/oauth/authorize/{handle}?go").status == 404


def test_names_and_words_of_strangers_are_text(client: Client) -> None:
    client.let_in()
    name = "<b>Claude</b>\u202egnp\u202c \"x\" 'y'\n&amp;"
    made = client.register(client_name=name).json
    assert (
        made["client_name"] == f"b Claude b gnp x 'y' &amp ({made['client_id'][-4:]})" or "<" not in made["client_name"]
    )
    other = Client(client.running, made["client_id"])
    details = '[{"type":"vault_query","purpose":"<script>alert(1)</script>\\u202e"}]'
    page = other.authorize(authorization_details=details, state="<script>")
    assert page.status == 200 and b"<script" not in page.body and "\u202e".encode() not in page.body
    assert b"nobody has checked" in page.body
    (view,) = (one for one in other.running.remote.requests(other.running.owner) if one.client == made["client_name"])
    assert "\u202e" not in view.purpose
    other.approve(view.id)


def test_nobody_takes_the_name_of_another(client: Client) -> None:
    client.let_in()
    names = {client.register(client_name="Claude Code").json["client_name"] for _ in range(2)}
    assert len(names) == 2 and "Claude Code" not in names
    assert client.register(client_name="\u200b\u202e").json["error"] == "invalid_client_metadata"


def test_nobody_registers_outside_the_window(client: Client) -> None:
    client.running.remote.close_pairing(client.running.owner)
    refused = client.register()
    assert refused.status == 403 and refused.json["error"] == "access_denied"
    assert "ownvault pairing open" in refused.json["error_description"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": ["javascript:alert(1)"]}, {"redirect_uris": ["http://evil.example/cb"]},
        {"redirect_uris": []}, {"grant_types": ["password"]}, {"redirect_uris": ["https://"]}, {"client_name": 1},
        {"redirect_uris": "https://x.example"}, {"redirect_uris": [1]}, {"redirect_uris": ["https://x.example/#f"]},
        {"redirect_uris": ["https://u:p@x.example/"]}, {"redirect_uris": ["https://x.example/" + "x" * 3000]},
        {"redirect_uris": [f"https://x.example/{n}" for n in range(11)]},
        {"redirect_uris": ["data:text/html,x"]}, {"redirect_uris": ["file:///etc/passwd"]},
        {"redirect_uris": ["vault:x"]}, {"redirect_uris": ["https://x.example\\@evil.example/"]},
    ],
    ids=str,
)  # fmt: skip
def test_no_registration(client: Client, metadata: dict[str, object]) -> None:
    client.let_in()
    refused = client.register(**metadata)
    assert refused.status == 400 and refused.json["error"] in ("invalid_redirect_uri", "invalid_client_metadata")


# ---------------------------------------------------------------- tokens


def test_a_code_that_comes_again_ends_what_it_made(client: Client) -> None:
    code = client.code()["code"]
    done = client.redeem(code).json
    assert client.search(f"Bearer {done['access_token']}").status == 200
    assert client.redeem(code).json["error"] == "invalid_grant"
    assert client.search(f"Bearer {done['access_token']}").status == 401
    assert client.refresh(done["refresh_token"]).json["error"] == "invalid_grant"


def test_a_refresh_token_that_comes_again_ends_its_family(client: Client) -> None:
    first = client.tokens()
    second = client.refresh(first["refresh_token"]).json
    third = client.refresh(second["refresh_token"]).json
    assert client.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert client.refresh(third["refresh_token"]).json["error"] == "invalid_grant"
    assert client.search(f"Bearer {third['access_token']}").status == 401


def test_what_stands_in_the_address_does_not_count(client: Client) -> None:
    done, body = client.tokens(), b'{"query": "bolts"}'
    for target in (f"/v1/search?access_token={done['access_token']}", f"/v1/search?token={done['access_token']}"):
        answer = raw.request(client.running.port, "POST", target, body)
        assert answer and answer.status == 401
    answer = raw.request(client.running.port, "POST", f"/mcp?access_token={done['access_token']}", b"{}")
    assert answer and answer.status == 401
    code = client.code()["code"]
    said = {"grant_type": "authorization_code", "code": code, "client_id": client.id, "redirect_uri": client.redirect,
            "code_verifier": client.verifier}  # fmt: skip
    assert client.post("/oauth/token?" + urlencode(said), {}).status == 400
    assert client.get("/oauth/token?" + urlencode(said)).status == 405
    assert client.redeem(code).status == 200, "nobody has seen it"


def test_another_issuer_redeems_nothing(client: Client) -> None:
    said = client.code()
    assert said["iss"] == client.issuer
    form = {"grant_type": "authorization_code", "code": said["code"], "client_id": client.id,
            "redirect_uri": client.redirect, "code_verifier": client.verifier}  # fmt: skip
    refused = client.post("/oauth/token", form, host=f"localhost:{client.running.port}")
    assert refused.json["error"] == "invalid_grant"


def test_what_is_said_twice_is_not_heard(client: Client) -> None:
    for target in ("/oauth/token", "/oauth/revoke", "/oauth/device_authorization"):
        body = f"client_id={ZED}&client_id={CLAUDE_CODE}&token=x&grant_type=refresh_token".encode()
        answer = raw.request(
            client.running.port, "POST", target, body, content_type="application/x-www-form-urlencoded"
        )
        assert answer and answer.status == 400 and "more than once" in answer.json["error_description"]
    twice = client.get("/oauth/authorize?" + urlencode(client.parameters()) + "&redirect_uri=https://evil.example")
    assert twice.status == 400 and "location" not in twice.headers


@pytest.mark.parametrize(
    "kind", ["password", "client_credentials", "implicit", "", "urn:ietf:params:oauth:grant-type:jwt-bearer"]
)
def test_no_other_kind_of_grant(client: Client, kind: str) -> None:
    answer = client.post("/oauth/token", {"grant_type": kind, "client_id": client.id, "username": "x", "password": "y"})
    assert answer.status == 400 and answer.json["error"] == "unsupported_grant_type"


def test_an_unknown_client_is_told_so_with_401(client: Client) -> None:
    answer = client.post("/oauth/token", {"grant_type": "refresh_token", "client_id": "c0", "refresh_token": "x"})
    assert answer.status == 401 and answer.json["error"] == "invalid_client"


def test_a_huge_request_is_turned_away(client: Client) -> None:
    assert client.post("/oauth/token", {"grant_type": "x" * 300_000}).status == 400


def test_a_token_is_good_within_its_grant_only(client: Client) -> None:
    place, id = client.wait()
    client.approve(id, ApproveRequest(filter=Filter(collections=("private",))))
    done = client.redeem(told(client.get(place + "?go"))["code"]).json
    hits = client.search(f"Bearer {done['access_token']}").json["hits"]
    assert {hit["collection"] for hit in hits} == {"private"}
    assert done["authorization_details"][0]["datatypes"] == ["private"]


def test_the_log_holds_no_secret(running: Running, client: Client) -> None:
    done = client.tokens()
    log = running.server.log.read_text()
    assert done["access_token"] not in log and done["refresh_token"] not in log


def test_approving_needs_the_owner(client: Client) -> None:
    done = client.tokens()
    place, id = client.wait()
    answer = raw.request(client.running.port, "POST", f"/v1/requests/{id}/approve", b"{}",
                         authorization=f"Bearer {done['access_token']}")  # fmt: skip
    assert answer and answer.status == 403
    client.approve(id, NOTES)
    assert "code" in told(client.get(place + "?go"))
