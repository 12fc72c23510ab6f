"""Devices, exchange, revocation and introspection, and what a locked or killed server says, over real HTTP."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.api import raw
from tests.api.conftest import Running, new, started, stopped
from tests.api.oauth.conftest import NOTES, Client, told
from tests.support import PASSPHRASE
from vault.api.client import RemoteVault
from vault.types import AddRequest, Draft, Holder

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


# ---------------------------------------------------------------- devices


@pytest.fixture
def tv(client: Client) -> Client:
    client.let_in()
    return Client(
        client.running, client.register(client_name="TV", redirect_uris=[], grant_types=[DEVICE]).json["client_id"]
    )


def test_a_device(tv: Client) -> None:
    asked = tv.post("/oauth/device_authorization", {"client_id": tv.id, "resource": tv.issuer + "/mcp"})
    assert asked.status == 200
    said = asked.json
    assert said["expires_in"] == 600 and said["interval"] == 5
    assert re.fullmatch("[B-Z]{4}-[B-Z]{4}", said["user_code"])
    assert said["verification_uri_complete"] == f"{tv.issuer}/oauth/device?user_code={said['user_code']}"
    poll = {"grant_type": DEVICE, "client_id": tv.id, "device_code": said["device_code"]}
    assert tv.post("/oauth/token", poll).json["error"] == "authorization_pending"
    assert tv.post("/oauth/token", poll).json["error"] == "slow_down"
    empty = tv.get("/oauth/device")
    assert empty.status == 200 and b"<form" in empty.body and b"TV (" not in empty.body
    assert tv.get("/oauth/device?user_code=XXXX-XXXX").status == 404
    page = tv.get(f"/oauth/device?user_code={said['user_code'].lower().replace('-', '+')}")
    text = page.body.decode()
    assert page.status == 200 and "TV (" in text and said["user_code"] in text and said["device_code"] not in text
    id = re.search("q[0-9a-f]{16}", text)
    assert id
    shown = tv.running.server.command("requests").stdout
    assert said["user_code"] in shown and "TV (" in shown
    tv.approve(id[0])
    done = tv.post("/oauth/token", poll)
    assert done.status == 200 and tv.search(f"Bearer {done.json['access_token']}").status == 200
    assert tv.post("/oauth/token", poll).json["error"] == "invalid_grant"
    assert tv.search(f"Bearer {done.json['access_token']}").status == 401


def test_a_device_that_is_denied(tv: Client) -> None:
    said = tv.post("/oauth/device_authorization", {"client_id": tv.id, "resource": tv.issuer + "/mcp"}).json
    (view,) = (one for one in tv.running.remote.requests(tv.running.owner) if one.asker and one.asker.id == tv.id)
    tv.running.remote.deny(tv.running.owner, view.id)
    poll = {"grant_type": DEVICE, "client_id": tv.id, "device_code": said["device_code"]}
    assert tv.post("/oauth/token", poll).json["error"] == "access_denied"
    assert tv.post("/oauth/token", poll).json["error"] == "expired_token"


def test_no_device(client: Client) -> None:
    asked = {"client_id": client.id, "resource": client.issuer + "/mcp"}
    assert client.post("/oauth/device_authorization", asked).json["error"] == "unauthorized_client"
    assert client.post("/oauth/device_authorization", asked | {"client_id": "x"}).json["error"] == "invalid_client"
    assert client.post("/oauth/token", {"grant_type": DEVICE, "client_id": client.id, "device_code": "x"}).json[
        "error"
    ] == "invalid_grant"  # fmt: skip


# ---------------------------------------------------------------- exchange, revocation, introspection


def test_an_exchange_narrows_and_never_widens(client: Client) -> None:
    done = client.tokens()
    ask = {"grant_type": EXCHANGE, "subject_token": done["access_token"], "subject_token_type": ACCESS}
    narrow = client.post("/oauth/token", ask | {"scope": "vault:search"})
    assert narrow.status == 200 and narrow.json["issued_token_type"] == ACCESS
    assert narrow.json["scope"] == "vault:search" and "refresh_token" not in narrow.json
    assert client.search(f"Bearer {narrow.json['access_token']}").status == 200
    details = '[{"type":"vault_query","purpose":"a helper","actions":["search"],"datatypes":["notes"],"max_results":1}]'
    helper = client.post("/oauth/token", ask | {"authorization_details": details}).json
    assert len(client.search(f"Bearer {helper['access_token']}").json["hits"]) == 1
    wider = details.replace("notes", "private")
    for said in ({"scope": "vault:add"}, {"authorization_details": wider}, {"scope": "everything"}):
        assert client.post("/oauth/token", ask | said).json["error"] == "invalid_scope"
    for said in ({}, {"subject_token": ""}, {"subject_token_type": "x"}, {"scope": "vault:search", "actor_token": "x"}):
        assert client.post("/oauth/token", ask | said).json["error"] == "invalid_request"
    forged = client.post("/oauth/token", ask | {"subject_token": "x", "scope": "vault:search"})
    assert forged.status == 401 or forged.json["error"]
    twice = client.post("/oauth/token", ask | {"subject_token": helper["access_token"], "scope": "vault:count"})
    assert twice.json["error"] == "invalid_scope"


def test_revocation(client: Client) -> None:
    done = client.tokens()
    for said in ({"token": "x"}, {"token": "ovr_" + "0" * 64}, {"token": client.running.owner.token},
                 {"token": done["refresh_token"], "client_id": "somebody"}):  # fmt: skip
        assert client.post("/oauth/revoke", said).status == 200, "it tells nothing"
    assert client.post("/oauth/revoke", {}).json["error"] == "invalid_request"
    assert client.search(f"Bearer {done['access_token']}").status == 200
    client.post(
        "/oauth/revoke", {"token": done["access_token"], "client_id": client.id, "token_type_hint": "refresh_token"}
    )
    assert client.search(f"Bearer {done['access_token']}").status == 401
    renewed = client.refresh(done["refresh_token"]).json
    assert client.search(f"Bearer {renewed['access_token']}").status == 200
    client.post("/oauth/revoke", {"token": renewed["refresh_token"], "client_id": client.id})
    assert client.search(f"Bearer {renewed['access_token']}").status == 401
    assert client.refresh(renewed["refresh_token"]).json["error"] == "invalid_grant"


def test_introspection_is_the_owners(client: Client) -> None:
    done = client.tokens()
    for authorization in (None, "Bearer x", f"Bearer {done['access_token']}"):
        answer = client.post("/oauth/introspect", {"token": done["access_token"]}, authorization=authorization)
        assert answer.status in (401, 403) and "active" not in answer.json
    owner = f"Bearer {client.running.owner.token}"
    seen = client.post("/oauth/introspect", {"token": done["access_token"]}, authorization=owner).json
    assert (seen["active"], seen["client_id"], seen["scope"]) == (True, client.id, done["scope"])
    assert seen["aud"].startswith("ownvault:") and "cnf" not in seen
    assert client.post("/oauth/introspect", {"token": done["refresh_token"]}, authorization=owner).json["active"]
    assert client.post("/oauth/introspect", {"token": "x"}, authorization=owner).json == {"active": False}


def test_the_style_sheet_is_all_that_a_page_loads(client: Client) -> None:
    sheet = client.get("/oauth/style.css")
    assert sheet.status == 200 and sheet.headers["content-type"].startswith("text/css")
    assert b"url(" not in sheet.body and b"@import" not in sheet.body


# ---------------------------------------------------------------- locked, killed


@pytest.fixture
def own(tmp_path: Path) -> Client:
    """A client of a server of its own."""
    server = started(new(tmp_path))
    remote = RemoteVault(server.address)
    owner = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
    remote.add(owner, AddRequest("notes", (Draft("a", "The keel bolts were replaced."),), "t"))
    yield Client(Running(server, remote, owner, owner))  # type: ignore[misc]
    stopped(server)


def test_locked_is_all_that_a_locked_vault_says(own: Client) -> None:
    done = own.tokens()
    own.running.remote.lock(own.running.owner)
    _until_locked(own)
    targets = ("/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource/mcp", "/oauth/device",
               "/oauth/authorize?client_id=x", "/oauth/authorize/x?go", "/oauth/style.css")  # fmt: skip
    for target in targets:
        answer = own.get(target)
        assert (answer.status, answer.json["code"]) == (503, "locked"), target
    crossing = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert own.get("/oauth/authorize?client_id=x", **crossing).status == 503
    for answer in (own.refresh(done["refresh_token"]), own.post("/oauth/revoke", {"token": "x"}), own.register()):
        assert (answer.status, answer.json["code"]) == (503, "locked")
    own.running.remote.unlock(bytearray(PASSPHRASE))
    assert own.refresh(done["refresh_token"]).status == 200, "what was granted outlives the lock"


def test_killed_between_two_refreshes_nothing_is_lost(own: Client) -> None:
    done = own.tokens()
    renewed = own.refresh(done["refresh_token"]).json
    place, id = own.wait()
    children = Path(f"/proc/{own.running.server.process.pid}/task/{own.running.server.process.pid}/children")
    (worker,) = map(int, children.read_text().split())
    os.kill(worker, signal.SIGKILL)
    _until_locked(own)
    own.running.owner = Holder(own.running.remote.unlock(bytearray(PASSPHRASE)).token)
    again = own.refresh(done["refresh_token"]).json
    assert again["refresh_token"] == renewed["refresh_token"], "the answer may have been lost with the worker"
    own.approve(id, NOTES)
    assert "code" in told(own.get(place + "?go")), "what waited still waits"


def _until_locked(client: Client) -> None:
    for _ in range(1000):
        answer = raw.request(client.running.port)
        if answer and answer.json["state"] == "locked":
            return
    raise AssertionError("it does not lock")


# ---------------------------------------------------------------- the owner's command line


def test_the_owner_sees_who_asks_and_decides_in_the_terminal(client: Client) -> None:
    place, id = client.wait()
    shown = " ".join(client.running.server.command("requests").stdout.split())
    for said in (id, "Claude Code asks to search, read and count", "a program that ownvault knows",
                 f"answer to {client.redirect}, on this machine"):  # fmt: skip
        assert said in shown
    refused = client.running.server.command("approve", id, check=False)
    assert refused.returncode == 2 and "say --all" in refused.stderr
    approved = client.running.server.command("approve", id, "--collection", "notes", "--expires", "1d")
    assert "Claude Code may search, read and count in notes" in " ".join(approved.stdout.split())
    assert "capability token" not in approved.stdout
    done = client.redeem(told(client.get(place + "?go"))["code"])
    assert done.status == 200
    other = client.wait()[1]
    assert client.running.server.json("approve", other, "--all")["granted"]["token"] == ""  # type: ignore[index]
