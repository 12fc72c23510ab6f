"""Finds importers and runs each as a child process that holds no key.

An importer is a program in `plugins/importers/`: it gets one JSON request on stdin and answers with
JSON lines (plugins/importers/SPEC.md). What it reads is hostile, so what it says is checked here,
line by line, and its memory, time and output are bounded. A child process is separation, not a sandbox.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from vault.errors import ImportFailed
from vault.types import Draft, Provenance, Sensitivity, utc

PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What one import may use. The vault process keeps `line` bytes at most; the rest binds the child."""

    memory: int = 2 << 30
    """Bytes of address space."""
    cpu: int = 4 * 3600
    """Seconds of processor time for the whole run."""
    idle: float = 120.0
    """Seconds in which the importer must say something while we wait for it."""
    line: int = 32 << 20
    """Bytes of one protocol line."""
    text: int = 4 << 20
    """Characters of one record's text."""
    noise: int = 1000
    """Lines that are not the protocol before the importer is given up."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One item that could not be read, or only in part: where it stands and why. Safe to print."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the importer is. `total` is None when it cannot tell cheaply."""

    done: int
    total: int | None
    unit: str = "files"


@dataclass(frozen=True, slots=True)
class ImporterInfo:
    """An importer as found on disk. `options` maps each option's name to what it means."""

    name: str
    summary: str
    options: dict[str, str]
    file: Path = field(repr=False)


Item = Draft | Failure | Progress
Read = Callable[[Path, dict[str, Any]], Iterator[Item]]

# ---------------------------------------------------------------- finding


def importers(directory: Path | None = None) -> dict[str, ImporterInfo]:
    """Return every importer by name: one per file in `directory` whose name has no leading underscore.

    Nothing is run: summary and options are read from the source (docstring and the literal OPTIONS).
    """
    found = sorted((directory or _directory()).glob("[!_]*.py"))
    return {file.stem: _info(file) for file in found}


def _directory() -> Path:
    """The wheel carries the plugins inside the package; a checkout has them beside it."""
    package = Path(__file__).resolve().parent
    carried = package / "_plugins" / "importers"
    return carried if carried.is_dir() else package.parent / "plugins" / "importers"


def _info(file: Path) -> ImporterInfo:
    try:
        module = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return ImporterInfo(file.stem, "A broken program: it is not valid Python.", {}, file)
    options: dict[str, str] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(t) for t in statement.targets] == ["OPTIONS"]:
            options = ast.literal_eval(statement.value)
    return ImporterInfo(file.stem, (ast.get_docstring(module) or "").partition("\n")[0], options, file)


# ---------------------------------------------------------------- running, in the vault's process


def run(
    name: str,
    path: Path,
    options: dict[str, Any] | None = None,
    limits: Limits | None = None,
    *,
    directory: Path | None = None,
) -> Iterator[Item]:
    """Read `path` with importer `name`: drafts, failures and progress as they come.

    Raises ImportFailed at once for an unknown importer or option and an unreadable path, and while
    iterating when the importer declines the whole input. Whatever else goes wrong (a crash, a hang,
    no memory, garbage) ends in a Failure, and what came before it stands. No origin comes twice.
    Closing the iterator ends the child.
    """
    info = _named(name, importers(directory))
    unknown = sorted(set(options or {}) - set(info.options))
    if unknown:
        raise ImportFailed(
            f"importer {name} has no option {_plain(unknown[0], 64)!r}",
            hint=f"its options: {', '.join(sorted(info.options)) or 'none'}",
        )
    source = _readable(path)
    request = json.dumps({"protocol": PROTOCOL, "path": os.fspath(source), "options": options or {}})
    if len(request) > _REQUEST:
        raise ImportFailed("path and options together are too long")
    return _items(info, request, limits or Limits())


_REQUEST = 32 << 10  # fits into a pipe, so that writing it never blocks


