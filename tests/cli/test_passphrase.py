"""Where a passphrase may come from, and what is refused before anything is opened."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from vault.cli import passphrase
from vault.cli.root import Settings
from vault.errors import BadRequest

LONG = b"correct horse battery staple"


def given(path: Path, content: bytes) -> Settings:
    path.write_bytes(content)
    return Settings(passphrase_file=str(path))


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"word word", b"word word"), (b"word word\n", b"word word"), (b"word word\r\n", b"word word"),
        (b" word \n", b" word "), (b"word\n\n", b"word\n"), (b"word\r", b"word\r"),
        ("pässwörd".encode(), "pässwörd".encode()),
    ],
)  # fmt: skip
def test_one_line_end_is_not_part_of_it(tmp_path: Path, content: bytes, secret: bytes) -> None:
    assert passphrase.obtain(given(tmp_path / "p", content)) == secret


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe long enough", b"x" * (passphrase.LONGEST + 1)])
def test_what_cannot_be_one(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadRequest):
        passphrase.obtain(given(tmp_path / "p", content))


@pytest.mark.parametrize(("content", "enough"), [(b"1234567", False), (b"12345678", True), ("äöüäöüä".encode(), False)])
def test_a_new_one_has_eight_characters(tmp_path: Path, content: bytes, enough: bool) -> None:
    settings = given(tmp_path / "p", content)
    if enough:
        assert passphrase.choose(settings) == content
    else:
        with pytest.raises(BadRequest, match="fewer than 8"):
            passphrase.choose(settings)


def test_wiped_is_gone() -> None:
    secret = bytearray(LONG)
    passphrase.wipe(secret)
    assert not any(secret)


def on_a_terminal(typed: bytes, *words: str, directory: Path) -> tuple[int, bytes]:
    """Run the command with a terminal of its own, type `typed`, return exit code and everything shown."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OWNVAULT_")} | {
        "OWNVAULT_DIR": str(directory)
    }
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "vault", *words], environment)
    shown = b""
    lines = typed.split(b"\n")[:-1]
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:
            break
        if not block:
            break
        shown += block
        if block.rstrip(b" ").endswith(b":") and lines:
            os.write(terminal, lines.pop(0) + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_asked_twice_without_echo(tmp_path: Path) -> None:
    code, shown = on_a_terminal(LONG + b"\n" + LONG + b"\n", "init", directory=tmp_path / "vault")
    assert code == 0, shown
    assert b"New passphrase" in shown and b"Once more" in shown and b"recovery key" in shown
    assert LONG not in shown
    assert (tmp_path / "vault" / "keyslots.json").exists()


def test_two_that_differ_create_nothing(tmp_path: Path) -> None:
    code, shown = on_a_terminal(LONG + b"\n" + LONG + b"x\n", "init", directory=tmp_path / "vault")
    assert code == 2
    assert b"the two passphrases differ" in shown
    assert not (tmp_path / "vault").exists()


def test_without_terminal_and_file_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vault", "init", "--vault", str(tmp_path / "vault")],
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert done.returncode == 11
    assert done.stderr.splitlines()[0] == "ownvault: there is no terminal to ask for the passphrase"
    assert "--passphrase-file" in done.stderr.splitlines()[1]
