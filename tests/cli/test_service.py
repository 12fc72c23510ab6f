"""The server as a service: its file, a real systemd of one user's own, and a stop under load that loses nothing."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import PASSPHRASE, Server, run_command, start_server
from vault.api.client import RemoteVault
from vault.errors import ConfigRefused, Missing, VaultError
from vault.supervision import Service, launchd, supervisor, systemd
from vault.supervision import service as base
from vault.types import AddRequest, Draft, Holder, ReadRequest

HOME = Path("/home/ada")
DEFAULT = HOME / ".local/share/ownvault"
PLAIN = Service.of(DEFAULT, DEFAULT, ("/home/ada/.local/bin/ownvault",))
ODD = Service.of(Path('/home/ada/my "own" 100% $HOME \\vault'), DEFAULT, ("/opt/own vault/bin/python", "-m", "vault"))
HARDENED = {
    "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=read-only", "PrivateTmp=yes", "PrivateUsers=yes",
    "UMask=0077", "LimitCORE=0", "RestrictNamespaces=yes", "SystemCallFilter=@system-service", "LockPersonality=yes",
}  # fmt: skip


def settings(text: str) -> set[str]:
    return {line for line in text.splitlines() if "=" in line and not line.startswith("#")}


def test_the_unit_is_hardened_starts_locked_and_holds_no_secret() -> None:
    text = systemd.unit(PLAIN)
    assert settings(text) >= HARDENED
    assert 'ReadWritePaths="/home/ada/.local/share/ownvault"' in text
    words = '"/home/ada/.local/bin/ownvault" "--vault" "/home/ada/.local/share/ownvault" "serve" "--locked" "--json"'
    assert f"ExecStart={words}\n" in text
    assert not {"Environment", "EnvironmentFile", "LoadCredential", "StandardOutput"} & {
        line.partition("=")[0] for line in settings(text)
    }
    assert settings(systemd.unit(PLAIN, confined=False)) < settings(text)


def test_each_vault_has_a_service_of_its_own() -> None:
    assert PLAIN.name == "ownvault" and ODD.name.startswith("ownvault-") and len(ODD.name) == 17
    assert Service.of(HOME / "a", DEFAULT, ("x",)).name != Service.of(HOME / "b", DEFAULT, ("x",)).name


@pytest.mark.parametrize("service", [PLAIN, ODD], ids=["plain", "odd"])
def test_systemd_itself_finds_no_fault(service: Service, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed here")
    program = tmp_path / "own vault"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    service = Service(service.name, service.directory, (str(program), *service.command[1:]))
    file = tmp_path / f"{service.name}.service"
    file.write_text(systemd.unit(service))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(file)], capture_output=True, text=True,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if file.name in line]
    assert not ours and done.returncode == 0, done.stderr


def test_a_path_that_no_unit_can_hold_is_refused() -> None:
    with pytest.raises(Missing):
        systemd.unit(Service("x", Path("/a\nExecStartPre=/bin/rm"), ("ownvault",)))


def test_the_property_list_says_the_same() -> None:
    text = launchd.agent(ODD, Path("/Users/ada"))
    said = plistlib.loads(text.encode())
    assert base.MARK in text
    assert said["ProgramArguments"] == [*ODD.words] and said["ProgramArguments"][-2:] == ["--locked", "--json"]
    assert said["Umask"] == 0o077 and said["HardResourceLimits"] == {"Core": 0} and said["ExitTimeOut"] > 5
    assert said["KeepAlive"] == {"SuccessfulExit": False} and "EnvironmentVariables" not in said


def test_a_file_that_is_not_ours_is_left(tmp_path: Path) -> None:
    file = tmp_path / "ownvault.service"
    file.write_text("[Service]\nExecStart=/bin/mine\n")
    for doing in (lambda: base.write(file, "x"), lambda: base.written(file)):
        with pytest.raises(ConfigRefused, match="not written by ownvault"):
            doing()
    assert file.read_text() == "[Service]\nExecStart=/bin/mine\n"


def test_writing_the_same_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "ownvault.service"
    text = systemd.unit(PLAIN)
    assert base.write(file, text) and not base.write(file, text)
    assert base.write(file, text + "\n") and file.read_text() == text + "\n"


def test_where_a_users_units_lie() -> None:
    assert systemd.place("x", {}, HOME) == HOME / ".config/systemd/user/x.service"
    assert systemd.place("x", {"XDG_CONFIG_HOME": "/c"}, HOME) == Path("/c/systemd/user/x.service")
    assert systemd.place("x", {"XDG_CONFIG_HOME": "c"}, HOME) == HOME / ".config/systemd/user/x.service"


def test_a_system_without_a_service_manager_says_so() -> None:
    with pytest.raises(Missing, match="no service manager"):
        supervisor("freebsd")


# ---------------------------------------------------------------- a real systemd, for one user

USERD = r"""
set -e
mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"; chmod 700 "$XDG_RUNTIME_DIR"
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/ownvault-test-$$"; echo $$ > "/sys/fs/cgroup/ownvault-test-$$/cgroup.procs"
/lib/systemd/systemd --user --log-target=console > "$XDG_RUNTIME_DIR/log" 2>&1 & manager=$!
for wait in $(seq 100); do systemctl --user show-environment >/dev/null 2>&1 && break; sleep 0.1; done
systemctl --user show-environment >/dev/null || exit 77
set +e; "$@"; code=$?
kill $manager; wait $manager 2>/dev/null
echo $$ > /sys/fs/cgroup/cgroup.procs
find "/sys/fs/cgroup/ownvault-test-$$" -depth -type d -exec rmdir {} + 2>/dev/null
exit $code
"""
WALK = r"""
set -e
V="$0 -m vault"
$V service install --json; $V service install --quiet; systemctl --user show --property=MainPID --value "$1"
$V unlock --quiet >/dev/null; $V add --collection notes --title kept --quiet <<< "over a restart"
$V service status --json
pid=$(systemctl --user show --property=MainPID --value "$1")
nsenter -t "$pid" -m sh -c 'cd "$0"; touch outside 2>&1; touch vault/in && rm vault/in && echo inside' "$HOME" || true
grep Seccomp: /proc/$pid/status
systemctl --user stop "$1"; $V service install --quiet; $V service status --json
$V unlock --quiet >/dev/null; $V count --collection notes --json
$V service remove --json; $V service remove --json; $V service status --json
"""


def documents(text: str) -> list[dict[str, object]]:
    """Return the JSON objects in what several commands printed."""
    found, place, decoder = [], text.find("{\n"), json.JSONDecoder()
    while place >= 0:
        value, end = decoder.raw_decode(text, place)
        found.append(value)
        place = text.find("{\n", end)
    return found


def test_under_a_real_systemd(home: dict[str, str]) -> None:
    if os.geteuid() or not shutil.which("systemd-run") or not shutil.which("unshare"):
        pytest.skip("a systemd of the test's own needs root, systemd and unshare")
    # Not in /tmp, which the service has to itself.
    place = Path("/var/lib") / f"ownvault-test-{os.getpid()}"
    place.mkdir(mode=0o700)
    try:
        shutil.copytree(Path(home["HOME"]), place, dirs_exist_ok=True)
        environment = home | {
            "HOME": str(place),
            "OWNVAULT_DIR": str(place / "vault"),
            "XDG_RUNTIME_DIR": "/run/user/0",
            "OWNVAULT_PASSPHRASE_FILE": str(place / "passphrase"),
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/0/bus",
        }
        del environment["TMPDIR"]
        (place / "vault" / "config.toml").write_text((place / "vault" / "config.toml").read_text() + "port = 0\n")
        run_command(environment, "init")
        name = Service.of(place / "vault", DEFAULT, ()).name
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", USERD, "userd",
             "bash", "-c", WALK, sys.executable, name],
            env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if done.returncode == 77 or "mount:" in done.stderr:
            pytest.skip(f"no systemd of one's own can run here: {done.stderr[-200:]}")
        assert done.returncode == 0, done.stdout + done.stderr
        installed, unlocked, restarted, counted, removed, again, gone = documents(done.stdout)
        assert installed["installed"] and installed["enabled"] and installed["active"] and installed["current"]
        assert unlocked["vault"] in ("unlocked", "loading")
        assert restarted["active"] and restarted["vault"] == "locked" and restarted["pid"] != unlocked["pid"]
        assert counted["count"] == 1
        assert removed["changed"] is True and again["changed"] is False and gone["installed"] is False
        assert not list(place.rglob("*.service"))
        assert "Seccomp:\t2" in done.stdout
        if not any("no file system view" in remark for remark in installed["remarks"]):  # type: ignore[attr-defined]
            assert "Read-only file system" in done.stdout and "inside" in done.stdout
            assert not (place / "outside").exists()
    finally:
        shutil.rmtree(place)


# ---------------------------------------------------------------- stopping


def test_a_stop_under_load_loses_nothing_that_was_answered_and_logs_nothing_of_it(home: dict[str, str]) -> None:
    if not (Path(home["OWNVAULT_DIR"]) / "keyslots.json").exists():
        run_command(home, "init")
    server = start_server(home)
    try:
        answered = _stopped_under_load(server)
    finally:
        server.stop()
    again = start_server(home)
    try:
        remote = RemoteVault(again.address)
        holder = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
        for origin, id in answered.items():
            assert remote.read(holder, ReadRequest(id)).record.text == f"zyzzyva {origin}"
    finally:
        again.stop()


def _stopped_under_load(server: Server) -> dict[str, str]:
    """Stop a server while eight clients add, and return which records it said it had."""
    remote = RemoteVault(server.address)
    holder = Holder(remote.unlock(bytearray(PASSPHRASE)).token)
    remote.add(holder, AddRequest("load", (Draft(origin="first", text="the encoder is loaded"),), source="load"))
    answered: dict[str, str] = {}
    enough, refused = threading.Event(), []

    def add(worker: int) -> None:
        for number in range(10_000):
            origin = f"{worker}-{number}"
            draft = Draft(origin=origin, text=f"zyzzyva {origin}", title=origin)
            try:
                got = remote.add(holder, AddRequest("load", (draft,), source="load"))
            except VaultError as error:
                refused.append(error)
                return
            answered[origin] = got.outcomes[0].id
            if len(answered) >= 24:
                enough.set()

    threads = [threading.Thread(target=add, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    try:
        assert enough.wait(120)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    finally:
        server.stop()
        for thread in threads:
            thread.join(60)
    assert len(refused) == len(threads)
    log = server.log.read_text()
    assert "zyzzyva" not in log and holder.token not in log and PASSPHRASE.decode() not in log
    return answered