def _named(name: str, known: dict[str, ImporterInfo]) -> ImporterInfo:
    if name not in known:
        raise ImportFailed(f"no importer called {_plain(name, 64)!r}", hint=f"known importers: {', '.join(known)}")
    return known[name]


def _readable(path: Path) -> Path:
    source = Path(path).expanduser().absolute()
    try:
        kind = "folder" if source.is_dir() else "file" if source.is_file() else ""
        exists = bool(kind) or source.exists()
    except (OSError, ValueError) as error:
        raise ImportFailed(f"cannot look at {_plain(str(path), 300)}: {_os_reason(error)}") from None
    shown = _plain(str(path), 300)
    if not exists:
        raise ImportFailed(f"{shown}: no such file or folder", hint="check the path")
    if not kind:
        raise ImportFailed(f"{shown} is neither a file nor a folder", hint="save its content to a file first")
    if not os.access(source, os.R_OK | (os.X_OK if kind == "folder" else 0)):
        raise ImportFailed(f"{shown}: this {kind} may not be read", hint="check who owns it and its permissions")
    return source


def _os_reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _items(info: ImporterInfo, request: str, limits: Limits) -> Iterator[Item]:
    child = _Child(info, limits)
    seen: set[int] = set()
    try:
        child.ask(request)
        for number, line in enumerate(child.lines(), start=1):
            item = _item(line, number, limits)
            if isinstance(item, _Refused):
                raise ImportFailed(f"{info.name}: {item.reason}", hint=item.hint)
            if isinstance(item, _End):
                return
            if isinstance(item, Draft):
                # 64 random-keyed bits per origin, not the names: ten million of them still fit.
                if hash(item.origin) in seen:
                    item = Failure(item.origin, "another record of this import has the same origin; the first was kept")
                else:
                    seen.add(hash(item.origin))
            if isinstance(item, _Noise):
                child.noise += 1
                if child.noise > limits.noise:
                    child.why = f"stopped: more than {limits.noise} lines that are not the protocol"
                    break
                item = Failure(f"{info.name}, line {number} of its output", item.reason)
            if item is not None:
                yield item
        yield Failure(info.name, f"ended early: {child.reason()}; what was read before is kept")
    finally:
        child.end()


_BOOT = "import sys; sys.path.append(sys.argv[1]); from vault.plugins import confine; confine(*sys.argv[2:])"
_TAIL = 4096
_KEEP = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # what the interpreter may need to start


class _Child:
    """One importer process: asked once, read line by line, always ended."""

    def __init__(self, info: ImporterInfo, limits: Limits) -> None:
        self.limits, self.why, self.noise = limits, "", 0
        self._errors = b""
        environment = {name: os.environ[name] for name in _KEEP if name in os.environ}
        environment |= {"LANG": "C.UTF-8", "TMPDIR": "/nonexistent"}
        bounds = json.dumps({"memory": limits.memory, "cpu": limits.cpu})
        package = str(Path(__file__).resolve().parent.parent)
        try:
            # -I: no PYTHON* variables, no current directory; -B: no .pyc files. Its own session: Ctrl-C is ours.
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own file
                [sys.executable, "-I", "-B", "-X", "utf8", "-c", _BOOT, package, str(info.file), bounds],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=environment, cwd="/", start_new_session=True, bufsize=0,
            )  # fmt: skip
        except OSError as error:
            raise ImportFailed(f"importer {info.name} could not start: {_os_reason(error)}") from None
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


# ---------------------------------------------------------------- the protocol, checked


@dataclass(frozen=True, slots=True)
class _End:
    pass


@dataclass(frozen=True, slots=True)
class _Refused:
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Noise:
    reason: str


