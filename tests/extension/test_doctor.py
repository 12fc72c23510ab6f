"""The doctor names the cause: each of them made real, and gone again where a click can do that."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.extension.browser import Extension, chromium
from tests.extension.house import House
from tests.support import Server, run_command, start_server

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

USUAL = range(7117, 7121)
"""The ports at which the extension looks for a vault that is not where it was."""


@pytest.fixture
def own(home: dict[str, str], tmp_path: Path) -> Iterator[House]:
    """A vault of this test's own: it is stopped and started again elsewhere."""
    with running(vault_of(home, tmp_path / "own")) as server:
        yield House(server)


@pytest.fixture
def paired_here(driver: Playwright, built: Path, own: House, tmp_path: Path) -> Iterator[Extension]:
    with chromium(driver, tmp_path / "profile", built / "chromium") as context:
        extension = Extension(context)
        own.pair(extension).close()
        yield extension


def vault_of(home: dict[str, str], directory: Path) -> dict[str, str]:
    """Return the surroundings of a new vault, and make it."""
    (directory / "vault").mkdir(parents=True)
    shutil.copy(Path(home["OWNVAULT_DIR"]) / "config.toml", directory / "vault")
    surroundings = home | {"HOME": str(directory), "OWNVAULT_DIR": str(directory / "vault")}
    run_command(surroundings, "init")
    return surroundings


@contextmanager
def running(surroundings: dict[str, str], port: int = 0) -> Iterator[Server]:
    server = start_server(surroundings) if port == 0 else start_at(surroundings, port)
    try:
        yield server
    finally:
        server.stop()


def start_at(surroundings: dict[str, str], port: int) -> Server:
    """Start a server at a port that was somebody's a moment ago."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vault", "serve", "--port", str(port), "--json"],
        env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    home, address = Path(surroundings["HOME"]), json.loads(process.stdout.readline())["address"]
    return Server(process, address, Path(surroundings["OWNVAULT_DIR"]), home, surroundings, home / "log")


def port_of(house: House) -> int:
    return int(house.server.address.rpartition(":")[2])


def told(extension: Extension) -> Page:
    """Open the panel; it shows what the doctor found."""
    panel = extension.open("panel.html")
    panel.emulate_media(reduced_motion="reduce")
    return panel


def cause(panel: Page) -> str:
    found = panel.locator("#doctor [data-cause]")
    return str(found.get_attribute("data-cause")) if found.count() else "fine"


@contextmanager
def answering(port: int, status: int, body: str) -> Iterator[None]:
    """Have another program answer everything at a port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    ThreadingHTTPServer.allow_reuse_address = True
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_all_is_well(paired_here: Extension) -> None:
    panel = told(paired_here)
    assert cause(panel) == "fine"
    expect(panel.locator("#doctor")).to_be_hidden()
    expect(panel.get_by_label("Search your vault")).to_be_visible()


def test_the_server_is_off_and_back(own: House, paired_here: Extension) -> None:
    port = port_of(own)
    own.server.stop()
    panel = told(paired_here)
    assert cause(panel) == "off"
    expect(panel.locator("#doctor")).to_contain_text("ownvault serve")
    expect(panel.get_by_label("Search your vault")).to_be_hidden()
    with running(own.server.environment, port):
        panel.get_by_role("button", name="Look again").click()
        expect(panel.locator("#doctor")).to_be_hidden()
        expect(panel.get_by_label("Search your vault")).to_be_visible()


def test_the_vault_is_at_another_port(own: House, paired_here: Extension) -> None:
    own.server.stop()
    with running(own.server.environment, free(USUAL)) as moved:
        panel = told(paired_here)
        assert cause(panel) == "wrong_port"
        expect(panel.locator("#doctor")).to_contain_text(moved.address)
        panel.get_by_role("button", name="Use that port").click()
        expect(panel.locator("#doctor")).to_be_hidden()
        assert cause(told(paired_here)) == "fine"


def test_a_port_that_the_owner_types(own: House, paired_here: Extension) -> None:
    own.server.stop()
    with running(own.server.environment) as moved:
        panel = told(paired_here)
        assert cause(panel) == "off"
        panel.get_by_text("It runs at another port", exact=True).click()
        panel.get_by_label("Port").fill(moved.address.rpartition(":")[2])
        panel.get_by_role("button", name="Use", exact=True).click()
        expect(panel.locator("#doctor")).to_be_hidden()


def test_the_vault_is_locked_and_unlocked(own: House, paired_here: Extension) -> None:
    with own.locked():
        panel = told(paired_here)
        assert cause(panel) == "locked"
        expect(panel.locator("#doctor")).to_contain_text("ownvault unlock")
        assert panel.locator("input[type=password]").count() == 0, "anybody on the port could say that it is locked"
    panel.get_by_role("button", name="Look again").click()
    expect(panel.locator("#doctor")).to_be_hidden()


