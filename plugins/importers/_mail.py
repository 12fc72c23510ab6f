"""One raw mail to headers and readable text: best effort, bounded, no trust in what it says. No importer itself.

Headers are read by the standard library's `compat32` rules and not by `policy.default`: the latter's
header parser fails on much real mail and needs seconds for a long To. Each value is decoded here.
"""

from __future__ import annotations

import codecs
import email.utils
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses
from functools import cached_property
from typing import Any

import _html
from _source import Unreadable, clean, date, decode, title

from vault import limits

DEPTH = 40
"""Parts within parts; deeper ones are named, not read."""
PARTS = 1000
"""Parts of one message that are looked at."""
TEXT = limits.TEXT - 65536
"""Characters of one message's text; the rest is cut and said so."""
HEADER, ADDRESSES = 4096, 256 << 10
"""Characters that are read of one header, and of one list of addresses."""


def _readable(raw: str) -> str:
    """Return a raw header value as text; 8-bit bytes in it are UTF-8 or Windows-1252."""
    raw = " ".join(raw.split())
    return decode(raw.encode("utf-8", "surrogateescape"))[0] if not raw.isascii() else raw


def words(raw: str) -> str:
    """Decode a header value's RFC 2047 words; what cannot be decoded stays as it is."""
    value = _readable(raw[:HEADER])
    if "=?" not in value:
        return value
    try:
        found = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(part if isinstance(part, str) else charset_text(part, charset) for part, charset in found)


def charset_text(data: bytes, charset: str | None) -> str:
    """Decode bytes by the charset they claim; by what they are when that is unknown, wrong or no charset."""
    label = (charset or "").strip().strip("\"'").lower().partition("*")[0]
    label = _ALIASES.get(label, label)
    if label and label not in _NOT_CHARSETS:
        try:
            return codecs.decode(data, label) if _is_charset(label) else decode(data)[0]
        except (UnicodeError, LookupError, ValueError):
            pass
    try:
        return decode(data)[0]
    except Unreadable:
        return data.decode("ascii", "ignore")


def _is_charset(label: str) -> bool:
    return bool(codecs.lookup(label)._is_text_encoding)


# As browsers read them; the codecs shut out are not charsets, and some take quadratic time.
_ALIASES = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "", "ascii": "",
            "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "shift_jis": "cp932",
            "iso-8859-9": "cp1254", "utf8": "utf-8", "unicode-1-1-utf-7": "utf-7", "x-gbk": "gb18030"}  # fmt: skip
_NOT_CHARSETS = frozenset({"punycode", "idna", "undefined", "unicode_escape", "unicode-escape", "raw_unicode_escape",
                           "raw-unicode-escape", "mbcs", "oem", "unknown-8bit", "x-unknown"})  # fmt: skip


# ---------------------------------------------------------------- headers


class Head:
    """A message's headers. Everything in them is a claim."""

    def __init__(self, data: bytes) -> None:
        end = re.search(rb"\n\r?\n", data)
        message = BytesHeaderParser(policy=compat32).parsebytes(data[: end.end() if end else 1 << 20])
        self._body = data[end.end() :] if end else b""
        self.fields: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            found = self.fields.setdefault(name.lower(), [])
            if len(found) < 50:
                found.append(str(value))

    def one(self, name: str) -> str:
        return words(self.fields.get(name, [""])[0]).strip()

    @cached_property
    def id(self) -> str:
        found = _ids(self.one("message-id")) or [self.one("message-id").strip("<> ")]
        return found[0][:500]

    @property
    def digest(self) -> bytes:
        """What stands for a missing id: sender, date, subject and body as they lie there, not as we read them."""
        fields = "\n".join(value for name in ("from", "date", "subject") for value in self.fields.get(name, []))
        return hashlib.sha256(fields.encode("utf-8", "surrogateescape") + b"\n\n" + self._body).digest()[:16]

    @cached_property
    def answers(self) -> list[str]:
        """The ids of the messages it answers, the oldest first."""
        return list(
            dict.fromkeys(_ids(" ".join(self.fields.get("references", []))[:65536]) + _ids(self.one("in-reply-to")))
        )

    @cached_property
    def date(self) -> datetime | None:
        """When it was written; when it was received if that is missing or absurd."""
        received = [line.rpartition(";")[2] for line in self.fields.get("received", [])]
        for raw in [*self.fields.get("date", []), *received]:
            found = date(re.sub(r"\([^()]*\)", "", _readable(raw[:200])))
            if found and 1970 <= found.year < 2100:
                return found
        return None

    @cached_property
    def subject(self) -> str:
        return self.one("subject")

    @cached_property
    def sender(self) -> str:
        """The address in From, in small letters; empty unless it is the only one that stands there in any reading."""
        raw = self.fields.get("from", [])
        found = {address.lower() for _, address in _addresses(raw)}
        seen = {address.lower() for address in re.findall(r"[^\s<>()\",;:]+@[^\s<>()\",;:]+", " ".join(raw)[:HEADER])}
        return found.pop() if len(found) == 1 and found == seen else ""

    @cached_property
    def people(self) -> list[str]:
        """Who wrote it and who got it: display names, else addresses."""
        return [
            _name(shown, address)
            for kind in ("from", "to", "cc")
            for shown, address in _addresses(self.fields.get(kind, []))
        ]

    @cached_property
    def labels(self) -> list[str]:
        """Gmail's labels."""
        raw = "".join(words(line) for line in self.fields.get("x-gmail-labels", []))
        return [label.strip().strip('"') for label in raw.split(",") if label.strip()]

    @property
    def verdicts(self) -> list[str]:
        """What the receiving servers found out about the sender."""
        return self.fields.get("authentication-results", [])