_STRUCTURE = 64 << 10
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def _item(line: bytes | None, number: int, limits: Limits) -> Item | _End | _Refused | _Noise | None:
    """Return what one line says; None for the greeting."""
    if line is None:
        return _Noise(f"longer than {limits.line} bytes")
    try:
        # A line of nothing but brackets would cost thirty times its size as Python objects.
        if len(line) > _STRUCTURE and len(_STRING.sub(b"", line)) > _STRUCTURE:
            return _Noise("not the protocol")
        said = json.loads(line)
        ((what, body),) = said.items()
        if (what == "hello") != (number == 1):
            return _Noise("not the protocol: it begins with one greeting")
        return _MEANING[what](body, limits)
    except _Bad as bad:
        return Failure(bad.place, bad.reason)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return _Noise("not the protocol")


class _Bad(Exception):
    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason


def _hello(body: Any, limits: Limits) -> _Refused | None:
    if body == {"protocol": PROTOCOL}:
        return None
    return _Refused("it speaks another version of the importer protocol", "install the importer made for this version")


def _refused(body: Any, limits: Limits) -> _Refused:
    return _Refused(_plain(body["reason"], 300), _plain(body["hint"], 300))


def _failure(body: Any, limits: Limits) -> Failure:
    return Failure(_plain(body["place"], 1000), _plain(body["reason"], 300))


def _progress(body: Any, limits: Limits) -> Progress:
    done, total, unit = body["done"], body["total"], body["unit"]
    if type(done) is not int or type(total) not in (int, type(None)) or unit not in ("files", "bytes", "messages"):
        raise TypeError
    return Progress(done, total, unit)


def _end(body: Any, limits: Limits) -> _End:
    return _End()


_STRINGS = {"text": 0, "title": 1024, "kind": 64, "language": 35, "url": 2048, "thread": 4096}
_NAMES = {"people": 128, "labels": 128}
_MOST_NAMES = 1000
_KEYS = {f.name for f in fields(Draft)}


def _draft(body: dict[str, Any], limits: Limits) -> Draft:
    """Return the Draft that `body` describes; _Bad with its origin when any field is not what it must be."""
    origin = body["origin"]
    if not isinstance(origin, str) or not 0 < len(origin) <= 4096 or _BREAKING.search(origin):
        raise _Bad("a record", "its origin must be 1 to 4096 characters without control characters")
    if body.keys() - _KEYS:
        raise _Bad(origin, "unknown field")
    for key, most in _STRINGS.items():
        _check_string(origin, key, body.get(key, ""), most or limits.text)
    if not body["text"].strip():
        raise _Bad(origin, "empty")
    if re.match(r"\s*(javascript|data|vbscript)\s*:", body.get("url", ""), re.IGNORECASE):
        raise _Bad(origin, "its url is a program")
    for key, most in _NAMES.items():
        _check_names(origin, key, body.get(key, []), most)
    position = body.get("position", 0)
    if type(position) is not int or not 0 <= position < 1 << 53:
        raise _Bad(origin, "position must be a whole number from 0")
    try:
        return Draft(
            **body
            | {
                "created": _moment(body.get("created")),
                "updated": _moment(body.get("updated")),
                "people": tuple(body.get("people", ())),
                "labels": tuple(body.get("labels", ())),
                "sensitivity": Sensitivity.parse(body.get("sensitivity", "personal")),
                "provenance": Provenance(body.get("provenance", "third_party")),
            }
        )
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise _Bad(origin, "a date, sensitivity or provenance is not one") from None


_MEANING: dict[str, Callable[[Any, Limits], Item | _End | _Refused | None]] = {
    "hello": _hello, "refused": _refused, "draft": _draft, "failure": _failure, "progress": _progress, "end": _end,
}  # fmt: skip


