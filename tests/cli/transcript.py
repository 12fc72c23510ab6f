"""Runs transcripts: text files that say which commands are run and what each must print.

    # a comment
    $ ownvault status              a command, run by sh with `ownvault` on its PATH
    vault  <path>                  its stdout; <…> stands for what changes from run to run
    ! hint: …                      its stderr
    [exit 3]                       its exit code, when it is not 0
    ...                            any lines, also none

`<name>` matches one field of the kind `name` (KINDS); `<name=x>` keeps it, and `$x` gives it to later commands.
`$ ownvault serve … &` starts a server and goes on when it has printed its first line; it ends with the transcript.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

KINDS = {
    "id": r"[A-Za-z0-9_-]{8,40}",
    "token": r"[A-Za-z0-9_=.-]{80,}",
    "key": r"[A-Z0-9]{4}(?:-[A-Z0-9]{4})+",
    "hex": r"[0-9a-f]{64}",
    "n": r"[\d,]+",
    "score": r"-?\d\.\d\d",
    "float": r"-?[01]\.\d+",
    "date": r"\d{4}-\d\d-\d\d",
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d",
    "instant": r"\d{4}-\d\d-\d\dT[\d:.]+Z",
    "url": r"http://127\.0\.0\.1:\d+",
    "path": r"/\S+",
    "word": r"\S+",
    "rest": r".*",
}
LIMIT = 180
"""Seconds that one command may take before the transcript fails; no test depends on being faster."""


@dataclass
class Step:
    """One command and what it must do."""

    line: int
    command: str
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    code: int = 0


def steps(script: str) -> Iterator[Step]:
    """Yield the steps of a transcript."""
    step = None
    for number, line in enumerate(script.splitlines(), 1):
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(number, line[2:])
        elif step is None or line.startswith("#"):
            assert step or not line or line.startswith("#"), f"line {number}: output before any command"
        elif line.startswith("! "):
            step.stderr.append(line[2:])
        elif code := re.fullmatch(r"\[exit (\d+)\]", line):
            step.code = int(code[1])
        else:
            step.stdout.append(line)
    if step:
        yield step


def pattern(lines: list[str]) -> str:
    """Return the regular expression that output must match whole. Blank lines at the end do not count."""
    text = "\n".join(lines).rstrip("\n")
    parts = []
    for line in text.split("\n") if text else []:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
            continue
        pieces = re.split(r"<([a-z]+(?:=[A-Za-z_]+)?)>", line)
        for i in range(1, len(pieces), 2):
            kind, _, name = pieces[i].partition("=")
            pieces[i] = f"(?P<{name}>{KINDS[kind]})" if name else f"(?:{KINDS[kind]})"
        parts.append("".join(piece if i % 2 else re.escape(piece) for i, piece in enumerate(pieces)) + r"\n")
    return "".join(parts)


class Play:
    """One transcript's run: its environment, what it has kept, the servers it has started."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        binaries = home / "bin"
        binaries.mkdir()
        (binaries / "ownvault").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m vault "$@"\n')
        (binaries / "ownvault").chmod(0o755)
        self._home = home
        self._environment = environment | {"PATH": f"{binaries}:{environment['PATH']}", "TZ": "UTC"}
        self._kept: dict[str, str] = {}
        self._servers: list[subprocess.Popen[str]] = []

    def run(self, step: Step) -> None:
        """Run one step; AssertionError, with what was expected and what came, when it differs."""
        if step.command.endswith(" &"):
            self._start(step)
            return
        done = subprocess.run(
            ["sh", "-c", step.command], cwd=self._home, env=self._environment | self._kept, text=True,
            capture_output=True, timeout=LIMIT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        where = f"line {step.line}: $ {step.command}"
        self._match(step.stdout, done.stdout, f"{where}\nstdout (stderr was: {done.stderr})")
        self._match(step.stderr, done.stderr, f"{where}\nstderr")
        assert done.returncode == step.code, f"{where}: exit {done.returncode}, not {step.code}\n{done.stderr}"

    def _start(self, step: Step) -> None:
        words = shlex.split(step.command.removesuffix(" &"))
        with (self._home / f"server-{len(self._servers)}.log").open("w") as log:
            server = subprocess.Popen(
                words, cwd=self._home, env=self._environment, text=True, stdout=subprocess.PIPE, stderr=log
            )
        self._servers.append(server)
        assert server.stdout is not None
        self._match(step.stdout, server.stdout.readline(), f"line {step.line}: $ {step.command}")

    def _match(self, expected: list[str], seen: str, where: str) -> None:
        seen = "\n".join(seen.rstrip("\n").split("\n")) + "\n" if seen.strip() else ""
        found = re.fullmatch(pattern(expected), seen)
        assert found, f"{where}\n--- expected\n" + "\n".join(expected) + f"\n--- got\n{seen}"
        self._kept |= found.groupdict()

    def stop(self) -> None:
        for server in self._servers:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=LIMIT)


@contextmanager
def playing(home: Path, environment: dict[str, str]) -> Iterator[Play]:
    """Yield a play and end its servers afterwards."""
    play = Play(home, environment)
    try:
        yield play
    finally:
        play.stop()
