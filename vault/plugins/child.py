"""The importer as the vault's process sees it: a child without a key, bounded, heard line by line, always ended."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import vault
from vault.errors import ImportFailed
from vault.plugins.items import ImporterInfo, Limits

_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from vault.plugins.confinement import confine; confine(*sys.argv[2:])"
)
_TAIL = 4096
_KEEP = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # what the interpreter may need to start


class Child:
    """One importer process: asked once, read line by line, always ended."""

    def __init__(self, info: ImporterInfo, limits: Limits) -> None:
        self.limits, self.why, self.noise = limits, "", 0
        self._errors = b""
        environment = {name: os.environ[name] for name in _KEEP if name in os.environ}
        environment |= {"LANG": "C.UTF-8", "TMPDIR": "/nonexistent"}
        bounds = json.dumps({"memory": limits.memory, "cpu": limits.cpu})
        package = str(Path(vault.__file__).resolve().parent.parent)
        try:
            # -I: no PYTHON* variables, no current directory; -B: no .pyc files. Its own session: Ctrl-C is ours.
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own file
                [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT, package, str(info.file), bounds],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment, cwd="/", start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            raise ImportFailed(
                f"importer {info.name} could not start: {error.strerror or type(error).__name__}"
            ) from None
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._in, self._out, self._err = self._process.stdin, self._process.stdout, self._process.stderr
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # let it read ahead while the vault is busy with what it has
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, 1 << 20)

    def ask(self, request: str) -> None:
        try:
            self._in.write(request.encode() + b"\n")
            self._in.close()
        except BrokenPipeError:
            pass  # it died at start; reason() tells why

    def lines(self) -> Iterator[bytes | None]:
        """Yield each line without its end, None for one over the limit. Ends with the output or the idle limit."""
        rest, skipping = bytearray(), False
        for block in self._blocks():
            start = 0
            while (end := block.find(b"\n", start)) >= 0:
                rest += block[start:end]
                yield None if skipping or len(rest) > self.limits.line else bytes(rest)
                rest, skipping, start = bytearray(), False, end + 1
            rest += block[start:]
            if len(rest) > self.limits.line:
                rest, skipping = bytearray(), True  # forget it now, say so when the line ends
        if rest or skipping:
            yield None if skipping else bytes(rest)

    def _blocks(self) -> Iterator[bytes]:
        """Yield output as it comes; drain stderr on the way, so that neither pipe can block the other."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._out, selectors.EVENT_READ)
            ready.register(self._err, selectors.EVENT_READ)
            while True:
                events = ready.select(self.limits.idle)
                if not events:
                    self.why = f"stopped: it said nothing for {self.limits.idle:g} seconds"
                    return
                for key, _ in events:
                    block = os.read(key.fd, 1 << 16)
                    if key.fileobj is self._err:
                        self._heard(block, ready)
                    elif block:
                        yield block
                    else:
                        return

    def _heard(self, block: bytes, ready: selectors.BaseSelector) -> None:
        self._errors = (self._errors + block)[-_TAIL:]
        if not block:
            ready.unregister(self._err)

    def reason(self) -> str:
        """Say why it ended, in words that cannot hold imported content."""
        if self.why:
            return self.why
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "it closed its output and did not end"
        if code == -signal.SIGKILL:
            return "it was killed; often that means that the machine ran out of memory"
        if code == -signal.SIGXCPU:
            return f"it used more than {self.limits.cpu} seconds of processor time"
        if code < 0:
            return f"it was ended by signal {-code}"
        self._drain()
        crash = re.findall(rb"^stopped: ([A-Za-z_]\w{,60}) at ([\w.-]{1,60}):(\d{1,6})$", self._errors, re.MULTILINE)
        if not crash:
            return f"it ended with code {code} before it was done"
        name, file, number = (part.decode() for part in crash[-1])
        if name == "MemoryError":
            return f"it needed more than {self.limits.memory >> 20} MiB of memory ({file}, line {number})"
        return f"{name} in {file}, line {number}"

    def _drain(self) -> None:
        while not self._err.closed and (block := os.read(self._err.fileno(), 1 << 16)):
            self._errors = (self._errors + block)[-_TAIL:]

    def end(self) -> None:
        self._process.kill()  # does nothing to a child that has ended: Popen keeps the pid until it is waited for
        self._process.wait()
        for pipe in (self._in, self._out, self._err):
            pipe.close()
