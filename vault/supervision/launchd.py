"""launchd, for one user: a property list in `~/Library/LaunchAgents`. Logs go to `~/Library/Logs`."""

from __future__ import annotations

import os
import plistlib
from pathlib import Path

from vault.errors import Missing
from vault.supervision import service as base
from vault.supervision.service import MARK, Service, State, run

PREFIX = "io.github.ownvault."


def agent(service: Service, home: Path) -> str:
    """Return the property list's text."""
    said = {
        "Label": PREFIX + service.name,
        "ProgramArguments": list(service.words),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 10,
        "Umask": 0o077,
        "HardResourceLimits": {"Core": 0},
        "SoftResourceLimits": {"Core": 0},
        "StandardOutPath": "/dev/null",
        "StandardErrorPath": str(home / "Library" / "Logs" / f"{service.name}.log"),
    }
    text = plistlib.dumps(said).decode()
    return text.replace("<plist ", f"<!-- {MARK} -->\n<plist ", 1)


class Launchd:
    """The user's own launchd, by `launchctl`."""

    def content(self, service: Service) -> str:
        return agent(service, Path.home())

    def install(self, service: Service, start: bool) -> tuple[str, ...]:
        file, domain = self._file(service), f"gui/{os.getuid()}"
        if run(("launchctl", "print", domain), check=False).returncode:
            raise Missing("no launchd of yours answers here", hint="log in at the screen, or: ownvault serve --locked")
        before = self.state(service)
        changed = base.write(file, agent(service, Path.home()))
        if before.enabled and changed:
            return (f"it runs as before until you restart it: launchctl kickstart -k {domain}/{PREFIX}{service.name}",)
        if start and not before.enabled:
            run(("launchctl", "bootstrap", domain, str(file)))
        return () if start else ("it starts when you log in the next time",)

    def remove(self, service: Service) -> bool:
        file = self._file(service)
        if base.written(file) is None:
            return False
        run(("launchctl", "bootout", f"gui/{os.getuid()}/{PREFIX}{service.name}"), check=False)
        file.unlink(missing_ok=True)
        return True

    def state(self, service: Service) -> State:
        file = self._file(service)
        content = base.written(file)
        if content is None:
            return State(file, installed=False)
        current = content == agent(service, Path.home())
        try:
            done = run(("launchctl", "print", f"gui/{os.getuid()}/{PREFIX}{service.name}"), check=False)
        except Missing:
            return State(file, installed=True, current=current)
        said = dict(line.strip().split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)
        pid = said.get("pid", "")
        return State(
            file, True, current, done.returncode == 0, said.get("state") == "running",
            int(pid) if pid.isdigit() else None,
        )  # fmt: skip

    def _file(self, service: Service) -> Path:
        return Path.home() / "Library" / "LaunchAgents" / f"{PREFIX}{service.name}.plist"