def test_a_browser_that_was_never_paired(own: House, extension: Extension) -> None:
    own.server.stop()
    with running(own.server.environment, free(USUAL)) as here:
        panel = told(extension)
        assert cause(panel) == "unpaired"
        expect(panel.locator("#doctor")).to_contain_text(here.address)
        expect(panel.get_by_role("button", name="Pair this browser")).to_be_visible()
        expect(panel.get_by_text("It runs at another port", exact=True)).to_have_count(0)


def test_the_owner_unpaired_it_in_the_vault(own: House, paired_here: Extension) -> None:
    (view,) = own.vault.browsers(own.owner).browsers
    own.vault.unpair(own.owner, view.id)
    panel = told(paired_here)
    assert cause(panel) == "ended"
    assert cause(told(paired_here)) == "ended", "it is remembered"


def test_an_impostor_at_the_port(own: House, paired_here: Extension, home: dict[str, str], tmp_path: Path) -> None:
    """Another vault, a real one, at the port of the first."""
    port = port_of(own)
    own.server.stop()
    with running(vault_of(home, tmp_path / "other"), port):
        panel = told(paired_here)
        assert cause(panel) == "impostor"
        expect(panel.locator("#doctor")).to_contain_text("cannot prove that it is the one you paired with")
    with running(own.server.environment, port):
        panel.get_by_role("button", name="Look again").click()
        expect(panel.locator("#doctor")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "body"), [(200, '"hello"'), (404, "<h1>Not found"), (200, '{"version": 1}'), (503, '{"code": "no"}')]
)
def test_another_program_at_the_port(own: House, paired_here: Extension, status: int, body: str) -> None:
    port = port_of(own)
    own.server.stop()
    with answering(port, status, body):
        assert cause(told(paired_here)) == "stranger"


def test_a_hello_that_was_recorded_elsewhere(own: House, paired_here: Extension) -> None:
    port = port_of(own)
    own.server.stop()
    key = paired_here.ask("state")["ok"]
    assert key["standing"] == "away"
    said = {"server_key": "A" * 43, "nonce": "x", "address": own.server.address, "time": 1, "version": "0.1.0",
            "state": "unlocked", "signature": "A" * 86}  # fmt: skip
    with answering(port, 200, json.dumps(said)):
        assert cause(told(paired_here)) == "impostor"


@pytest.mark.parametrize(("seconds", "said"), [(7200, "2 hours behind"), (-300, "5 minutes ahead")])
def test_the_clocks_do_not_agree(paired_here: Extension, seconds: int, said: str) -> None:
    paired_here.worker.evaluate(
        "(seconds) => { const now = Date.now.bind(Date); Date.now = () => now() + 1000 * seconds; }", seconds
    )
    panel = told(paired_here)
    assert cause(panel) == "clock"
    expect(panel.locator("#doctor")).to_contain_text(said)


@pytest.mark.parametrize(("version", "wanted"), [("9.0.0", "vault_older"), ("0.0.1", "vault_newer")])
def test_a_version_that_does_not_fit(
    driver: Playwright, built: Path, own: House, tmp_path: Path, version: str, wanted: str
) -> None:
    """The extension of another release: the same but for its number."""
    with chromium(driver, tmp_path / "profile", changed(built, tmp_path, version=version)) as context:
        extension = Extension(context)
        own.pair(extension).close()
        panel = told(extension)
        assert cause(panel) == wanted
        expect(panel.locator("#doctor")).to_contain_text(version)


def test_the_permission_is_missing(driver: Playwright, built: Path, own: House, tmp_path: Path) -> None:
    """As when its owner took the site access away."""
    other = changed(built, tmp_path, host_permissions=[], optional_host_permissions=["http://*/*", "https://*/*"])
    with chromium(driver, tmp_path / "profile", other) as context:
        panel = told(Extension(context))
        assert cause(panel) == "permission"
        expect(panel.get_by_role("button", name="Allow")).to_be_visible()


def changed(built: Path, to: Path, **keys: Any) -> Path:
    """Return a copy of the extension with other keys in its manifest."""
    copy = shutil.copytree(built / "chromium", to / "changed")
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    (copy / "manifest.json").write_text(json.dumps(manifest | keys), "utf-8")
    return copy


def free(ports: range) -> int:
    """Return a port of these that nobody listens on."""
    for port in ports:
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.skip("the vault's usual ports are all in use")


def test_the_popup_names_the_cause_too_and_looks_again(own: House, paired_here: Extension) -> None:
    with own.locked():
        popup = paired_here.open("popup.html")
        expect(popup.locator("[data-cause=locked]")).to_be_visible()
        popup.get_by_role("button", name="Look again").click()
        expect(popup.locator("[data-cause=locked]")).to_be_visible()
    popup.get_by_role("button", name="Look again").click()
    expect(popup.locator("#doctor")).to_be_hidden()
    expect(popup.locator("#standing")).to_have_text("vault open")
