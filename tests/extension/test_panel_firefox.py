"""The panel in Firefox, where it is the sidebar: search, insert, and what the site has seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.extension.browser import build
from tests.extension.desk import BOAT, LETTERS, RIGHTS
from tests.extension.firefox import Firefox, firefox
from tests.extension.house import House
from vault.types import AddRequest, AuditRequest

BOX = b"""<!doctype html><meta charset="utf-8"><title>box</title>
<form onsubmit="window.sent = true; return false"><textarea id="area">mine </textarea><button>Send</button></form>
<div id="rich" contenteditable="true">mine </div>"""


@contextmanager
def site() -> Iterator[str]:
    """Serve one page with two boxes; a site on this computer may be inserted into without https."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(BOX)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def fox(tmp_path: Path) -> Iterator[Firefox]:
    built = build(tmp_path / "built", "--hosts", "http://localhost/*")
    with firefox(tmp_path, built / "firefox") as running:
        yield running


def press(fox: Firefox, tab: str, selector: str) -> None:
    fox.until(tab, f"(one => one && !one.disabled && one.checkVisibility() && (one.click(), true))({found(selector)})")


def found(selector: str) -> str:
    return f"document.querySelector({selector!r})"


def pair(house: House, fox: Firefox) -> None:
    for collection, drafts in {"boat": BOAT, "letters": LETTERS}.items():
        house.vault.add(house.owner, AddRequest(collection, drafts, "test"))
    popup = fox.extension("popup.html")
    fox.run(popup, f"({found('#address')}.value = '{house.server.address}', true)")
    press(fox, popup, "#pair-form button")
    fox.until(popup, "document.querySelectorAll('#words li').length")
    (waiting,) = house.vault.browsers(house.owner).waiting
    house.vault.pair_browser(house.owner, waiting.id, RIGHTS)
    fox.until(popup, "document.getElementById('standing').dataset.standing === 'open'")


def test_from_a_search_to_a_text_in_the_page(house: House, fox: Firefox) -> None:
    """Both kinds of box; nothing is sent; the browser's own undo takes it back; the site is told of."""
    pair(house, fox)
    with site() as origin:
        page = fox.open(f"{origin}/")
        settings = fox.extension("settings.html")
        tab = fox.run(settings, "chrome.tabs.query({url: 'http://localhost/*'}).then((found) => found.at(-1).id)")
        for box in ("area", "rich"):
            field = found(f"#{box}")
            fox.run(page, f"({field}.focus(), {field}.setSelectionRange?.(5, 5), true)")
            panel = fox.extension(f"panel.html?tab={tab}")
            assert fox.run(panel, "document.getElementById('doctor').hidden")
            fox.run(panel, f"({found('#query')}.value = 'hull insurance', true)")
            press(fox, panel, "#search-form button")
            press(fox, panel, "#hits li:first-child input")
            press(fox, panel, "#insert")
            fox.until(panel, "document.getElementById('notice').textContent.includes('and recorded')")
            content = fox.run(page, f"(one => one.value ?? one.innerText)({field})")
            assert content.startswith("mine") and "[from my vault: 1 record, release " in content
            assert "24,000 euros" in content and "[end of release " in content
            assert not fox.run(page, "window.sent")
            left = f"({field}.focus(), document.execCommand('undo'), (one => one.value ?? one.innerText)({field}))"
            assert fox.run(page, left).strip() == "mine"
            entry = house.vault.audit(house.owner, AuditRequest(limit=1, action="insert")).entries[0].entry
            assert entry.client == f"{origin.partition('//')[2]} (site)" and len(entry.records) == 1
        press(fox, panel, "#tab-seen")
        assert fox.until(panel, "document.querySelectorAll('#seen .lined li').length") >= 1
