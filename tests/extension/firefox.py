"""A real Firefox with the built extension in it, driven by WebDriver BiDi over a socket: no driver program between."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.extension.browser import missing

ADDON = "browser@ownvault"
UUID = "5b0f6d1e-4c3a-4e0e-9a53-3a2f2a1f0c77"
ORIGIN = f"moz-extension://{UUID}"
HOSTS = "news.test,japanese.test,hidden.test"
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
SECONDS = 60


class Firefox:
    """A BiDi session. Every method is one command of the protocol, or a look until something is so."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result. AssertionError for what the browser refuses."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(SECONDS))
            if said.get("id") == self._number:
                assert said["type"] == "success", said
                return said["result"]  # type: ignore[no-any-return]

    def open(self, url: str, wait: str = "complete") -> str:
        """Open an address in a new tab and return the tab."""
        tab = str(self.send("browsingContext.create", type="tab")["context"])
        self.send("browsingContext.navigate", context=tab, url=url, wait=wait)
        return tab

    def run(self, tab: str, expression: str) -> Any:
        """Evaluate an expression that gives JSON data, or a promise of it, in a page."""
        asked = f"Promise.resolve({expression}).then((one) => JSON.stringify(one ?? null))"
        said = self.send("script.evaluate", target={"context": tab}, awaitPromise=True, expression=asked)
        assert said["type"] == "success", said
        return json.loads(said["result"]["value"])

    def until(self, tab: str, expression: str) -> Any:
        """Look, as often as it takes, until an expression is something; return it."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if found := self.run(tab, expression):
                return found
        raise AssertionError(f"never so: {expression}; {self.run(tab, 'document.body?.innerText')}")

    def extension(self, page: str) -> str:
        """Open one of the extension's own pages, once it shows what it has to show."""
        tab = self.open(f"{ORIGIN}/{page}", wait="none")
        self.until(tab, "location.protocol === 'moz-extension:' && document.body?.hasAttribute('data-shown')")
        return tab


@contextmanager
def firefox(home: Path, addon: Path) -> Iterator[Firefox]:
    """Run Firefox with the extension while the block does. Skips where there is none, except in CI."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        missing("firefox is not installed (apt-get install firefox-esr)")
    profile = home / "profile"
    profile.mkdir()
    prefs = {
        "extensions.webextensions.uuids": json.dumps({ADDON: UUID}),
        "network.dns.localDomains": HOSTS,
        "datareporting.policy.dataSubmissionEnabled": False,
        "browser.shell.checkDefaultBrowser": False,
    }
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items()]
    (profile / "user.js").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(
        [str(path), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0",
         "--remote-allow-system-access", "about:blank"],
        env=os.environ | {"HOME": str(home), "MOZ_CRASHREPORTER_DISABLE": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        found = next((match for line in process.stderr if (match := LISTENING.search(line))), None)
        assert found, "Firefox did not start"
        with connect(f"{found[1]}/session", max_size=None) as socket:
            driven = Firefox(socket)
            driven.send("session.new", capabilities={})
            driven.send("webExtension.install", extensionData={"type": "path", "path": str(addon)})
            yield driven
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()
