"""The command line as an interface, run in this process or as one of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.deny.said import Bearer, Said
from tests.deny.table import ANSWER, Ask
from tests.deny.verbs import VERBS
from vault import cli
from vault.errors import kinds


@dataclass(frozen=True)
class Command:
    """`ownvault …` with the token in OWNVAULT_TOKEN, run in this process by the command's own entry."""

    directory: Path
    passphrase: Path

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        words, stdin = VERBS[ask.verb].words(ask)
        told = {"OWNVAULT_DIR": str(self.directory), "OWNVAULT_PASSPHRASE_FILE": str(self.passphrase)}
        with environment(**told, OWNVAULT_TOKEN=bearer.token):
            code, seen = run([*words, "--json"], stdin)
        answer = json.loads(seen.partition(b"\0")[0]) if code == 0 and seen.startswith(b"{") else None
        return Said(codes(code), seen, answer)


@dataclass(frozen=True)
class RealCommand:
    """`ownvault …` as a process of its own."""

    directory: Path
    passphrase: Path

    def ask(self, bearer: Bearer, ask: Ask) -> Said:
        words, stdin = VERBS[ask.verb].words(ask)
        told = {"OWNVAULT_DIR": str(self.directory), "OWNVAULT_PASSPHRASE_FILE": str(self.passphrase)}
        code, out, err = process([*words, "--json"], stdin, **told, OWNVAULT_TOKEN=bearer.token)
        answer = json.loads(out) if code == 0 and out.startswith(b"{") else None
        return Said(codes(code), out + b"\0" + err, answer)


def process(words: list[str], stdin: str, **told: str | None) -> tuple[int, bytes, bytes]:
    """Run a command as a process and return exit code, stdout and stderr."""
    with environment(**told):
        done = subprocess.run(
            [sys.executable, "-m", "vault", *words], input=stdin.encode(), capture_output=True, timeout=60
        )
    return done.returncode, done.stdout, done.stderr


def run(words: list[str], stdin: str) -> tuple[int, bytes]:
    """Run a command and return its exit code and all it printed: stdout, a null byte, stderr."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
    reading = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]), mock.patch("sys.stdin", reading):
        code = cli.run(words)
    for one in streams:
        one.flush()
    out, err = (one.buffer.getvalue() for one in streams)
    return code, out + b"\0" + err


def codes(exit: int) -> frozenset[str]:
    """Return the codes that an exit status stands for."""
    return frozenset({ANSWER} if exit == 0 else {code for code, kind in kinds().items() if kind.exit_code == exit})


def environment(**told: str | None) -> Any:
    """Set variables for the time of a `with`; one that is None is not set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OWNVAULT_")}
    told = {name: value for name, value in told.items() if value is not None}
    return mock.patch.dict(os.environ, {**kept, **told}, clear=True)
