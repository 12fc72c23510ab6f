"""Coming in, and staying out: pairing, its end, stolen tokens, forged heads, a hostile extension, an impostor."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from playwright.sync_api import expect

from tests.e2e.axe import violations
from tests.extension.browser import Extension, Sites, chromium
from tests.extension.house import RIGHTS, House
from vault.types import PairApproval

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

CAPTURE_ONLY = PairApproval(collections=("web",))


# ---------------------------------------------------------------- in


def test_the_owner_compares_words_and_lets_the_browser_in(house: House, extension: Extension) -> None:
    popup = house.ask_to_pair(extension)
    words = popup.locator("#words li").all_inner_texts()
    assert len(words) == 3
    (waiting,) = house.vault.browsers(house.owner).waiting
    shown = house.server.command("extension", "pair", "--json", check=False).stdout
    assert all(word in shown for word in words), shown
    assert waiting.origin == extension.origin and waiting.name == "Chromium on Linux"
    assert popup.locator("#pair-command").inner_text() == f"ownvault extension pair {' '.join(words)}"
    wrong = house.server.command("extension", "pair", words[1], words[0], words[2], check=False)
    assert wrong.returncode != 0 and house.vault.browsers(house.owner).browsers == ()
    house.server.command("extension", "pair", *words)
    expect(popup.locator("#standing")).to_have_text("vault open")
    expect(popup.get_by_label("Collection")).to_have_value("web")
    view = next(one for one in house.vault.browsers(house.owner).browsers if one.ended is None)
    assert [str(right) for right in view.rights] == ["capture"]
    expect(popup.get_by_role("button", name="Search")).to_be_visible()
    house.vault.unpair(house.owner, view.id)


def test_who_is_turned_away_is_told_nothing_more(house: House, extension: Extension) -> None:
    popup = house.ask_to_pair(extension)
    (waiting,) = house.vault.browsers(house.owner).waiting
    house.vault.refuse_browser(house.owner, waiting.id)
    expect(popup.get_by_role("button", name="Pair with my vault")).to_be_visible()
    assert house.vault.browsers(house.owner).waiting == ()


def test_a_person_who_thinks_better_of_it_cancels(house: House, extension: Extension) -> None:
    popup = house.ask_to_pair(extension)
    popup.get_by_role("button", name="Cancel").click()
    expect(popup.get_by_role("button", name="Pair with my vault")).to_be_visible()
    assert house.vault.browsers(house.owner).waiting == ()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("http://example.org:7117", "no address on this computer"),
        ("127.0.0.1:1", "does not answer"),
        ("SITE", "answered"),
    ],
)
def test_an_address_that_is_no_vault_says_so(extension: Extension, web: Sites, typed: str, said: str) -> None:
    popup = extension.open("popup.html")
    popup.get_by_text("The vault is at another port").click()
    popup.get_by_label("Address").fill(typed.replace("SITE", f"127.0.0.1:{web.port}"))
    popup.get_by_role("button", name="Pair with my vault").click()
    expect(popup.locator("#notice")).to_contain_text(said)


# ---------------------------------------------------------------- out


def test_unpairing_here_ends_it_there(house: House, extension: Extension) -> None:
    house.pair(extension)
    stolen = token(extension)
    settings = extension.open("settings.html")
    settings.get_by_role("button", name="Unpair this browser").click()
    expect(settings.get_by_role("button", name="Keep it")).to_be_focused()
    settings.get_by_role("button", name="Unpair now").click()
    expect(settings.locator("#notice")).to_contain_text("Unpaired.")
    view = next(one for one in house.vault.browsers(house.owner).browsers if one.origin == extension.origin)
    assert all(one.ended for one in house.vault.browsers(house.owner).browsers) and view.rights == ()
    assert call(house, "collections", {}, extension.origin, stolen)[0] == 401
    expect(extension.open("popup.html").get_by_role("button", name="Pair with my vault")).to_be_visible()


def test_unpairing_there_is_noticed_here_and_keeps_what_waits(house: House, extension: Extension, web: Sites) -> None:
    house.pair(extension)
    view = next(one for one in house.vault.browsers(house.owner).browsers if one.ended is None)
    page = extension.context.new_page()
    page.goto(web.url("news"))
    house.vault.unpair(house.owner, view.id)
    order = {
        "id": "kept-order",
        "tab": extension.tab(page),
        "what": "page",
        "collection": "web",
        "labels": [],
        "shown": True,
    }
    assert extension.ask("capture", order)["ok"]["where"] == "queue"
    popup = extension.open("popup.html")
    expect(popup.locator("#standing")).to_have_text("pairing ended")
    expect(popup.get_by_role("heading", name="1 item waiting for your vault")).to_be_visible()
    house.pair(extension)
    expect(extension.open("popup.html").locator("#waiting-part")).to_be_hidden()
    assert [one.url for one in house.records()] == [page.url]
    extension.ask("unpair")


def test_a_browser_that_may_only_save_finds_and_decides_nothing(house: House, extension: Extension) -> None:
    house.pair(extension, CAPTURE_ONLY)
    for name, body in (("search", {"query": "keel"}), ("read", {"id": "r1"}), ("requests", {})):
        assert extension.ask("vault", {"name": name, "body": body})["code"] == "not_allowed", name
    extension.ask("unpair")


# ---------------------------------------------------------------- what a thief has


def token(extension: Extension) -> str:
    return str(extension.worker.evaluate("chrome.storage.session.get('token').then(({token}) => token.token)"))


def call(
    house: House, name: str, body: Any, origin: str, bearing: str = "", key: ECKey | None = None, **heads: str
) -> tuple[int, dict[str, Any]]:
    """Call the vault as a program that can say whatever it likes in the head of a request."""
    host = house.server.address.removeprefix("http://")
    said = {"Host": host, "Content-Type": "application/json", "Origin": origin, "Sec-Fetch-Site": "none"}
    if bearing:
        said["Authorization"] = f"DPoP {bearing}"
    if key:
        said["DPoP"] = proof(key, f"{house.server.address}/extension/{name}", bearing)
    said |= {name.replace("_", "-"): value for name, value in heads.items()}
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest("POST", f"/extension/{name}", skip_host=True, skip_accept_encoding=True)
    content = json.dumps(body).encode()
    for head, value in ({**said, "Content-Length": str(len(content))}).items():
        connection.putheader(head, value)
    connection.endheaders(content)
    answer = connection.getresponse()
    text = answer.read()
    assert not any(one.lower().startswith("access-control") for one in answer.headers)
    connection.close()
    return answer.status, json.loads(text)


def proof(key: ECKey, url: str, bearing: str) -> str:
    ath = base64.urlsafe_b64encode(hashlib.sha256(bearing.encode()).digest()).rstrip(b"=").decode()
    said = {"jti": str(time.monotonic_ns()), "htm": "POST", "htu": url, "iat": int(time.time()), "ath": ath}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    return jws.serialize_compact(header, json.dumps(said).encode(), key, algorithms=["ES256"])


def test_a_stolen_token_is_worth_nothing_without_the_key(house: House, paired: Extension) -> None:
    stolen, origin = token(paired), paired.origin
    assert paired.ask("vault", {"name": "collections", "body": {}})["ok"]["collections"] == ["web"]
    assert call(house, "collections", {}, origin, stolen)[0] == 401
    assert call(house, "collections", {}, origin, stolen, ECKey.generate_key("P-256"))[0] == 401
    assert call(house, "collections", {}, origin, "", None, Authorization=f"Bearer {stolen}")[0] == 401
    request = Request(f"{house.server.address}/v1/status", headers={"Authorization": f"Bearer {stolen}"})
    with pytest.raises(Exception, match="401"):
        urlopen(request)


def test_the_key_cannot_be_read_out_by_the_extension_itself(paired: Extension) -> None:
    said = paired.open("settings.html").evaluate(
        """async () => {
          const open = indexedDB.open("ownvault");
          await new Promise((done) => { open.onsuccess = done; });
          const asked = open.result.transaction("pairing").objectStore("pairing").get("this");
          await new Promise((done) => { asked.onsuccess = done; });
          const { privateKey } = asked.result.key;
          const tried = (form) => crypto.subtle.exportKey(form, privateKey).then(() => "read", (one) => one.name);
          return [privateKey.extractable, await tried("jwk"), await tried("pkcs8"), asked.result.token ?? null];
        }"""
    )
    assert said == [False, "InvalidAccessError", "InvalidAccessError", None]
    assert paired.worker.evaluate("chrome.storage.sync?.get?.() ?? {}") == {}


@pytest.mark.parametrize(
    "heads",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:7117"},
        {"Origin": "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"Origin": "chrome-extension://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        {"Origin": "moz-extension://x"},
        {"Host": "evil.test"},
        {"Host": "vault.localhost:7117"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
    ],
    ids=lambda heads: "-".join(f"{name}={value}" for name, value in heads.items()),
)
def test_a_forged_head_is_refused_before_anybody_looks(house: House, paired: Extension, heads: dict[str, str]) -> None:
    nonce = base64.urlsafe_b64encode(b"n" * 32).rstrip(b"=").decode()
    assert call(house, "hello", {"nonce": nonce}, paired.origin)[0] == 200
    assert call(house, "hello", {"nonce": nonce}, paired.origin, **heads)[0] in (400, 403, 415)


def test_an_extension_is_answered_nowhere_else(house: House, paired: Extension) -> None:
    tried = """async (address) => {
      const paths = ["/v1/status", "/v1/search", "/console/", "/mcp", "/oauth/token", "/openapi.json", "/healthz"];
      const headers = {"Content-Type": "application/json"};
      const post = (path) => fetch(address + path, {method: "POST", headers, body: "{}"});
      return Promise.all(paths.map((path) => post(path).then((one) => one.status, () => 0)));
    }"""
    assert set(paired.open("settings.html").evaluate(tried, house.server.address)) == {403}


# ---------------------------------------------------------------- others on the same computer

EVERYWHERE = ["http://127.0.0.1/*", "<all_urls>"]
HOSTILE = """
globalThis.tries = async (address, token, friend) => {
  const call = (name, body, headers = {}) => fetch(`${address}/extension/${name}`, {
    method: "POST", headers: {"Content-Type": "application/json", ...headers}, body: JSON.stringify(body),
  }).then((one) => one.status, () => 0);
  const bearing = {Authorization: `DPoP ${token}`};
  const forged = {...bearing, Origin: friend, "Sec-Fetch-Site": "same-origin"};
  const get = (path) => fetch(address + path, {credentials: "include"}).then((one) => one.status, () => 0);
  return {
    stolen: await call("collections", {}, bearing),
    forged: await call("collections", {}, forged),
    capture: await call("capture", {key: "hostile-1", kind: "page", url: "https://evil.test/", text: "x",
                                    captured: "2026-01-01T00:00:00Z", collection: "web"}, forged),
    records: await get("/v1/records?collection=web"), requests: await get("/console/requests"),
    message: await chrome.runtime.sendMessage(friend.split("/")[2], {name: "waiting", asked: {}}).then(
      (one) => one ?? "silence", () => "nobody"),
  };
};
"""


def test_a_hostile_extension_with_the_same_permission_gets_nothing(
    house: House, driver: Playwright, built: Path, tmp_path: Path
) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    said = {"manifest_version": 3, "name": "weather", "version": "1", "host_permissions": EVERYWHERE,
            "permissions": ["tabs", "cookies"], "background": {"service_worker": "worker.js"}}  # fmt: skip
    (hostile / "manifest.json").write_text(json.dumps(said))
    (hostile / "worker.js").write_text(HOSTILE)
    with chromium(driver, tmp_path / "profile", built / "chromium", hostile) as context:
        while len(context.service_workers) < 2:
            context.wait_for_event("serviceworker")
        ours = next(one for one in context.service_workers if one.url.endswith("background.js"))
        theirs = next(one for one in context.service_workers if one.url.endswith("worker.js"))
        extension = Extension(context, ours)
        house.pair(extension)
        before = len(house.records())
        tried = theirs.evaluate(
            "([address, token, friend]) => tries(address, token, friend)",
            [house.server.address, token(extension), extension.origin],
        )
        assert (tried["stolen"], tried["forged"], tried["capture"]) == (401, 401, 401), tried
        assert tried["records"] in (401, 403) and tried["requests"] in (401, 403, 404), tried
        assert tried["message"] in ("nobody", "silence"), tried
        assert len(house.records()) == before
        origin = theirs.url.rpartition("/")[0]
        assert origin in [one.origin for one in house.vault.browsers(house.owner).strangers], "and the owner is told"
        extension.ask("unpair")


@contextmanager
def impostor(house: House, relays: bool) -> Iterator[tuple[str, list[str]]]:
    """Another program at a port: it relays the vault's own greeting or makes one up. Its address, and what it got."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(self.path)
            if relays:
                head = {"Content-Type": "application/json", "Origin": self.headers["Origin"], "Sec-Fetch-Site": "none"}
                content = urlopen(Request(house.server.address + self.path, body, head)).read()
            else:
                nonce = json.loads(body).get("nonce", "")
                said = {"server_key": "A" * 43, "nonce": nonce, "address": address, "time": 1, "state": "unlocked"}
                content = json.dumps({**said, "version": "0.1.0", "signature": "A" * 86}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield address, got
        finally:
            server.shutdown()
            thread.join()


MOVED = """async (address) => {
  const open = indexedDB.open("ownvault");
  await new Promise((done) => { open.onsuccess = done; });
  const store = open.result.transaction("pairing", "readwrite").objectStore("pairing");
  const asked = store.get("this");
  await new Promise((done) => { asked.onsuccess = done; });
  await new Promise((done) => { store.put({...asked.result, address}, "this").onsuccess = done; });
}"""


@pytest.mark.parametrize("relays", [True, False], ids=["relays the vault's greeting", "makes one up"])
def test_an_impostor_at_the_port_is_sent_nothing(house: House, extension: Extension, web: Sites, relays: bool) -> None:
    house.pair(extension)
    page = extension.context.new_page()
    page.goto(web.url("news"))
    with impostor(house, relays) as (address, got):
        extension.open("settings.html").evaluate(MOVED, address)
        popup = extension.popup(page)
        expect(popup.locator("#standing")).to_have_text("not your vault")
        expect(popup.locator("#notice")).to_contain_text("Nothing is sent to it")
        assert violations(popup) == []
        popup.get_by_role("button", name="Save page").click()
        expect(popup.locator("#notice")).to_contain_text("Kept here")
        assert extension.ask("move", {"address": address})["code"] == "foreign"
        assert set(got) == {"/extension/hello"}
        extension.open("settings.html").evaluate(MOVED, house.server.address)
    expect(extension.popup(page).locator("#waiting-part")).to_be_hidden()
    extension.ask("unpair")


def test_all_of_it_is_given_and_ended_as_grants(house: House, extension: Extension) -> None:
    before = {one.id for one in house.vault.grants(house.owner)}
    house.pair(extension, RIGHTS)
    made = [one for one in house.vault.grants(house.owner) if one.id not in before]
    assert sorted(sorted(str(action) for action in one.actions) for one in made) == [["add"], ["read", "search"]]
    assert all(one.status == "active" and one.holder for one in made)
    extension.ask("unpair")
    assert {one.status for one in house.vault.grants(house.owner) if one.id not in before} == {"revoked"}


def test_the_extension_speaks_to_this_computer_alone(
    house: House, driver: Playwright, built: Path, tmp_path: Path, web: Sites
) -> None:
    log = tmp_path / "net.json"
    with chromium(driver, tmp_path / "profile", built / "chromium", arguments=(f"--log-net-log={log}",)) as context:
        extension = Extension(context)
        house.pair(extension)
        page = context.new_page()
        page.goto(web.url("news"))
        order = {"tab": extension.tab(page), "what": "page", "collection": "web", "labels": [], "shown": True}
        assert extension.ask("capture", {**order, "id": "net-log-one"})["ok"]["where"] == "vault"
        for name in ("settings.html", "panel.html"):
            context.new_page().goto(f"{extension.origin}/{name}")
        extension.ask("doctor")
        extension.ask("unpair")
    events = [one.get("params", {}) for one in json.loads(log.read_text())["events"]]
    asked = {one["url"] for one in events if one.get("initiator") == extension.origin and "url" in one}
    places = {url.partition("//")[2].partition("/")[0] for url in asked if not url.startswith(extension.origin)}
    assert house.server.address.removeprefix("http://") in places
    assert {place.partition(":")[0] for place in places} == {"127.0.0.1"}
