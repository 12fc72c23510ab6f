"""One owner at a time, found by the others, gone with its process."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vault.errors import Busy, Damaged, NoVault
from vault.store import lock
from vault.store.lock import Ownership, find_server

ROOT = Path(__file__).parents[2]


@contextmanager
def owner(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the vault and has announced port 7117."""
    program = """
        import os, sys
        from pathlib import Path
        from vault.store.lock import Ownership
        held = Ownership.acquire(Path(sys.argv[1]), 0, "ownvault serve")
        held.announce({"pid": os.getpid(), "port": 7117, "what": "serve"})
        print("ready", flush=True)
        sys.stdin.read()
        held.release()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        yield child
        child.kill()


def test_a_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    with owner(tmp_path) as child:
        with pytest.raises(Busy) as busy:
            Ownership.acquire(tmp_path, 0)
        assert f"ownvault serve, process {child.pid}" in busy.value.message
        assert find_server(tmp_path) == {"pid": child.pid, "port": 7117, "what": "serve"}
        child.communicate("")
        Ownership.acquire(tmp_path, 0).release()
        assert not (tmp_path / lock.OWNER).exists()


def test_a_killed_owner_leaves_nothing_behind_that_counts(tmp_path: Path) -> None:
    with owner(tmp_path) as child:
        child.kill()
        child.wait()
        assert (tmp_path / lock.OWNER).exists()
        assert find_server(tmp_path) is None
        held = Ownership.acquire(tmp_path, 0)
        assert not (tmp_path / lock.OWNER).exists()
        assert find_server(tmp_path) is None  # owned, but it does not answer
        held.release()


def test_waiting_pays(tmp_path: Path) -> None:
    with owner(tmp_path) as child:
        thread = threading.Thread(target=child.communicate, args=("",))
        thread.start()
        Ownership.acquire(tmp_path, 20).release()
        thread.join()


def test_once_in_one_process_too(tmp_path: Path) -> None:
    held = Ownership.acquire(tmp_path)
    with pytest.raises(Busy):
        Ownership.acquire(tmp_path)
    held.release()
    held.release()
    Ownership.acquire(tmp_path).release()


def test_looking_does_not_disturb(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            find_server(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(40):
            Ownership.acquire(tmp_path, 0).release()
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_child_takes_the_lock_over_from_its_parent(tmp_path: Path) -> None:
    program = """
        import os, sys
        from pathlib import Path
        from vault.store.lock import Ownership
        held = Ownership.inherit(Path(sys.argv[1]), int(sys.argv[2]))
        assert not os.get_inheritable(held.fileno())
        print("ready", flush=True)
        sys.stdin.read()
    """
    held = Ownership.acquire(tmp_path, 0)
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), str(held.fileno())]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, pass_fds=[held.fileno()], text=True, cwd=ROOT, **pipes) as child:  # type: ignore[call-overload]
        assert child.stdout.readline() == "ready\n"
        held.release()
        with pytest.raises(Busy):  # the child still has it
            Ownership.acquire(tmp_path, 0)
        child.communicate("")
    Ownership.acquire(tmp_path, 0).release()


def test_a_childs_end_leaves_the_parent_its_lock(tmp_path: Path) -> None:
    held = Ownership.acquire(tmp_path, 0)
    Ownership.inherit(tmp_path, os.dup(held.fileno())).release()
    with pytest.raises(Busy):
        Ownership.acquire(tmp_path, 0)
    held.release()


def test_only_this_vaults_lock_can_be_inherited(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    held = Ownership.acquire(tmp_path / "a", 0)
    Ownership.acquire(tmp_path / "b", 0).release()
    for fd in (held.fileno(), 9999):
        with pytest.raises(Busy):
            Ownership.inherit(tmp_path / "b", fd)
    held.release()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": "1", "port": 2}', "x" * 5000, "\x00"])
def test_an_announcement_that_is_none_is_ignored(tmp_path: Path, content: str) -> None:
    held = Ownership.acquire(tmp_path, 0)
    (tmp_path / lock.OWNER).write_text(content)
    assert find_server(tmp_path) is None
    held.announce({"pid": 1, "port": 2, "what": "serve"})
    assert find_server(tmp_path) == {"pid": 1, "port": 2, "what": "serve"}
    held.release()


def test_files_and_places(tmp_path: Path) -> None:
    held = Ownership.acquire(tmp_path, 0)
    held.announce({"pid": 1, "port": 2})
    for name in (lock.LOCK, lock.OWNER):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert json.loads((tmp_path / lock.OWNER).read_text()) == {"pid": 1, "port": 2}
    held.release()
    for directory in (tmp_path / "absent", tmp_path / lock.LOCK):
        with pytest.raises(NoVault):
            Ownership.acquire(directory, 0)
        assert find_server(directory) is None
    (tmp_path / lock.LOCK).rename(tmp_path / "elsewhere")
    (tmp_path / lock.LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Damaged):
        Ownership.acquire(tmp_path, 0)
    assert find_server(tmp_path) is None