def _check_string(origin: str, key: str, value: Any, most: int) -> None:
    if not isinstance(value, str):
        raise _Bad(origin, f"{key} must be text")
    if len(value) > most:
        raise _Bad(origin, f"{key} is longer than {most} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Bad(origin, f"{key} is not valid Unicode") from None
    if "\0" in value or (key != "text" and _BREAKING.search(value)):
        raise _Bad(origin, f"{key} has control characters in it")


def _check_names(origin: str, key: str, names: Any, most: int) -> None:
    if not isinstance(names, list) or len(names) > _MOST_NAMES:
        raise _Bad(origin, f"{key} must be a list of at most {_MOST_NAMES} names")
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= most or _BREAKING.search(name):
            raise _Bad(origin, f"each of {key} must be 1 to {most} characters without control characters")
        if not unicodedata.is_normalized("NFC", name):
            raise _Bad(origin, f"each of {key} must be in Unicode form NFC")


def _moment(value: Any) -> datetime | None:
    """Return an instant in UTC; the protocol has no times without a zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return utc(moment)


def _plain(text: Any, most: int) -> str:
    """Return `text` on one line, fit for a terminal: control and direction characters shown as \\x1b."""
    if not isinstance(text, str):
        raise TypeError
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text[:most])


_BREAKING = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


# ---------------------------------------------------------------- the child's side


def serve(read: Read) -> None:
    """Be an importer: read the request, answer with what `read(path, options)` yields.

    `read` may raise ImportFailed before its first draft to decline the input. Each item is on its way
    when the next is asked for, so that a crash loses nothing that came before it.
    """
    request = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print() must not end up between the protocol's lines
    _say(out, {"hello": {"protocol": PROTOCOL}})
    try:
        for item in read(Path(request["path"]), request["options"]):
            _say(out, {type(item).__name__.lower(): _plain_data(item)})
    except ImportFailed as declined:
        _say(out, {"refused": {"reason": declined.message, "hint": declined.hint}})
        return
    _say(out, {"end": {}})


def _say(out: IO[bytes], message: dict[str, Any]) -> None:
    line = json.dumps(message, ensure_ascii=False, default=datetime.isoformat)
    out.write(line.encode("utf-8", "replace") + b"\n")
    out.flush()


def _plain_data(item: Item) -> dict[str, Any]:
    if not isinstance(item, Draft):
        return asdict(item)
    body = {name: getattr(item, name) for name in _KEYS}
    return body | {"sensitivity": item.sensitivity.name.lower()}


def confine(file: str, bounds: str) -> None:
    """Bind this process to its limits, then run the importer `file`: the child's first act, see _BOOT.

    No core dump, no byte written to any file, no program started, no network, bounded memory and
    time. The audit hook binds Python code only; the kernel's limits bind everything.
    """
    import resource
    import runpy

    limits = json.loads(bounds)
    wanted = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_AS": limits["memory"], "RLIMIT_CPU": limits["cpu"]}
    for name, most in wanted.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        ceiling = most + 5 * (kind == resource.RLIMIT_CPU)  # the soft limit's signal tells us why, the hard one kills
        if hard != resource.RLIM_INFINITY:
            ceiling = min(ceiling, hard)
        try:
            resource.setrlimit(kind, (min(most, ceiling), ceiling))
        except (ValueError, OSError):
            if name != "RLIMIT_AS":  # macOS has no limit of address space
                raise
    sys.excepthook = _crashed
    sys.path.append(str(Path(file).parent))
    sys.addaudithook(_forbid)
    runpy.run_path(file, run_name="__main__")


_FORBIDDEN = (
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "os.setxattr", "os.removexattr", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty",
    "os.kill", "subprocess.Popen", "pty.spawn", "tempfile.", "shutil.", "socket.", "webbrowser.", "ctypes.",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        if isinstance(arguments[0], int) or not arguments[2] & _WRITING:
            return
    elif not event.startswith(_FORBIDDEN):
        return
    raise PermissionError(f"an importer may not {event}")


def _crashed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Say where an importer broke, never with what: an exception's message may quote the input."""
    file, line = "start", 0
    while trace is not None:
        name = Path(trace.tb_frame.f_code.co_filename).name
        if not name.startswith("<"):
            file, line = name, trace.tb_lineno
        trace = trace.tb_next
    sys.stderr.write(f"stopped: {kind.__name__} at {file}:{line}\n")
