"""Ending the extension's worker at one line of its script, as a browser may at any: by the DevTools protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.extension.browser import Extension


class Killer:
    """A debugger at the worker that runs now. What it stops at, it ends."""

    def __init__(self, extension: Extension, script: Path) -> None:
        self._extension, self._lines = extension, script.read_text().splitlines()
        browser = extension.context.browser
        assert browser is not None
        self._cdp = browser.new_browser_cdp_session()
        self._number, self.paused, self._answers = 0, False, set[int]()
        self._cdp.on("Target.receivedMessageFromTarget", self._hear)
        self.target = self._target()
        said = self._cdp.send("Target.attachToTarget", {"targetId": self.target, "flatten": False})
        self._session = said["sessionId"]
        self._send("Debugger.enable")

    def _target(self) -> str:
        found = self._cdp.send("Target.getTargets")["targetInfos"]
        ours = [one for one in found if one["type"] == "service_worker" and one["url"] == self._extension.worker.url]
        assert ours, "no worker runs"
        return str(ours[0]["targetId"])

    def _hear(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        self.paused = self.paused or message.get("method") in ("Debugger.paused", "Fetch.requestPaused")
        if "id" in message:
            assert "error" not in message, message
            self._answers.add(message["id"])

    def _send(self, method: str, **params: Any) -> None:
        self._number += 1
        message = json.dumps({"id": self._number, "method": method, "params": params})
        self._cdp.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": message})
        self.wait(lambda: self._number in self._answers)

    def stop_at(self, text: str) -> None:
        """Stop the worker when it comes to the one line of its script that has this text."""
        (line,) = [number for number, one in enumerate(self._lines) if text in one]
        self._send("Debugger.setBreakpointByUrl", url=self._extension.worker.url, lineNumber=line)

    def stop_answers(self, path: str) -> None:
        """Stop every answer of the vault to a call: it has done what was asked, the worker does not know."""
        self._send("Fetch.enable", patterns=[{"urlPattern": f"*{path}", "requestStage": "Response"}])

    def wait(self, so: Callable[[], bool]) -> None:
        """Let the browser's messages come in until something is so."""
        for _ in range(2000):
            if so():
                return
            self._cdp.send("Target.getTargets")
        raise AssertionError("the worker never came to that line")

    def kill(self) -> None:
        """Wait until the worker has stopped, and end it there."""
        self.wait(lambda: self.paused)
        self.end()

    def end(self) -> None:
        """End the worker wherever it is."""
        self._cdp.send("Target.closeTarget", {"targetId": self.target})
        self._cdp.detach()
