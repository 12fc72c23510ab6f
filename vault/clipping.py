"""From what a browser saves to the draft of a record. Pure. plugins/browser/SPEC.md, "capture"."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from vault import limits
from vault.errors import BadRequest, TooLarge
from vault.legible import legible
from vault.types import Captured, CaptureRequest, Dialogue, Draft, Provenance, SentFile, Speaker, utc

WEB_CAPTURE, HIGHLIGHTED = "web-capture", "highlighted"
"""Labels of all that comes from a browser, and of what its owner had marked."""
SPEAKERS = {Speaker.USER: "You", Speaker.ASSISTANT: "Assistant", Speaker.SYSTEM: "System"}
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_MARKS = {
    "open": r"\\?\[\s*from\s+my\s+vault:\s+\d{1,6}\s+records?,\s+release\s+(?P<id>[a-z0-9]{8,64})\s*\\?\]",
    "close": r"\\?\[\s*end\s+of\s+release\s+(?P<id>[a-z0-9]{8,64})\s*\\?\]",
}
_OPEN, _CLOSE = re.compile(_MARKS["open"], re.ASCII), re.compile(_MARKS["close"], re.ASCII)


def draft(request: CaptureRequest, title: str, text: str) -> Draft:
    """Return the draft of what was saved, by a title and a text of our own where the request has none."""
    url = address(request.url)
    labels = [WEB_CAPTURE, *([HIGHLIGHTED] if request.highlights else []), *request.labels]
    title = " ".join((request.title or title).split()) or url
    author = " ".join(legible(request.author).split())[: limits.LABEL].strip()
    return Draft(
        _origin(request, url, text), _quoted(_own_words(request.highlights), text) + text, title[: limits.TITLE],
        str(request.kind), created=_written(request), updated=utc(request.captured),
        people=(author,) if author else (), labels=tuple(dict.fromkeys(labels)),
        language=request.language, provenance=Provenance.THIRD_PARTY, url=_kept(url),
    )  # fmt: skip


def check(request: CaptureRequest) -> None:
    """Raise BadRequest for what cannot be saved whatever it holds."""
    if not _KEY.fullmatch(request.key):
        raise BadRequest("key: should be 8 to 64 letters, digits, - and _")
    belongs = {Captured.FILE: request.file, Captured.CONVERSATION: request.conversation}
    for kind, part in belongs.items():
        if (part is not None) != (request.kind is kind):
            raise BadRequest(f"{kind}: belongs to what is of this kind, and to nothing else")
    if request.kind in belongs and request.text:
        raise BadRequest(f"text: a {request.kind} brings its own")


# ---------------------------------------------------------------- where from


def address(url: str) -> str:
    """Return a web address without name and password, and without a fragment that is only a place in the page."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        raise BadRequest("url: should be an address of the web")
    shown = f"[{host}]" if ":" in host else host
    place = shown if port is None else f"{shown}:{port}"
    fragment = parts.fragment if parts.fragment.startswith(("/", "!")) else ""
    return urlunsplit((parts.scheme, place, parts.path or "/", parts.query, fragment))


def _kept(url: str) -> str:
    """Return as much of an address as a record keeps."""
    return url if len(url) <= limits.URL else url.partition("?")[0][: limits.URL]


def _origin(request: CaptureRequest, url: str, text: str) -> str:
    """Return what is the same when the same thing is saved again."""
    said = [str(request.kind), url]
    if request.kind is Captured.SELECTION:
        said.append(text)
    elif request.conversation is not None and request.conversation.id:
        said[1:] = [request.conversation.adapter, request.conversation.id]
    digest = hashlib.sha256("\x00".join(said).encode("utf-8", "replace")).hexdigest()
    return f"{request.kind}:{digest[:32]}"


def _written(request: CaptureRequest) -> datetime:
    """Return when it was written, as the page says if that can be; else when it was saved."""
    try:
        said = datetime.fromisoformat(request.published) if request.published else None
        if said is not None:
            said = utc(said)
            return said if datetime(1000, 1, 1, tzinfo=UTC) < said <= utc(request.captured) else utc(request.captured)
    except (ValueError, OverflowError, BadRequest):
        pass
    return utc(request.captured)


# ---------------------------------------------------------------- words


def without_insertions(text: str) -> tuple[str, int]:
    """Return a text without what the vault itself had put in, and how many insertions that were."""
    kept, taken, at = [], 0, 0
    while found := _OPEN.search(text, at):
        kept.append(text[at : found.start()])
        taken += 1
        at = next((end.end() for end in _CLOSE.finditer(text, found.end()) if end["id"] == found["id"]), len(text))
    if not taken:
        return text, 0
    kept.append(text[at:])
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip(), taken


def dialogue(conversation: Dialogue) -> tuple[str, int]:
    """Return a conversation as Markdown, and how many insertions of the vault were left out."""
    turns, taken = [], 0
    for turn in conversation.turns:
        said, left_out = without_insertions(turn.text)
        taken += left_out
        if said.strip():
            about = ", ".join(filter(None, (SPEAKERS[turn.role], turn.model, turn.time)))
            turns.append(f"**{' '.join(about.split())}:**\n\n{said.strip()}")
    return "\n\n".join(turns), taken


def _own_words(highlights: tuple[str, ...]) -> tuple[str, ...]:
    """Return marked passages without what the vault itself had put in: a mark must not bring it back."""
    return tuple(without_insertions(one)[0] for one in highlights)


def _quoted(highlights: tuple[str, ...], text: str) -> str:
    """Return the marked passages that the text does not show as marked."""
    missing = [" ".join(one.split()) for one in highlights if one.strip() and f"=={one}==" not in text]
    return "".join(f"> =={one}==\n\n" for one in missing)


def content(file: SentFile) -> bytes:
    """Return the bytes of a file. BadRequest for another kind, TooLarge for too many."""
    if file.type != "application/pdf":
        raise BadRequest("file.type: only application/pdf is read")
    if len(file.data) > 4 * limits.CAPTURED_FILE // 3 + 4:
        raise TooLarge(f"file: has more than {limits.CAPTURED_FILE // 2**20} MiB")
    try:
        plain = file.data.replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("file.data: this is not base64") from None