def _ids(text: str) -> list[str]:
    return [found[:500] for found in re.findall(r"<([^<>\s]+)>", text)]


def _addresses(raw: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (display name, address). Words are decoded after the list is cut apart: they may hold commas."""
    lines = [_readable(line[:ADDRESSES]) for line in raw]
    for shown, address in getaddresses(lines, **_LENIENT)[:2000]:
        shown, address = words(shown).strip(), address.strip()
        if "@" in address or shown:
            yield shown, address if "@" in address else ""


# Newer Pythons drop a whole list for one odd address; who may count as the owner is checked in Head.sender.
_LENIENT: dict[str, Any] = {"strict": False} if getattr(email.utils, "supports_strict_parsing", False) else {}


def _name(shown: str, address: str) -> str:
    """Return one spelling for `Doe, Jane`, `'Jane Doe'` and `Jane  Doe`; the address when there is no name."""
    name = title(shown).strip("'\" ")
    if not name or "@" in name:
        return (address or name).lower()
    last, comma, first = name.partition(", ")
    return f"{first} {last}" if comma and "," not in first and len(name.split()) <= 4 else name


# ---------------------------------------------------------------- body


def body(data: bytes) -> str:
    """Return the text a reader would see, and below it the names of what is attached.

    Raises Unreadable (or what the standard library raises) when the message cannot be taken apart.
    """
    reading = _Reading()
    parts = reading.text(email.message_from_bytes(data, policy=compat32), 0)
    text = clean(parts)
    if len(text) > TEXT:
        text = text[:TEXT] + "\n[cut here: the rest is longer than can be kept]"
    if reading.attached:
        text += "\n\nAttachments: " + "; ".join(reading.attached[:100])
    return text


class _Reading:
    """Walks a message's parts, a bounded number of them."""

    def __init__(self) -> None:
        self.attached: list[str] = []
        self._left = PARTS

    def text(self, part: Message, depth: int) -> str:
        self._left -= 1
        if depth > DEPTH or self._left < 0:
            raise Unreadable("too many parts, or nested too deeply")
        kind = part.get_content_type()
        if kind == "message/rfc822":
            return self._forwarded(part, depth)
        if part.is_multipart():
            inner = [one for one in part.get_payload() if isinstance(one, Message)]
            if kind == "multipart/alternative":
                return self._alternative(inner, depth)
            return "\n\n".join(filter(None, (self.text(one, depth + 1) for one in inner)))
        if kind.startswith("multipart/"):
            kind = "text/plain"  # it names no boundary, or never comes to it
        if kind not in ("text/plain", "text/html") or part.get_content_disposition() == "attachment" or _is_file(part):
            self._attach(part, kind)
            return ""
        content = charset_text(_payload(part), part.get_param("charset") and str(part.get_content_charset("")))
        return _html.text(content) if kind == "text/html" else clean(content)

    def _alternative(self, parts: list[Message], depth: int) -> str:
        """The plain version unless it is empty; of the others the last, which is the sender's best."""
        plain = [part for part in parts if part.get_content_type() == "text/plain"]
        rest = [part for part in reversed(parts) if part.get_content_type() != "text/plain"]
        chosen = ""
        for part in [*plain, *rest]:
            if not chosen or part.is_multipart():
                text = self.text(part, depth + 1)  # a multipart is walked all the same: it may hold attachments
                chosen = chosen or text
        return chosen

    def _forwarded(self, part: Message, depth: int) -> str:
        inner = part.get_payload()
        message = inner[0] if isinstance(inner, list) and inner else None
        if not isinstance(message, Message):
            return ""
        said = {name: words(str(message.get(name, ""))) for name in ("From", "Date", "Subject")}
        head = "\n".join(f"{name}: {value}" for name, value in said.items() if value)
        return f"[Forwarded message]\n{head}\n\n{self.text(message, depth + 1)}"

    def _attach(self, part: Message, kind: str) -> None:
        try:
            name = title(words(part.get_filename("") or ""), 120)
        except (ValueError, LookupError, TypeError):
            name = ""
        if name or not kind.startswith("application/pgp-"):
            self.attached.append(f"{name or 'unnamed'} ({title(kind, 80)}, {_size(part)})")


def _is_file(part: Message) -> bool:
    """A text part with a file name and no word about where it goes is an attachment, as mail programs show it."""
    return part.get_content_disposition() is None and bool(part.get_filename())


def _payload(part: Message) -> bytes:
    """Return the decoded content; as it lies there when it is not in the encoding it claims."""
    found = part.get_payload(decode=True)
    if isinstance(found, bytes) and found.strip():
        return found
    return _raw(part).encode("ascii", "surrogateescape")


def _raw(part: Message) -> str:
    try:
        raw = part.get_payload()
    except ValueError:  # the library decodes by any codec that the part claims
        return ""
    return raw if isinstance(raw, str) else ""


def _size(part: Message) -> str:
    """Return about how large the decoded part is, without decoding it."""
    raw = _raw(part)
    size = len(raw)
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "base64":
        size = (size - raw.count("\n")) * 3 // 4
    return f"{size} bytes" if size < 1000 else f"{size / 1000:.0f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"
