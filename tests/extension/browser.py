"""A real Chromium with the built extension in it, and the ways in which a test touches both."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Playwright, Worker

PLUGIN = Path(__file__).parents[2] / "plugins" / "browser"
PAGES = Path(__file__).parent / "pages"
SITES = "*.test"
"""The sites of the tests: all of them this computer, each with a name of its own."""


def missing(what: str) -> None:
    """Skip a test for which something is missing here; in CI nothing may be."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


def build(to: Path, *options: str) -> Path:
    """Build the extension for both browsers into a folder."""
    node = shutil.which("node")
    if node is None or not (PLUGIN / "node_modules" / "esbuild").is_dir():
        missing("the extension cannot be built: in plugins/browser run npm ci --ignore-scripts")
    done = subprocess.run(
        [str(node), "build.mjs", "--out", str(to), *options], cwd=PLUGIN, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return to


class Sites:
    """Web sites on this computer: `url("news")` is a saved page on a host of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, page: str, host: str = "") -> str:
        name = page if "." in page else f"{page}.html"
        return f"http://{host or name.partition('.')[0] + '.test'}:{self.port}/{name}"


@contextmanager
def sites() -> Iterator[Sites]:
    """Serve the saved pages on a free port, whatever host is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.partition("?")[0].lstrip("/")
            file = PAGES / name
            found = "/" not in name and file.is_file()
            kind = {".html": "text/html; charset=utf-8", ".pdf": "application/pdf"}.get(file.suffix, "text/plain")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(file.read_bytes() if found else b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Sites(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


class Extension:
    """The extension in a running browser."""

    def __init__(self, context: BrowserContext, worker: Worker | None = None) -> None:
        self.context = context
        workers = [worker] if worker else context.service_workers
        self.worker: Worker = workers[0] if workers else context.wait_for_event("serviceworker")
        self.id = self.worker.url.split("/")[2]
        self.origin = f"chrome-extension://{self.id}"

    def open(self, page: str) -> Page:
        """Open one of the extension's own pages in a tab, once it shows all that it has to show."""
        opened = self.context.new_page()
        opened.goto(f"{self.origin}/{page}")
        expect(opened.locator("body[data-shown]")).to_be_attached()
        return opened

    def tab(self, page: Page) -> int:
        """Return the browser's number of a tab."""
        found = self.worker.evaluate(
            "async (url) => (await chrome.tabs.query({url})).at(-1).id", page.url.partition("#")[0]
        )
        return int(found)

    def popup(self, page: Page | None = None, **more: str) -> Page:
        """Open the popup as it shows for a tab."""
        asked = {"tab": str(self.tab(page))} if page else {}
        return self.open("popup.html?" + "&".join(f"{name}={value}" for name, value in (asked | more).items()))

    def ask(self, name: str, asked: Any = None) -> Any:
        """Ask the worker as a page of ours does, and return what it answers: `{"ok": …}` or an error."""
        page = self.context.new_page()
        page.goto(f"{self.origin}/settings.html")
        said = page.evaluate("(one) => chrome.runtime.sendMessage(one)", {"name": name, "asked": asked or {}})
        page.close()
        return said


@contextmanager
def chromium(
    driver: Playwright, profile: Path, *extensions: Path, arguments: tuple[str, ...] = ()
) -> Iterator[BrowserContext]:
    """Run Chromium with extensions while the block does. Skips where there is none, except in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        missing("chromium is not installed (apt-get install chromium)")
    loaded = ",".join(str(one) for one in extensions)
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    context = driver.chromium.launch_persistent_context(
        profile,
        executable_path=path,
        headless=True,
        args=[
            f"--disable-extensions-except={loaded}",
            f"--load-extension={loaded}",
            f"--host-resolver-rules=MAP {SITES} 127.0.0.1",
            *root,
            *arguments,
        ],
    )
    try:
        yield context
    finally:
        context.close()
