"""Runs REST transcripts: text files that say what is sent to a server and what each answer must be.

    # a comment
    POST /v1/search                           a request: method and target, headers, body
    Authorization: Bearer $claude             `$name` is what was kept under that name
    {"query": "who mended the roof"}

    200                                       the answer, after an empty line: status, headers, body
    {"hits": ["…"], "receipt": {"entry": "<n>", "leaf": "<hash>"}}

    404                                       a problem document, in short: code and detail; hint and request if it has
    not_found: no such record

What differs from run to run is a placeholder: `"<n>"` is a value of the kind `n` (KINDS), `"<id=roof>"` also keeps it,
and `"$roof"` is that very value again, in requests and in answers.
Everything else must be as it stands: an unexpected key fails. `"…"` at the end of a list is any more items.
Of the headers, those in TELLING must be exactly the ones written; a Content-Type goes without saying when it is the
usual one, and the guard's headers are always demanded. In a request, `<x*4001>` is that letter so many times, and an
empty header is not sent. `await GET …` asks again until the answer is the one written.

`python -m tests.api.transcript --write FILE…` asks a new server and rewrites the answers, placeholders put back.
"""

from __future__ import annotations

import difflib
import json
import re
import string
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.api import raw
from vault.api.guard import security_headers

KINDS: dict[str, tuple[type, str]] = {
    "id": (str, r"r[a-z2-7]{26}"),
    "grant": (str, r"g[0-9a-f]{16}"),
    "request": (str, r"q[0-9a-f]{16}"),
    "vault": (str, r"ownvault:[A-Za-z0-9_-]+"),
    "hash": (str, r"[0-9a-f]{64}|[A-Za-z0-9+/]{43}="),
    "token": (str, r"[A-Za-z0-9_=-]{100,}"),
    "log": (str, r"ownvault/[0-9a-f]{32}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"),
    "time": (str, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "proof": (str, r"c2sp\.org/tlog-proof@v1\n(?s:.+)\n"),
    "checkpoint": (str, r"(?s:.+)\n\n— \S+ \S+\n"),
    "path": (str, r"/\S+"),
    "version": (str, r"\d+\.\d+\.\S+"),
    "score": (float, r"-?[01]\.\d+"),
    "n": (int, r"\d+"),
    "cursor": (str, r"[A-Za-z0-9_-]{23,}"),
}
GUESSED = ("id", "grant", "request", "vault", "hash", "token", "log", "proof", "checkpoint")
"""Kinds whose values are told by their looks."""
NAMED = {
    "score": "score", "entry": "n", "number": "n", "size": "n", "audit_entries": "n", "grants": "n", "before": "n",
    "directory": "path", "version": "version", "time": "time", "created": "time", "expires": "time",
    "last_used": "time", "decided": "time", "had": "time", "until": "time", "imported": "time", "next": "cursor",
}  # fmt: skip
"""Kinds whose values are told by the key they stand under."""
TELLING = ("WWW-Authenticate", "ETag", "Content-Type", "Allow", "Location", "Set-Cookie",
           "Access-Control-Allow-Origin")  # fmt: skip
MORE = "…"
WIDTH = 116
PATIENCE = 60
"""Seconds that an `await` may take; no test depends on being faster."""
_HEADER = re.compile(r"([A-Z][A-Za-z-]+):(?: (.*))?")
_HOLE = re.compile(r"<([a-z]+)(?:=([a-z_]+))?>")
_NAME = re.compile(r"\$([a-z_]+)")
_PROBLEM = re.compile(r"([a-z_]+): (.*)(?:\nhint: (.*))?(?:\nrequest: (.*))?")


@dataclass
class Message:
    """A request or an answer as written: its first line, its headers, its body."""

    first: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Step:
    """One request and the answer it must get, with the line that it begins in."""

    line: int
    request: Message
    answer: Message

    @property
    def awaited(self) -> bool:
        return self.request.first.startswith("await ")


def parse(script: str) -> Iterator[str | Step]:
    """Yield a transcript's comments and steps in order. A request without an answer is one still to be written."""
    request, start, number = None, 0, 1
    for block in script.rstrip("\n").split("\n\n"):
        lines = block.split("\n")
        said = [line for line in lines if line.startswith("#")]
        told, first = lines[len(said) :], number + len(said)
        number += len(lines) + 1
        if said and request:
            yield Step(start, request, Message(""))
            request = None
        yield from said
        if told and re.fullmatch(r"\d{3}", told[0]):
            assert request, f"line {first}: an answer to nothing"
            yield Step(start, request, _message(told))
            request = None
        elif told:
            if request:
                yield Step(start, request, Message(""))
            request, start = _message(told), first
    if request:
        yield Step(start, request, Message(""))


def _message(lines: list[str]) -> Message:
    message = Message(lines[0])
    for i, line in enumerate(lines[1:], 1):
        if not (header := _HEADER.fullmatch(line)):
            message.body = "\n".join(lines[i:])
            break
        message.headers[header[1]] = header[2] or ""
    return message


# ---------------------------------------------------------------- placeholders


def filled(expected: Any, real: Any, kept: dict[str, Any]) -> Any:
    """Return `expected` with every placeholder that `real` agrees with replaced by what is there; keeps the named."""
    if isinstance(expected, dict) and isinstance(real, dict):
        return {key: filled(value, real[key], kept) if key in real else value for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(real, list):
        more = expected[-1:] == [MORE]
        wanted = expected[:-1] if more else expected
        pairs = [filled(one, other, kept) for one, other in zip(wanted, real, strict=False)]
        return pairs + wanted[len(real) :] + (real[len(wanted) :] if more else [])
    if not isinstance(expected, str):
        return expected
    if name := _NAME.fullmatch(expected):
        return kept.get(name[1], expected)
    if hole := _HOLE.search(expected):
        kind, pattern = KINDS[hole[1]]
        pattern = re.escape(expected[: hole.start()]) + f"({pattern})" + re.escape(expected[hole.end() :])
        found = re.fullmatch(pattern, str(real)) if type(real) is kind else None
        if found and hole[2]:
            kept[hole[2]] = kind(found[1])
        return real if found else expected
    return string.Template(expected).safe_substitute(kept)


def restored(expected: Any, real: Any, kept: dict[str, Any], key: str = "") -> Any:
    """Return `real` with placeholders: those of `expected` where they agree, else those that its looks suggest."""
    if isinstance(real, dict):
        old = expected if isinstance(expected, dict) else {}
        return {name: restored(old.get(name), value, kept, name) for name, value in real.items()}
    if isinstance(real, list):
        old = expected if isinstance(expected, list) else []
        more = old[-1:] == [MORE]
        shown = real[: len(old) - 1] if more else real
        return [restored(old[i] if i < len(old) else None, one, kept) for i, one in enumerate(shown)] + [MORE] * more
    if expected is not None and same(filled(expected, real, dict(kept)), real):
        return expected
    for name, value in kept.items():
        if isinstance(real, str) and real == value:
            return f"${name}"
    for kind in (NAMED[key],) if key in NAMED and real is not None else GUESSED:
        if same(filled(f"<{kind}>", real, {}), real):
            return f"<{kind}>"
    return real


def same(one: Any, other: Any) -> bool:
    """Compare as JSON, where 1, 1.0 and true are three things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def expanded(body: str, status: str) -> Any:
    """Return what a written body says: JSON, or a problem document in short."""
    if not (short := _PROBLEM.fullmatch(body)):
        return json.loads(body)
    code, detail, hint, request = short.groups()
    said = {"type": f"urn:ownvault:problem:{code}", "title": code.replace("_", " "), "status": int(status),
            "code": code, "detail": detail}  # fmt: skip
    return said | ({"hint": hint} if hint else {}) | ({"request": request} if request else {})


def shortened(problem: dict[str, Any]) -> str:
    """Return a problem document in short."""
    more = [f"\n{name}: {problem[name]}" for name in ("hint", "request") if name in problem]
    return f"{problem['code']}: {problem['detail']}" + "".join(more)


def pretty(value: Any, indent: int = 0, head: str = "") -> str:
    """Return JSON after `head`, in one line where that fits."""
    line = head + json.dumps(value, ensure_ascii=False)
    if len(line) <= WIDTH - indent or not isinstance(value, dict | list) or not value:
        return line
    named = isinstance(value, dict)
    pairs = value.items() if isinstance(value, dict) else (("", one) for one in value)
    items = [
        " " * (indent + 2) + pretty(one, indent + 2, f"{json.dumps(key)}: " if named else "") for key, one in pairs
    ]
    left, right = "{}" if named else "[]"
    return f"{head}{left}\n" + ",\n".join(items) + f"\n{' ' * indent}{right}"


# ---------------------------------------------------------------- running


class Play:
    """Transcripts against one server. `kept` are the names that requests may use, such as tokens."""

    def __init__(self, port: int, kept: dict[str, Any]) -> None:
        self._port, self.kept = port, dict(kept) | {"port": str(port)}

    def run(self, step: Step) -> None:
        """Run one step; AssertionError, with a diff, when the answer is not the one written."""
        over = threading.Event()
        timer = threading.Timer(PATIENCE, over.set)
        timer.start()
        try:
            while difference := self._difference(step):
                assert step.awaited and not over.is_set(), f"line {step.line}: {step.request.first}\n{difference}"
        finally:
            timer.cancel()

    def rewrite(self, step: Step) -> Step:
        """Run one step and return it with the answer that came."""
        if step.awaited:
            self.run(step)
            return step
        real = self._ask(step.request)
        body, old = real.body, step.answer.body
        if body:
            said, problem = json.loads(body), int(real.first) >= 400 and not old.startswith("{")
            written = restored(expanded(old, real.first) if old else None, said, self.kept)
            filled(written, said, self.kept)
            held = {"request": written["request"]} if problem and "request" in written else {}
            body = self._named(shortened(said | held)) if problem else pretty(written)
        return Step(step.line, step.request, Message(real.first, real.headers, body))

    def _named(self, words: str) -> str:
        """Return a text with the port and the ids in it by their names."""
        for name, value in self.kept.items():
            if re.fullmatch(r"\d+|[gqr][0-9a-z]{16,}", str(value)):
                words = words.replace(str(value), f"${name}")
        return words

    def _difference(self, step: Step) -> str:
        real, kept = self._ask(step.request), dict(self.kept)
        wanted = Message(step.answer.first, dict(step.answer.headers), step.answer.body)
        if wanted.body and real.body:
            body = filled(expanded(wanted.body, wanted.first), json.loads(real.body), kept)
            agrees = same(body, json.loads(real.body))
            wanted.body, real.body = (real.body, real.body) if agrees else (_lines(body), _lines(json.loads(real.body)))
        if wanted == real:
            self.kept = kept
            return ""
        sides = [text(one).splitlines() for one in (wanted, real)]
        return "\n".join(difflib.unified_diff(*sides, "written", "answered", lineterm="", n=99))

    def _ask(self, request: Message) -> Message:
        """Send a request and return the answer as it would be written, its body as it came."""
        method, target = self._put(request.first.removeprefix("await ")).split(" ", 1)
        body = re.sub(r"<(.)\*(\d+)>", lambda letter: letter[1] * int(letter[2]), self._put(request.body)).encode()
        headers = {"Host": f"127.0.0.1:{self._port}"}
        if body or method == "POST":
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= {name: self._put(value) for name, value in request.headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        real = raw.send(self._port, f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        if real is None:
            return Message("no answer")
        for name, value in security_headers():
            assert real.headers.get(name.decode()) == value.decode(), f"{method} {target}: no {name.decode()}"
        usual = "application/json" if real.status < 300 else "application/problem+json"
        told = {name: real.headers[name.lower()] for name in TELLING if name.lower() in real.headers}
        told = {name: value for name, value in told.items() if (name, value) != ("Content-Type", usual)}
        if challenge := told.pop("WWW-Authenticate", ""):  # where it points, tests/api/oauth look at
            told = ({"WWW-Authenticate": challenge.partition(" ")[0]} if real.status == 401 else {}) | told
        return Message(str(real.status), told, real.body.decode())

    def _put(self, written: str) -> str:
        return string.Template(written).substitute(self.kept)


def _lines(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def text(message: Message) -> str:
    """Return a message as it is written in a transcript."""
    headers = [f"{name}: {value}".rstrip() for name, value in message.headers.items()]
    return "\n".join([message.first, *headers, *([message.body] if message.body else [])])


def rewritten(script: str, play: Play) -> str:
    """Return a transcript with the answers that the server gives now."""
    blocks: list[str] = []
    comments: list[str] = []
    for part in parse(script):
        if isinstance(part, str):
            comments.append(part)
            continue
        step = play.rewrite(part)
        blocks += ["\n".join(comments)] * bool(comments) + [text(step.request), text(step.answer)]
        comments = []
    return "\n\n".join(blocks) + "\n"


def main(arguments: list[str]) -> int:
    """Rewrite the transcripts that are named after `--write`, against one new server or, those ALONE, each its own."""
    from tempfile import TemporaryDirectory

    from tests.api.stage import ALONE, staged

    if arguments[:1] != ["--write"] or not arguments[1:]:
        print("usage: python -m tests.api.transcript --write FILE…", file=sys.stderr)
        return 2
    paths = sorted(map(Path, arguments[1:]))
    together = [path for path in paths if path.stem not in ALONE]
    for group in [together, *([path] for path in paths if path.stem in ALONE)]:
        with TemporaryDirectory() as home, staged(Path(home)) as (port, kept):
            for path in group:
                path.write_text(rewritten(path.read_text("utf-8"), Play(port, kept)), "utf-8")
                print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
