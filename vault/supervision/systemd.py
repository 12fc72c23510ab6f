"""systemd, for one user: a hardened unit in `~/.config/systemd/user`. Logs go to the journal."""

from __future__ import annotations

import os
from pathlib import Path

from vault.errors import Missing
from vault.supervision import service as base
from vault.supervision.service import MARK, Service, State, run

CONFINED = """\
# A view of the file system of its own: everything is read-only but the vault and the encoder's cache.
PrivateUsers=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectControlGroups=yes
ReadWritePaths={directory}
CacheDirectory=ownvault
"""
UNIT = """\
# {mark}
[Unit]
Description=ownvault, the server of the vault in {where}
Documentation=https://github.com/ownvault/ownvault
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=exec
ExecStart={command}
Restart=on-failure
RestartSec=5
# No vault, or a damaged one: starting again does not help.
RestartPreventExitStatus=7 12
# SIGTERM to the sealed parent alone; it ends its worker, which answers what is under way. Then the rest.
KillMode=mixed
TimeoutStopSec=10
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
{confined}
[Install]
WantedBy=default.target
"""


def unit(service: Service, confined: bool = True) -> str:
    """Return the unit's text. Without `confined` it asks for no namespaces, which some machines refuse to a user."""
    return UNIT.format(
        mark=MARK, where=_plain(str(service.directory)), command=" ".join(map(quoted, service.words)),
        confined=_confined(service) if confined else "",
    )  # fmt: skip


def _confined(service: Service) -> str:
    said = CONFINED.format(directory=quoted(str(service.directory), variables=False))
    shared = any(word.startswith(("/tmp/", "/var/tmp/")) for word in (*service.words, str(service.directory)))  # noqa: S108
    return said.replace("PrivateTmp=yes\n", "") if shared else said  # with a /tmp of its own it would not find itself


def quoted(word: str, variables: bool = True) -> str:
    """Return a word as a unit has it: quoted, its specifiers and, in a command, its variables meaning nothing.

    Raises Missing for a line break, which no unit can hold.
    """
    if any(character < " " for character in word):
        raise Missing("a path with control characters cannot stand in a unit", hint="move the vault elsewhere")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + (escaped.replace("$", "$$") if variables else escaped) + '"'


def _plain(directory: str) -> str:
    return "".join(c for c in directory if c.isprintable()).replace("%", "%%").rstrip("\\")


def place(name: str, environment: dict[str, str], home: Path) -> Path:
    """Return where a user's unit lies."""
    base = Path(environment.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else home / ".config") / "systemd" / "user" / f"{name}.service"


class Systemd:
    """The user's own systemd, by `systemctl --user`."""

    def content(self, service: Service) -> str:
        return unit(service)

    def install(self, service: Service, start: bool) -> tuple[str, ...]:
        file = self._file(service)
        if run(("systemctl", "--user", "show-environment"), check=False).returncode:
            raise Missing("no systemd of yours answers here", hint="run it yourself: ownvault serve --locked")
        remarks: list[str] = []
        confined = _can_confine(service)
        if not confined:
            remarks.append("this machine gives your services no file system view of their own; the unit does without")
        before = self.state(service)
        changed = base.write(file, unit(service, confined))
        if changed:
            run(("systemctl", "--user", "daemon-reload"))
        if not before.enabled:
            run(("systemctl", "--user", "enable", "--quiet", file.name))
        if start and not before.active:
            run(("systemctl", "--user", "start", file.name), hint=f"see why: journalctl --user --unit {file.stem}")
        elif changed and before.active:
            remarks.append(f"it runs as before until you restart it: systemctl --user restart {file.stem}")
        if not _lingers():
            remarks.append("it runs while you are logged in; to let it go on: loginctl enable-linger")
        return tuple(remarks)

    def remove(self, service: Service) -> bool:
        file = self._file(service)
        if base.written(file) is None:
            return False
        run(("systemctl", "--user", "disable", "--quiet", "--now", file.name), check=False)
        file.unlink(missing_ok=True)
        run(("systemctl", "--user", "daemon-reload"), check=False)
        run(("systemctl", "--user", "reset-failed", file.name), check=False)
        return True

    def state(self, service: Service) -> State:
        file = self._file(service)
        content = base.written(file)
        if content is None:
            return State(file, installed=False)
        current = content in (unit(service), unit(service, confined=False))
        words = ("systemctl", "--user", "show", "--property=ActiveState,UnitFileState,MainPID", file.name)
        try:
            said = dict(line.split("=", 1) for line in run(words).stdout.splitlines() if "=" in line)
        except Missing:
            return State(file, installed=True, current=current)
        pid = int(said.get("MainPID") or 0)
        active = said.get("ActiveState") == "active"
        return State(file, True, current, said.get("UnitFileState") == "enabled", active, pid or None)

    def _file(self, service: Service) -> Path:
        return place(service.name, dict(os.environ), Path.home())


def _can_confine(service: Service) -> bool:
    """Tell whether this machine gives a user's service that view of the file system: some kernels and containers
    do not, and a vault in /tmp would not be in it. The way to know is to try."""
    lines = [line for line in _confined(service).splitlines() if not line.startswith("#")]
    words = ("systemd-run", "--user", "--quiet", "--wait", "--collect", *(f"--property={line}" for line in lines))
    return run((*words, "test", "-w", str(service.directory)), check=False).returncode == 0


def _lingers() -> bool:
    said = run(("loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value"), check=False)
    return said.stdout.strip() == "yes"
