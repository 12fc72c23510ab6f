"""What several test packages share: a small deterministic encoder, a running server, the usual requests."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, GrantRequest, Holder

PASSPHRASE = b"correct horse battery staple"
FLOOR_KIB = 19 * 1024
"""The weakest Argon2id memory a vault accepts; keeps tests fast."""


class HashingEncoder:
    """A real, tiny encoder: words hashed onto 384 axes. For tests of many vaults, where meaning is not the point."""

    name, dim, device, runtime = "hashing-384", 384, "cpu", "numpy"
    notices: tuple[str, ...] = ()

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        out = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(out, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or ["\0"]:
                digest = zlib.crc32(word.encode())
                row[digest % self.dim] += 1 if digest & 1 << 20 else -1
            row[0] += 1e-3
            row /= np.linalg.norm(row)
        return out

    def encode_query(self, text: str) -> NDArray[np.float32]:
        return self.encode([text])[0]


class Clock:
    """The time in a vault. It goes only when it is turned."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


def fill(vault: Vault, collection: str, **texts: str) -> None:
    """Put one record per keyword argument into a collection; the keyword is its origin."""
    drafts = tuple(Draft(origin=origin, text=text, title=origin) for origin, text in texts.items())
    vault.add(Holder(vault.owner_token().token), AddRequest(collection, drafts, source=f"test-{collection}"))


def grant(vault: Vault, client: str = "claude", *collections: str, **more: object) -> Holder:
    """Grant collections (default: notes) and return the holder of the token."""
    request = GrantRequest(client, filter=Filter(collections=collections or ("notes",)), **more)  # type: ignore[arg-type]
    return Holder(vault.grant(Holder(vault.owner_token().token), request).token)


@dataclass
class Server:
    """A running `ownvault serve`."""

    process: subprocess.Popen[str]
    address: str
    directory: Path
    home: Path
    environment: dict[str, str]
    log: Path

    def command(self, *words: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run_command(self.environment, *words, stdin=stdin, check=check)

    def json(self, *words: str, stdin: str | None = None) -> dict[str, object]:
        return json.loads(self.command(*words, "--json", stdin=stdin).stdout)  # type: ignore[no-any-return]

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def run_command(
    environment: dict[str, str], *words: str, stdin: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "vault", *words],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def hear_interrupts() -> None:
    """For `preexec_fn`: Ctrl-C reaches the child even where the tests themselves run as a background job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_server(environment: dict[str, str]) -> Server:
    home = Path(environment["HOME"])
    log = home / f"server-{time.monotonic_ns()}.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "vault", "serve", "--port", "0", "--json"],
            env=environment, stdout=subprocess.PIPE, stderr=sink, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text()
    return Server(process, json.loads(line)["address"], Path(environment["OWNVAULT_DIR"]), home, environment, log)
